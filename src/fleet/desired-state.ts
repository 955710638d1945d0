// What a gateway keeps of desired configs: the one that holds, one on probation, and those that failed. One file, replaced as a whole.
import type { FsPort } from "#base/fs-port.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";

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
  /** The highest version that ever held, and when the newest of those was made, UTC in ms: whoever keeps old ones cannot bring them back. */
  readonly top?: number;
  readonly madeMs?: number;
}

export const NO_DESIRED: DesiredState = { committed: null, candidate: null, bad: [] };
const MAX_BAD = 16;
const MAX_BYTES = 2 << 20;

/** A candidate becomes a version that failed. */
export function withoutCandidate(state: DesiredState): DesiredState {
  const { candidate, bad } = state;
  if (candidate === null) return state;
  const { ver, hash } = candidate;
  const others = bad.filter((one) => one.ver !== ver || one.hash !== hash);
  return { ...state, candidate: null, bad: [...others, { ver, hash }].slice(-MAX_BAD) };
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
      const bytes = await readSmallFile(this.#fs, this.#path, MAX_BYTES);
      const state = bytes === undefined ? NO_DESIRED : (JSON.parse(bytes.toString("utf8")) as DesiredState);
      return isState(state) ? state : NO_DESIRED;
    } catch {
      return NO_DESIRED;
    }
  }

  /** On the medium when it resolves. Rejects with the system's error, and then the old state or the new one is there. */
  async save(state: DesiredState): Promise<void> {
    await replaceFile(this.#fs, this.#path, Buffer.from(JSON.stringify(state)));
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
