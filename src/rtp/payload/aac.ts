// RTP payload for MPEG-4 audio, RFC 3640: modes AAC-hbr and AAC-lbr, and whatever other AU header lengths SDP gives.
import { BitReader } from "#base/bit-reader.ts";
import { BitWriter } from "#base/bit-writer.ts";
import { parseAdts } from "#codecs/aac/adts.ts";
import { parseAacConfig } from "#codecs/aac/config.ts";
import type { AacParameters, Parameters } from "#codecs/codec.ts";
import { aacFrameTicks } from "#codecs/frame-ticks.ts";
import type { BurstBuilder, PacketBurst } from "#rtp/burst.ts";
import { inspectWhole } from "./audio-packets.ts";
import { depacketizeLatm, describeLatm, packetizeLatm, readLatmBurst } from "./latm.ts";
import { PayloadCursor } from "./payload-cursor.ts";
import type { FormatDescription, PayloadFormat } from "./payload-format.ts";
import { fmtpNumber, parseFmtp, parseRtpmap } from "./sdp-text.ts";

/** More access units than one RTP timestamp ever has. */
const MAX_UNITS = 256;
/** A frame of eight channels is at most 6,144 bits each (ISO/IEC 14496-3 §4.5.3); the rest is slack. */
const MAX_UNIT_BYTES = 16_384;

/** Lengths of AU header fields by mode, §3.3.5 and §3.3.6. */
const MODES: ReadonlyMap<string, readonly [size: number, index: number, indexDelta: number]> = new Map([
  ["aac-hbr", [13, 3, 3]],
  ["aac_hbr", [13, 3, 3]],
  ["aac-lbr", [6, 2, 2]],
]);

interface AuHeaders {
  readonly sizes: readonly number[];
  /** Where the access units begin. */
  readonly body: number;
}

/** §3.2.1: a 16-bit length in bits, then the headers, filled up to a byte. */
function readAuHeaders(bytes: Buffer, start: number, end: number, parameters: AacParameters): AuHeaders | undefined {
  if (end - start < 2) return undefined;
  const headerBits = (bytes[start]! << 8) | bytes[start + 1]!;
  const body = start + 2 + ((headerBits + 7) >> 3);
  if (body > end) return undefined;
  const reader = new BitReader(bytes.subarray(start + 2, body));
  const sizes: number[] = [];
  let indexBits = parameters.indexLength;
  for (
    let left = headerBits;
    left >= parameters.sizeLength + indexBits && sizes.length < MAX_UNITS;
    indexBits = parameters.indexDeltaLength
  ) {
    left -= parameters.sizeLength + indexBits;
    sizes.push(reader.bits(parameters.sizeLength));
    reader.skip(indexBits); // interleaving is not used by the AAC modes of cameras
  }
  return { sizes, body };
}

/** Without the ADTS header that some cameras leave before each frame; a raw frame never begins like one. */
function withoutAdts(unit: Buffer): Buffer {
  const adts = parseAdts(unit);
  return adts !== undefined && adts.frameBytes === unit.length ? unit.subarray(adts.headerBytes) : unit;
}

/** An access unit that needs several packets, §3.2.3.1: each carries one AU header with the whole size. */
interface Fragments {
  readonly sizeBytes: number;
  readonly parts: Buffer[];
  haveBytes: number;
}

function depacketize(burst: PacketBurst, parameters: Parameters): readonly Buffer[] | undefined {
  if (parameters.codec !== "aac") return undefined;
  if (parameters.latm !== undefined) return depacketizeLatm(burst, parameters);
  if (parameters.sizeLength === 0) return undefined;
  const cursor = new PayloadCursor(burst);
  const { bytes } = cursor;
  const units: Buffer[] = [];
  const keep = (unit: Buffer) => {
    if (units.length < MAX_UNITS && unit.length > 0) units.push(withoutAdts(unit));
  };
  let open: Fragments | undefined;
  while (cursor.next()) {
    if (!cursor.continuous) open = undefined;
    const headers = readAuHeaders(bytes, cursor.start, cursor.end, parameters);
    const first = headers?.sizes[0];
    if (headers === undefined || first === undefined) {
      open = undefined;
      continue;
    }
    const roomBytes = cursor.end - headers.body;
    if (headers.sizes.length === 1 && (first > roomBytes || open !== undefined)) {
      if (open !== undefined && open.sizeBytes !== first) open = undefined;
      // A first fragment that was lost shows in the size: what follows it never adds up.
      open ??= { sizeBytes: first, parts: [], haveBytes: 0 };
      open.parts.push(bytes.subarray(headers.body, cursor.end));
      open.haveBytes += roomBytes;
      if (open.haveBytes === open.sizeBytes) keep(Buffer.concat(open.parts, open.sizeBytes));
      if (open.haveBytes >= open.sizeBytes || cursor.marker || open.sizeBytes > MAX_UNIT_BYTES) open = undefined;
      continue;
    }
    open = undefined;
    let at = headers.body;
    for (const size of headers.sizes) {
      if (at + size > cursor.end) break;
      keep(bytes.subarray(at, at + size));
      at += size;
    }
  }
  return units.length > 0 ? units : undefined;
}

