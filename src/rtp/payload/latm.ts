// RTP payload for MPEG-4 audio in LATM, RFC 6416 §6: AudioMuxElements, the configuration in SDP (`cpresent=0`) or in them (`cpresent=1`).
import { BitReader } from "#base/bit-reader.ts";
import { readAudioMuxElement, writeAudioMuxElement } from "#codecs/aac/audio-mux-element.ts";
import { parseAacConfig } from "#codecs/aac/config.ts";
import { copyBits, parseStreamMuxConfig, readStreamMuxConfig } from "#codecs/aac/stream-mux-config.ts";
import type { AacLatm, AacParameters, Parameters } from "#codecs/codec.ts";
import { aacFrameTicks } from "#codecs/frame-ticks.ts";
import type { BurstBuilder, PacketBurst } from "#rtp/burst.ts";
import { PayloadCursor } from "./payload-cursor.ts";
import type { FormatDescription } from "./payload-format.ts";
import { parseFmtp, parseRtpmap } from "./sdp-text.ts";
import { addPieces } from "./whole-frame.ts";

/** More than one RTP timestamp ever has. */
const MAX_FRAMES = 256;
/** §7.3: where the rtpmap does not tell. */
const DEFAULT_CLOCK_RATE_HZ = 90_000;

/** The elements of one packet, or of the packets that one element takes. */
function addElements(bytes: Buffer, latm: AacLatm, frames: Buffer[]): void {
  let config = latm.streamMuxConfig && parseStreamMuxConfig(latm.streamMuxConfig);
  for (let at = 0; at < bytes.length; ) {
    const element = readAudioMuxElement(bytes, at, latm.inBand, config);
    if (element === undefined || frames.length + element.frames.length > MAX_FRAMES) return;
    frames.push(...element.frames);
    config = element.config;
    at = element.end;
  }
}

/** Raw AAC frames. An element with a missing piece is left out. */
export function depacketizeLatm(burst: PacketBurst, parameters: AacParameters): readonly Buffer[] | undefined {
  if (parameters.latm === undefined) return undefined;
  const cursor = new PayloadCursor(burst);
  const frames: Buffer[] = [];
  let parts: Buffer[] = [];
  while (cursor.next()) {
    if (!cursor.continuous) parts = [];
    parts.push(cursor.bytes.subarray(cursor.start, cursor.end));
    if (!cursor.marker) continue;
    addElements(parts.length === 1 ? parts[0]! : Buffer.concat(parts), parameters.latm, frames);
    parts = [];
  }
  return frames.length > 0 ? frames : undefined;
}

/** One element in each packet, or in several. Nothing while the configuration is unknown, or where it wants more frames than there are. */
export function packetizeLatm(frame: readonly Buffer[], parameters: AacParameters, maxPayloadBytes: number, out: BurstBuilder): void {
  const streamMux = parameters.latm?.streamMuxConfig;
  const config = streamMux && parseStreamMuxConfig(streamMux);
  if (config === undefined || frame.length % config.framesPerElement !== 0 || config.otherDataBits > 0) return;
  const unitTicks = aacFrameTicks(config.aacConfig, parameters.sampleRateHz);
  for (let first = 0; first < frame.length; first += config.framesPerElement) {
    const frames = frame.slice(first, first + config.framesPerElement);
    addPieces(writeAudioMuxElement(frames, parameters.latm?.inBand ? streamMux : undefined), maxPayloadBytes, first * unitTicks, out);
  }
}

/** A configuration that came in the stream and is another than the known one. */
export function readLatmBurst(burst: PacketBurst, known: Parameters): AacParameters | undefined {
  if (known.codec !== "aac" || known.latm?.inBand !== true) return undefined;
  const cursor = new PayloadCursor(burst);
  if (!cursor.next() || (cursor.bytes[cursor.start]! & 0x80) !== 0) return undefined; // useSameStreamMux
  const bytes = cursor.bytes.subarray(cursor.start, cursor.end);
  const reader = new BitReader(bytes);
  reader.skip(1);
  const config = readStreamMuxConfig(reader, bytes);
  const parsed = config && parseAacConfig(config.aacConfig);
  if (config === undefined || parsed === undefined) return undefined;
  const streamMuxConfig = copyBits(bytes, 1, reader.position - 1);
  if (known.latm.streamMuxConfig?.equals(streamMuxConfig)) return undefined;
  return { ...known, config: config.aacConfig, channelCount: parsed.channelCount, latm: { ...known.latm, streamMuxConfig } };
}

/** §7.3: the packets are those of the source, and so is what is said of them. */
export function describeLatm({ sampleRateHz, channelCount }: AacParameters, { fmtp }: AacLatm): FormatDescription {
  return { payloadType: undefined, rtpmap: `MP4A-LATM/${sampleRateHz}/${channelCount}`, fmtp };
}

/** undefined without a configuration that can be read, unless it comes in the stream. */
export function latmFromSdp({ rtpmap, fmtp = "" }: FormatDescription): AacParameters | undefined {
  const { clockRateHz = DEFAULT_CLOCK_RATE_HZ, channelCount = 1 } = parseRtpmap(rtpmap) ?? {};
  const items = parseFmtp(fmtp);
  const inBand = items.get("cpresent") !== "0";
  const hex = items.get("config")?.replaceAll('"', "") ?? "";
  const streamMuxConfig = /^([0-9a-f]{2}){5,64}$/i.test(hex) ? Buffer.from(hex, "hex") : undefined;
  const config = streamMuxConfig && parseStreamMuxConfig(streamMuxConfig);
  const parsed = config && parseAacConfig(config.aacConfig);
  const common = { codec: "aac", sampleRateHz: clockRateHz, sizeLength: 0, indexLength: 0, indexDeltaLength: 0 } as const;
  if (config !== undefined && parsed !== undefined) {
    return { ...common, config: config.aacConfig, channelCount: parsed.channelCount, latm: { inBand, streamMuxConfig, fmtp } };
  }
  if (!inBand) return undefined;
  return { ...common, config: Buffer.alloc(0), channelCount, latm: { inBand, streamMuxConfig: undefined, fmtp } };
}
