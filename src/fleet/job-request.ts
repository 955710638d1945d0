// A job as the NOC sends it (§10 of the contract), and when it may begin.
import { createHash } from "node:crypto";

export interface JobRequest {
  readonly job: string;
  readonly op: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** UTC, ms since 1970: not before, and not after. */
  readonly notBeforeMs: number | undefined;
  readonly deadlineMs: number | undefined;
  readonly window: JobWindow | undefined;
  /** Gateways begin at times of their own within so long. */
  readonly spreadSeconds: number;
  /** A step that takes longer has failed. */
  readonly stepSeconds: number;
  readonly tries: number;
}

/** Minutes of the day; `to` may lie before `from`: over midnight. */
export interface JobWindow {
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly isLocal: boolean;
}

const DAY_MIN = 1440;
/** Whoever drew the last moment of a window and wakes a little later does not wait for another day. */
const LATE_MIN = 1;
const MAX_SPREAD_S = 7 * 86_400;
const DEFAULT_STEP_S = 900;
const DEFAULT_TRIES = 3;

/** The fault names the field. */
export function parseJob(value: unknown): JobRequest | { readonly fault: string } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { fault: "it is no object" };
  const fields = value as Readonly<Record<string, unknown>>;
  const {
    v,
    job,
    op,
    args = {},
    nb,
    deadline,
    window,
    spread_s: spread = 0,
    step_s: step = DEFAULT_STEP_S,
    tries = DEFAULT_TRIES,
  } = fields;
  if (v !== 1) return { fault: "v: has to be 1" };
  if (typeof job !== "string" || !/^[0-9A-Za-z_-]{1,64}$/.test(job)) return { fault: "job: has to be up to 64 letters, digits, _ and -" };
  if (typeof op !== "string" || !/^[a-z][a-z0-9_.]{0,63}$/.test(op)) return { fault: "op: has to be the name of an operation" };
  if (typeof args !== "object" || args === null || Array.isArray(args)) return { fault: "args: has to be an object" };
  for (const [name, time] of Object.entries({ nb, deadline }))
    if (time !== undefined && !(typeof time === "number" && time > 0)) return { fault: `${name}: has to be a time, in ms since 1970` };
  const parsedWindow = window === undefined ? undefined : parseWindow(window);
  if (parsedWindow === null) return { fault: "window: has to be hh:mm-hh:mm, and local or utc behind it" };
  if (!isIn(spread, 0, MAX_SPREAD_S)) return { fault: `spread_s: has to be 0 to ${MAX_SPREAD_S}` };
  if (!isIn(step, 1, 86_400)) return { fault: "step_s: has to be 1 to 86400" };
  if (!isIn(tries, 1, 10) || !Number.isInteger(tries)) return { fault: "tries: has to be 1 to 10" };
  return {
    job,
    op,
    args: args as JobRequest["args"],
    notBeforeMs: nb as number | undefined,
    deadlineMs: deadline as number | undefined,
    window: parsedWindow,
    spreadSeconds: spread,
    stepSeconds: step,
    tries,
  };
}

function isIn(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && value >= min && value <= max;
}

/** Null: it is none. */
function parseWindow(text: unknown): JobWindow | null {
  const match = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)(?: (local|utc))?$/.exec(typeof text === "string" ? text : "");
  if (match === null) return null;
  const [from, to] = [Number(match[1]) * 60 + Number(match[2]), Number(match[3]) * 60 + Number(match[4])];
  return from === to ? null : { fromMinute: from, toMinute: to, isLocal: match[5] !== "utc" };
}

/** This gateway's own part of the spread, 0 … 1: the same whenever it is asked, another for each gateway and job. */
export function spreadPart(gatewayId: string, job: string): number {
  return createHash("sha256").update(`${gatewayId} ${job}`).digest().readUInt32BE(0) / 2 ** 32;
}

/** Where a gateway may begin a job. `zoneMinutes`: what is added to UTC for local time. */
export interface JobPlace {
  readonly gatewayId: string;
  zoneMinutes(utcMs: number): number;
}

/** UTC, ms: when the job may begin at the earliest. Windows come round every day; the spread counts from the first moment that is allowed. */
export function startOf(request: JobRequest, nowMs: number, place: JobPlace): number {
  const { notBeforeMs, window, spreadSeconds, job } = request;
  const part = spreadPart(place.gatewayId, job);
  const earliestMs = Math.max(nowMs, notBeforeMs ?? nowMs);
  if (window === undefined) return Math.max(nowMs, Math.round((notBeforeMs ?? nowMs) + part * spreadSeconds * 1000));
  const lengthMin = (window.toMinute - window.fromMinute + DAY_MIN) % DAY_MIN;
  const sinceMin = minutesSince(window, earliestMs, place);
  // Within the window: what is left of it; else the next one.
  const [fromMs, leftMin] =
    sinceMin < lengthMin ? [earliestMs, lengthMin - sinceMin] : [windowAfter(window, earliestMs, sinceMin, place), lengthMin];
  return Math.round(fromMs + part * Math.min(spreadSeconds * 1000, leftMin * 60_000));
}

/** Whether a job may begin at that moment, as far as its window goes. */
export function isInWindow({ window }: JobRequest, nowMs: number, place: JobPlace): boolean {
  if (window === undefined) return true;
  return minutesSince(window, nowMs, place) <= ((window.toMinute - window.fromMinute + DAY_MIN) % DAY_MIN) + LATE_MIN;
}

/** The next one begins when the clock on the wall says so, also where it is put forward or back until then. */
function windowAfter(window: JobWindow, earliestMs: number, sinceMin: number, { zoneMinutes }: JobPlace): number {
  const guessMs = earliestMs + (DAY_MIN - sinceMin) * 60_000;
  if (!window.isLocal) return guessMs;
  return Math.max(earliestMs + 60_000, guessMs + (zoneMinutes(earliestMs) - zoneMinutes(guessMs)) * 60_000);
}

/** Since the window began last: below its length it is open. */
function minutesSince({ fromMinute, isLocal }: JobWindow, utcMs: number, { zoneMinutes }: JobPlace): number {
  const minutes = utcMs / 60_000 + (isLocal ? zoneMinutes(utcMs) : 0) - fromMinute;
  return ((minutes % DAY_MIN) + DAY_MIN) % DAY_MIN;
}
