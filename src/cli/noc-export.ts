// `camgate noc export`: the fleet for Prometheus, over HTTP.
import { createServer } from "node:http";
import { CallerFault, errorText } from "#base/errors.ts";
import { formatAddress } from "#base/listen-address.ts";
import type { IncomingMessage } from "#fleet/mqtt-connection.ts";
import { fleetMetrics } from "#noc/fleet-metrics.ts";
import { FleetView } from "#noc/fleet-view.ts";
import { stayConnected } from "#noc/steady-connection.ts";
import { brokerOf, listenOf, type NocCall, parseNocWords, refuseMore, tenantOf } from "./noc-options.ts";

/** Until it is interrupted; a broker that goes is waited for. */
export async function runNocExport(words: readonly string[], call: NocCall): Promise<number> {
  const { values, positionals } = parseNocWords(words, { listen: { type: "string" } }, call);
  refuseMore(positionals);
  const { host, port } = listenOf(values, "127.0.0.1:9464");
  const view = new FleetView();
  const tenant = tenantOf(values);
  const access = await brokerOf(values);
  let isConnected = false;
  const server = createServer((request, response) => {
    const isMetrics = request.method === "GET" && request.url?.split("?")[0] === "/metrics";
    if (!isMetrics) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(fleetMetrics(view, performance.now(), isConnected));
  });
  const open = async (): Promise<void> => {
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(new CallerFault("invalid", `--listen: ${errorText(error)}`, "listen")));
      server.listen(port, host, resolve);
    });
    const { port: taken } = server.address() as { readonly port: number };
    call.out.line(`http://${formatAddress(host, taken)}/metrics`);
  };
  const stop = new AbortController();
  let opening: Promise<void> | undefined;
  let failure: unknown;
  try {
    const link = {
      topics: FleetView.filters(tenant),
      random: Math.random,
      onMessage: (message: IncomingMessage) => view.take(message, performance.now()),
      onUp: () => {
        isConnected = true;
        opening ??= open().catch((error: unknown) => {
          failure = error;
          stop.abort();
        });
      },
      onDown: (reason: string) => {
        isConnected = false;
        call.out.line(`the broker is away: ${reason}`);
      },
    };
    await stayConnected(access, link, AbortSignal.any([call.signal, stop.signal]));
    await opening;
    if (failure !== undefined) throw failure;
    return 0;
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
