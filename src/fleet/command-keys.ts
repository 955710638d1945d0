// The keys that may sign: those of the config's files, until they are rotated over the link; and the root key, which may sign a rotation and nothing else.
// What was rotated holds as long as the files are those that it followed: an installer who writes another file has the last word.
import { createHash, type KeyObject } from "node:crypto";
import { resolve } from "node:path";
import { CallerFault, errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";
import { CommandFault } from "./command-fault.ts";
import type { SigningKeys } from "./jws.ts";
import { parseKeyFile } from "./key-file.ts";

export interface CommandKeysOptions {
  readonly fs: FsPort;
  /** `mqtt.commandKeys`. One that cannot be read lets nobody sign. */
  readonly files: readonly string[];
  /** `mqtt.rootKey`; empty: there is none. */
  readonly rootFile: string;
  /** Where rotated keys are kept. */
  readonly path: string;
  /** Other keys sign now. Must not throw. */
  onRotated?(): void;
  readonly log: Log;
}

/** What is signed with a root key, and nothing else. */
export const ROTATION = "key.rotate";
const MAX_KEY_FILE_BYTES = 64 * 1024;

interface Kept {
  /** SHA-256 of the files that these keys followed, hex. */
  readonly after: string;
  /** A JWK set. */
  readonly set: object;
}

export class CommandKeys {
  readonly #options: CommandKeysOptions;
  /** What rotated keys follow; undefined: a file cannot be read, and nothing was rotated before. */
  readonly #after: string | undefined;
  readonly #root: SigningKeys;
  #signing: SigningKeys;
  #all: SigningKeys;
  #turn: Promise<void> = Promise.resolve();

  private constructor(options: CommandKeysOptions, after: string | undefined, root: SigningKeys, signing: SigningKeys) {
    this.#options = options;
    this.#after = after;
    this.#root = root;
    this.#signing = signing;
    this.#all = new Map([...root, ...signing]);
  }

  /** Never rejects: what cannot be read lets nobody sign, and is said in the log. */
  static async open(options: CommandKeysOptions): Promise<CommandKeys> {
    const { files, rootFile, log } = options;
    const hash = createHash("sha256");
    const ofFiles = new Map<string, KeyObject>();
    let isRead = true;
    for (const path of files) {
      const { text, keys } = await readKeys(options, "commandKeys", path);
      if (text === undefined) isRead = false;
      hash.update(`${text?.length} ${text}`);
      for (const [kid, key] of keys) ofFiles.set(kid, key);
    }
    const filesHash = isRead ? hash.digest("hex") : undefined;
    const rotated = await rotatedKeys(options, filesHash);
    const signing = rotated?.keys ?? ofFiles;
    const root = rootFile === "" ? new Map<string, KeyObject>() : new Map((await readKeys(options, "rootKey", rootFile)).keys);
    for (const kid of [...root.keys()].filter((one) => signing.has(one))) {
      log.error(`mqtt.rootKey: ${kid} is the name of a key that signs commands, too: it is not taken as the root key`);
      root.delete(kid);
    }
    return new CommandKeys(options, filesHash ?? rotated?.after, root, signing);
  }

  /** For whatever is signed but a rotation. */
  get signing(): SigningKeys {
    return this.#signing;
  }

  /** These and the root key. */
  get all(): SigningKeys {
    return this.#all;
  }

  /** Whether a key may sign such an operation. */
  maySign(kid: string, op: string): boolean {
    return op === ROTATION || this.#signing.has(kid);
  }

  /** Takes the place of all keys that sign; on the medium when it resolves. Rejects with a CallerFault that names the field, or with the system's error. */
  rotate(keys: unknown): Promise<void> {
    const rotated = this.#turn.then(() => this.#rotate(keys));
    this.#turn = rotated.catch(() => {});
    return rotated;
  }

  async #rotate(keys: unknown): Promise<void> {
    const parsed = parseKeyFile(JSON.stringify({ keys }));
    if ("fault" in parsed) throw new CallerFault("invalid", `keys: the list ${parsed.fault}`, "keys");
    for (const [kid, key] of parsed.keys) {
      if (this.#root.has(kid)) throw new CallerFault("invalid", `keys: ${kid} is the name of the root key`, "keys");
      const known = this.#signing.get(kid);
      // The numbers of signed messages are counted by name.
      if (known !== undefined && !known.equals(key))
        throw new CallerFault("invalid", `keys: ${kid} is the name of another key already: give the new one a new name`, "keys");
    }
    // They would be undone by the next start that can read it.
    if (this.#after === undefined) throw new CommandFault("E_IO", "a file of mqtt.commandKeys cannot be read: nothing can follow it");
    const { fs, path, onRotated, log } = this.#options;
    const set = { keys: [...parsed.keys].map(([kid, key]) => ({ ...key.export({ format: "jwk" }), kid })) };
    const kept: Kept = { after: this.#after, set };
    await replaceFile(fs, path, Buffer.from(`${JSON.stringify(kept)}\n`));
    this.#signing = parsed.keys;
    this.#all = new Map([...this.#root, ...parsed.keys]);
    log.warn(`from now on commands are signed by ${[...parsed.keys.keys()].join(" or ")}`);
    onRotated?.();
  }
}

interface ReadKeys {
  /** As the file holds it; empty: it is not there; undefined: nobody knows, since it cannot be read. */
  readonly text: string | undefined;
  readonly keys: SigningKeys;
}

async function readKeys({ fs, log }: CommandKeysOptions, setting: string, path: string): Promise<ReadKeys> {
  let text: string | undefined;
  try {
    text = (await readSmallFile(fs, resolve(path), MAX_KEY_FILE_BYTES))?.toString("utf8") ?? "";
    const file = text === "" ? { fault: "is not there" } : parseKeyFile(text);
    if ("fault" in file) throw new Error(`the key file ${file.fault}`);
    return { text, keys: file.keys };
  } catch (error) {
    log.error(`mqtt.${setting}: ${path}: ${errorText(error)}`);
    return { text, keys: new Map() };
  }
}

interface RotatedKeys {
  readonly keys: SigningKeys;
  /** What they followed; undefined: it cannot be read. */
  readonly after: string | undefined;
}

/** Undefined: nothing was rotated since the files are what they are. Files that cannot be read say nothing against what was rotated. */
async function rotatedKeys({ fs, path, log }: CommandKeysOptions, filesHash: string | undefined): Promise<RotatedKeys | undefined> {
  try {
    const bytes = await readSmallFile(fs, path, MAX_KEY_FILE_BYTES);
    if (bytes === undefined) return undefined;
    const { after, set } = (JSON.parse(bytes.toString("utf8")) ?? {}) as Partial<Kept>;
    if (typeof after !== "string") throw new Error("it is not what this version writes");
    if (filesHash !== undefined && after !== filesHash) {
      log.warn("mqtt.commandKeys has other keys than those that were rotated over the link: the files count");
      return undefined;
    }
    const parsed = parseKeyFile(JSON.stringify(set));
    if ("fault" in parsed) throw new Error(`the key file ${parsed.fault}`);
    return { keys: parsed.keys, after };
  } catch (error) {
    log.error(`${path}: ${errorText(error)}: nobody may sign`);
    return { keys: new Map(), after: undefined };
  }
}
