// The playback server, as a part of the gateway.
import type { Config } from "#config/config.ts";
import { pathNameFault } from "#config/path-name.ts";
import { PlaybackServer } from "#record/playback/playback-server.ts";
import type { GatewayContext } from "./gateway-context.ts";
import { addressOf, type RunningPart } from "./gateway-part.ts";

export async function start(context: GatewayContext, { global }: Config): Promise<RunningPart> {
  const log = context.log.child("playback");
  const server = await PlaybackServer.listen({
    address: addressOf(global.playbackAddress),
    allowOrigins: global.playbackAllowOrigins,
    readTimeoutMs: global.readTimeout,
    writeTimeoutMs: global.writeTimeout,
    trustsProxy: () => false,
    log,
    pathNameFault,
    authorize: context.authenticator.authorize,
    indexOf: (path) => context.recording?.indexOf(path),
  });
  log.info(`listener opened on ${global.playbackAddress} (TCP)`);
  return { ports: { playbackAddress: server.port }, close: () => server.close() };
}
