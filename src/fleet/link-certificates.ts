// The gateway's certificate: that of the config's files, until it is renewed over the link. A new one counts when a broker took it; one that brokers refuse
// gives way to the one before. What was renewed holds as long as the files are those that it followed: an installer who writes others has the last word.
import { createHash, createPrivateKey, generateKeyPairSync, type X509Certificate } from "node:crypto";
import { type Deferred, deferred } from "#base/deferred.ts";
import { CallerFault, errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";
import { certificateFault, parseCertificates } from "./certificate-check.ts";
import { writeCertificateRequest } from "./certificate-request.ts";
import { CommandFault } from "./command-fault.ts";
import type { ConnectionLoss } from "./connection-loss.ts";
import type { LinkCredentials } from "./fleet-link.ts";

export interface LinkCertificatesOptions {
  readonly fs: FsPort;
  /** Where what was renewed is kept, keys among it. */
  readonly path: string;
  readonly log: Log;
}

/** PEM. */
interface Pair {
  readonly cert: string;
  readonly key: string;
}

interface Kept {
  /** SHA-256 of the files that all of this followed, hex. */
  readonly after: string;
  readonly current?: Pair | undefined;
  /** Issued, and not shown to a broker yet. */
  readonly candidate?: Pair | undefined;
  /** The key of a request that was made: PEM. */
  readonly requested?: { readonly name: string; readonly key: string } | undefined;
}

const MAX_FILE_BYTES = 256 * 1024;
/** Attempts that came to nothing for other reasons than the certificate, as far as it can be told. */
const MAX_ATTEMPTS = 3;
const NO_FILES = "";

export class LinkCertificates {
  readonly #options: LinkCertificatesOptions;
  #kept: Kept = { after: NO_FILES };
  /** What was kept could not be read yet: until it can, nothing is written over it. */
  #isUnread = true;
  /** As the link has them now. */
  #shown: Pair | undefined;
  #ca: Buffer | undefined;
  #failures = 0;
  #trial: Deferred<X509Certificate> | undefined;
  #turn: Promise<void> = Promise.resolve();

  private constructor(options: LinkCertificatesOptions) {
    this.#options = options;
  }

  /** Never rejects: what cannot be understood counts as not there, and what cannot be read is tried again with each connection. */
  static async open(options: LinkCertificatesOptions): Promise<LinkCertificates> {
    const certificates = new LinkCertificates(options);
    await certificates.#read();
    return certificates;
  }

  /** Those of the files, with what was renewed in their place. */
  async credentials(files: LinkCredentials): Promise<LinkCredentials> {
    const { ca, cert, key } = files.tls;
    this.#ca = ca;
    if (this.#isUnread) await this.#read();
    if (this.#isUnread) {
      this.#shown = cert && key && { cert: cert.toString("utf8"), key: key.toString("utf8") };
      return files;
    }
    const after = cert === undefined || key === undefined ? NO_FILES : hashOf(cert, key);
    if (after !== this.#kept.after) {
      if (this.#kept.current !== undefined)
        this.#options.log.warn("mqtt.cert or mqtt.key is another file than before: it counts, not the renewed one");
      this.#giveUp(new CommandFault("E_BUSY", "mqtt.cert or mqtt.key was replaced meanwhile"));
      this.#kept = { after };
      await this.#keep();
    }
    const { candidate, current } = this.#kept;
    const pair = after === NO_FILES ? undefined : (candidate ?? current);
    this.#shown = pair ?? (cert && key && { cert: cert.toString("utf8"), key: key.toString("utf8") });
    return pair === undefined ? files : withPair(files, pair);
  }

  /** For other servers than brokers: those of the files, with the one that was renewed in their place, never with one that is being tried. */
  settled(files: LinkCredentials): LinkCredentials {
    const { cert, key } = files.tls;
    const { current, after } = this.#kept;
    const isRenewed = current !== undefined && cert !== undefined && key !== undefined && hashOf(cert, key) === after;
    return isRenewed ? withPair(files, current) : files;
  }

  /** The one that the link shows; undefined: none. */
  get shown(): X509Certificate | undefined {
    return this.#shown === undefined ? undefined : parseCertificates(this.#shown.cert)?.[0];
  }

  /** A request in PEM for a certificate of that name. Its key is made here and stays; one that was asked for before is asked for again. */
  async request(name: string): Promise<string> {
    if (this.#isUnread) throw new CommandFault("E_IO", "what is kept of the gateway's certificates cannot be read", 60);
    if (this.#kept.after === NO_FILES) throw new CommandFault("E_UNSUPPORTED", "this gateway shows no certificate: mqtt.cert is not set");
    if (this.#kept.requested?.name !== name) {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      this.#kept = { ...this.#kept, requested: { name, key: String(privateKey.export({ type: "pkcs8", format: "pem" })) } };
      await this.#write(); // without its key a certificate is of no use
    }
    return writeCertificateRequest(name, createPrivateKey(this.#kept.requested!.key));
  }

  /**
   * Takes a certificate for the key of `request`: the link shows it from the next connection on. `taken` resolves when a broker took it, and rejects when
   * brokers did not: then the one before counts again. Rejects with a CallerFault that names the field.
   */
  async offer(pem: string, nowMs: number | undefined): Promise<{ readonly taken: Promise<X509Certificate> }> {
    const { requested, candidate } = this.#kept;
    if (candidate !== undefined) throw new CallerFault("conflict", "cert: another one is being tried");
    if (requested === undefined)
      throw new CallerFault("conflict", "cert: no certificate was asked for: without cert the gateway makes a request");
    const chain = parseCertificates(pem);
    if (chain === undefined) throw new CallerFault("invalid", "cert: holds no certificate in PEM", "cert");
    const authorities = this.#ca === undefined ? [] : (parseCertificates(this.#ca.toString("utf8")) ?? []);
    const { name, key } = requested;
    const fault = certificateFault(chain, { key: createPrivateKey(key), name, nowMs, authorities, present: this.shown });
    if (fault !== undefined) throw new CallerFault("invalid", `cert: the certificate ${fault}`, "cert");
    this.#kept = { ...this.#kept, candidate: { cert: chain.map(String).join(""), key } };
    this.#failures = 0;
    // From here on the link may show it, by an attempt of its own, before it is written.
    const trial = deferred<X509Certificate>();
    trial.promise.catch(() => {}); // whoever asked may be gone
    this.#trial = trial;
    try {
      await this.#write();
    } catch (error) {
      this.#kept = { ...this.#kept, candidate: undefined };
      this.#trial = undefined;
      throw error;
    }
    return { taken: trial.promise };
  }

  /** The one that was offered is not to be shown any more, unless a broker has taken it. */
  async withdraw(reason: Error): Promise<void> {
    if (this.#giveUp(reason)) await this.#keep();
  }

  /** A broker took the link. */
  onTaken(): void {
    const { candidate } = this.#kept;
    if (candidate === undefined || this.#shown !== candidate) return;
    this.#kept = { after: this.#kept.after, current: candidate };
    const certificate = this.shown!;
    this.#options.log.info(`the broker takes the new certificate, which holds until ${certificate.validTo}`);
    const trial = this.#trial;
    this.#trial = undefined;
    // Whoever is told may revoke the one before: by then no start may come back to it.
    this.#write().then(
      () => trial?.resolve(certificate),
      (error: unknown) => {
        this.#warnUnkept(error);
        trial?.reject(new CommandFault("E_IO", `the broker takes the new certificate, which cannot be kept: ${errorText(error)}`));
      },
    );
  }

  /** An attempt to connect came to nothing. True: it was made with a certificate that is given up for it, and another one is there. */
  onRefused(loss: ConnectionLoss): boolean {
    const { candidate } = this.#kept;
    if (candidate === undefined || this.#shown !== candidate) return false;
    this.#failures++;
    if (loss.why !== "auth" && this.#failures < MAX_ATTEMPTS) return false;
    this.#options.log.warn(`the new certificate is given up: ${loss.message}`);
    this.#giveUp(new CommandFault(loss.why === "auth" ? "E_DENIED" : "E_NET", `no connection with the new certificate: ${loss.message}`));
    void this.#keep();
    return true;
  }

  /** Resolves when all that was decided is on the medium, or cannot be. */
  saved(): Promise<void> {
    return this.#turn;
  }

  /** False: there was none. */
  #giveUp(reason: Error): boolean {
    const { candidate } = this.#kept;
    this.#trial?.reject(reason);
    this.#trial = undefined;
    this.#kept = { ...this.#kept, candidate: undefined, ...(candidate !== undefined && { requested: undefined }) };
    return candidate !== undefined;
  }

  async #keep(): Promise<void> {
    await this.#write().catch((error: unknown) => this.#warnUnkept(error));
  }

  #warnUnkept(error: unknown): void {
    this.#options.log.warn(`what became of the gateway's certificate cannot be kept: ${errorText(error)}`);
  }

  async #read(): Promise<void> {
    const { fs, path, log } = this.#options;
    try {
      this.#kept = keptIn(await readSmallFile(fs, path, MAX_FILE_BYTES), this.#options);
      this.#isUnread = false;
    } catch (error) {
      log.error(`${path} cannot be read: ${errorText(error)}: until it can, the certificate of mqtt.cert is shown`);
    }
  }

  #write(): Promise<void> {
    const { fs, path } = this.#options;
    const written = this.#turn.then(() => replaceFile(fs, path, Buffer.from(`${JSON.stringify(this.#kept)}\n`)));
    this.#turn = written.catch(() => {});
    return written;
  }
}

function withPair(files: LinkCredentials, { cert, key }: Pair): LinkCredentials {
  return { ...files, tls: { ...files.tls, cert: Buffer.from(cert), key: Buffer.from(key) } };
}

function hashOf(cert: Buffer, key: Buffer): string {
  return createHash("sha256").update(`${cert.length} `).update(cert).update(key).digest("hex");
}

function keptIn(bytes: Buffer | undefined, { path, log }: LinkCertificatesOptions): Kept {
  if (bytes === undefined) return { after: NO_FILES };
  try {
    const { after, current, candidate, requested } = (JSON.parse(bytes.toString("utf8")) ?? {}) as Partial<Kept>;
    if (typeof after !== "string") throw new Error("it is not what this version writes");
    for (const pair of [current, candidate]) {
      if (pair !== undefined && parseCertificates(pair.cert)?.[0]?.checkPrivateKey(createPrivateKey(pair.key)) !== true)
        throw new Error("a certificate in it is not for its key");
    }
    if (requested !== undefined) createPrivateKey(requested.key);
    return { after, current, candidate, ...(typeof requested?.name === "string" && { requested }) };
  } catch (error) {
    log.error(`${path}: ${errorText(error)}: the certificate of mqtt.cert is shown`);
    return { after: NO_FILES };
  }
}
