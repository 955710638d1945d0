// The control API, as a part of the gateway: what the API shows of the other parts.
import { ApiServer, type ApiSubjects } from "#api/api-server.ts";
import { version } from "#base/version.ts";
import type { Config } from "#config/config.ts";
import { pageAssets } from "./assets.ts";
import type { GatewayContext } from "./context.ts";
import { browserGuardOf, httpListenerOf, openedText } from "./listeners.ts";
import type { RunningPart } from "./part.ts";
import { servesRtsp, servesRtsps } from "./rtsp-options.ts";
import { securityTextOf } from "./security-text.ts";

/** As in MediaMTX. */
const MAX_BODY_BYTES = 10 * 2 ** 20;

export async function start(context: GatewayContext, config: Config): Promise<RunningPart> {
  const { global } = config;
  const log = context.log.child("API");
  const server = await ApiServer.listen({
    ...subjectsOf(context, config),
    ...httpListenerOf(context, global, "api", log),
    authorize: context.authenticator.authorize,
    assets: pageAssets(),
    securityText: () => securityTextOf(context),
    onChange: (who, op) => context.audit?.note({ who, op }),
    browserGuard: browserGuardOf(context, "api"),
    bodyLimits: global.profile === "appliance" ? { maxBytes: 2 ** 18, isTyped: true } : { maxBytes: MAX_BODY_BYTES },
  });
  log.info(openedText(global, "api"));
  return {
    ports: { apiAddress: server.port },
    update: (next) => server.show(subjectsOf(context, next)),
    close: () => server.close(),
  };
}

/** Groups of servers that are off are not there at all. */
function subjectsOf(context: GatewayContext, { global }: Config): ApiSubjects {
  const { registry, sessions, clock, startedUs, authenticator } = context;
  return {
    config: context.live,
    registry,
    clock,
    startedUs,
    version: `v${version}`,
    refreshKeys: () => authenticator.refreshKeys(),
    sessions,
    health: { read: () => context.health!.read() },
    camgate: context.commands!, // below: there as long as the API is
    servers: { rtsp: servesRtsp(global), rtsps: servesRtsps(global), webrtc: global.webrtc },
    recordings: context.recording?.library,
  };
}
