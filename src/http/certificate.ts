// The key and certificate of a TLS listener: read from files, checked together, and read again when the files change.
import { type FSWatcher, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { createSecureContext } from "node:tls";
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";

export interface CertificateFiles {
  /** PEM, without a pass phrase. */
  readonly keyFile: string;
  /** PEM: the certificate, behind it those that vouch for it. */
  readonly certFile: string;
  /** Names of the settings that say so, for messages. */
  readonly keySetting: string;
  readonly certSetting: string;
}

export const MIN_TLS_VERSION = "TLSv1.2";
/** Certificates are often replaced by two writes: the pair is looked at once nothing has happened for so long. */
const SETTLE_MS = 200;
/** Changes that no watch tells of: a link above the folder, a network drive, a system without watches left. */
const POLL_MS = 60_000;

/** What `tls.createServer` takes. */
export interface TlsPair {
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly minVersion: typeof MIN_TLS_VERSION;
}

export interface CertificateOptions extends CertificateFiles {
  readonly log: Log;
}

/** `tls.Server` is one. */
export interface CertificateUser {
  setSecureContext(pair: TlsPair): void;
}

export class Certificate {
  readonly #options: CertificateOptions;
  readonly #watchers: FSWatcher[];
  readonly #poll: NodeJS.Timeout;
  readonly #users = new Set<CertificateUser>();
  #settling: NodeJS.Timeout | undefined;
  #looking = false;
  /** The fault that was told last: the same one is not told again at every look. */
  #told = "";
  #pair: TlsPair;

  private constructor(options: CertificateOptions, pair: TlsPair) {
    this.#options = options;
    this.#pair = pair;
    this.#watchers = this.#watchFolders();
    this.#poll = setInterval(() => void this.#look(), POLL_MS).unref();
  }

  /** Reads the pair and keeps watching it. Rejects with what is wrong, and with which file. */
  static async open(options: CertificateOptions): Promise<Certificate> {
    return new Certificate(options, await readPair(options));
  }

  get pair(): TlsPair {
    return this.#pair;
  }

  /** Gives `user` the pair now, and each new one until this is closed: for new connections, those that stand keep theirs. */
  serve(user: CertificateUser): void {
    this.#users.add(user);
    user.setSecureContext(this.#pair);
  }

  close(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#settling);
    for (const watcher of this.#watchers) watcher.close();
    this.#users.clear();
  }

  /** The folders, because files are replaced by others of the same name, and links by other links. */
  #watchFolders(): FSWatcher[] {
    const folders = new Set([this.#options.keyFile, this.#options.certFile].map((file) => dirname(resolve(file))));
    return [...folders].flatMap((folder) => {
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#onChange());
        return [watcher.on("error", () => watcher.close())];
      } catch {
        return []; // the poll is left
      }
    });
  }

  #onChange(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => void this.#look(), SETTLE_MS).unref();
  }

  async #look(): Promise<void> {
    if (this.#looking) return this.#onChange();
    this.#looking = true;
    try {
      this.#take(await readPair(this.#options));
      this.#told = "";
    } catch (error) {
      if (errorText(error) !== this.#told) this.#options.log.error(`certificate not replaced, the old one stays: ${errorText(error)}`);
      this.#told = errorText(error);
    } finally {
      this.#looking = false;
    }
  }

  #take(pair: TlsPair): void {
    if (pair.key.equals(this.#pair.key) && pair.cert.equals(this.#pair.cert)) return;
    this.#pair = pair;
    for (const user of this.#users) user.setSecureContext(pair);
    this.#options.log.info(`new certificate loaded from ${this.#options.certFile}`);
  }
}

async function readPair({ keyFile, certFile, keySetting, certSetting }: CertificateFiles): Promise<TlsPair> {
  const [key, cert] = await Promise.all([
    readPem(keyFile, `${keySetting}: the private key`),
    readPem(certFile, `${certSetting}: the certificate`),
  ]);
  const pair: TlsPair = { key, cert, minVersion: MIN_TLS_VERSION };
  try {
    createSecureContext(pair);
  } catch (error) {
    throw new Error(`${keySetting}, ${certSetting}: ${keyFile} and ${certFile} are no pair that can be used: ${errorText(error)}`);
  }
  return pair;
}

async function readPem(file: string, what: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new Error(`${what} cannot be read: ${errorText(error)}`);
  }
  if (!bytes.includes("-----BEGIN ")) throw new Error(`${what} is not in PEM form in ${file}`);
  return bytes;
}
