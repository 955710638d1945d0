// Streams that are pushed to a server because the NOC asked for it: each under a lease that ends by itself, whoever forgets it (§8).
import { type Deferred, deferred } from "#base/deferred.ts";
import { type CallerFault, PeerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Schedule } from "#base/schedule.ts";
import type { EventPhase, EventSeverity } from "#control/event-bus.ts";
import { CommandFault } from "./command-fault.ts";

export type LeaseState = "connecting" | "live" | "backoff";
/** `refused`: its first attempt failed for good. `denied`: the config does not allow its receiver any more. `gone`: there is no such camera any more. */
export type LeaseEnd = "expired" | "stopped" | "refused" | "denied" | "gone" | "closed";
export type LeaseFault = PeerFault | CallerFault;

/** A push that connects again by itself. */
export interface LeasedPush {
  readonly outboundBytes: number;
  start(): void;
  /** Resolves when nothing of it is left. Never rejects. */
  stop(): Promise<void>;
}

export interface LeaseWish {
  readonly cam: string;
  readonly proto: string;
  /** Of the receiver. No secret. */
  readonly host: string;
  readonly ttlMs: number;
  /** Who asked for it. */
  readonly by: string;
  /** With `backoff` comes why; its text holds no secret. */
  open(lid: string, onState: (state: LeaseState, fault?: LeaseFault) => void): LeasedPush;
}

/** Times are UTC, ms since 1970. */
export interface LeaseReport {
  readonly lid: string;
  readonly cam: string;
  readonly proto: string;
  readonly to: string;
  readonly st: LeaseState;
  /** Since when it is in that state. */
  readonly since: number;
  readonly exp: number;
  readonly bytes: number;
  /** Why the last attempt ended, if it is not live. */
  readonly err: string | null;
}

export interface LeaseEvent {
  readonly severity: EventSeverity;
  readonly phase: EventPhase;
  readonly condition: string;
  readonly camera: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface StreamLeasesOptions {
  /** Monotonic. */
  nowMs(): number;
  /** Of an instant of that clock. */
  utcMs(atMs: number): number;
  readonly schedule: Schedule;
  /** Another one each time. */
  newId(): string;
  /** Must not throw. */
  tell(event: LeaseEvent): void;
  readonly log: Log;
}

export const MAX_LEASES = 2;

/** What no further attempt would mend. Wrong credentials and such may be a matter of minutes later on, but not at first. */
const FATAL: ReadonlySet<string> = new Set(["config", "invalid", "not-configured"]);
const FATAL_AT_FIRST: ReadonlySet<string> = new Set([...FATAL, "auth", "not-found", "unsupported"]);

interface Lease {
  readonly lid: string;
  readonly wish: LeaseWish;
  readonly push: LeasedPush;
  readonly firstAttempt: Deferred<LeaseFault | undefined>;
  state: LeaseState;
  sinceMs: number;
  expMs: number;
  error: string | undefined;
  isSettled: boolean;
  cancel: () => void;
}

export class StreamLeases {
  readonly #options: StreamLeasesOptions;
  readonly #leases = new Map<string, Lease>();
  /** Pushes that are being ended. */
  readonly #endings = new Set<Promise<void>>();

  constructor(options: StreamLeasesOptions) {
    this.#options = options;
  }

