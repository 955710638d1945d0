// The SDP answer of an ICE-lite server that is DTLS's passive side and puts everything on one transport (RFC 9429 §5.3, RFC 9143 §7.3).
import type { IceCredentials, Offer } from "./offer.ts";

/** What the answer says of one m-line that is not declined. */
export interface AnsweredMedia {
  readonly mediaIndex: number;
  readonly direction: "sendonly" | "recvonly";
  readonly formats: readonly {
    readonly payloadType: number;
    readonly rtpmap: string | undefined;
    readonly fmtp: string | undefined;
    /** `a=rtcp-fb` without the payload type. */
    readonly feedback: readonly string[];
  }[];
  /** Of what is sent. */
  readonly sender: { readonly ssrc: number; readonly trackId: string } | undefined;
}

export interface AnswerTransport {
  readonly credentials: IceCredentials;
  /** As `a=fingerprint` writes it: `sha-256 AB:CD:…`. */
  readonly fingerprint: string;
  /** Values of `a=candidate`. */
  readonly candidates: readonly string[];
}

/** One media stream for all that is sent: players use the first stream of a track event as it is (RFC 8830 §2). */
const STREAM_ID = "camgate";
const CNAME = "camgate";

export function writeAnswer(offer: Offer, medias: readonly AnsweredMedia[], transport: AnswerTransport, sessionId: string): string {
  const accepted = offer.medias.map((_, i) => medias.find(({ mediaIndex }) => mediaIndex === i));
  const mids = offer.medias.filter((_, i) => accepted[i] !== undefined).map(({ mid }) => mid);
  const first = accepted.findIndex((one) => one !== undefined);
  const lines = ["v=0", `o=- ${sessionId} 1 IN IP4 0.0.0.0`, "s=-", "t=0 0", "a=ice-lite"];
  if (offer.bundles) lines.push(`a=group:BUNDLE ${mids.join(" ")}`);
  lines.push("a=extmap-allow-mixed", "a=msid-semantic: WMS *");
  for (const [i, { kind, mid, protocol, formats, reducedSize }] of offer.medias.entries()) {
    const media = accepted[i];
    if (media === undefined) {
      const declined = kind === "application" ? "webrtc-datachannel" : (formats[0]?.payloadType ?? 0);
      lines.push(`m=${kind} 0 ${protocol} ${declined}`, "c=IN IP4 0.0.0.0", "a=inactive");
      // pion takes no payload type without a name, declined or not.
      if (formats[0]?.rtpmap !== undefined) lines.push(`a=rtpmap:${declined} ${formats[0].rtpmap}`);
      if (mid !== "") lines.push(`a=mid:${mid}`);
      continue;
    }
    lines.push(`m=${kind} 9 ${protocol} ${media.formats.map(({ payloadType }) => payloadType).join(" ")}`, "c=IN IP4 0.0.0.0");
    if (mid !== "") lines.push(`a=mid:${mid}`);
    lines.push(`a=${media.direction}`, "a=rtcp-mux", "a=setup:passive");
    if (reducedSize) lines.push("a=rtcp-rsize");
    const { credentials, fingerprint, candidates } = transport;
    lines.push(`a=ice-ufrag:${credentials.ufrag}`, `a=ice-pwd:${credentials.password}`, `a=fingerprint:${fingerprint}`);
    for (const { payloadType, rtpmap, fmtp, feedback } of media.formats) {
      if (rtpmap !== undefined) lines.push(`a=rtpmap:${payloadType} ${rtpmap}`);
      if (fmtp !== undefined) lines.push(`a=fmtp:${payloadType} ${fmtp}`);
      for (const one of feedback) lines.push(`a=rtcp-fb:${payloadType} ${one}`);
    }
    if (media.sender !== undefined) {
      const { ssrc, trackId } = media.sender;
      lines.push(`a=msid:${STREAM_ID} ${trackId}`, `a=ssrc:${ssrc} cname:${CNAME}`, `a=ssrc:${ssrc} msid:${STREAM_ID} ${trackId}`);
    }
    if (i === first) lines.push(...candidates.map((one) => `a=candidate:${one}`), "a=end-of-candidates");
  }
  return `${lines.map((line) => line.replace(/[\r\n\0]/g, " ")).join("\r\n")}\r\n`;
}
