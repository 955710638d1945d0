// A CA for one fleet: certificates of the broker, of gateways and of operators, and the list of revoked ones. Keys are made here; Node cannot issue
// X.509, so the openssl program does, in the CA's folder and without a shell.
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { isIP } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { CallerFault } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";

const run = promisify(execFile);

const OPENSSL_MS = 60_000;
const MAX_FILE_BYTES = 8 << 20;
const CA_DAYS = 7300;
const CERTIFICATE_DAYS = 825;
/** A broker whose list has run out refuses everybody: it is made anew with each change, not by the calendar. */
const CRL_DAYS = 3650;
/** RFC 5280 §4.2.1.13: it is signed, and fetched without TLS. Nothing in it may mean something in a config of openssl. */
const LIST_URL = /^http:\/\/[A-Za-z0-9._~:/?&=%+-]{1,500}$/;
const COMMON_NAME = /^[a-zA-Z0-9][a-zA-Z0-9.-]{0,62}$/;

/** Read with the CA's folder as the current one. */
const CONFIG = `[ca]
default_ca = fleet
[fleet]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = issued
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = ${CERTIFICATE_DAYS}
default_crl_days = ${CRL_DAYS}
unique_subject = no
copy_extensions = none
policy = names
[names]
commonName = supplied
[req]
distinguished_name = asked
[asked]
[authority]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[client]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`;

export interface Issued {
  readonly certificate: string;
  /** Undefined: whoever asked has it. */
  readonly key: string | undefined;
}

export class CertificateAuthority {
  readonly #fs: FsPort;
  readonly #folder: string;

  /** `folder`: its own. */
  constructor(fs: FsPort, folder: string) {
    this.#fs = fs;
    this.#folder = folder;
  }

