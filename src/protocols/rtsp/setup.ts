// SETUP (RFC 2326 §10.4): which track, over which transport, on which channels or ports.
import { isIP } from "node:net";
import { CallerFault } from "#base/errors.ts";
import type { RtpIngest } from "#relay/rtp-ingest.ts";
import { REORDER_TCP, REORDER_UDP } from "#rtp/reorder.ts";
import type { MikeyKey } from "#rtp/srtp/mikey.ts";
import type { TakePacket } from "./interleaved.ts";
import { parseKeyMgmtHeader, writeKeyMgmtHeader } from "./key-mgmt.ts";
import type { RtspRequest } from "./message.ts";
import { RtspRefusal } from "./refusal.ts";
import { isControlOf, type RequestPath } from "./request-path.ts";
import { newMikeyKey, SecureTrack } from "./secure-track.ts";
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
  /** The key that a description told for a track; once. */
  takeKey(trackIndex: number): MikeyKey | undefined;
}

/** Sets up one track of the session; returns the Transport header of the answer, and the key where it is SRTP. */
export function setUpTrack(input: SetupInput): Readonly<Record<string, string>> {
  const { session, request, context } = input;
  const trackIndex = session.mode === "publish" ? announcedTrack(input) : streamTrack(input);
  if (session.setups.some((setup) => setup.trackIndex === trackIndex))
    throw new CallerFault("invalid", `track ${trackIndex} is set up already`);
  const offers = parseTransports(request.headers.getAll("Transport"));
  const offer = offers.find((one) => isPossible(one, session, context));
  if (offer === undefined) throw new RtspRefusal(461, "none of the offered transports is available");
  const secured = isSecure(offer) ? secure(input, trackIndex) : undefined;
  const answer =
    offer.lower === "tcp" ? setUpTcp(input, trackIndex, offer, secured?.track) : setUpUdp(input, trackIndex, offer, secured?.track);
  session.transport = offer.lower === "tcp" ? "TCP" : "UDP";
  session.profile = isSecure(offer) ? "SAVP" : "AVP";
  return { Transport: writeTransport(answer), ...secured?.headers };
}

function isSecure({ profile }: Transport): boolean {
  return profile === "RTP/SAVP" || profile === "RTP/SAVPF";
}

function isPossible(offer: Transport, session: ServerSession, { isSecure: inTls, tcp, udp }: ServerContext): boolean {
  const { lower, multicast, clientPorts } = offer;
  const secured = isSecure(offer);
  // Keys come in clear without TLS, and media beside TLS would.
  if (multicast || (secured && (!inTls || udp === undefined)) || (!secured && inTls && lower === "udp")) return false;
  if (session.transport !== undefined && ((session.transport === "TCP") !== (lower === "tcp") || (session.profile === "SAVP") !== secured))
    return false;
  return lower === "tcp" ? tcp : udp !== undefined && clientPorts !== undefined && !clientPorts.includes(0);
}

