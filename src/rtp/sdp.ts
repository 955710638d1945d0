// Session descriptions, RFC 8866, as RTSP servers write them: RFC 2326 §C.1. Reads what is there, skips what it does not know.

export type SdpDirection = "sendonly" | "recvonly" | "sendrecv" | "inactive";

/** A line `a=name:value`, or `a=name` with an undefined value. */
export interface SdpAttribute {
  readonly name: string;
  readonly value: string | undefined;
}

/** `c=`: where a multicast stream is sent; 0.0.0.0 otherwise. */
export interface SdpConnection {
  readonly family: "IP4" | "IP6";
  readonly address: string;
  /** IPv4 multicast only. */
  readonly ttl: number | undefined;
}

/** `b=`: `AS` counts kbit/s, `TIAS` bit/s. */
export interface SdpBandwidth {
  readonly type: string;
  readonly value: number;
}

/** One payload type of a media, with the text of its `a=rtpmap` and `a=fmtp` lines without the number. */
export interface SdpFormat {
  readonly payloadType: number;
  /** `H264/90000`. */
  readonly rtpmap: string | undefined;
  /** `packetization-mode=1;sprop-parameter-sets=…`; several lines joined by `;`. */
  readonly fmtp: string | undefined;
}

export interface SdpMedia {
  /** Lower case: `video`, `audio`, `application`, or another word. */
  readonly kind: string;
  readonly port: number;
  /** `RTP/AVP`, `RTP/SAVP`, … */
  readonly protocol: string;
  readonly formats: readonly SdpFormat[];
  readonly control: string | undefined;
  /** The session's where the media has none. */
  readonly direction: SdpDirection | undefined;
  readonly connection: SdpConnection | undefined;
  readonly bandwidth: readonly SdpBandwidth[];
  /** All attributes that have no field here, in order. */
  readonly attributes: readonly SdpAttribute[];
}

export interface Sdp {
  /** The value of `o=`; undefined writes a neutral one. */
  readonly origin: string | undefined;
  readonly sessionName: string;
  readonly control: string | undefined;
  /** The value of `a=range`. */
  readonly range: string | undefined;
  readonly connection: SdpConnection | undefined;
  readonly bandwidth: readonly SdpBandwidth[];
  readonly attributes: readonly SdpAttribute[];
  readonly medias: readonly SdpMedia[];
}

/** More than that is no camera. */
export const SDP_LIMITS = { sizeBytes: 64 * 1024, medias: 16, formats: 64, fmtpBytes: 8 * 1024, attributes: 1024 } as const;

/** A section while its lines are read. */
interface Draft {
  kind: string;
  port: number;
  protocol: string;
  formats: { payloadType: number; rtpmap: string | undefined; fmtp: string | undefined }[];
  control: string | undefined;
  range: string | undefined;
  direction: SdpDirection | undefined;
  connection: SdpConnection | undefined;
  bandwidth: SdpBandwidth[];
  attributes: SdpAttribute[];
}

/**
 * undefined when there is no line of an SDP in it or a limit is passed. Line ends may be CRLF, LF or CR; unknown and broken lines are skipped;
 * `a=rtpmap` and `a=fmtp` lines whose number the media does not have are matched by position.
 */
export function parseSdp(text: string | Buffer): Sdp | undefined {
  if (text.length > SDP_LIMITS.sizeBytes) return undefined;
  const session = draft("", 0, "");
  const medias: Draft[] = [];
  let section = session;
  let origin: string | undefined;
  let sessionName: string | undefined;
  let attributes = 0;
  let lines = 0;
  for (const line of text.toString().split(/[\r\n\0]+/)) {
    const match = /^\s*([a-z])\s*=(.*)$/.exec(line);
    if (match === null) continue;
    const value = match[2]!.trim();
    if ("vosmabct".includes(match[1]!)) lines++;
    switch (match[1]) {
      case "o":
        origin ??= value;
        break;
      case "s":
        sessionName ??= value;
        break;
      case "c":
        section.connection ??= parseConnection(value);
        break;
      case "b": {
        const bandwidth = /^([\w-]{1,32}):(\d{1,12})$/.exec(value);
        if (bandwidth !== null && section.bandwidth.length < 8)
          section.bandwidth.push({ type: bandwidth[1]!, value: Number(bandwidth[2]) });
        break;
      }
      case "m": {
        const media = parseMediaLine(value);
        if (media === undefined) break;
        if (medias.length === SDP_LIMITS.medias || media.formats.length > SDP_LIMITS.formats) return undefined;
        medias.push(media);
        section = media;
        break;
      }
      case "a":
        if (++attributes > SDP_LIMITS.attributes || !addAttribute(section, value)) return undefined;
        break;
    }
  }
  if (lines === 0) return undefined;
  const { control, range, connection, bandwidth } = session;
  return {
    origin,
    sessionName: sessionName ?? "",
    control,
    range,
    connection,
    bandwidth,
    attributes: session.attributes,
    medias: medias.map(({ range: _, ...media }) => ({ ...media, direction: media.direction ?? session.direction })),
  };
}

function draft(kind: string, port: number, protocol: string): Draft {
  return {
    kind,
    port,
    protocol,
    formats: [],
    control: undefined,
    range: undefined,
    direction: undefined,
    connection: undefined,
    bandwidth: [],
    attributes: [],
  };
}

