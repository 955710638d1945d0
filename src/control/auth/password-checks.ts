// Checks of Argon2 hashes, which cost memory and a thread each: one at a time, few in line, and what was right is remembered for a while.
import { createHmac, randomBytes } from "node:crypto";
import { type Argon2Hash, verifyArgon2 } from "./argon2.ts";
import { matchesDigest, type StoredCredential } from "./stored-credential.ts";

export interface PasswordChecksOptions {
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Called for each hash that is computed. */
  readonly onHash?: () => void;
  readonly verify?: (stored: Argon2Hash, guess: string) => Promise<boolean>;
}

/** A viewer's player asks at every segment. */
const REMEMBERED_MS = 5 * 60_000;
const MAX_REMEMBERED = 256;
const MAX_WAITING = 32;

/** `busy`: too many passwords wait to be checked. */
export type CheckResult = "right" | "wrong" | "busy";

export class PasswordChecks {
  readonly #options: PasswordChecksOptions;
  /** Passwords are kept as keyed digests, under a key that no one but this process ever has. */
  readonly #key = randomBytes(32);
  readonly #rightUntilMs = new Map<string, number>();
  readonly #running = new Map<string, Promise<CheckResult>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: PasswordChecksOptions) {
    this.#options = options;
  }

  /** The same question is computed once, however many ask it at a time. */
  async check(stored: StoredCredential, guess: string): Promise<CheckResult> {
    if (stored.kind !== "argon2") return matchesDigest(stored, guess) ? "right" : "wrong";
    const question = createHmac("sha256", this.#key).update(`${stored.stored}\0${guess}`).digest("base64");
    const nowMs = this.#options.nowMs();
    const untilMs = this.#rightUntilMs.get(question);
    if (untilMs !== undefined && untilMs > nowMs) return "right";
    this.#rightUntilMs.delete(question);
    const running = this.#running.get(question);
    if (running !== undefined) return running;
    if (this.#running.size >= MAX_WAITING) return "busy";
    const check = this.#compute(stored.hash, guess, question);
    this.#running.set(question, check);
    return check.finally(() => this.#running.delete(question));
  }

  async #compute(hash: Argon2Hash, guess: string, question: string): Promise<CheckResult> {
    const { verify = verifyArgon2, onHash, nowMs } = this.#options;
    const before = this.#last;
    const done = before.then(() => {
      onHash?.();
      return verify(hash, guess);
    });
    this.#last = done.catch(() => {});
    // A thread that cannot be had, or memory, says nothing about the password.
    const right = await done.catch(() => undefined);
    if (right === undefined) return "busy";
    if (right) this.#remember(question, nowMs());
    return right ? "right" : "wrong";
  }

  #remember(question: string, nowMs: number): void {
    if (this.#rightUntilMs.size >= MAX_REMEMBERED) {
      const [oldest] = this.#rightUntilMs.keys();
      this.#rightUntilMs.delete(oldest!);
    }
    this.#rightUntilMs.set(question, nowMs + REMEMBERED_MS);
  }
}
