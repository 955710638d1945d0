// `camgate noc watch`: the sites as a live table, and what happens.
import { setTimeout as delay } from "node:timers/promises";
import { CallerFault } from "#base/errors.ts";
import { FleetView, type SeenEvent } from "#noc/fleet-view.ts";
import { NocConnection } from "#noc/noc-connection.ts";
import { eventLine, siteTable } from "#noc/site-table.ts";
import { brokerOf, type NocCall, numberOf, parseNocWords, tenantOf, textOf } from "./noc-options.ts";

const REFRESH_MS = 1000;
const EVENTS_SHOWN = 8;
const ROWS_SHOWN = 30;

/** Until it is interrupted; with `--once <seconds>` one table after so long. */
export async function runNocWatch(words: readonly string[], call: NocCall): Promise<number> {
  const { values, positionals } = parseNocWords(words, { once: { type: "string" }, rows: { type: "string" } }, call);
  if (positionals.length > 0) throw new CallerFault("invalid", `'${positionals[0]}' is a word too many`);
  const onceS = textOf(values, "once") === undefined ? undefined : numberOf(values, "once", 0, 0, 3600);
  const rows = numberOf(values, "rows", onceS === undefined ? ROWS_SHOWN : 1e6, 1, 1e6);
  const isLive = onceS === undefined && call.columns !== undefined;
  const recent: string[] = [];
  const onEvent = (seen: SeenEvent): void => {
    const line = eventLine(seen);
    if (onceS === undefined && !isLive) call.out.line(line);
    recent.push(line);
    if (recent.length > EVENTS_SHOWN) recent.shift();
  };
  const view = new FleetView(onEvent);
  const tenant = tenantOf(values);
  const connection = await NocConnection.open(await brokerOf(values), call.signal);
  connection.listen((message) => view.take(message, performance.now()));
  try {
    await connection.subscribe(FleetView.filters(tenant));
    const interrupted = new Promise<undefined>((resolve) => {
      if (call.signal.aborted) resolve(undefined);
      call.signal.addEventListener("abort", () => resolve(undefined));
    });
    const ended = Promise.race([connection.ended, interrupted]);
    const print = (): void => {
      const lines = siteTable(view.sites.values(), performance.now(), rows);
      if (!isLive) for (const line of lines) call.out.line(line);
      else call.out.line(`\x1b[H\x1b[2J${[...lines, "", ...recent].map((line) => line.slice(0, call.columns)).join("\n")}`);
    };
    if (onceS !== undefined) await Promise.race([delay(onceS * 1000, undefined, { signal: call.signal }).catch(() => {}), ended]);
    const timer = isLive ? setInterval(print, REFRESH_MS) : undefined;
    try {
      const loss = onceS === undefined ? await ended : undefined;
      if (!isLive) print();
      if (loss === undefined || call.signal.aborted) return 0;
      throw new CallerFault("timed-out", `the connection was lost: ${loss.message}`);
    } finally {
      clearInterval(timer);
    }
  } finally {
    await connection.close();
  }
}
