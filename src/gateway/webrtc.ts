// The WebRTC server, as a part of the gateway.
import type { Config } from "#config/config.ts";
import { WebSessions } from "#http/web-sessions.ts";
import { srtpStatus } from "#native/srtp-ladder.ts";
import { WebRtcServer } from "#protocols/webrtc/server.ts";
import type { GatewayContext } from "./context.ts";
import { httpListenerOf, openedText } from "./listeners.ts";
import { pagesOf } from "./pages.ts";
import { addressOf, type RunningPart } from "./part.ts";
import { entryOf, timerMs } from "./paths.ts";

/** An appliance stands floods of offers; a gateway in the place of MediaMTX takes what that takes, within what memory bears. */
const LIMITS = {
  appliance: { perSecond: 5, burst: 32, halfOpen: 32, halfOpenPerAddress: 16 },
  dropIn: { perSecond: 200, burst: 400, halfOpen: 512, halfOpenPerAddress: 256 },
} as const;

export async function start(context: GatewayContext, { global }: Config): Promise<RunningPart> {
  const { registry, sessions, clock } = context;
  const log = context.log.child("WebRTC");
  const webSessions = new WebSessions({ nowMs: () => clock.nowUs() / 1000 });
  const pages = pagesOf(context, webSessions);
  const server = await WebRtcServer.listen({
    ...httpListenerOf(context, global, "webrtc", log),
    udp:
      global.webrtcLocalUDPAddress === ""
        ? undefined
        : { address: addressOf(global.webrtcLocalUDPAddress), readBufferBytes: global.udpReadBufferSize },
    tcp: global.webrtcLocalTCPAddress === "" ? undefined : addressOf(global.webrtcLocalTCPAddress),
    addressesFromInterfaces: global.webrtcIPsFromInterfaces,
    interfaces: global.webrtcIPsFromInterfacesList,
    additionalHosts: global.webrtcAdditionalHosts,
    iceServers: global.webrtcICEServers2,
    handshakeTimeoutMs: timerMs(global.webrtcHandshakeTimeout),
    trackGatherTimeoutMs: timerMs(global.webrtcTrackGatherTimeout),
    limits: LIMITS[global.profile],
    registry,
    sessions,
    clock,
    opusFor: (path, stream, track) =>
      entryOf(context.config, path)?.settings.webrtcAudio === "opus"
        ? context.capture.opusFor(path, stream, track)
        : Promise.resolve(undefined),
    mayRead: (path) => entryOf(context.config, path)?.settings.webrtc ?? true,
    webSessions,
    servePage: (exchange) => pages.serve(exchange),
  });
  const { udpPort, tcpPort } = server;
  const udpText = udpPort === undefined ? "" : `, ${global.webrtcLocalUDPAddress} (UDP/ICE)`;
  const tcpText = tcpPort === undefined ? "" : `, ${global.webrtcLocalTCPAddress} (TCP/ICE)`;
  log.info(`${openedText(global, "webrtc")}${udpText}${tcpText}`);
  if (udpPort === undefined && tcpPort === undefined)
    log.warn(
      "no client can connect: media needs webrtcLocalUDPAddress or webrtcLocalTCPAddress, STUN and TURN servers are for clients alone",
    );
  const { rung, reason } = srtpStatus();
  if (reason !== undefined) log.info(`packets are encrypted by ${rung}: ${reason}`);
  return {
    ports: {
      webrtcAddress: server.port,
      ...(udpPort !== undefined && { webrtcLocalUDPAddress: udpPort }),
      ...(tcpPort !== undefined && { webrtcLocalTCPAddress: tcpPort }),
    },
    update: () => pages.revoke(),
    close: () => server.close(),
  };
}
