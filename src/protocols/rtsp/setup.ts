// SETUP (RFC 2326 §10.4): which track, over which transport, on which channels or ports.
import { isIP } from "node:net";
import { CallerFault } from "#base/errors.ts";
import { REORDER_TCP, REORDER_UDP } from "#rtp/reorder.ts";
import type { RtspRequest } from "./message.ts";
import { RtspRefusal } from "./refusal.ts";
import { isControlOf, type RequestPath } from "./request-path.ts";
import type { ServerContext } from "./server.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { ServerSession } from "./server-session.ts";
import { parseTransports, type Transport, writeTransport } from "./transport-header.ts";

export interface SetupInput {
  readonly request: RtspRequest;
  readonly target: RequestPath;
  readonly session: ServerSession;
  readonly connection: ServerConnection;
  readonly context: ServerContext;
}

/** Sets up one track of the session; returns the Transport header of the answer. */
export function setUpTrack(input: SetupInput): string {
  const { session, request, context } = input;
  const trackIndex = session.mode === "publish" ? announcedTrack(input) : streamTrack(input);
  if (session.setups.some((setup) => setup.trackIndex === trackIndex))
    throw new CallerFault("invalid", `track ${trackIndex} is set up already`);
  const offers = parseTransports(request.headers.getAll("Transport"));
  const { udp, tcp } = context;
  const offer = offers.find(({ lower, multicast, profile, clientPorts }) => {
    if (multicast || profile.startsWith("RTP/SAVP")) return false;
    if (session.transport !== undefined && (session.transport === "TCP") !== (lower === "tcp")) return false;
    // Media beside a TLS connection would be in clear.
    return lower === "tcp" ? tcp : udp !== undefined && clientPorts !== undefined && !clientPorts.includes(0);
  });
  if (offer === undefined) throw new RtspRefusal(461, "none of the offered transports is available");
  const answer = offer.lower === "tcp" ? setUpTcp(input, trackIndex, offer) : setUpUdp(input, trackIndex, offer);
  session.transport = offer.lower === "tcp" ? "TCP" : "UDP";
  return writeTransport(answer);
}

function streamTrack({ session, target, request }: SetupInput): number {
  if (target.path !== session.path) throw new CallerFault("invalid", `the session is for path '${session.path}'`, "URL");
  const { tracks } = session.readLease!.stream;
  const index = target.track ?? (tracks.length === 1 ? 0 : -1);
  if (tracks[index] === undefined) throw new RtspRefusal(404, `the stream has no track at ${request.url}`);
  return index;
}

function announcedTrack({ session, target, request }: SetupInput): number {
  const byControl = session.medias.findIndex(({ media }) => isControlOf(request.url, session.announceUrl, media.control ?? ""));
  const index = byControl >= 0 ? byControl : (target.track ?? -1);
  if (session.medias[index] === undefined) throw new RtspRefusal(404, `no media was announced for ${request.url}`);
  return index;
}

function setUpTcp({ request, session, connection, context }: SetupInput, trackIndex: number, offer: Transport): Transport {
  if (session.media?.kind === "tcp" && session.media.connection !== connection)
    throw new CallerFault("invalid", "the session's other tracks are on another connection");
  const wanted = offer.interleaved?.[0] ?? trackIndex * 2;
  const reading = session.mode === "read";
  const channel = reading ? context.channels.take(session.path, trackIndex, wanted) : wanted;
  const ingest = reading ? undefined : session.openIngest(REORDER_TCP);
  const claimed = connection.claimChannels(channel, (isRtcp, bytes, start, end) => {
    if (ingest !== undefined) ingest.onPacket(trackIndex, isRtcp, bytes, start, end);
    else if (isRtcp) session.reader.onRtcp(bytes, start, end);
  });
  if (!claimed) {
    if (reading) context.channels.release(session.path, trackIndex, channel);
    throw new CallerFault("invalid", `interleaved channel ${channel} is in use`, "Transport");
  }
  session.media = {
    kind: "tcp",
    connection,
    channels: new Map([...(session.media?.kind === "tcp" ? session.media.channels : []), [trackIndex, channel]]),
  };
  session.setups.push({
    trackIndex,
    url: request.url,
    release: () => {
      connection.releaseChannels(channel);
      if (reading) context.channels.release(session.path, trackIndex, channel);
    },
  });
  return { profile: "RTP/AVP", lower: "tcp", multicast: false, interleaved: [channel, channel + 1], ...ssrcOf(session, trackIndex) };
}

function setUpUdp({ request, session, connection, context }: SetupInput, trackIndex: number, offer: Transport): Transport {
  const { rtp, rtcp } = context.udp!;
  const [rtpPort, rtcpPort] = offer.clientPorts!;
  const { address } = connection.remote;
  if (isIP(address.split("%")[0]!) === 0) throw new CallerFault("invalid", "the client has no address");
  const ingest = session.mode === "read" ? undefined : session.openIngest(REORDER_UDP);
  const stops = [
    rtcp.expect(address, rtcpPort, (bytes) => {
      if (ingest === undefined) session.reader.onRtcp(bytes, 0, bytes.length);
      else ingest.onPacket(trackIndex, true, bytes, 0, bytes.length);
    }),
  ];
  if (ingest !== undefined) stops.push(rtp.expect(address, rtpPort, (bytes) => ingest.onPacket(trackIndex, false, bytes, 0, bytes.length)));
  const destination = { from: context.udp!, address: rtp.addressFor(address), rtpPort, rtcpPort };
  session.media = {
    kind: "udp",
    destinations: new Map([...(session.media?.kind === "udp" ? session.media.destinations : []), [trackIndex, destination]]),
  };
  session.setups.push({ trackIndex, url: request.url, release: () => stops.forEach((stop) => void stop()) });
  return {
    profile: "RTP/AVP",
    lower: "udp",
    multicast: false,
    clientPorts: [rtpPort, rtcpPort],
    serverPorts: [rtp.port, rtcp.port],
    ...ssrcOf(session, trackIndex),
  };
}

function ssrcOf(session: ServerSession, trackIndex: number): { readonly ssrc?: number } {
  return session.mode === "read" ? { ssrc: session.readLease!.stream.output(trackIndex).ssrc } : {};
}
