// The offer of a session in which we are the client (RFC 9429 §5.2): everything on one transport, and DTLS either way round.
import { sessionNumber } from "../feedback.ts";
import type { IceCredentials } from "../offer.ts";

export interface OfferedFormat {
  readonly payloadType: number;
  /** `H264/90000` */
  readonly rtpmap: string;
  readonly fmtp: string | undefined;
}

export interface OfferMedia {
  readonly kind: "video" | "audio";
  readonly direction: "sendonly" | "recvonly";
  /** Payload types of all media differ: they tell them apart. */
  readonly formats: readonly OfferedFormat[];
  /** Of what is sent. */
  readonly ssrc: number | undefined;
}

export interface OfferTransport {
  readonly credentials: IceCredentials;
  /** As `a=fingerprint` writes it: `sha-256 AB:CD:…`. */
  readonly fingerprint: string;
  /** Values of `a=candidate`. */
  readonly candidates: readonly string[];
}

/** What is asked for and given: lost packets again, and keyframes. */
const VIDEO_FEEDBACK = ["nack", "nack pli", "ccm fir", "goog-remb"];
const STREAM_ID = "camgate";
const CNAME = "camgate";

/** The mid of a media is its place. */
export function writeOffer(medias: readonly OfferMedia[], { credentials, fingerprint, candidates }: OfferTransport): string {
  const lines = [
    "v=0",
    `o=- ${sessionNumber()} 1 IN IP4 0.0.0.0`,
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${medias.map((_, mid) => mid).join(" ")}`,
    "a=extmap-allow-mixed",
    `a=msid-semantic: WMS ${STREAM_ID}`,
  ];
  for (const [mid, { kind, direction, formats, ssrc }] of medias.entries()) {
    lines.push(
      `m=${kind} 9 UDP/TLS/RTP/SAVPF ${formats.map(({ payloadType }) => payloadType).join(" ")}`,
      "c=IN IP4 0.0.0.0",
      `a=mid:${mid}`,
      `a=${direction}`,
      "a=rtcp-mux",
      "a=rtcp-rsize",
      "a=setup:actpass",
      `a=ice-ufrag:${credentials.ufrag}`,
      `a=ice-pwd:${credentials.password}`,
      `a=fingerprint:${fingerprint}`,
    );
    for (const { payloadType, rtpmap, fmtp } of formats) {
      lines.push(`a=rtpmap:${payloadType} ${rtpmap}`);
      if (fmtp !== undefined) lines.push(`a=fmtp:${payloadType} ${fmtp}`);
      if (kind === "video") lines.push(...VIDEO_FEEDBACK.map((feedback) => `a=rtcp-fb:${payloadType} ${feedback}`));
    }
    if (ssrc !== undefined)
      lines.push(`a=msid:${STREAM_ID} ${kind}`, `a=ssrc:${ssrc} cname:${CNAME}`, `a=ssrc:${ssrc} msid:${STREAM_ID} ${kind}`);
    if (mid === 0) lines.push(...candidates.map((candidate) => `a=candidate:${candidate}`), "a=end-of-candidates");
  }
  return `${lines.join("\r\n")}\r\n`;
}
