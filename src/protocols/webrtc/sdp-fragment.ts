// Pieces of SDP that are sent while a session lives: candidates of the client, and new credentials at an ICE restart (RFC 8840 §9).
import { parseSdp } from "#rtp/sdp.ts";
import type { AnswerTransport } from "./answer.ts";
import { credentialsIn, type IceCredentials } from "./offer.ts";

export interface SdpFragment {
  /** undefined: it has none, or they are broken. */
  readonly credentials: IceCredentials | undefined;
  /** A lite agent needs none of them: their number is for the log. */
  readonly candidates: number;
}

/** undefined: it is none. */
export function parseSdpFragment(text: string): SdpFragment | undefined {
  const sdp = parseSdp(text);
  if (sdp === undefined) return undefined;
  const sections = [sdp.attributes, ...sdp.medias.map(({ attributes }) => attributes)];
  let credentials: IceCredentials | undefined;
  let candidates = 0;
  for (const attributes of sections) {
    credentials ??= credentialsIn(attributes);
    candidates += attributes.filter(({ name }) => name.toLowerCase() === "candidate").length;
  }
  return { credentials, candidates };
}

/** The answer to an ICE restart. */
export function writeSdpFragment({ credentials, candidates }: AnswerTransport, mid: string, kind: string): string {
  const lines = [
    "a=ice-lite",
    `a=ice-ufrag:${credentials.ufrag}`,
    `a=ice-pwd:${credentials.password}`,
    `m=${kind} 9 UDP/TLS/RTP/SAVPF 0`,
    `a=mid:${mid}`,
    ...candidates.map((one) => `a=candidate:${one}`),
    "a=end-of-candidates",
  ];
  return `${lines.join("\r\n")}\r\n`;
}
