// The RTSP server, as a part of the gateway.
import type { Config } from "#config/config.ts";
import { nativeStatus } from "#native/ladder.ts";
import { RtspServer } from "#protocols/rtsp/server.ts";
import type { GatewayContext } from "./context.ts";
import { addressOf, type RunningPart } from "./part.ts";
import { rtspOptionsOf } from "./rtsp-options.ts";

export async function start(context: GatewayContext, { global }: Config): Promise<RunningPart> {
  const { log } = context;
  const rtp = addressOf(global.rtpAddress);
  const rtcp = addressOf(global.rtcpAddress);
  const hasUdp = global.rtspTransports.includes("udp");
  const server = await RtspServer.listen(
    rtspOptionsOf(context, global, {
      log,
      address: addressOf(global.rtspAddress),
      udp: hasUdp ? { rtp, rtcp, readBufferBytes: global.udpReadBufferSize } : undefined,
    }),
  );
  const udp = hasUdp ? `, ${global.rtpAddress} (UDP/RTP), ${global.rtcpAddress} (UDP/RTCP)` : "";
  log.child("RTSP").info(`listener opened on ${global.rtspAddress} (TCP)${udp}`);
  const { rung, reason } = nativeStatus();
  if (hasUdp && reason !== undefined) log.child("UDP").info(`packets are sent by ${rung}: ${reason}`);
  return {
    ports: { rtspAddress: server.port, ...(hasUdp && { rtpAddress: rtp.port, rtcpAddress: rtcp.port }) },
    close: () => server.close(),
  };
}
