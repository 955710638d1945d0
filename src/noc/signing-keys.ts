// The keys that sign what the NOC sends: the private ones each in a file that its owner alone reads, the public ones as the key file of gateways.
// The first key of that file signs; a second one is there to follow it.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { CallerFault } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";
import { MAX_SIGNING_KEYS, parseKeyFile } from "#fleet/key-file.ts";

export interface Signer {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

const MAX_FILE_BYTES = 64 * 1024;
const KID = /^[A-Za-z0-9_.-]{1,64}$/;

interface PublicKey {
  readonly kid: string;
  readonly x: string;
}

export class SigningKeyFolder {
  readonly #fs: FsPort;
  readonly #folder: string;
  readonly #publicName: string;

  /** `publicName`: of the file that gateways get. */
  constructor(fs: FsPort, folder: string, publicName = "command-keys.json") {
    this.#fs = fs;
    this.#folder = folder;
    this.#publicName = publicName;
  }

  /** What `mqtt.commandKeys` of a gateway names, or `mqtt.rootKey`. */
  get publicFile(): string {
    return join(this.#folder, this.#publicName);
  }

  privateFile(kid: string): string {
    return join(this.#folder, `${kid}.key`);
  }

  /** The first one signs. Rejects with a CallerFault where the file cannot be used. */
  async list(): Promise<readonly PublicKey[]> {
    const bytes = await readSmallFile(this.#fs, this.publicFile, MAX_FILE_BYTES);
    if (bytes === undefined) return [];
    const file = parseKeyFile(bytes.toString("utf8"));
    if ("fault" in file) throw new CallerFault("invalid", `the key file ${this.publicFile} ${file.fault}`);
    return [...file.keys].map(([kid, key]) => ({ kid, x: key.export({ format: "jwk" }).x! }));
  }

  /** As gateways have them (RFC 8037 §2). */
  async jwks(): Promise<readonly object[]> {
    return (await this.list()).map(jwkOf);
  }

  /** A new key behind those there are. */
  async make(kid: string): Promise<void> {
    if (!KID.test(kid)) throw new CallerFault("invalid", `the name of a key: '${kid}' is none: up to 64 letters, digits, _ . -`);
    const keys = await this.list();
    if (keys.some((key) => key.kid === kid)) throw new CallerFault("conflict", `there is a key ${kid} already: name another one`);
    if (keys.length >= MAX_SIGNING_KEYS)
      throw new CallerFault(
        "conflict",
        `gateways know ${MAX_SIGNING_KEYS} keys at most: drop ${keys.map((key) => key.kid).join(" or ")} first`,
      );
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    await replaceFile(this.#fs, this.privateFile(kid), Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" })));
    await this.#write([...keys, { kid, x: publicKey.export({ format: "jwk" }).x! }]);
  }

  /** From now on this one signs. */
  async use(kid: string): Promise<void> {
    const keys = await this.list();
    const one = keys.find((key) => key.kid === kid);
    if (one === undefined) throw missing(kid, keys);
    await this.#write([one, ...keys.filter((key) => key !== one)]);
  }

  /** Its private part is deleted. Not that of the one that signs. */
  async drop(kid: string): Promise<void> {
    const keys = await this.list();
    if (!keys.some((key) => key.kid === kid)) throw missing(kid, keys);
    const rest = keys.filter((key) => key.kid !== kid);
    if (rest.length === 0) throw new CallerFault("conflict", `${kid} is the only key: make another one first, and use it`);
    // Gone for good: whoever has not heard of the other one would obey nobody.
    if (keys[0]!.kid === kid)
      throw new CallerFault(
        "conflict",
        `${kid} signs: once every gateway knows ${rest[0]!.kid} (keys give), say keys use ${rest[0]!.kid} first`,
      );
    await this.#write(rest);
    await this.#fs.remove(this.privateFile(kid));
  }

  /** Undefined: there is none. Rejects with a CallerFault where its private part is not there or is another one's. */
  async signer(): Promise<Signer | undefined> {
    const [first] = await this.list();
    if (first === undefined) return undefined;
    const path = this.privateFile(first.kid);
    const bytes = await readSmallFile(this.#fs, path, MAX_FILE_BYTES);
    if (bytes === undefined) throw new CallerFault("not-found", `the private key ${path} is not there`);
    let privateKey: KeyObject;
    try {
      privateKey = createPrivateKey(bytes);
    } catch {
      throw new CallerFault("invalid", `${path} is no private key in PEM`);
    }
    const fits = privateKey.asymmetricKeyType === "ed25519" && createPublicKey(privateKey).export({ format: "jwk" }).x === first.x;
    if (!fits) throw new CallerFault("invalid", `${path} is not the private part of ${first.kid} in ${this.publicFile}`);
    return { kid: first.kid, privateKey };
  }

  #write(keys: readonly PublicKey[]): Promise<void> {
    const set = { keys: keys.map(jwkOf) };
    return replaceFile(this.#fs, this.publicFile, Buffer.from(`${JSON.stringify(set, undefined, 2)}\n`));
  }
}

function jwkOf({ kid, x }: PublicKey): object {
  return { kty: "OKP", crv: "Ed25519", kid, x };
}

function missing(kid: string, keys: readonly PublicKey[]): CallerFault {
  const there = keys.length === 0 ? "there is none" : `there are ${keys.map((key) => key.kid).join(" and ")}`;
  return new CallerFault("not-found", `there is no key ${kid}: ${there}`);
}