  get certificate(): string {
    return join(this.#folder, "ca.pem");
  }

  get revokedList(): string {
    return join(this.#folder, "ca.crl");
  }

  /** `listUrl`: where the list of revoked certificates will be served, as each certificate then says. Rejects with a CallerFault where there is one already. */
  async make(name: string, listUrl?: string): Promise<void> {
    checkName(name);
    if (listUrl !== undefined && (!LIST_URL.test(listUrl) || !URL.canParse(listUrl)))
      throw new CallerFault("invalid", `--crl-url: '${listUrl}' is no http:// URL, such as http://noc.example/ca.crl`, "crl-url");
    if ((await this.#fs.facts(this.certificate)) !== undefined)
      throw new CallerFault("conflict", `there is a CA already: ${this.certificate}`);
    await this.#write("ca.key", newKey());
    for (const [file, text] of [
      ["openssl.cnf", listUrl === undefined ? CONFIG : `${CONFIG}crlDistributionPoints = URI:${listUrl}\n`],
      ["index.txt", ""],
      ["serial", "1000\n"],
      ["crlnumber", "1000\n"],
    ] as const)
      await this.#write(file, text);
    await this.#fs.makeFolder(join(this.#folder, "issued"));
    const subject = ["-subj", `/CN=${name}`, "-days", String(CA_DAYS), "-extensions", "authority"];
    await this.#openssl(["req", "-new", "-x509", "-sha256", "-config", "openssl.cnf", "-key", "ca.key", "-out", "ca.pem", ...subject]);
    await this.#renewList();
  }

  /** For a client: `name` is its common name. With `csr`, PEM, for the key that is asked for; the name in there counts for nothing. */
  async issueClient(name: string, csr?: Buffer): Promise<Issued> {
    checkName(name);
    await this.#issue(name, "client", csr);
    return { certificate: join(this.#folder, `${name}.crt`), key: csr === undefined ? join(this.#folder, `${name}.key`) : undefined };
  }

  /** Of the broker or the receiver of uploads, under all its names and addresses. */
  async issueServer(role: "broker" | "receiver", hosts: readonly string[]): Promise<Issued> {
    const [first] = hosts;
    if (first === undefined) throw new CallerFault("invalid", `the name or address of the ${role} is missing`);
    for (const host of hosts) if (isIP(host) === 0) checkName(host);
    const names = hosts.map((host) => `${isIP(host) === 0 ? "DNS" : "IP"}:${host}`).join(",");
    const extensions =
      "basicConstraints = critical, CA:false\nkeyUsage = critical, digitalSignature\nextendedKeyUsage = serverAuth\n" +
      `subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\nsubjectAltName = ${names}\n`;
    await this.#write("server.cnf", extensions);
    await this.#issue(role, "server", undefined);
    return { certificate: join(this.#folder, `${role}.crt`), key: join(this.#folder, `${role}.key`) };
  }

  /** All certificates of that name that still hold; resolves with how many there were. The list is made anew. `but`: the serial number of one to keep. */
  async revoke(name: string, but?: string): Promise<number> {
    const serials = (await this.validSerials(name)).filter((serial) => serial !== but);
    for (const serial of serials) await this.#openssl(["ca", "-config", "openssl.cnf", "-revoke", join("issued", `${serial}.pem`)]);
    await this.#renewList();
    return serials.length;
  }

  /** Of the certificates of a name that were not revoked, oldest first. */
  async validSerials(name: string): Promise<readonly string[]> {
    checkName(name);
    await this.#checkThere();
    const index = (await readSmallFile(this.#fs, join(this.#folder, "index.txt"), MAX_FILE_BYTES))?.toString("utf8") ?? "";
    return index.split("\n").flatMap((line) => {
      const [state, , , serial = "", , subject] = line.split("\t");
      return state === "V" && subject === `/CN=${name}` && /^[0-9A-F]+$/.test(serial) ? [serial] : [];
    });
  }

  async #issue(name: string, kind: "client" | "server", csr: Buffer | undefined): Promise<void> {
    await this.#checkThere();
    const request = `${name}.csr`;
    if (csr === undefined) {
      await this.#write(`${name}.key`, newKey());
      await this.#openssl(["req", "-new", "-config", "openssl.cnf", "-key", `${name}.key`, "-subj", `/CN=${name}`, "-out", request]);
    } else await this.#write(request, csr);
    try {
      const extensions = kind === "client" ? ["-extensions", "client"] : ["-extfile", "server.cnf"];
      const subject = ["-subj", `/CN=${name}`, "-notext", "-batch"];
      await this.#openssl(["ca", "-config", "openssl.cnf", "-in", request, "-out", `${name}.crt`, ...extensions, ...subject]);
    } finally {
      await this.#fs.remove(join(this.#folder, request)).catch(() => {}); // it was not made
    }
  }

  #renewList(): Promise<void> {
    return this.#openssl(["ca", "-config", "openssl.cnf", "-gencrl", "-out", "ca.crl"]);
  }

  async #checkThere(): Promise<void> {
    if ((await this.#fs.facts(this.certificate)) === undefined)
      throw new CallerFault("not-found", `there is no CA in ${this.#folder}: camgate noc enrol ca`);
  }

  #write(file: string, content: string | Buffer): Promise<void> {
    return replaceFile(this.#fs, join(this.#folder, file), Buffer.from(content));
  }

  async #openssl(words: readonly string[]): Promise<void> {
    try {
      await run("openssl", [...words], { cwd: this.#folder, timeout: OPENSSL_MS });
    } catch (error) {
      const { code, stderr } = error as { readonly code?: unknown; readonly stderr?: string };
      if (code === "ENOENT")
        throw new CallerFault("not-configured", "certificates are issued by the openssl program, which is not installed here");
      const reason = (stderr ?? "").trim().split("\n").at(-1);
      throw new CallerFault("invalid", `openssl ${words[0]} failed: ${reason}`);
    }
  }
}

function checkName(name: string): void {
  if (!COMMON_NAME.test(name))
    throw new CallerFault("invalid", `'${name}' is no name for a certificate: up to 63 letters, digits, - and .`);
}

function newKey(): string {
  return String(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }));
}
