// What guessing passwords costs: a random delay as in MediaMTX, or delays that double and end in a ban.
import { addressGroup } from "#base/address-group.ts";
import { AttemptLedger, type AttemptOutcome } from "./attempt-ledger.ts";

export interface Ban {
  readonly address: string;
  /** Empty: the address is banned, whatever user it names. */
  readonly user: string;
  readonly durationMs: number;
}

/** An attempt that may be judged. `end` must be called once; it returns how late a refusal is to be answered. */
export interface Attempt {
  end(outcome: AttemptOutcome): number;
}

export interface BruteForceGuard {
  /** Resolves to how long the client is banned still, where it is. */
  begin(address: string, user: string): Promise<Attempt | { readonly bannedMs: number }>;
}

const MAX_KEYS = 4096;
/** What is known of an address is forgotten after so long without an attempt. */
const BAN_MS = 10 * 60_000;

/** MediaMTX: a wrong password is answered so late at most, at random. */
const MAX_RANDOM_MS = 4000;
/** Attempts of one address that are judged at a time; the others wait, so that it cannot have the checks of hashes to itself. */
const MAX_AT_ONCE = 16;

export interface RandomDelayOptions {
  /** Monotonic. */
  readonly nowMs: () => number;
  readonly random?: (() => number) | undefined;
}

/** Answers wrong credentials 0 to 4 s late, and bans nobody. */
export class RandomDelay implements BruteForceGuard {
  readonly #random: () => number;
  readonly #underWay: AttemptLedger;

  constructor({ nowMs, random = Math.random }: RandomDelayOptions) {
    this.#random = random;
    this.#underWay = new AttemptLedger({ maxFailures: MAX_AT_ONCE, banMs: BAN_MS, maxKeys: MAX_KEYS, nowMs });
  }

  async begin(remote: string): Promise<Attempt> {
    const address = addressGroup(remote);
    await this.#underWay.begin(address);
    return {
      end: (outcome) => {
        this.#underWay.end(address, "neither");
        return outcome === "right" ? 0 : Math.floor(this.#random() * MAX_RANDOM_MS);
      },
    };
  }
}

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 60_000;
/** Of one user name from one address. */
const MAX_USER_FAILURES = 10;
/** Of one address, with whatever names. */
const MAX_ADDRESS_FAILURES = 30;
/** Longer names share an account with those that begin alike. */
const MAX_NAME_LENGTH = 128;

export interface DelaysAndBansOptions {
  /** Monotonic. */
  readonly nowMs: () => number;
  readonly onBan?: (ban: Ban) => void;
}

/** 0.25 s, 0.5 s … 60 s; the tenth failure of a user name from an address, or the thirtieth of the address (IPv6: its /64), bans it for 10 minutes. */
export class DelaysAndBans implements BruteForceGuard {
  readonly #users: AttemptLedger;
  readonly #addresses: AttemptLedger;
  readonly #onBan: ((ban: Ban) => void) | undefined;

  constructor({ nowMs, onBan }: DelaysAndBansOptions) {
    const common = { banMs: BAN_MS, maxKeys: MAX_KEYS, nowMs };
    this.#users = new AttemptLedger({ ...common, maxFailures: MAX_USER_FAILURES });
    this.#addresses = new AttemptLedger({ ...common, maxFailures: MAX_ADDRESS_FAILURES });
    this.#onBan = onBan;
  }

  async begin(remote: string, user: string): Promise<Attempt | { readonly bannedMs: number }> {
    const address = addressGroup(remote);
    const key = `${address} ${user.slice(0, MAX_NAME_LENGTH)}`;
    if (!(await this.#addresses.begin(address))) return { bannedMs: this.#addresses.bannedMs(address) };
    if (!(await this.#users.begin(key))) {
      this.#addresses.end(address, "neither");
      return { bannedMs: this.#users.bannedMs(key) };
    }
    return { end: (outcome) => this.#end(address, key, user, outcome) };
  }

  #end(address: string, key: string, user: string, outcome: AttemptOutcome): number {
    const ofUser = this.#users.end(key, outcome);
    // One's own password must not wipe out the guesses at others'.
    const ofAddress = this.#addresses.end(address, outcome === "right" ? "neither" : outcome);
    if (ofAddress.banned) this.#onBan?.({ address, user: "", durationMs: BAN_MS });
    else if (ofUser.banned) this.#onBan?.({ address, user, durationMs: BAN_MS });
    if (outcome === "right") return 0;
    return Math.min(FIRST_DELAY_MS * 2 ** Math.max(0, ofUser.failures - 1), MAX_DELAY_MS);
  }
}
