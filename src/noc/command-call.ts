// One command from the NOC: signed, sent, and its answers until the last one.
import { randomBytes } from "node:crypto";
import { CallerFault } from "#base/errors.ts";
import { type CommandAnswer, type CommandState, MAX_REQUEST_BYTES } from "#fleet/command-request.ts";
import { signJws } from "#fleet/jws.ts";
import { parseStrictJson } from "#fleet/strict-json.ts";
import { type GatewayIdentity, Topics } from "#fleet/topics.ts";
import { ulid } from "#fleet/ulid.ts";
import type { NocConnection } from "./noc-connection.ts";
import type { Signer } from "./signing-keys.ts";

export interface CommandCall {
  readonly gateway: GatewayIdentity;
  readonly op: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Undefined: it goes unsigned. */
  readonly signature: { readonly signer: Signer; readonly ctr: number } | undefined;
  /** How long it may take, to the last answer; the gateway does not begin it later. */
  readonly timeoutMs: number;
  readonly progressSeconds: number;
  /** UTC, ms. */
  readonly nowMs: number;
  /** Each answer, the last one too. */
  onAnswer(answer: CommandAnswer): void;
}

const STATES: ReadonlySet<string> = new Set<CommandState>(["ack", "run", "ok", "err", "rej", "exp", "cancel", "lost"]);
const MAX_ANSWER_BYTES = 256 * 1024;

export function isTerminal({ st }: CommandAnswer): boolean {
  return st !== "ack" && st !== "run";
}

/** Resolves with the last answer; undefined: none came in time. Rejects where the broker refuses it or the connection ends. */
export async function callCommand(connection: NocConnection, call: CommandCall): Promise<CommandAnswer | undefined> {
  const topics = new Topics(call.gateway);
  const id = ulid(call.nowMs);
  const responseTopic = `${topics.up("res")}/noc-${randomBytes(4).toString("hex")}`;
  const payload = payloadOf(id, call);
  if (payload.length > MAX_REQUEST_BYTES)
    throw new CallerFault("invalid", `arguments: the command is larger than ${MAX_REQUEST_BYTES} bytes`, "args");
  await connection.subscribe([topics.up("res"), responseTopic]);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), call.timeoutMs);
  let stop = (): void => {};
  try {
    const last = new Promise<CommandAnswer | undefined>((resolve) => {
      late.signal.addEventListener("abort", () => resolve(undefined));
      stop = connection.listen(({ topic, payload: bytes }) => {
        const answer = topic === responseTopic || topic === topics.up("res") ? parseAnswer(bytes) : undefined;
        // A request that the gateway could not read, or believe, has no id for it: its answer comes where nobody else's does.
        const isOurs = answer !== undefined && (answer.id === id || (answer.id === null && topic === responseTopic));
        if (!isOurs) return;
        call.onAnswer(answer);
        if (isTerminal(answer)) resolve(answer);
      });
    });
    await connection.publish({
      topic: topics.down("cmd"),
      payload,
      qos: 1,
      expirySeconds: Math.ceil(call.timeoutMs / 1000),
      contentType: "application/json",
      correlation: id,
      responseTopic,
    });
    const lost = connection.ended.then(({ message }) =>
      Promise.reject(new CallerFault("timed-out", `the connection was lost: ${message}`)),
    );
    return await Promise.race([last, lost]);
  } finally {
    clearTimeout(timer);
    stop();
  }
}

function payloadOf(id: string, { gateway, op, args, signature, timeoutMs, progressSeconds, nowMs }: CommandCall): string {
  const request = { v: 1, id, op, args, ts: nowMs, exp: nowMs + timeoutMs, mode: "once", prog_s: progressSeconds };
  if (signature === undefined) return JSON.stringify(request);
  const signed = { ...request, ctr: signature.ctr, aud: `${gateway.tenant}/${gateway.gatewayId}` };
  return signJws(JSON.stringify(signed), signature.signer.kid, signature.signer.privateKey);
}

/** Undefined: it is none. Never throws. */
export function parseAnswer(bytes: Buffer): CommandAnswer | undefined {
  const parsed = bytes.length > MAX_ANSWER_BYTES ? undefined : parseStrictJson(bytes.toString("utf8"));
  if (parsed === undefined || "fault" in parsed || typeof parsed.value !== "object" || parsed.value === null) return undefined;
  const { id, st, n, pct, msg, res, e } = parsed.value as Readonly<Record<string, unknown>>;
  if ((typeof id !== "string" && id !== null) || typeof st !== "string" || !STATES.has(st) || typeof n !== "number") return undefined;
  const { c, m, retry_s: retryS } = (e ?? {}) as Readonly<Record<string, unknown>>;
  return {
    id,
    st: st as CommandState,
    n,
    ...(typeof pct === "number" && { pct }),
    ...(typeof msg === "string" && { msg }),
    ...(res !== undefined && { res }),
    ...(typeof c === "string" && { e: { c, m: String(m), ...(typeof retryS === "number" && { retry_s: retryS }) } }),
  };
}