/** One packet: the AU headers of `sizes` and `bodyBytes` of room; returns where the body goes. */
function addPacket(
  sizes: readonly number[],
  bodyBytes: number,
  marker: boolean,
  ticks: number,
  parameters: AacParameters,
  out: BurstBuilder,
): number {
  const writer = new BitWriter();
  sizes.forEach((size, i) => {
    writer.bits(size, parameters.sizeLength).bits(0, i === 0 ? parameters.indexLength : parameters.indexDeltaLength);
  });
  const headers = writer.finish();
  const to = out.add(2 + headers.length + bodyBytes, marker, ticks);
  out.bytes.writeUInt16BE(writer.bitCount, to);
  headers.copy(out.bytes, to + 2);
  return to + 2 + headers.length;
}

function headBytes(units: number, parameters: AacParameters): number {
  const bits = units * parameters.sizeLength + parameters.indexLength + (units - 1) * parameters.indexDeltaLength;
  return 2 + ((bits + 7) >> 3);
}

function packetize(frame: readonly Buffer[], parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  if (parameters.codec !== "aac") return;
  if (parameters.latm !== undefined) packetizeLatm(frame, parameters, maxPayloadBytes, out);
  if (parameters.sizeLength === 0) return;
  const largest = Math.min(2 ** parameters.sizeLength - 1, MAX_UNIT_BYTES);
  const unitTicks = aacFrameTicks(parameters.config, parameters.sampleRateHz);
  const fragmentBytes = maxPayloadBytes - headBytes(1, parameters);
  if (fragmentBytes < 1) return;
  for (let first = 0; first < frame.length; ) {
    const ticks = first * unitTicks;
    let bodyBytes = 0;
    let end = first;
    for (; end < frame.length; end++) {
      const size = frame[end]!.length;
      if (size > largest || headBytes(end - first + 1, parameters) + bodyBytes + size > maxPayloadBytes) break;
      bodyBytes += size;
    }
    if (end > first) {
      const units = frame.slice(first, end);
      let to = addPacket(
        units.map((unit) => unit.length),
        bodyBytes,
        true,
        ticks,
        parameters,
        out,
      );
      for (const unit of units) to += unit.copy(out.bytes, to);
      first = end;
      continue;
    }
    const unit = frame[first++]!;
    if (unit.length > largest) continue;
    for (let at = 0; at < unit.length; ) {
      const size = Math.min(fragmentBytes, unit.length - at);
      const to = addPacket([unit.length], size, at + size === unit.length, ticks, parameters, out);
      at += unit.copy(out.bytes, to, at, at + size);
    }
  }
}

/** LATM (RFC 6416) where the parameters say so. */
export const aacPayload: PayloadFormat = {
  codec: "aac",
  frameEnd: "marker",
  inspect: inspectWhole,
  depacketize,
  packetize,
  readBurst: readLatmBurst,
};

/** §4.1 */
export function describeAac(parameters: AacParameters): FormatDescription {
  if (parameters.latm !== undefined) return describeLatm(parameters, parameters.latm);
  const parsed = parseAacConfig(parameters.config);
  const channels = parsed?.parametricStereo === true ? 2 : parameters.channelCount;
  const items = [
    "streamtype=5",
    `mode=${parameters.sizeLength === 6 ? "AAC-lbr" : "AAC-hbr"}`,
    "profile-level-id=1",
    `sizelength=${parameters.sizeLength}`,
    `indexlength=${parameters.indexLength}`,
    `indexdeltalength=${parameters.indexDeltaLength}`,
    `config=${parameters.config.toString("hex")}`,
  ];
  return { payloadType: undefined, rtpmap: `mpeg4-generic/${parameters.sampleRateHz}/${channels}`, fmtp: items.join("; ") };
}

/** undefined without a config that can be read: no decoder could be set up. */
export function aacFromSdp(description: FormatDescription): AacParameters | undefined {
  const items = parseFmtp(description.fmtp);
  const hex = items.get("config")?.replaceAll('"', "") ?? "";
  if (!/^([0-9a-f]{2}){2,64}$/i.test(hex)) return undefined;
  const config = Buffer.from(hex, "hex");
  const parsed = parseAacConfig(config);
  const mode = MODES.get(items.get("mode")?.toLowerCase() ?? "");
  const sizeLength = fmtpNumber(items, "sizelength") ?? mode?.[0] ?? 0;
  const indexLength = fmtpNumber(items, "indexlength") ?? mode?.[1] ?? 0;
  const indexDeltaLength = fmtpNumber(items, "indexdeltalength") ?? mode?.[2] ?? 0;
  if (parsed === undefined || sizeLength === 0 || sizeLength > 32 || indexLength > 32 || indexDeltaLength > 32) return undefined;
  const sampleRateHz = parseRtpmap(description.rtpmap)?.clockRateHz ?? parsed.sbrSampleRateHz ?? parsed.sampleRateHz;
  return { codec: "aac", config, sampleRateHz, channelCount: parsed.channelCount, sizeLength, indexLength, indexDeltaLength };
}