  /**
   * Begins to push. The promise resolves once the first attempt has come to something: undefined where the receiver takes media or may yet, and else why it never
   * will, in which case the lease is over. Throws a CommandFault.
   */
  grant(wish: LeaseWish): { readonly lid: string; readonly firstAttempt: Promise<LeaseFault | undefined> } {
    const { nowMs, newId, schedule } = this.#options;
    if (this.#leases.size >= MAX_LEASES) {
      const nextMs = Math.min(...[...this.#leases.values()].map(({ expMs }) => expMs)) - nowMs();
      throw new CommandFault("E_BUSY", `${MAX_LEASES} streams are pushed already: stop one of them`, Math.max(1, Math.ceil(nextMs / 1000)));
    }
    const lid = newId();
    const lease: Lease = {
      ...{ lid, wish, push: wish.open(lid, (state, fault) => this.#enter(lease, state, fault)), firstAttempt: deferred() },
      ...{ state: "connecting", sinceMs: nowMs(), expMs: nowMs() + wish.ttlMs, error: undefined },
      ...{ isSettled: false, cancel: schedule(() => void this.end(lid, "expired"), wish.ttlMs) },
    };
    this.#leases.set(lid, lease);
    const { cam, proto, host, ttlMs, by } = wish;
    this.#options.log.info(`${by} has '${cam}' pushed to ${host} over ${proto}, lease ${lid}, for ${ttlMs / 1000} s`);
    this.#tell(lease, "new", { ttl_s: ttlMs / 1000, by });
    lease.push.start();
    return { lid, firstAttempt: lease.firstAttempt.promise };
  }

  /** From now on for as long as it was asked for. Throws a CommandFault: there is no such lease. */
  renew(lid: string): LeaseReport {
    const lease = this.#leaseOf(lid);
    const { ttlMs } = lease.wish;
    lease.cancel();
    lease.expMs = this.#options.nowMs() + ttlMs;
    lease.cancel = this.#options.schedule(() => void this.end(lid, "expired"), ttlMs);
    return this.report(lid);
  }

  /** Throws a CommandFault: there is no such lease. */
  report(lid: string): LeaseReport {
    const { wish, state, sinceMs, expMs, push, error } = this.#leaseOf(lid);
    const { utcMs } = this.#options;
    const { cam, proto, host } = wish;
    const times = { since: utcMs(sinceMs), exp: utcMs(expMs) };
    return { lid, cam, proto, to: host, st: state, ...times, bytes: push.outboundBytes, err: error ?? null };
  }

  list(): readonly LeaseReport[] {
    return [...this.#leases.keys()].map((lid) => this.report(lid));
  }

  /** Resolves when nothing of it is left; false: there was no such lease. */
  async end(lid: string, why: LeaseEnd): Promise<boolean> {
    const lease = this.#leases.get(lid);
    if (lease === undefined) return false;
    this.#leases.delete(lid);
    lease.cancel();
    const stopping = lease.push.stop();
    this.#endings.add(stopping);
    this.#settle(lease, new PeerFault("aborted", `the lease is over: ${why}`));
    const { wish, push, error } = lease;
    const bytes = push.outboundBytes;
    this.#options.log.info(`lease ${lid}: '${wish.cam}' is not pushed to ${wish.host} any more: ${why}, ${bytes} bytes`);
    this.#tell(lease, "end", { why, bytes, ...(error !== undefined && { err: error }) });
    await stopping.finally(() => this.#endings.delete(stopping));
    return true;
  }

  /** Ends those whose receiver is not allowed any more. */
  recheck(isAllowed: (host: string) => boolean): void {
    for (const { lid, wish } of [...this.#leases.values()]) if (!isAllowed(wish.host)) void this.end(lid, "denied");
  }

  /** Resolves when no push is left. */
  async close(): Promise<void> {
    await Promise.all([...this.#leases.keys()].map((lid) => this.end(lid, "closed")));
    await Promise.all(this.#endings);
  }

  #leaseOf(lid: string): Lease {
    const lease = this.#leases.get(lid);
    if (lease === undefined) throw new CommandFault("E_NOTFOUND", `lid: there is no lease ${lid.slice(0, 64)}; it may have run out`);
    return lease;
  }

  #enter(lease: Lease, state: LeaseState, fault?: LeaseFault): void {
    if (this.#leases.get(lease.lid) !== lease) return;
    const before = lease.state;
    lease.state = state;
    lease.sinceMs = this.#options.nowMs();
    if (state === "live") {
      lease.error = undefined;
      this.#settle(lease, undefined);
      this.#tell(lease, "update", { st: "live" });
    }
    if (fault === undefined) return;
    lease.error = fault.message;
    if (before === "live") this.#tell(lease, "update", { st: "backoff", err: fault.message });
    const why: LeaseEnd = lease.isSettled && fault.code === "not-configured" ? "gone" : "refused";
    const isFatal = (lease.isSettled ? FATAL : FATAL_AT_FIRST).has(fault.code);
    this.#settle(lease, isFatal ? fault : undefined);
    if (isFatal) void this.end(lease.lid, why);
  }

  #settle(lease: Lease, fault: LeaseFault | undefined): void {
    lease.isSettled = true;
    lease.firstAttempt.resolve(fault);
  }

  #tell({ lid, wish: { cam, proto, host } }: Lease, phase: EventPhase, more: Readonly<Record<string, unknown>>): void {
    const severity = more["st"] === "backoff" ? "warn" : "info";
    const data = { lid, proto, to: host, ...more };
    this.#options.tell({ severity, phase, condition: `stream.push ${lid}`, camera: cam, data });
  }
}
