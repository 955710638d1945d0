// Where rollouts are kept: a file for each with all that is known, one with what its operator wants of it, and a lock, so that one program at a time runs it.
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { CallerFault } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";
import type { RolloutState } from "./rollout.ts";

export type Wish = "pause" | "cancel";

const MAX_STATE_BYTES = 256 << 20;
const MAX_SMALL_BYTES = 4096;
/** Whoever holds a lock says so again at least so often; after so long without a word nobody does, whatever runs under its process id. */
export const LOCK_EVERY_MS = 2000;
const STALE_MS = 60_000;

interface Lock {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  readonly saidMs: number;
}

/** Of one rollout. */
export class RolloutStore {
  readonly path: string;
  readonly #fs: FsPort;
  readonly #token = randomUUID();

  /** `folder`: that of the NOC. The job's name is one that the contract allows. */
  constructor(fs: FsPort, folder: string, tenant: string, job: string) {
    this.#fs = fs;
    this.path = join(folder, "jobs", tenant, `${job}.json`);
  }

  /** Names of all, in order. */
  static async names(fs: FsPort, folder: string, tenant: string): Promise<readonly string[]> {
    const entries = (await fs.list(join(folder, "jobs", tenant))) ?? [];
    return entries.flatMap(({ name }) => /^([0-9A-Za-z_-]{1,64})\.json$/.exec(name)?.[1] ?? []).sort();
  }

  /** Undefined: there is none. Rejects with a CallerFault where the file holds something else. */
  async load(): Promise<RolloutState | undefined> {
    const bytes = await this.#read(this.path, MAX_STATE_BYTES);
    if (bytes === undefined) return undefined;
    try {
      const state = JSON.parse(bytes.toString("utf8")) as RolloutState;
      if (state.v === 1 && Array.isArray(state.rings) && typeof state.sites === "object") return state;
    } catch {
      // Said below.
    }
    throw new CallerFault("invalid", `${this.path} does not hold a rollout: put it away, and start the job under another name`);
  }

  /** On the medium when it resolves. */
  save(state: RolloutState): Promise<void> {
    return replaceFile(this.#fs, this.path, Buffer.from(JSON.stringify(state)));
  }

  async wish(): Promise<Wish | undefined> {
    const text = (await this.#read(this.#wishPath, MAX_SMALL_BYTES))?.toString("utf8");
    return text === "pause" || text === "cancel" ? text : undefined;
  }

  /** For whoever runs it, now or later. */
  putWish(wish: Wish): Promise<void> {
    return replaceFile(this.#fs, this.#wishPath, Buffer.from(wish));
  }

  async dropWish(): Promise<void> {
    await this.#fs.remove(this.#wishPath).catch(() => {}); // it is not there
  }

  /** False: another program runs it. Who holds it calls `keepLock` every `LOCK_EVERY_MS`. */
  async lock(nowMs: number): Promise<boolean> {
    const held = await this.#heldBy();
    if (held !== undefined && held.token !== this.#token && isAlive(held, nowMs)) return false;
    await this.#writeLock(nowMs);
    // Two that found it free at once: the last one that wrote has it.
    return (await this.#heldBy())?.token === this.#token;
  }

  /** Rejects with a CallerFault where another program has taken it. */
  async keepLock(nowMs: number): Promise<void> {
    if ((await this.#heldBy())?.token !== this.#token)
      throw new CallerFault("conflict", "another program runs this job now: this one was away for too long");
    await this.#writeLock(nowMs);
  }

  async unlock(): Promise<void> {
    if ((await this.#heldBy())?.token === this.#token) await this.#fs.remove(this.#lockPath);
  }

  get #wishPath(): string {
    return this.path.replace(/\.json$/, ".wish");
  }

  get #lockPath(): string {
    return this.path.replace(/\.json$/, ".lock");
  }

  #writeLock(nowMs: number): Promise<void> {
    const lock: Lock = { token: this.#token, pid: process.pid, host: hostname(), saidMs: nowMs };
    return replaceFile(this.#fs, this.#lockPath, Buffer.from(JSON.stringify(lock)));
  }

  async #heldBy(): Promise<Lock | undefined> {
    const bytes = await this.#read(this.#lockPath, MAX_SMALL_BYTES);
    try {
      const lock = JSON.parse(bytes?.toString("utf8") ?? "") as Lock;
      return typeof lock.token === "string" && typeof lock.saidMs === "number" ? lock : undefined;
    } catch {
      return undefined; // none, or nothing that a program of ours wrote
    }
  }

  async #read(path: string, maxBytes: number): Promise<Buffer | undefined> {
    const facts = await this.#fs.facts(path);
    return facts === undefined ? undefined : readSmallFile(this.#fs, path, Math.min(facts.sizeBytes + MAX_SMALL_BYTES, maxBytes));
  }
}

/** A program of this machine that was killed holds nothing any more. */
function isAlive({ pid, host, saidMs }: Lock, nowMs: number): boolean {
  if (nowMs - saidMs > STALE_MS) return false;
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { readonly code?: unknown }).code === "EPERM";
  }
}
