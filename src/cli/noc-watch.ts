// `camgate noc watch`: the sites as a live table, and what happens.
import type { IncomingMessage } from "#fleet/mqtt-connection.ts";
import { FleetView, type SeenEvent } from "#noc/fleet-view.ts";
import { eventLine, siteTable } from "#noc/site-table.ts";
import { stayConnected } from "#noc/steady-connection.ts";
import { brokerOf, type NocCall, numberOf, parseNocWords, refuseMore, tenantOf, textOf } from "./noc-options.ts";

const REFRESH_MS = 1000;
const EVENTS_SHOWN = 8;
const ROWS_SHOWN = 30;

/** Until it is interrupted; with `--once <seconds>` one table after so long. */
export async function runNocWatch(words: readonly string[], call: NocCall): Promise<number> {
  const { values, positionals } = parseNocWords(words, { once: { type: "string" }, rows: { type: "string" } }, call);
  refuseMore(positionals);
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
  const access = await brokerOf(values);
  let trouble = "";
  const print = (): void => {
    const lines = siteTable(view.sites.values(), performance.now(), rows);
    if (!isLive) for (const line of lines) call.out.line(line);
    else call.out.line(`\x1b[H\x1b[2J${[trouble, ...lines, "", ...recent].map((line) => line.slice(0, call.columns)).join("\n")}`);
  };
  const over = new AbortController();
  const link = {
    topics: FleetView.filters(tenant),
    random: Math.random,
    onMessage: (message: IncomingMessage) => view.take(message, performance.now()),
    onUp: () => {
      if (trouble !== "" && !isLive) call.out.line("the broker is there again");
      trouble = "";
      if (onceS !== undefined) setTimeout(() => over.abort(), onceS * 1000);
    },
    onDown: (reason: string) => {
      trouble = `the broker is away: ${reason}`;
      if (onceS !== undefined) over.abort();
      else if (!isLive) call.out.line(trouble);
    },
  };
  const timer = isLive ? setInterval(print, REFRESH_MS) : undefined;
  try {
    await stayConnected(access, link, AbortSignal.any([call.signal, over.signal]));
  } finally {
    clearInterval(timer);
  }
  if (!isLive) print();
  return 0;
}
