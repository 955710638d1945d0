// Counts failed attempts by a key (an address, a user at an address) and bans those that fail too often. Bounded: the least recent key is forgotten.

export interface AttemptLedgerOptions {
  /** So many failures, and the key is banned. No more attempts than are left until then are under way at a time. */
  readonly maxFailures: number;
  readonly banMs: number;
  readonly maxKeys: number;
  /** Monotonic. */
  readonly nowMs: () => number;
}

/** Neither: the attempt had nothing to do with guessing. */
export type AttemptOutcome = "right" | "wrong" | "neither";

interface Account {
  failures: number;
  underWay: number;
  touchedMs: number;
  bannedUntilMs: number;
  /** Attempts that wait for one under way to end. */
  readonly waiting: (() => void)[];
}

export class AttemptLedger {
  readonly #options: AttemptLedgerOptions;
  /** In the order of last use. */
  readonly #accounts = new Map<string, Account>();

  constructor(options: AttemptLedgerOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#accounts.size;
  }

  /** How long the key stays banned; 0 when it is not. */
  bannedMs(key: string): number {
    const account = this.#accounts.get(key);
    return account === undefined ? 0 : Math.max(0, account.bannedUntilMs - this.#options.nowMs());
  }

  /** Resolves to true once the attempt may be made, which `end` must follow, and to false when the key is banned. */
  async begin(key: string): Promise<boolean> {
    for (;;) {
      if (this.bannedMs(key) > 0) return false;
      const account = this.#open(key);
      if (account.failures + account.underWay < this.#options.maxFailures) {
        account.underWay++;
        return true;
      }
      await new Promise<void>((resolve) => account.waiting.push(resolve));
    }
  }

  /** Returns the failures of this key so far, and whether this one brought the ban. */
  end(key: string, outcome: AttemptOutcome): { readonly failures: number; readonly banned: boolean } {
    const account = this.#open(key);
    const { maxFailures, banMs, nowMs } = this.#options;
    account.underWay = Math.max(0, account.underWay - 1);
    if (outcome === "right") account.failures = 0;
    if (outcome === "wrong") account.failures++;
    const { failures } = account;
    const banned = failures >= maxFailures;
    if (banned) {
      account.bannedUntilMs = nowMs() + banMs;
      account.failures = 0;
    }
    for (const proceed of account.waiting.splice(0)) proceed();
    return { failures, banned };
  }

  /** Failures are forgotten after the length of a ban without another. */
  #open(key: string): Account {
    const { nowMs, banMs, maxKeys } = this.#options;
    const now = nowMs();
    const known = this.#accounts.get(key);
    if (known !== undefined) {
      this.#accounts.delete(key);
      this.#accounts.set(key, known);
      if (now - known.touchedMs > banMs) known.failures = 0;
      known.touchedMs = now;
      return known;
    }
    if (this.#accounts.size >= maxKeys) this.#forgetOldest();
    const account: Account = { failures: 0, underWay: 0, touchedMs: now, bannedUntilMs: 0, waiting: [] };
    this.#accounts.set(key, account);
    return account;
  }

  #forgetOldest(): void {
    const [oldest] = this.#accounts;
    const [key, account] = oldest!;
    this.#accounts.delete(key);
    for (const proceed of account.waiting.splice(0)) proceed();
  }
}
