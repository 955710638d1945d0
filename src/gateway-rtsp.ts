// The RTSP server, as a part of the gateway.
import { CallerFault } from "#base/errors.ts";
import type { Config } from "#config/config.ts";
import { nativeStatus } from "#native/ladder.ts";
import type { OpenReplay } from "#protocols/rtsp/replay.ts";
import { RtspServer } from "#protocols/rtsp/server.ts";
import type { GatewayContext } from "./gateway-context.ts";
import { addressOf, type RunningPart } from "./gateway-part.ts";
import { timerMs } from "./gateway-paths.ts";

export async function start(context: GatewayContext, { global }: Config): Promise<RunningPart> {
  const { registry, sessions, clock, log } = context;
  const openReplay: OpenReplay = (request) =>
    context.recording?.openReplay(request) ?? Promise.reject(new CallerFault("no-stream", "recordings are not open"));
  const rtp = addressOf(global.rtpAddress);
  const rtcp = addressOf(global.rtcpAddress);
  const hasUdp = global.rtspTransports.includes("udp");
  const server = await RtspServer.listen({
    registry,
    sessions,
    clock,
    log,
    get openReplay() {
      return context.recording && openReplay;
    },
    address: addressOf(global.rtspAddress),
    tcp: global.rtspTransports.includes("tcp"),
    udp: hasUdp ? { rtp, rtcp, readBufferBytes: global.udpReadBufferSize } : undefined,
    authMethods: global.rtspAuthMethods,
    readTimeoutMs: global.readTimeout,
    writeTimeoutMs: global.writeTimeout,
    handshakeTimeoutMs: timerMs(global.readTimeout),
  });
  const udp = hasUdp ? `, ${global.rtpAddress} (UDP/RTP), ${global.rtcpAddress} (UDP/RTCP)` : "";
  log.child("RTSP").info(`listener opened on ${global.rtspAddress} (TCP)${udp}`);
  const { rung, reason } = nativeStatus();
  if (hasUdp && reason !== undefined) log.child("UDP").info(`packets are sent by ${rung}: ${reason}`);
  return {
    ports: { rtspAddress: server.port, ...(hasUdp && { rtpAddress: rtp.port, rtcpAddress: rtcp.port }) },
    close: () => server.close(),
  };
}
