// How many offers one address may make, and how many sessions may wait for their client at a time: a flood of offers ends here.
import { HttpFault } from "#http/http-fault.ts";

export interface OfferLimitOptions {
  /** Offers of one address: so many in a second in the long run, and so many at once. */
  readonly perSecond: number;
  readonly burst: number;
  /** Sessions whose handshake is not done. */
  readonly halfOpen: number;
  readonly halfOpenPerAddress: number;
}

/** Addresses whose pace is remembered; each costs memory. */
const MAX_ADDRESSES = 4096;

export class OfferLimits {
  /** Offers that were refused. */
  refused = 0;
  readonly #options: OfferLimitOptions;
  readonly #nowUs: () => number;
  readonly #tokens = new Map<string, { tokens: number; atUs: number }>();
  readonly #halfOpen = new Map<string, number>();
  #halfOpenTotal = 0;

  constructor(options: OfferLimitOptions, nowUs: () => number) {
    this.#options = options;
    this.#nowUs = nowUs;
  }

  /** Counts an offer in as half open until the returned function is called. Throws an HttpFault: it is one too many. */
  admit(address: string): () => void {
    const group = groupOf(address);
    const ofGroup = this.#halfOpen.get(group) ?? 0;
    if (!this.#takeToken(group)) this.#refuse(429, `too many offers: ${this.#options.perSecond} a second are taken from one address`);
    if (this.#halfOpenTotal >= this.#options.halfOpen || ofGroup >= this.#options.halfOpenPerAddress)
      this.#refuse(503, "too many sessions are waiting for their clients to connect: try again");
    this.#halfOpenTotal++;
    this.#halfOpen.set(group, ofGroup + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      this.#halfOpenTotal--;
      const left = this.#halfOpen.get(group)! - 1;
      if (left === 0) this.#halfOpen.delete(group);
      else this.#halfOpen.set(group, left);
    };
  }

  #refuse(status: number, text: string): never {
    this.refused++;
    throw new HttpFault(status, text);
  }

  #takeToken(group: string): boolean {
    const { perSecond, burst } = this.#options;
    const atUs = this.#nowUs();
    const before = this.#tokens.get(group);
    const tokens = before === undefined ? burst : Math.min(burst, before.tokens + ((atUs - before.atUs) / 1e6) * perSecond);
    this.#tokens.delete(group); // the least recent one stands first
    this.#tokens.set(group, { tokens: tokens < 1 ? tokens : tokens - 1, atUs });
    for (const oldest of this.#tokens.keys()) {
      if (this.#tokens.size <= MAX_ADDRESSES) break;
      this.#tokens.delete(oldest);
    }
    return tokens >= 1;
  }
}

/** Who has one IPv6 address has its whole /64. */
function groupOf(address: string): string {
  if (!address.includes(":") || address.startsWith("::ffff:")) return address;
  const [head = ""] = address.split("::", 1);
  return head.split(":").slice(0, 4).join(":");
}
