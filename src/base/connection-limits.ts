// How many connections clients may have open with all servers together: in all, from one address, and before they have shown who they are.
import { addressGroup } from "./address-group.ts";

/** 0 sets no limit. */
export interface ConnectionLimitValues {
  readonly total: number;
  readonly perAddress: number;
  /** Of one address, without a request that was allowed. */
  readonly strangersPerAddress: number;
}

/** Since the start. */
export interface ConnectionRefusals {
  total: number;
  perAddress: number;
  strangersPerAddress: number;
  /** Closed, because another client had no room and this one had shown nothing. */
  madeRoom: number;
}

/** The place of one connection. */
export interface ConnectionSlot {
  /** A request of it was allowed. */
  admit(): void;
  /** It is closed. */
  leave(): void;
}

interface Account {
  open: number;
  strangers: number;
}

export class ConnectionLimits {
  readonly refused: ConnectionRefusals = { total: 0, perAddress: 0, strangersPerAddress: 0, madeRoom: 0 };
  readonly #limits: () => ConnectionLimitValues;
  readonly #accounts = new Map<string, Account>();
  /** What ends those that have shown nothing, oldest first. */
  readonly #strangers = new Set<() => void>();
  #open = 0;

  /** `limits` is asked at each connection. */
  constructor(limits: () => ConnectionLimitValues) {
    this.#limits = limits;
  }

  get open(): number {
    return this.#open;
  }

  /**
   * Undefined: there is no room, close it. IPv6 addresses of one /64 count as one; `address` undefined (that of a proxy) counts in the total alone. Where the
   * total is reached the oldest connection that has shown nothing is closed with `close`, and makes room.
   */
  enter(address: string | undefined, close: () => void): ConnectionSlot | undefined {
    const { total, perAddress, strangersPerAddress } = this.#limits();
    const key = address === undefined ? undefined : addressGroup(address);
    const known = key === undefined ? undefined : this.#accounts.get(key);
    if (perAddress > 0 && known !== undefined && known.open >= perAddress) return this.#refuse("perAddress");
    if (strangersPerAddress > 0 && known !== undefined && known.strangers >= strangersPerAddress)
      return this.#refuse("strangersPerAddress");
    if (total > 0 && this.#open >= total && !this.#makeRoom()) return this.#refuse("total");
    return this.#seat(key, close);
  }

  #seat(key: string | undefined, close: () => void): ConnectionSlot {
    const account = (key === undefined ? undefined : this.#accounts.get(key)) ?? { open: 0, strangers: 0 };
    if (key !== undefined) this.#accounts.set(key, account);
    this.#open++;
    account.open++;
    account.strangers++;
    let isOpen = true;
    const admit = (): void => {
      if (this.#strangers.delete(evict)) account.strangers--;
    };
    const leave = (): void => {
      if (!isOpen) return;
      isOpen = false;
      admit();
      this.#open--;
      account.open--;
      if (account.open === 0 && key !== undefined) this.#accounts.delete(key);
    };
    // Its place is free at once, however long its socket takes to close.
    const evict = (): void => {
      leave();
      close();
    };
    this.#strangers.add(evict);
    return { admit, leave };
  }

  #makeRoom(): boolean {
    const [oldest] = this.#strangers;
    if (oldest === undefined) return false;
    this.refused.madeRoom++;
    oldest();
    return true;
  }

  #refuse(why: "total" | "perAddress" | "strangersPerAddress"): undefined {
    this.refused[why]++;
  }
}
