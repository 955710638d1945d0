// What a gateway keeps of desired configs: the one that holds, one on probation, and those that failed. One file, replaced as a whole.
import { dirname } from "node:path";
import type { FsPort } from "#base/fs-port.ts";

/** A version of the desired config. Its secrets are sealed. */
export interface DesiredVersion {
  readonly ver: number;
  readonly hash: string;
  readonly doc: Readonly<Record<string, unknown>>;
}

export interface DesiredState {
  /** Holds over restarts. */
  readonly committed: DesiredVersion | null;
  /** Tried, and to be given up by whoever finds it here at a start. */
  readonly candidate: DesiredVersion | null;
  /** The newest versions that failed: they are not tried again. */
  readonly bad: readonly { readonly ver: number; readonly hash: string }[];
}

export const NO_DESIRED: DesiredState = { committed: null, candidate: null, bad: [] };
const MAX_BAD = 16;
const MAX_BYTES = 2 << 20;

/** A candidate becomes a version that failed. */
export function withoutCandidate({ committed, candidate, bad }: DesiredState): DesiredState {
  if (candidate === null) return { committed, candidate, bad };
  const { ver, hash } = candidate;
  const others = bad.filter((one) => one.ver !== ver || one.hash !== hash);
  return { committed, candidate: null, bad: [...others, { ver, hash }].slice(-MAX_BAD) };
}

export class DesiredStore {
  readonly #fs: FsPort;
  readonly #path: string;

  constructor(fs: FsPort, path: string) {
    this.#fs = fs;
    this.#path = path;
  }

  /** What cannot be read is as good as nothing: the NOC's retained document comes again. Never rejects. */
  async load(): Promise<DesiredState> {
    try {
      const file = await this.#fs.open(this.#path, "read");
      try {
        const bytes = Buffer.alloc(Math.min(await file.size(), MAX_BYTES));
        const state = JSON.parse(bytes.subarray(0, await file.read(bytes, 0)).toString("utf8")) as DesiredState;
        return isState(state) ? state : NO_DESIRED;
      } finally {
        await file.close();
      }
    } catch {
      return NO_DESIRED;
    }
  }

  /** On the medium when it resolves. Rejects with the system's error, and then the old state or the new one is there. */
  async save(state: DesiredState): Promise<void> {
    const fresh = `${this.#path}.new`;
    const folder = dirname(this.#path);
    await this.#fs.makeFolder(folder);
    await this.#fs.syncFolder(dirname(folder));
    const file = await this.#fs.open(fresh, "create");
    try {
      await file.write([Buffer.from(JSON.stringify(state))], 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#fs.rename(fresh, this.#path);
    await this.#fs.syncFolder(folder);
  }
}

function isState(value: unknown): value is DesiredState {
  const { committed, candidate, bad } = (value ?? {}) as Partial<DesiredState>;
  return isVersion(committed) && isVersion(candidate) && Array.isArray(bad);
}

function isVersion(value: DesiredVersion | null | undefined): boolean {
  return (
    value === null ||
    (typeof value === "object" && typeof value.ver === "number" && typeof value.hash === "string" && typeof value.doc === "object")
  );
}
