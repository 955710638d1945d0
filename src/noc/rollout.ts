// A job on its way through a fleet: who has it, how each one is, when the next ring begins, and when it has to stop. No clock, no network, no disk.
import type { JobNews } from "./job-message.ts";
import { type FailureLimit, type ReceiverWish, type RolloutPlan, ringMembers } from "./rollout-plan.ts";

/** What a gateway says of it, and: `open`, it has not been sent; `sent`; `silent`, it is there and said nothing; `missed`, it was not there until the deadline. */
export type SiteJobState = "open" | "sent" | "queued" | "wait" | "run" | "ok" | "err" | "rej" | "rolledback" | "silent" | "missed";

export interface SiteJob {
  st: SiteJobState;
  /** Of its last update; 0: it has said nothing. */
  xv: number;
  step: string | null;
  pct: number;
  err: string | null;
  /** UTC, ms. */
  sentMs: number | null;
}

export type RolloutStatus = "running" | "paused" | "stopped" | "cancelled" | "done";

/** As it is kept. */
export interface RolloutState {
  readonly v: 1;
  readonly tenant: string;
  readonly job: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly isSigned: boolean;
  readonly receive?: ReceiverWish;
  readonly deadlineMs: number;
  /** From the deadline until a step that runs has to be over. */
  readonly graceMs: number;
  readonly maxFailed: FailureLimit;
  readonly silentMs: number;
  readonly soakMs: number;
  readonly rings: readonly (readonly string[])[];
  readonly sites: Record<string, SiteJob>;
  st: RolloutStatus;
  /** Why it is in this state. */
  why: string | null;
  /** Place of the ring that was begun last. */
  ring: number;
  /** UTC, ms: when everybody in it was done. */
  ringDoneMs: number | null;
  /** Failures that were there when it was gone on with: they do not count. */
  forgiven: number;
}

export interface RolloutSteps {
  /** Marked as sent: to be kept before they are. */
  readonly send: readonly string[];
  /** Whose retained job is to be emptied. */
  readonly clear: readonly string[];
}

const FAILED: ReadonlySet<SiteJobState> = new Set(["err", "rej", "rolledback", "silent"]);
const FINAL: ReadonlySet<SiteJobState> = new Set([...FAILED, "ok", "missed"]);
/** It has not begun. */
const WAITING: ReadonlySet<SiteJobState> = new Set(["sent", "queued", "wait"]);
/** A gateway says itself that its deadline has passed. */
const DEADLINE_GRACE_MS = 120_000;

export function newRollout(plan: RolloutPlan, tenant: string, gateways: readonly string[], isSigned: boolean): RolloutState {
  const rings = ringMembers(plan, gateways);
  const fresh = (): SiteJob => ({ st: "open", xv: 0, step: null, pct: 0, err: null, sentMs: null });
  return {
    ...{ v: 1, tenant, job: plan.job, request: plan.request, isSigned, deadlineMs: plan.deadlineMs },
    ...(plan.receive !== undefined && { receive: plan.receive }),
    graceMs: DEADLINE_GRACE_MS + (plan.stepSeconds * 1000 + 60_000) * plan.tries,
    ...{ maxFailed: plan.maxFailed, silentMs: plan.silentSeconds * 1000, soakMs: plan.soakSeconds * 1000 },
    rings,
    sites: Object.fromEntries(rings.flat().map((gateway) => [gateway, fresh()])),
    ...{ st: "running", why: null, ring: 0, ringDoneMs: null, forgiven: 0 },
  };
}

export function isFailed({ st }: SiteJob): boolean {
  return FAILED.has(st);
}

export function isFinal({ st }: SiteJob): boolean {
  return FINAL.has(st);
}

export class Rollout {
  readonly state: RolloutState;
  /** Something was changed that is to be kept. */
  isChanged = false;
  /** What the broker keeps for each gateway: the name of a job. */
  readonly #slots = new Map<string, string>();
  /** Gateways that are there, and since when that is known. */
  readonly #there = new Map<string, number>();

  constructor(state: RolloutState) {
    this.state = state;
  }

  has(gateway: string): boolean {
    return Object.hasOwn(this.state.sites, gateway);
  }

  isAway(gateway: string): boolean {
    return !this.#there.has(gateway);
  }

  /** The slot holds another job: this one waits for it to be emptied. */
  isBlocked(gateway: string): boolean {
    const slot = this.#slots.get(gateway);
    return slot !== undefined && slot !== this.state.job;
  }

  /** Nothing is known of what the broker keeps and who is there: it is told again. */
  forget(): void {
    this.#slots.clear();
    this.#there.clear();
  }

  takeSlot(gateway: string, job: string | undefined): void {
    if (!this.has(gateway)) return;
    if (job === undefined) this.#slots.delete(gateway);
    else this.#slots.set(gateway, job);
  }

