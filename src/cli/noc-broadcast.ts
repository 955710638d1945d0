// `camgate noc broadcast <op> [arguments]`: one command to every gateway of a tenant.
import { CallerFault } from "#base/errors.ts";
import type { CommandAnswer } from "#fleet/command-request.ts";
import { parseCommandArguments } from "#noc/command-arguments.ts";
import { callFleet } from "#noc/fleet-call.ts";
import { NocConnection } from "#noc/noc-connection.ts";
import { plainText } from "#noc/plain-text.ts";
import { brokerOf, type NocCall, numberOf, parseNocWords, tenantOf } from "./noc-options.ts";

/** All else is for one gateway at a time. */
const OPERATIONS = ["ping", "rebirth", "backoff"];
/** 3: some could not; 7: some said nothing in time. */
const [FAILED, NO_ANSWER] = [3, 7];
const MAX_SPREAD_S = 3600;
const MISSING_SHOWN = 20;

export async function runNocBroadcast(words: readonly string[], call: NocCall): Promise<number> {
  const { values, positionals } = parseNocWords(words, { timeout: { type: "string" }, spread: { type: "string" } }, call);
  const [op = "", ...rest] = positionals;
  if (!OPERATIONS.includes(op)) throw new CallerFault("invalid", `broadcast: ${OPERATIONS.join(", ")}; all else is for one gateway: send`);
  const spreadSeconds = numberOf(values, "spread", 5, 0, MAX_SPREAD_S);
  const args = { ...parseCommandArguments(op, rest), ...(spreadSeconds > 0 && { spread_s: spreadSeconds }) };
  const timeoutMs = numberOf(values, "timeout", spreadSeconds + 30, 1, 86_400) * 1000;
  const tenant = tenantOf(values);
  const connection = await NocConnection.open(await brokerOf(values), call.signal);
  try {
    const show = (gateway: string, { st, e }: CommandAnswer): void => {
      if (st !== "ok") call.out.line(`${gateway}  ${st}${e === undefined ? "" : `  ${plainText(e.c)}: ${plainText(e.m)}`}`);
    };
    const { answers, missing } = await callFleet(connection, { tenant, op, args, timeoutMs, utcMs: Date.now, onAnswer: show });
    const ok = [...answers.values()].filter(({ st }) => st === "ok").length;
    for (const gateway of missing.slice(0, MISSING_SHOWN)) call.out.line(`${gateway}  no answer`);
    if (missing.length > MISSING_SHOWN) call.out.line(`… and ${missing.length - MISSING_SHOWN} more`);
    call.out.line(`${ok} ok, ${answers.size - ok} failed, ${missing.length} did not answer`);
    return missing.length > 0 || answers.size === 0 ? NO_ANSWER : ok < answers.size ? FAILED : 0;
  } finally {
    await connection.close();
  }
}