/** The keys of a track of SRTP: ours, and that of the client, which need not have one to read. */
function secure({ request, session, context, takeKey }: SetupInput, trackIndex: number) {
  const remote = parseKeyMgmtHeader(request.headers.get("KeyMgmt")) ?? session.announcedKey(trackIndex);
  if (remote === undefined && session.mode === "publish")
    throw new CallerFault("invalid", "SRTP without a key that can be used (MIKEY, AES_CM_128_HMAC_SHA1_80)", "KeyMgmt");
  const output = session.mode === "read" ? session.readLease!.stream.output(trackIndex) : undefined;
  const local = takeKey(trackIndex) ?? newMikeyKey(output === undefined ? [] : [output.ssrc]);
  const sends = output && { ssrc: output.ssrc, payloadType: output.payloadType };
  const track = new SecureTrack({ local, remote, sends, makeCipher: context.makeCipher });
  return { track, headers: { KeyMgmt: writeKeyMgmtHeader(request.url, local, Date.now()) } };
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

function setUpTcp(
  { request, session, connection, context }: SetupInput,
  trackIndex: number,
  offer: Transport,
  secured: SecureTrack | undefined,
): Transport {
  if (session.media?.kind === "tcp" && session.media.connection !== connection)
    throw new CallerFault("invalid", "the session's other tracks are on another connection");
  const wanted = offer.interleaved?.[0] ?? trackIndex * 2;
  const reading = session.mode === "read";
  const channel = reading ? context.channels.take(session.path, trackIndex, wanted) : wanted;
  const ingest = reading ? undefined : session.openIngest(REORDER_TCP);
  const claimed = connection.claimChannels(channel, takerOf(session, ingest, trackIndex, secured));
  if (!claimed) {
    if (reading) context.channels.release(session.path, trackIndex, channel);
    throw new CallerFault("invalid", `interleaved channel ${channel} is in use`, "Transport");
  }
  session.media = {
    kind: "tcp",
    connection,
    channels: new Map([...(session.media?.kind === "tcp" ? session.media.channels : []), [trackIndex, channel]]),
    secured: securedOf(session, trackIndex, secured),
  };
  session.setups.push({
    trackIndex,
    url: request.url,
    release: () => {
      connection.releaseChannels(channel);
      secured?.close();
      if (reading) context.channels.release(session.path, trackIndex, channel);
    },
  });
  return { profile: offer.profile, lower: "tcp", multicast: false, interleaved: [channel, channel + 1], ...ssrcOf(session, trackIndex) };
}

function setUpUdp(
  { request, session, connection, context }: SetupInput,
  trackIndex: number,
  offer: Transport,
  secured: SecureTrack | undefined,
): Transport {
  const { rtp, rtcp } = context.udp!;
  const [rtpPort, rtcpPort] = offer.clientPorts!;
  const { address } = connection.remote;
  if (isIP(address.split("%")[0]!) === 0) throw new CallerFault("invalid", "the client has no address");
  const ingest = session.mode === "read" ? undefined : session.openIngest(REORDER_UDP);
  const take = takerOf(session, ingest, trackIndex, secured);
  const stops = [rtcp.expect(address, rtcpPort, (bytes) => take(true, bytes, 0, bytes.length))];
  if (ingest !== undefined) stops.push(rtp.expect(address, rtpPort, (bytes) => take(false, bytes, 0, bytes.length)));
  const destination = { from: context.udp!, address: rtp.addressFor(address), rtpPort, rtcpPort };
  session.media = {
    kind: "udp",
    destinations: new Map([...(session.media?.kind === "udp" ? session.media.destinations : []), [trackIndex, destination]]),
    secured: securedOf(session, trackIndex, secured),
  };
  session.setups.push({
    trackIndex,
    url: request.url,
    release: () => {
      for (const stop of stops) stop();
      secured?.close();
    },
  });
  return {
    profile: offer.profile,
    lower: "udp",
    multicast: false,
    clientPorts: [rtpPort, rtcpPort],
    serverPorts: [rtp.port, rtcp.port],
    ...ssrcOf(session, trackIndex),
  };
}

/** What is done with the packets of a track that come. */
function takerOf(session: ServerSession, ingest: RtpIngest | undefined, trackIndex: number, secured: SecureTrack | undefined): TakePacket {
  const take: TakePacket = (isRtcp, bytes, start, end) => {
    if (ingest !== undefined) ingest.onPacket(trackIndex, isRtcp, bytes, start, end);
    else if (isRtcp) session.reader.onRtcp(bytes, start, end);
  };
  if (secured === undefined) return take;
  return (isRtcp, bytes, start, end) => secured.open(isRtcp, bytes, start, end, (opened, from, to) => take(isRtcp, opened, from, to));
}

function securedOf({ media }: ServerSession, trackIndex: number, secured: SecureTrack | undefined): ReadonlyMap<number, SecureTrack> {
  return new Map([...(media?.secured ?? []), ...(secured === undefined ? [] : ([[trackIndex, secured]] as const))]);
}

function ssrcOf(session: ServerSession, trackIndex: number): { readonly ssrc?: number } {
  return session.mode === "read" ? { ssrc: session.readLease!.stream.output(trackIndex).ssrc } : {};
}
