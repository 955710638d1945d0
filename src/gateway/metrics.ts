// The metrics server, as a part of the gateway: what it asks the other parts at each scrape.
import { MetricsServer } from "#api/metrics/metrics-server.ts";
import { processFacts } from "#api/metrics/process-facts.ts";
import { version } from "#base/version.ts";
import type { Config } from "#config/config.ts";
import { nativeStatus } from "#native/ladder.ts";
import type { GatewayContext } from "./context.ts";
import { httpListenerOf, openedText } from "./listeners.ts";
import type { RunningPart } from "./part.ts";
import { servesRtsp, servesRtsps } from "./rtsp-options.ts";

export async function start(context: GatewayContext, { global }: Config): Promise<RunningPart> {
  const { registry, sessions, clock, authenticator } = context;
  const log = context.log.child("metrics");
  const paths = () => registry.list().map((path) => path.snapshot());
  const server = await MetricsServer.listen({
    ...httpListenerOf(context, global, "metrics", log),
    authorize: authenticator.authorize,
    media: {
      paths,
      get rtsp() {
        if (!servesRtsp(context.config.global)) return undefined;
        return { connections: () => sessions.list("rtspConn"), sessions: () => sessions.list("rtspSession") };
      },
      get rtsps() {
        if (!servesRtsps(context.config.global)) return undefined;
        return { connections: () => sessions.list("rtspsConn"), sessions: () => sessions.list("rtspsSession") };
      },
      get webrtc() {
        return context.config.global.webrtc ? { sessions: () => sessions.list("webRTCSession") } : undefined;
      },
    },
    camgate: {
      access: () => ({ connections: context.connectionLimits, readersRefused: registry.readersRefused, auth: authenticator.counters }),
      version,
      nowUs: () => clock.nowUs(),
      recorders: () => context.recording?.recorders.list() ?? [],
      gaps: () => context.recording?.gaps.list() ?? [],
      ring: () => {
        const { ring } = context;
        return ring && { status: ring.status, usage: ring.usage, wear: ring.wear() };
      },
      folders: async () => (await context.recording?.space.read()) ?? [],
      process: processFacts,
      eventLoopDelay: () => context.health?.delay.report(),
      gcMs: () => context.health?.gc.totalMs ?? 0,
      host: () => context.health?.read(),
      paths,
      config: () => context.live.status,
      nativeRung: () => nativeStatus().rung,
      clock: () => clock.keeper?.status() ?? clock.utcOf(clock.nowUs()),
    },
  });
  log.info(openedText(global, "metrics"));
  return { ports: { metricsAddress: server.port }, close: () => server.close() };
}