  takePresence(gateway: string, isThere: boolean, nowMs: number): void {
    if (!isThere) this.#there.delete(gateway);
    else if (!this.#there.has(gateway)) this.#there.set(gateway, nowMs);
  }

  takeNews(gateway: string, { job, xv, st, step, pct, err }: JobNews): void {
    const site = this.state.sites[gateway];
    if (job !== this.state.job || site === undefined || !this.has(gateway)) return;
    const isOld = xv === undefined ? isFinal(site) && site.st !== "silent" && site.st !== "missed" : xv <= site.xv;
    if (isOld) return;
    this.isChanged = true;
    site.xv = xv ?? site.xv;
    // Taken back before it began: it is as if it had not been sent.
    if (st === "cancel") this.#change(site, "open", null);
    else if (site.st !== "open" || !WAITING.has(st)) Object.assign(site, { st, step, pct, err });
  }

  pause(why: string): void {
    this.#end("paused", why);
  }

  cancel(why: string): void {
    this.#end("cancelled", why);
  }

  /** Goes on, whatever failed before. */
  resume(): void {
    this.isChanged = true;
    Object.assign(this.state, { st: "running", why: null, forgiven: this.#count(isFailed) });
  }

  /** What is to be done now. `listeningMs`: since when all that is told is heard. UTC, ms. */
  step(nowMs: number, listeningMs: number): RolloutSteps {
    const { state } = this;
    if (state.st === "running") {
      this.#age(nowMs, listeningMs);
      this.#judge();
    }
    if (state.st === "running") this.#advance(nowMs);
    const send = state.st === "running" ? this.#toSend(nowMs) : [];
    return { send, clear: this.#toClear() };
  }

  /** Counts of sites by state, of one ring or of all. */
  counts(ring?: number): ReadonlyMap<SiteJobState, number> {
    const counts = new Map<SiteJobState, number>();
    const members = ring === undefined ? Object.keys(this.state.sites) : this.state.rings[ring]!;
    for (const gateway of members) {
      const { st } = this.state.sites[gateway]!;
      counts.set(st, (counts.get(st) ?? 0) + 1);
    }
    return counts;
  }

  #end(st: RolloutStatus, why: string): void {
    this.isChanged = true;
    Object.assign(this.state, { st, why });
  }

  #count(fits: (site: SiteJob) => boolean): number {
    return Object.values(this.state.sites).filter(fits).length;
  }

  #age(nowMs: number, listeningMs: number): void {
    const { deadlineMs, graceMs, silentMs, sites } = this.state;
    for (const [gateway, site] of Object.entries(sites)) {
      const thereMs = this.#there.get(gateway);
      const isSilent = thereMs !== undefined && nowMs - Math.max(site.sentMs ?? nowMs, thereMs, listeningMs) > silentMs;
      if (site.st === "sent" && isSilent) this.#change(site, "silent", "it is there, and says nothing of the job");
      else if ((site.st === "open" || site.st === "sent") && nowMs > deadlineMs)
        this.#change(site, "missed", site.st === "open" ? "it was not sent before the deadline" : "it was away until the deadline");
      else if (!isFinal(site) && site.st !== "open" && nowMs > deadlineMs + graceMs)
        this.#change(site, "silent", "it has not told the end of the job");
    }
  }

  #judge(): void {
    const { maxFailed, forgiven } = this.state;
    const failed = this.#count(isFailed) - forgiven;
    const sent = this.#count(({ sentMs }) => sentMs !== null);
    const allowed = "count" in maxFailed ? maxFailed.count : (sent * maxFailed.percent) / 100;
    if (failed <= allowed) return;
    const limit = "count" in maxFailed ? String(maxFailed.count) : `${maxFailed.percent} %`;
    this.#end("stopped", `${failed} of ${sent} failed, and ${limit} may`);
  }

  #advance(nowMs: number): void {
    const { state } = this;
    const members = state.rings[state.ring]!.map((gateway) => [gateway, state.sites[gateway]!] as const);
    const isAway = ([gateway, site]: (typeof members)[number]): boolean => site.st === "sent" && this.isAway(gateway);
    const isDone =
      members.every((one) => isFinal(one[1]) || isAway(one)) && (members.length === 0 || members.some(([, site]) => isFinal(site)));
    if (!isDone) {
      state.ringDoneMs = null;
      return;
    }
    if (state.ring === state.rings.length - 1) {
      if (Object.values(state.sites).every(isFinal)) this.#end("done", "every gateway has come to an end");
      return;
    }
    this.isChanged ||= state.ringDoneMs === null;
    state.ringDoneMs ??= nowMs;
    if (nowMs - state.ringDoneMs < state.soakMs) return;
    Object.assign(state, { ring: state.ring + 1, ringDoneMs: null });
    this.isChanged = true;
  }

  #toSend(nowMs: number): string[] {
    const { rings, ring, sites, job } = this.state;
    const send: string[] = [];
    for (const gateway of rings.slice(0, ring + 1).flat()) {
      const site = sites[gateway]!;
      // Marked as sent by a run that was cut off before it was, or the connection was.
      const isLost = site.st === "sent" && site.xv === 0 && this.#slots.get(gateway) !== job;
      if ((site.st !== "open" && !isLost) || this.isBlocked(gateway)) continue;
      if (site.st === "open") this.#change(site, "sent", null);
      site.sentMs = nowMs;
      send.push(gateway);
    }
    return send;
  }

  /** Those that are over, and, where it does not go on, those that have not begun, which are as if they had not been sent. */
  #toClear(): string[] {
    const { st, sites, job } = this.state;
    const clear: string[] = [];
    for (const [gateway, site] of Object.entries(sites)) {
      if (st !== "running" && st !== "done" && WAITING.has(site.st)) this.#change(site, "open", null);
      const isOver = isFinal(site) || site.st === "open" || st === "cancelled" || st === "done";
      if (isOver && this.#slots.get(gateway) === job) clear.push(gateway);
    }
    return clear;
  }

  #change(site: SiteJob, st: SiteJobState, err: string | null): void {
    Object.assign(site, { st, err, step: null, pct: 0 });
    this.isChanged = true;
  }
}
