// RTP payload for AC-3, RFC 4184: whole syncframes, or a piece of one, behind two bytes.
import { MAX_AC3_FRAME_BYTES, parseAc3Syncframe } from "#codecs/ac3/syncframe.ts";
import type { Ac3Parameters, Parameters } from "#codecs/codec.ts";
import { frameTicks } from "#codecs/frame-ticks.ts";
import type { BurstBuilder, PacketBurst } from "#rtp/burst.ts";
import { PayloadCursor } from "./payload-cursor.ts";
import { type FormatDescription, PacketHas, type PayloadFormat } from "./payload-format.ts";
import { parseRtpmap } from "./sdp-text.ts";

/** §4.1.1: frame type and number of frames, or of pieces. */
const HEADER_BYTES = 2;
/** §4.1.1 FT */
const WHOLE = 0;
const FIRST_WITH_FIVE_EIGHTHS = 1;
const FIRST = 2;
const LATER = 3;
/** NF has eight bits. */
const MAX_FRAMES = 255;
const CLOCK_RATES_HZ: ReadonlySet<number> = new Set([32_000, 44_100, 48_000]);
/** §6.1: where SDP does not tell the channels. */
const DEFAULT_CHANNELS = 6;

function inspect(bytes: Buffer, start: number, end: number): number {
  if (end <= start) return 0;
  const has = PacketHas.slice | PacketHas.keyframe;
  return (bytes[start]! & 3) === WHOLE ? has | PacketHas.end : has;
}

/** A frame in pieces. */
interface OpenFrame {
  readonly parts: Buffer[];
  haveBytes: number;
}

function depacketize(burst: PacketBurst): readonly Buffer[] | undefined {
  const cursor = new PayloadCursor(burst);
  const { bytes } = cursor;
  const frames: Buffer[] = [];
  let open: OpenFrame | undefined;
  while (cursor.next()) {
    const type = bytes[cursor.start]! & 3;
    let at = cursor.start + HEADER_BYTES;
    if (!cursor.continuous || type !== LATER) open = undefined;
    if (at >= cursor.end) continue;
    if (type === WHOLE) {
      while (at < cursor.end && frames.length < MAX_FRAMES) {
        const sizeBytes = parseAc3Syncframe(bytes, at)?.frameBytes ?? Number.POSITIVE_INFINITY;
        if (at + sizeBytes > cursor.end) break;
        frames.push(bytes.subarray(at, at + sizeBytes));
        at += sizeBytes;
      }
      continue;
    }
    if (type !== LATER) open = { parts: [], haveBytes: 0 };
    if (open === undefined) continue;
    open.parts.push(bytes.subarray(at, cursor.end));
    open.haveBytes += cursor.end - at;
    if (open.haveBytes > MAX_AC3_FRAME_BYTES) open = undefined;
    else if (cursor.marker) {
      const frame = Buffer.concat(open.parts, open.haveBytes);
      if (frames.length < MAX_FRAMES && parseAc3Syncframe(frame)?.frameBytes === frame.length) frames.push(frame);
      open = undefined;
    }
  }
  return frames.length > 0 ? frames : undefined;
}

/** One frame in several packets, all of the frame's time. */
function addPieces(frame: Buffer, room: number, ticks: number, out: BurstBuilder): void {
  const count = Math.ceil(frame.length / room);
  if (count > MAX_FRAMES || frame.length > MAX_AC3_FRAME_BYTES) return;
  for (let at = 0; at < frame.length; ) {
    const size = Math.min(room, frame.length - at);
    const to = out.add(HEADER_BYTES + size, at + size === frame.length, ticks);
    const first = size * 8 >= frame.length * 5 ? FIRST_WITH_FIVE_EIGHTHS : FIRST;
    out.bytes[to] = at === 0 ? first : LATER;
    out.bytes[to + 1] = count;
    at += frame.copy(out.bytes, to + HEADER_BYTES, at, at + size);
  }
}

function packetize(frame: readonly Buffer[], parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  const room = maxPayloadBytes - HEADER_BYTES;
  if (parameters.codec !== "ac3" || room < 1) return;
  let ticks = 0;
  for (let first = 0; first < frame.length; ) {
    const startTicks = ticks;
    let end = first;
    let sizeBytes = 0;
    for (; end < frame.length && end - first < MAX_FRAMES; end++) {
      if (end > first && sizeBytes + frame[end]!.length > room) break;
      sizeBytes += frame[end]!.length;
      ticks += frameTicks(parameters, frame[end]!);
    }
    if (sizeBytes > room) addPieces(frame[first]!, room, startTicks, out);
    else if (sizeBytes > 0) {
      let to = out.add(HEADER_BYTES + sizeBytes, true, startTicks);
      out.bytes[to++] = WHOLE;
      out.bytes[to++] = end - first;
      for (let i = first; i < end; i++) to += frame[i]!.copy(out.bytes, to);
    }
    first = end;
  }
}

/** Rate and channels stay those of SDP. */
function withSyncInfo(bytes: Buffer, at: number, known: Ac3Parameters): Ac3Parameters | undefined {
  const syncframe = parseAc3Syncframe(bytes, at);
  if (syncframe === undefined) return undefined;
  const { syncInfo } = syncframe;
  const before = known.syncInfo;
  const same =
    before !== undefined &&
    syncInfo.fscod === before.fscod &&
    syncInfo.bsid === before.bsid &&
    syncInfo.bsmod === before.bsmod &&
    syncInfo.acmod === before.acmod &&
    syncInfo.lfeOn === before.lfeOn &&
    syncInfo.bitRateCode === before.bitRateCode;
  return same ? undefined : { ...known, syncInfo };
}

export const ac3Payload: PayloadFormat = {
  codec: "ac3",
  frameEnd: "marker",
  inspect,
  depacketize,
  packetize,
  readParameters(frame, known) {
    const last = frame.at(-1);
    return known.codec === "ac3" && last !== undefined ? withSyncInfo(last, 0, known) : undefined;
  },
  readBurst(burst, known) {
    const cursor = new PayloadCursor(burst);
    return known.codec === "ac3" && cursor.next() ? withSyncInfo(cursor.bytes, cursor.start + HEADER_BYTES, known) : undefined;
  },
};

/** §6.1 */
export function describeAc3({ sampleRateHz, channelCount }: Ac3Parameters): FormatDescription {
  return { payloadType: undefined, rtpmap: `AC3/${sampleRateHz}/${channelCount}`, fmtp: undefined };
}

/** undefined for a rate or a number of channels that AC-3 does not have. */
export function ac3FromSdp(description: FormatDescription): Ac3Parameters | undefined {
  const { clockRateHz = 0, channelCount = DEFAULT_CHANNELS } = parseRtpmap(description.rtpmap) ?? {};
  if (!CLOCK_RATES_HZ.has(clockRateHz) || channelCount > DEFAULT_CHANNELS) return undefined;
  return { codec: "ac3", sampleRateHz: clockRateHz, channelCount };
}
