// A job on its way to a gateway, and what gateways tell of theirs. What comes from elsewhere never makes it throw.
import { gunzipSync } from "node:zlib";
import type { JobState } from "#fleet/job-runner.ts";
import { signJws } from "#fleet/jws.ts";
import { parseStrictJson } from "#fleet/strict-json.ts";
import type { GatewayIdentity } from "#fleet/topics.ts";
import type { Signer } from "./signing-keys.ts";

type Json = Readonly<Record<string, unknown>>;

/** An update as `up/job` has it, or as the inventory lists a job. */
export interface JobNews {
  readonly job: string;
  /** Undefined: an inventory that does not say. */
  readonly xv: number | undefined;
  readonly st: JobState;
  readonly step: string | null;
  readonly pct: number;
  /** Code and text. */
  readonly err: string | null;
}

const STATES: ReadonlySet<string> = new Set<JobState>(["queued", "wait", "run", "ok", "err", "rej", "rolledback", "cancel"]);
const MAX_BYTES = 256 * 1024;
const MAX_BULK_BYTES = 4 << 20;
const MAX_TEXT = 300;

/** `signer` undefined: it goes unsigned. */
export function jobPayload(request: Json, { tenant, gatewayId }: GatewayIdentity, signer: Signer | undefined): string {
  if (signer === undefined) return JSON.stringify(request);
  return signJws(JSON.stringify({ ...request, aud: `${tenant}/${gatewayId}` }), signer.kid, signer.privateKey);
}

/** The name of the job that a slot holds, signed or not; undefined: none. */
export function jobInSlot(payload: Buffer): string | undefined {
  const text = payload.length > MAX_BYTES ? "" : payload.toString("utf8");
  const isSigned = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
  const { job } = objectOf(isSigned ? Buffer.from(text.split(".")[1]!, "base64url").toString("utf8") : text) ?? {};
  return typeof job === "string" ? job : undefined;
}

/** Of `up/job`, `up/info` and `up/bulk`: whatever is told of jobs there. */
export function jobNewsOf(kind: string, payload: Buffer): readonly JobNews[] {
  if (kind === "bulk") return linesOf(payload).flatMap((line) => (line["t"] === "job" ? newsOf(line) : []));
  const body = payload.length > MAX_BYTES ? undefined : objectOf(payload.toString("utf8"));
  if (body === undefined) return [];
  if (kind === "job") return newsOf(body);
  const { jobs } = body;
  return kind === "info" && Array.isArray(jobs) ? jobs.flatMap((one) => newsOf((one ?? {}) as Json)) : [];
}

function newsOf({ job, xv, st, step, pct, e }: Json): JobNews[] {
  if (typeof job !== "string" || typeof st !== "string" || !STATES.has(st)) return [];
  const { c, m } = (typeof e === "object" && e !== null ? e : {}) as Json;
  return [
    {
      job,
      xv: Number.isSafeInteger(xv) ? (xv as number) : undefined,
      st: st as JobState,
      step: typeof step === "string" ? step.slice(0, 64) : null,
      pct: typeof pct === "number" && pct >= 0 && pct <= 100 ? pct : 0,
      err: typeof c === "string" ? `${c}: ${String(m)}`.slice(0, MAX_TEXT) : null,
    },
  ];
}

function linesOf(payload: Buffer): readonly Json[] {
  try {
    const text = gunzipSync(payload, { maxOutputLength: MAX_BULK_BYTES }).toString("utf8");
    return text
      .split("\n")
      .map(objectOf)
      .filter((line) => line !== undefined);
  } catch {
    return []; // it is none
  }
}

function objectOf(text: string): Json | undefined {
  const parsed = text === "" ? undefined : parseStrictJson(text);
  const value = parsed !== undefined && "value" in parsed ? parsed.value : undefined;
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}