/** `video 0 RTP/AVP 96 97`, the port also as `49170/2`; formats that are no payload types are left out. */
function parseMediaLine(value: string): Draft | undefined {
  const [kind = "", portText = "", protocol = "", ...formats] = value.split(/\s+/);
  if (kind === "") return undefined;
  const port = Number.parseInt(portText, 10);
  const media = draft(kind.toLowerCase(), port >= 0 && port <= 65535 ? port : 0, protocol.toUpperCase());
  for (const format of formats) {
    if (/^\d{1,3}$/.test(format) && Number(format) <= 127)
      media.formats.push({ payloadType: Number(format), rtpmap: undefined, fmtp: undefined });
  }
  return media;
}

/** `IN IP4 239.1.2.3/127`. */
function parseConnection(value: string): SdpConnection | undefined {
  const match = /^IN\s+(IP4|IP6)\s+([^\s/]{1,255})(?:\/(\d{1,3}))?/i.exec(value);
  if (match === null) return undefined;
  const family = match[1]!.toUpperCase() as SdpConnection["family"];
  return { family, address: match[2]!, ttl: family === "IP4" && match[3] !== undefined ? Number(match[3]) : undefined };
}

/** False when a limit is passed. */
function addAttribute(section: Draft, text: string): boolean {
  const colon = text.indexOf(":");
  const name = (colon === -1 ? text : text.slice(0, colon)).trim();
  const value = colon === -1 ? undefined : text.slice(colon + 1).trim();
  switch (name.toLowerCase()) {
    case "control":
      section.control ??= value;
      return true;
    case "range":
      section.range ??= value;
      return true;
    case "sendonly":
    case "recvonly":
    case "sendrecv":
    case "inactive":
      section.direction = name.toLowerCase() as SdpDirection;
      return true;
    case "rtpmap":
      addFormatText(section, "rtpmap", value ?? "");
      return true;
    case "fmtp":
      return addFormatText(section, "fmtp", value ?? "");
    default:
      if (name !== "") section.attributes.push({ name, value });
      return true;
  }
}

/**
 * Gives a line to the format with its number. Where the media has no such number (a camera wrote rtpmap 104 and fmtp 97), an rtpmap goes to the
 * first format without one, an fmtp to the last format that has an rtpmap and no fmtp. False when an fmtp is too long.
 */
function addFormatText(section: Draft, field: "rtpmap" | "fmtp", value: string): boolean {
  const match = /^(\d{1,3})\s*(.*)$/.exec(value);
  if (match === null) return true;
  const payloadType = Number(match[1]);
  const text = match[2]!;
  const free = (format: Draft["formats"][number]): boolean => format[field] === undefined;
  const format =
    section.formats.find((one) => one.payloadType === payloadType) ??
    (field === "rtpmap" ? section.formats.find(free) : section.formats.findLast((one) => free(one) && one.rtpmap !== undefined)) ??
    section.formats.find(free);
  if (format === undefined) return true;
  if (field === "rtpmap") format.rtpmap ??= text;
  else format.fmtp = format.fmtp === undefined ? text : `${format.fmtp};${text}`;
  return (format.fmtp?.length ?? 0) <= SDP_LIMITS.fmtpBytes;
}

/** CRLF at every line's end. */
export function writeSdp(sdp: Sdp): string {
  const lines = ["v=0", `o=${sdp.origin ?? "- 0 0 IN IP4 127.0.0.1"}`, `s=${sdp.sessionName === "" ? "-" : sdp.sessionName}`];
  if (sdp.connection !== undefined) lines.push(connectionLine(sdp.connection));
  lines.push(...sdp.bandwidth.map(bandwidthLine), "t=0 0");
  if (sdp.control !== undefined) lines.push(`a=control:${sdp.control}`);
  if (sdp.range !== undefined) lines.push(`a=range:${sdp.range}`);
  lines.push(...sdp.attributes.map(attributeLine));
  for (const media of sdp.medias) {
    lines.push([`m=${media.kind}`, media.port, media.protocol, ...media.formats.map(({ payloadType }) => payloadType)].join(" "));
    if (media.connection !== undefined) lines.push(connectionLine(media.connection));
    lines.push(...media.bandwidth.map(bandwidthLine));
    if (media.direction !== undefined) lines.push(`a=${media.direction}`);
    for (const { payloadType, rtpmap, fmtp } of media.formats) {
      if (rtpmap !== undefined) lines.push(`a=rtpmap:${payloadType} ${rtpmap}`);
      if (fmtp !== undefined) lines.push(`a=fmtp:${payloadType} ${fmtp}`);
    }
    lines.push(...media.attributes.map(attributeLine));
    if (media.control !== undefined) lines.push(`a=control:${media.control}`);
  }
  return `${lines.map((line) => line.replace(/[\r\n\0]/g, " ")).join("\r\n")}\r\n`;
}

function connectionLine({ family, address, ttl }: SdpConnection): string {
  return `c=IN ${family} ${address}${ttl === undefined ? "" : `/${ttl}`}`;
}

function bandwidthLine({ type, value }: SdpBandwidth): string {
  return `b=${type}:${value}`;
}

function attributeLine({ name, value }: SdpAttribute): string {
  return value === undefined ? `a=${name}` : `a=${name}:${value}`;
}

/**
 * Whether a media of a camera's answer to DESCRIBE is the way back to its loudspeaker (ONVIF Streaming Specification §5.3): audio that the
 * client is to send, `a=sendonly`. A description that calls a video `sendonly` too is written from the server's side, and has none.
 */
export function isBackChannel(media: SdpMedia, sdp: Sdp): boolean {
  if (media.kind !== "audio" || media.direction !== "sendonly") return false;
  return !sdp.medias.some(({ kind, direction }) => kind === "video" && direction === "sendonly");
}
