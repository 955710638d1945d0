// Wrong credentials and bans: what one address tries in a minute is one event.
import type { Schedule } from "#base/schedule.ts";
import type { EventListener } from "#control/event-bus.ts";

export interface AccessEventsOptions {
  readonly emit: EventListener;
  nowUs(): number;
  readonly schedule: Schedule;
}

const GATHER_MS = 60_000;
/** Addresses that are told apart within a minute; the rest is one. */
const MAX_ADDRESSES = 8;
const REST = "others";

export class AccessEvents {
  readonly #options: AccessEventsOptions;
  readonly #refusals = new Map<string, { readonly protocol: string; count: number }>();
  #cancel: (() => void) | undefined;

  constructor(options: AccessEventsOptions) {
    this.#options = options;
  }

  /** Wrong credentials. `protocol`: empty for HTTP servers that are no protocol of media. */
  readonly onRefusal = (address: string, protocol: string): void => {
    const key = this.#refusals.has(address) || this.#refusals.size < MAX_ADDRESSES ? address : REST;
    const known = this.#refusals.get(key);
    if (known === undefined) this.#refusals.set(key, { protocol: protocol || "http", count: 1 });
    else known.count++;
    this.#cancel ??= this.#options.schedule(() => this.#flush(), GATHER_MS);
  };

  readonly onBan = ({
    address,
    user,
    durationMs,
  }: {
    readonly address: string;
    readonly user: string;
    readonly durationMs: number;
  }): void => {
    const data = { ip: address, user: user.slice(0, 64) || null, for_s: Math.round(durationMs / 1000) };
    this.#options.emit({ type: "sec.ban", severity: "warn", phase: "new", data, atUs: this.#options.nowUs() });
  };

  close(): void {
    this.#cancel?.();
  }

  #flush(): void {
    this.#cancel = undefined;
    for (const [address, { protocol, count }] of this.#refusals) {
      const data = { ip: address === REST ? null : address, proto: address === REST ? null : protocol, n: count };
      this.#options.emit({ type: "sec.auth", severity: "warn", phase: "new", data, atUs: this.#options.nowUs() });
    }
    this.#refusals.clear();
  }
}
