// A client's SDP offer, as far as an ICE-lite server with one transport has to know it (RFC 9429, RFC 9143, RFC 8839, RFC 8842).
import { parseSdp, type Sdp, type SdpAttribute, type SdpFormat, type SdpMedia } from "#rtp/sdp.ts";

export interface IceCredentials {
  readonly ufrag: string;
  readonly password: string;
}

/** Of the certificate that a DTLS peer must show (RFC 8122 §5). */
export interface Fingerprint {
  /** Lower case: `sha-256`. */
  readonly algorithm: string;
  readonly digest: Buffer;
}

export interface OfferedMedia {
  /** `video`, `audio`, `application`, …; lower case. */
  readonly kind: string;
  /** RFC 5888; empty where the offer has none. */
  readonly mid: string;
  /** Of the m-line, with the formats as it has them: an answer that declines repeats both. */
  readonly protocol: string;
  readonly formats: readonly SdpFormat[];
  readonly direction: "sendonly" | "recvonly" | "sendrecv" | "inactive";
  /** RTP and RTCP can be carried: it is not declined already, belongs to the bundle and multiplexes RTCP. */
  readonly usable: boolean;
  /** RTCP may come without a report in front (RFC 5506). */
  readonly reducedSize: boolean;
  /** `a=rtcp-fb` by payload type; those for all under −1. */
  readonly feedback: ReadonlyMap<number, readonly string[]>;
  /** SSRCs that the client says it will use, in its order. */
  readonly ssrcs: readonly number[];
}

export interface Offer {
  readonly credentials: IceCredentials;
  readonly fingerprints: readonly Fingerprint[];
  readonly medias: readonly OfferedMedia[];
  /** The client asked for `a=group:BUNDLE`. */
  readonly bundles: boolean;
}

/** What is wrong with an offer, in words for whoever wrote the client. */
export interface OfferFault {
  readonly fault: string;
}

export const NO_MEDIA = "the offer has no media: add transceivers (video, recvonly) before createOffer";

const DIGEST_BYTES: Readonly<Record<string, number>> = { "sha-256": 32, "sha-384": 48, "sha-512": 64 };
const MAX_MID = 64;
const MAX_SSRCS = 32;

export function parseOffer(text: string): Offer | OfferFault {
  const sdp = parseSdp(text);
  if (sdp === undefined) return { fault: "the body is no SDP offer" };
  if (sdp.medias.length === 0) return { fault: NO_MEDIA };
  const bundle = bundledMids(sdp);
  const medias = sdp.medias.map((media, i) => offeredMedia(media, bundle === undefined ? i === 0 : bundle.has(midOf(media))));
  const transport = sdp.medias.find((_, i) => medias[i]!.usable);
  if (transport === undefined) return { fault: "the offer has no media that can be bundled with a=rtcp-mux" };
  const credentials = credentialsIn(transport.attributes) ?? credentialsIn(sdp.attributes);
  if (credentials === undefined) return { fault: "the offer has no usable a=ice-ufrag and a=ice-pwd" };
  const fingerprints = [...fingerprintsIn(transport.attributes), ...fingerprintsIn(sdp.attributes)];
  if (fingerprints.length === 0)
    return { fault: "the offer has no a=fingerprint of sha-256, sha-384 or sha-512: media is always encrypted" };
  const setup = attributeValue(transport.attributes, "setup") ?? attributeValue(sdp.attributes, "setup") ?? "actpass";
  if (setup !== "actpass" && setup !== "active")
    return { fault: `the offer says a=setup:${setup.slice(0, 16)}, it must be actpass or active` };
  return { credentials, fingerprints, medias, bundles: bundle !== undefined };
}

/** RFC 8839 §5.4; undefined: none, or not of the length that the RFC asks for. */
export function credentialsIn(attributes: readonly SdpAttribute[]): IceCredentials | undefined {
  const ufrag = attributeValue(attributes, "ice-ufrag") ?? "";
  const password = attributeValue(attributes, "ice-pwd") ?? "";
  return /^[\x21-\x7e]{4,256}$/.test(ufrag) && /^[\x21-\x7e]{22,256}$/.test(password) ? { ufrag, password } : undefined;
}

/** The first of a name; names are case-insensitive here. */
export function attributeValue(attributes: readonly SdpAttribute[], name: string): string | undefined {
  return attributes.find((one) => one.name.toLowerCase() === name)?.value;
}

function offeredMedia(media: SdpMedia, inBundle: boolean): OfferedMedia {
  const { attributes } = media;
  const has = (name: string): boolean => attributes.some((one) => one.name.toLowerCase() === name);
  const declined = media.port === 0 && !has("bundle-only"); // RFC 9143 §7.1.1
  const isRtp = /^UDP\/TLS\/RTP\/SAVPF?$/.test(media.protocol) || /^RTP\/SAVPF?$/.test(media.protocol);
  return {
    kind: media.kind,
    mid: midOf(media),
    protocol: media.protocol,
    formats: media.formats,
    direction: media.direction ?? "sendrecv",
    usable: !declined && inBundle && isRtp && has("rtcp-mux"),
    reducedSize: has("rtcp-rsize"),
    feedback: feedbackIn(attributes),
    ssrcs: ssrcsIn(attributes),
  };
}

/** RFC 9143 §7.2: those of the first group; undefined: the client does not bundle. */
function bundledMids({ attributes }: Sdp): ReadonlySet<string> | undefined {
  for (const { name, value = "" } of attributes) {
    const [semantics, ...mids] = value.trim().split(/\s+/);
    if (name.toLowerCase() === "group" && semantics?.toUpperCase() === "BUNDLE") return new Set(mids);
  }
  return undefined;
}

function midOf({ attributes }: SdpMedia): string {
  const mid = attributeValue(attributes, "mid") ?? "";
  return /^[\x21-\x7e]+$/.test(mid) && mid.length <= MAX_MID ? mid : "";
}

/** RFC 4585 §4.2. */
function feedbackIn(attributes: readonly SdpAttribute[]): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, string[]>();
  for (const { name, value } of attributes) {
    const match = name.toLowerCase() === "rtcp-fb" && /^(\d{1,3}|\*)\s+(.{1,64})$/.exec(value ?? "");
    if (!match) continue;
    const payloadType = match[1] === "*" ? -1 : Number(match[1]);
    const kinds = found.get(payloadType);
    if (kinds === undefined) found.set(payloadType, [match[2]!.trim().toLowerCase()]);
    else kinds.push(match[2]!.trim().toLowerCase());
  }
  return found;
}

/** RFC 5576 §4.1. */
function ssrcsIn(attributes: readonly SdpAttribute[]): readonly number[] {
  const found = new Set<number>();
  for (const { name, value } of attributes) {
    const match = name.toLowerCase() === "ssrc" && /^(\d{1,10})(?:\s|$)/.exec(value ?? "");
    if (match && found.size < MAX_SSRCS && Number(match[1]) < 2 ** 32) found.add(Number(match[1]));
  }
  return [...found];
}

export function fingerprintsIn(attributes: readonly SdpAttribute[]): readonly Fingerprint[] {
  return attributes.flatMap(({ name, value }) => {
    const match = name.toLowerCase() === "fingerprint" && /^([a-z0-9-]{1,16})\s+([0-9a-f]{2}(?::[0-9a-f]{2}){15,63})$/i.exec(value ?? "");
    if (!match) return [];
    const algorithm = match[1]!.toLowerCase();
    const digest = Buffer.from(match[2]!.replaceAll(":", ""), "hex");
    return DIGEST_BYTES[algorithm] === digest.length ? [{ algorithm, digest }] : [];
  });
}
