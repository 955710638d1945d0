// The profiling server, as a part of the gateway.
import { PprofServer } from "#api/pprof/pprof-server.ts";
import type { Config } from "#config/config.ts";
import type { GatewayContext } from "./context.ts";
import { httpListenerOf, openedText } from "./listeners.ts";
import type { RunningPart } from "./part.ts";

export async function start(context: GatewayContext, { global }: Config): Promise<RunningPart> {
  const log = context.log.child("pprof");
  const server = await PprofServer.listen({ ...httpListenerOf(context, global, "pprof", log), authorize: context.authenticator.authorize });
  log.info(openedText(global, "pprof"));
  return { ports: { pprofAddress: server.port }, close: () => server.close() };
}
