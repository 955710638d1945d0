// Argon2id and Argon2i hashes of passwords in their text form (RFC 9106; `$argon2id$v=19$m=65536,t=3,p=4$salt$hash`), off the event loop.
import * as crypto from "node:crypto";

export interface Argon2Hash {
  readonly variant: "argon2id" | "argon2i";
  readonly memoryKiB: number;
  readonly passes: number;
  readonly lanes: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

export interface Argon2Input {
  readonly variant: "argon2id" | "argon2i";
  readonly memoryKiB: number;
  readonly passes: number;
  readonly lanes: number;
  readonly salt: Uint8Array;
  readonly hashBytes: number;
  readonly password: string;
}

/** What a gateway can afford for one password; RFC 9106 §4 recommends 64 MiB where memory is scarce. */
const MAX_MEMORY_KIB = 262_144;
const MAX_PASSES = 64;
const MAX_LANES = 16;
/** RFC 9106 §3.1: 8 bytes of salt, 4 of hash at least. */
const MIN_SALT_BYTES = 8;
const MIN_HASH_BYTES = 4;
const MAX_BYTES = 64;

/** Version 1.3 (`v=19`) alone; undefined for other forms, Argon2d, and costs beyond those above. */
export function parseArgon2(encoded: string): Argon2Hash | undefined {
  const match = /^\$(argon2id?)\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{1,88})\$([A-Za-z0-9+/]{1,88})$/.exec(encoded);
  if (match === null) return undefined;
  const [memoryKiB, passes, lanes] = match.slice(2, 5).map(Number) as [number, number, number];
  const salt = Buffer.from(match[5]!, "base64");
  const hash = Buffer.from(match[6]!, "base64");
  if (passes < 1 || passes > MAX_PASSES || lanes < 1 || lanes > MAX_LANES) return undefined;
  if (memoryKiB < 8 * lanes || memoryKiB > MAX_MEMORY_KIB) return undefined;
  if (salt.length < MIN_SALT_BYTES || salt.length > MAX_BYTES || hash.length < MIN_HASH_BYTES || hash.length > MAX_BYTES) return undefined;
  return { variant: match[1] as Argon2Hash["variant"], memoryKiB, passes, lanes, salt, hash };
}

/** An empty password never matches. Costs `memoryKiB` of memory while it runs, and a thread for some tens of milliseconds. */
export async function verifyArgon2(stored: Argon2Hash, password: string): Promise<boolean> {
  if (password === "") return false;
  const { hash, ...costs } = stored;
  const input = { ...costs, hashBytes: hash.length, password };
  const computed = await (nodeArgon2 === undefined ? inWorker(input) : nodeArgon2(input));
  return crypto.timingSafeEqual(hash, computed);
}

/** What a small board computes in a tenth of a second: the second choice of OWASP's password storage cheat sheet. */
const NEW_HASH = { variant: "argon2id", memoryKiB: 19_456, passes: 2, lanes: 1, hashBytes: 32 } as const;
const NEW_SALT_BYTES = 16;

/** The text form of a new hash, with a salt of its own. */
export async function hashArgon2(password: string): Promise<string> {
  const salt = crypto.randomBytes(NEW_SALT_BYTES);
  const input = { ...NEW_HASH, salt, password };
  const hash = Buffer.from(await (nodeArgon2 === undefined ? inWorker(input) : nodeArgon2(input)));
  const { variant, memoryKiB, passes, lanes } = NEW_HASH;
  const text = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");
  return `$${variant}$v=19$m=${memoryKiB},t=${passes},p=${lanes}$${text(salt)}$${text(hash)}`;
}

async function inWorker(input: Argon2Input): Promise<Uint8Array> {
  return (await import("./argon2-worker.ts")).argon2InWorker(input);
}

type NodeArgon2 = (
  variant: string,
  parameters: {
    readonly message: string;
    readonly nonce: Uint8Array;
    readonly parallelism: number;
    readonly tagLength: number;
    readonly memory: number;
    readonly passes: number;
  },
  done: (error: Error | null, hash: Buffer) => void,
) => void;

/** Node 24.7 and newer have it, and run it in their thread pool. */
const nodeArgon2 = "argon2" in crypto ? promisedArgon2(crypto.argon2 as NodeArgon2) : undefined;

function promisedArgon2(argon2: NodeArgon2): (input: Argon2Input) => Promise<Uint8Array> {
  return ({ variant, password, salt, lanes, hashBytes, memoryKiB, passes }) =>
    new Promise((resolve, reject) => {
      const parameters = { message: password, nonce: salt, parallelism: lanes, tagLength: hashBytes, memory: memoryKiB, passes };
      argon2(variant, parameters, (error, hash) => (error === null || error === undefined ? resolve(hash) : reject(error)));
    });
}
