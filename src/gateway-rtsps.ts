// The RTSPS server, as a part of the gateway: RTSP in TLS, beside the plain one or in its place.
import type { Config } from "#config/config.ts";
import { RtspServer } from "#protocols/rtsp/server.ts";
import type { GatewayContext } from "./gateway-context.ts";
import { certificateOf } from "./gateway-listeners.ts";
import { addressOf, type RunningPart } from "./gateway-part.ts";
import { rtspOptionsOf } from "./gateway-rtsp-options.ts";

export async function start(context: GatewayContext, { global }: Config): Promise<RunningPart> {
  const log = context.log.child("RTSPS");
  const server = await RtspServer.listen(
    rtspOptionsOf(context, global, {
      log,
      address: addressOf(global.rtspsAddress),
      certificate: certificateOf(global, "rtsp"),
      udp: undefined, // without SRTP it would be in clear
    }),
  );
  log.info(`listener opened on ${global.rtspsAddress} (TCP, TLS)`);
  return { ports: { rtspsAddress: server.port }, close: () => server.close() };
}
