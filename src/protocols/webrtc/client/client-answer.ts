// The answer to an offer of ours (RFC 3264 §6, RFC 9429 §5.3): which media the server takes, how to reach it, and who begins with DTLS.
import { parseSdp, type SdpFormat } from "#rtp/sdp.ts";
import { attributeValue, credentialsIn, type Fingerprint, fingerprintsIn, type IceCredentials } from "../offer.ts";
import type { OfferMedia } from "./client-offer.ts";
import { type RemoteCandidate, remoteCandidates } from "./remote-candidate.ts";

export interface AnsweredMedia {
  /** Its place in the offer. */
  readonly mediaIndex: number;
  /** Of those that were offered, in the server's order. */
  readonly formats: readonly SdpFormat[];
}

export interface ClientAnswer {
  readonly credentials: IceCredentials;
  readonly fingerprints: readonly Fingerprint[];
  readonly candidates: readonly RemoteCandidate[];
  /** We say hello, or the server does. */
  readonly dtls: "client" | "server";
  /** Those that were not declined. */
  readonly medias: readonly AnsweredMedia[];
}

/** The answer, or in words what is wrong with it. */
export function parseAnswer(text: string, offered: readonly OfferMedia[]): ClientAnswer | string {
  const sdp = parseSdp(text);
  if (sdp === undefined) return "the answer is no SDP";
  const medias = sdp.medias.flatMap((media, mediaIndex): AnsweredMedia[] => {
    const offer = offered[mediaIndex];
    if (offer === undefined || media.kind !== offer.kind || media.port === 0) return [];
    const wanted = offer.direction === "recvonly" ? "sendonly" : "recvonly";
    const direction = media.direction ?? "sendrecv";
    if (direction !== wanted && direction !== "sendrecv") return [];
    const formats = media.formats.filter(({ payloadType }) => offer.formats.some((format) => format.payloadType === payloadType));
    return formats.length === 0 ? [] : [{ mediaIndex, formats }];
  });
  const first = sdp.medias[medias[0]?.mediaIndex ?? -1];
  if (first === undefined) return "the server takes none of the offered media";
  const credentials = credentialsIn(first.attributes) ?? credentialsIn(sdp.attributes);
  if (credentials === undefined) return "the answer has no usable a=ice-ufrag and a=ice-pwd";
  const fingerprints = [...fingerprintsIn(first.attributes), ...fingerprintsIn(sdp.attributes)];
  if (fingerprints.length === 0) return "the answer has no a=fingerprint of sha-256, sha-384 or sha-512";
  const setup = attributeValue(first.attributes, "setup") ?? attributeValue(sdp.attributes, "setup");
  if (setup !== "active" && setup !== "passive")
    return `the answer says a=setup:${setup?.slice(0, 16) ?? ""}, it must be active or passive`;
  const candidates = remoteCandidates([...sdp.attributes, ...sdp.medias.flatMap(({ attributes }) => attributes)]);
  return { credentials, fingerprints, candidates, dtls: setup === "passive" ? "client" : "server", medias };
}
