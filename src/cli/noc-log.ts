// `camgate noc log <gateway>`: the gateway's log while it is written, until it is interrupted.
import { setTimeout as sleep } from "node:timers/promises";
import { counted } from "#base/counted.ts";
import { CallerFault } from "#base/errors.ts";
import type { CommandAnswer } from "#fleet/command-request.ts";
import { parseStrictJson } from "#fleet/strict-json.ts";
import { Topics } from "#fleet/topics.ts";
import { parseCommandArguments } from "#noc/command-arguments.ts";
import { NocConnection } from "#noc/noc-connection.ts";
import { plainText } from "#noc/plain-text.ts";
import { brokerOf, gatewayOf, type NocCall, numberOf, parseNocWords, refuseMore, textOf } from "./noc-options.ts";
import { askGateway, sayNoResult } from "./noc-send.ts";

const OPTIONS = {
  level: { type: "string" },
  last: { type: "string" },
  timeout: { type: "string" },
  unsigned: { type: "boolean" },
} as const;

/** A lease outlives us by no more. */
const TTL_S = 60;
const MAX_MESSAGE_BYTES = 64 * 1024;

export async function runNocLog(words: readonly string[], call: NocCall): Promise<number> {
  const { values, positionals } = parseNocWords(words, OPTIONS, call);
  const { out, signal } = call;
  const [name, ...more] = positionals;
  const gateway = gatewayOf(values, name);
  refuseMore(more);
  const timeoutMs = numberOf(values, "timeout", 60, 1, 3600) * 1000;
  const first = { ttl_s: TTL_S, level: textOf(values, "level") ?? "info", last: numberOf(values, "last", 0, 0, 200) };
  parseCommandArguments("log.tail", [JSON.stringify(first)]);
  // An interrupt ends the connection while it is made; later the lease is given back over it.
  const connecting = new AbortController();
  const giveUp = (): void => connecting.abort();
  signal.addEventListener("abort", giveUp);
  const connection = await NocConnection.open(await brokerOf(values), connecting.signal);
  signal.removeEventListener("abort", giveUp);
  const ask = (op: string, args: Readonly<Record<string, unknown>>): Promise<CommandAnswer | undefined> =>
    askGateway(connection, values, { gateway, op, args, timeoutMs });
  /** The lease's name; a number: the exit code, and why is said. */
  const leaseOf = (answer: CommandAnswer | undefined): string | number => {
    const { lid } = (answer?.res ?? {}) as { readonly lid?: unknown };
    return answer?.st === "ok" && typeof lid === "string" ? lid : sayNoResult(answer, timeoutMs, out);
  };
  try {
    const topic = new Topics(gateway).up("log");
    await connection.subscribe([topic]);
    connection.listen((message) => {
      if (message.topic !== topic || message.payload.length > MAX_MESSAGE_BYTES) return;
      for (const line of linesOf(message.payload)) out.line(line);
    });
    const lid = leaseOf(await ask("log.tail", first));
    if (typeof lid === "number") return lid;
    const lost = connection.ended.then(({ message }) => new CallerFault("timed-out", `the connection was lost: ${message}`));
    while (!signal.aborted) {
      const pause = sleep((TTL_S * 1000) / 2, undefined, { signal }).catch(() => undefined);
      const loss = await Promise.race([lost, pause]);
      if (loss !== undefined) throw loss;
      if (signal.aborted) break;
      const renewed = leaseOf(await ask("log.tail", { lid, ttl_s: TTL_S }));
      if (typeof renewed === "number") return renewed;
    }
    await ask("log.stop", { lid });
    return 0;
  } finally {
    await connection.close();
  }
}

/** As they may stand on a terminal. Never throws. */
function linesOf(payload: Buffer): string[] {
  const parsed = parseStrictJson(payload.toString("utf8"));
  const { lines, dropped } = ("value" in parsed ? (parsed.value ?? {}) : {}) as { readonly lines?: unknown; readonly dropped?: unknown };
  const shown = (Array.isArray(lines) ? lines : []).map((line) => plainText(line));
  return typeof dropped === "number" && dropped > 0 ? [...shown, `… ${counted(dropped, "line")} left out: too many at once`] : shown;
}
