// The RTSPS server, as a part of the gateway: RTSP in TLS, beside the plain one or in its place.
import type { Config } from "#config/config.ts";
import { RtspServer } from "#protocols/rtsp/server.ts";
import type { GatewayContext } from "./context.ts";
import { certificateOf } from "./listeners.ts";
import { addressOf, type RunningPart } from "./part.ts";
import { rtspOptionsOf } from "./rtsp-options.ts";

export async function start(context: GatewayContext, { global }: Config): Promise<RunningPart> {
  const log = context.log.child("RTSPS");
  const [rtp, rtcp] = [addressOf(global.srtpAddress), addressOf(global.srtcpAddress)];
  const hasUdp = global.rtspTransports.includes("udp");
  const server = await RtspServer.listen(
    rtspOptionsOf(context, global, {
      log,
      address: addressOf(global.rtspsAddress),
      certificate: certificateOf(global, "rtsp"),
      udp: hasUdp ? { rtp, rtcp, readBufferBytes: global.udpReadBufferSize } : undefined,
    }),
  );
  const udp = hasUdp ? `, ${global.srtpAddress} (UDP/SRTP), ${global.srtcpAddress} (UDP/SRTCP)` : "";
  log.info(`listener opened on ${global.rtspsAddress} (TCP, TLS)${udp}`);
  return {
    ports: { rtspsAddress: server.port, ...(hasUdp && { srtpAddress: rtp.port, srtcpAddress: rtcp.port }) },
    close: () => server.close(),
  };
}
