// Rows of the fault table: sound in every form (RFC 3551, RFC 3640, RFC 6416, RFC 7587); what is not understood passes through, and hurts no picture.
import assert from "node:assert/strict";
import { writeAudioMuxElement } from "#codecs/aac/audio-mux-element.ts";
import { payloadEnd, payloadStart } from "#rtp/burst.ts";
import { readAdtsFrames } from "../coded-clip.ts";
import { aacHbr, aacHbrPayload, besideClip, type CodedSoundOptions, codedSound, type OtherTrack, packetPerFrame } from "./beside-clip.ts";
import type { Fault, FaultCase } from "./fault.ts";
import type { FaultOutcome } from "./fault-site.ts";

const UNDISTURBED = ["connecting", "probing", "live"] as const;
const LASTS_MS = 4000;

interface Sound {
  /** `a=rtpmap`, or none for a static payload type. */
  readonly rtpmap?: string;
  readonly fmtp?: string;
  /** Default: 97. */
  readonly payloadType?: number;
  /** What the relay makes of it. */
  readonly codec: string;
  next(payloadType: number): OtherTrack["next"];
  /** What frame readers get, over and over; default: the payloads as they are; `none`: no frames are made of it. */
  readonly frames?: readonly Buffer[] | "none";
  /** The sound is described in the stream: it is recorded from the next keyframe on. */
  readonly isInStream?: boolean;
}

/** Payloads as they were sent. */
const sent: Buffer[] = [];
/** More than a run has; a camera that is served by hand goes on for long. */
const MAX_SENT = 10_000;

/** Remembers what goes out. */
function recorded(next: OtherTrack["next"]): OtherTrack["next"] {
  return (frame, track) => {
    const packets = next(frame, track);
    if (sent.length < MAX_SENT) for (const { bytes } of packets) sent.push(payloadOf(bytes));
    return packets;
  };
}

function payloadOf(bytes: Buffer): Buffer {
  return bytes.subarray(payloadStart(bytes, 0, bytes.length), payloadEnd(bytes, 0, bytes.length));
}

/** What went in comes out, from some place on, without a byte missing; the reader's packets have no gap in their numbers. */
function check({ rtsp, inside, site }: FaultOutcome, { codec, frames }: Sound): void {
  const [, track] = site.site.registry.get("cam")!.snapshot().tracks;
  assert.equal(track?.codec, codec);
  assert.equal(track?.kind, "audio");
  const packets = rtsp.packets(1);
  for (const [i, packet] of packets.entries()) {
    if (i > 0) assert.equal(packet.readUInt16BE(2), (packets[i - 1]!.readUInt16BE(2) + 1) & 0xffff, `packet ${i}`);
  }
  const went = Buffer.concat(sent);
  checkRun(Buffer.concat(packets.map(payloadOf)), went, "over RTSP");
  if (frames === "none") return;
  const made = inside.tap.units.filter((unit) => unit.track.index === 1).flatMap(({ frame = [] }) => frame);
  checkRun(Buffer.concat(made), frames === undefined ? went : repeated(frames, made.length + frames.length), "inside");
}

function repeated(frames: readonly Buffer[], count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => frames[i % frames.length]!));
}

function checkRun(got: Buffer, all: Buffer, where: string): void {
  assert.ok(got.length > 0, `nothing came ${where}`);
  assert.ok(all.includes(got), `${where} something else came than was sent`);
}

function sounding(name: string, sound: Sound): FaultCase {
  const { rtpmap, fmtp, payloadType = 97, next, isInStream = false } = sound;
  const sdp = [`m=audio 0 RTP/AVP ${payloadType}`];
  if (rtpmap !== undefined) sdp.push(`a=rtpmap:${payloadType} ${rtpmap}`);
  if (fmtp !== undefined) sdp.push(`a=fmtp:${payloadType} ${fmtp}`);
  return {
    name,
    stimulus: {
      does: `has sound as payload type ${payloadType}${rtpmap === undefined ? " without an rtpmap" : `, ${rtpmap}`}`,
      camera: (setting) => {
        sent.length = 0;
        return besideClip(() => [{ sdp, next: recorded(next(payloadType)) }])(setting);
      },
      lastsMs: LASTS_MS,
    },
    expected: {
      source: { states: UNDISTURBED },
      requests: { SETUP: 2 },
      readers: { gaps: [] },
      recording: isInStream ? { runs: 2, soundFromMs: 2000 } : {},
      log: [{ line: /skipping/, times: 0 }],
      also: (outcome) => check(outcome, sound),
    },
  };
}

/** 40 ms of bytes that differ from frame to frame. */
function plain(bytesPerFrame: number, ticksPerFrame: number): Sound["next"] {
  return (payloadType) =>
    packetPerFrame({
      payloadType,
      ticksPerFrame,
      payloadOf: (frame) => Buffer.from(Array.from({ length: bytesPerFrame }, (_, i) => (frame * 7 + i * 13 + (i >> 8)) & 0xff)),
    });
}

const AAC_FRAMES = readAdtsFrames(new URL("../../codecs/testdata/aac-lc.aac", import.meta.url));
const AAC_CONFIG = "1190"; // AAC LC, 48 kHz, two channels (ISO/IEC 14496-3 §1.6.2.1)
const STREAM_MUX_CONFIG = "400023203fc0"; // the same, one frame an element (§1.7.3)
const SAMPLE_RATE_HZ = 48_000;
const HBR = `streamtype=5; mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config=${AAC_CONFIG}`;

/** AAC at 48 kHz: the payloads of a group of frames. */
function aac(payloadsOf: (group: readonly Buffer[]) => readonly Buffer[], options: Partial<CodedSoundOptions> = {}): Sound["next"] {
  return (payloadType) => codedSound(AAC_FRAMES, { payloadType, sampleRateHz: SAMPLE_RATE_HZ, ...options }, payloadsOf);
}

/** RFC 3640 §3.2.3.1: each piece has the size of the whole. */
function inPieces([unit]: readonly Buffer[]): Buffer[] {
  const half = unit!.length >> 1;
  return [unit!.subarray(0, half), unit!.subarray(half)].map((part) => aacHbrPayload([unit!], [part]));
}

/** ISO/IEC 14496-3 §1.A.2.2: seven bytes before each frame. */
function withAdts(frame: Buffer): Buffer {
  const size = frame.length + 7;
  return Buffer.concat([Buffer.from([0xff, 0xf1, 0x4c, 0x80 | (size >> 11), (size >> 3) & 0xff, ((size & 7) << 5) | 0x1f, 0xfc]), frame]);
}

/** RFC 3640 §3.3.5: units of at most 63 bytes, six bits of size and two of index each. */
const SMALL_FRAMES = Array.from({ length: 16 }, (_, i) => Buffer.alloc(40 + i, 0x21 + i));

function aacLbr(payloadType: number): OtherTrack["next"] {
  return codedSound(SMALL_FRAMES, { payloadType, sampleRateHz: 8000, framesPerGroup: 2 }, (group) => [
    Buffer.concat([Buffer.from([0, 8 * group.length, ...group.map(({ length }) => length << 2)]), ...group]),
  ]);
}

/** RFC 7587: one Opus packet of 20 ms in each RTP packet. */
const OPUS_FRAMES = Array.from({ length: 25 }, (_, i) => Buffer.concat([Buffer.from([0x78]), Buffer.alloc(60 + i, i + 1)]));

const G726 = (["", "AAL2-"] as const).flatMap((packing) =>
  [16, 24, 32, 40].map((kbps) =>
    sounding(`${packing}G726-${kbps}`, { rtpmap: `${packing}G726-${kbps}/8000`, codec: "g726", next: plain(kbps * 5, 320) }),
  ),
);

const c70: Fault = {
  id: "C70",
  title: "sound in every codec",
  cases: [
    sounding("PCMU, payload type 0 without rtpmap", { payloadType: 0, codec: "g711", next: plain(320, 320) }),
    sounding("PCMA, payload type 8 without rtpmap", { payloadType: 8, codec: "g711", next: plain(320, 320) }),
    sounding("PCMU at 16 kHz", { rtpmap: "PCMU/16000", codec: "g711", next: plain(640, 640) }),
    sounding("PCMA at 16 kHz, payload type 8", { payloadType: 8, rtpmap: "PCMA/16000", codec: "g711", next: plain(640, 640) }),
    ...G726,
    sounding("G.722, whose clock of 16 kHz is called 8 kHz", {
      payloadType: 9,
      rtpmap: "G722/8000",
      codec: "g722",
      next: plain(320, 320),
    }),
    sounding("G.722 without rtpmap", { payloadType: 9, codec: "g722", next: plain(320, 320) }),
    sounding("L16, payload type 11 without rtpmap", { payloadType: 11, codec: "lpcm", next: plain(3528, 1764) }),
    sounding("L16 at 16 kHz", { rtpmap: "L16/16000/1", codec: "lpcm", next: plain(1280, 640) }),
    sounding("Opus", {
      rtpmap: "opus/48000/2",
      fmtp: "sprop-stereo=1",
      codec: "opus",
      next: (payloadType) => codedSound(OPUS_FRAMES, { payloadType, sampleRateHz: SAMPLE_RATE_HZ, samplesPerFrame: 960 }, (group) => group),
      frames: OPUS_FRAMES,
    }),
    sounding("AAC-hbr", {
      rtpmap: "mpeg4-generic/48000/2",
      fmtp: HBR,
      codec: "aac",
      next: (payloadType) => aacHbr(AAC_FRAMES, { payloadType, sampleRateHz: SAMPLE_RATE_HZ }),
      frames: AAC_FRAMES,
    }),
    ...[2, 5].map((framesPerGroup) =>
      sounding(`AAC-hbr, ${framesPerGroup} units in a packet`, {
        rtpmap: "MPEG4-GENERIC/48000/2",
        fmtp: HBR,
        codec: "aac",
        next: (payloadType) => aacHbr(AAC_FRAMES, { payloadType, sampleRateHz: SAMPLE_RATE_HZ, framesPerGroup }),
        frames: AAC_FRAMES,
      }),
    ),
    sounding("AAC-hbr, a unit in two packets", {
      rtpmap: "mpeg4-generic/48000/2",
      fmtp: HBR,
      codec: "aac",
      next: aac(inPieces),
      frames: AAC_FRAMES,
    }),
    sounding("AAC-lbr", {
      rtpmap: "mpeg4-generic/8000/1",
      fmtp: "streamtype=5; mode=AAC-lbr; sizelength=6; indexlength=2; indexdeltalength=2; config=1588",
      codec: "aac",
      next: aacLbr,
      frames: SMALL_FRAMES,
    }),
    sounding("LATM, its configuration in the description", {
      rtpmap: "MP4A-LATM/48000/2",
      fmtp: `profile-level-id=1; cpresent=0; config=${STREAM_MUX_CONFIG}`,
      codec: "aac",
      next: aac(([unit]) => [writeAudioMuxElement([unit!], undefined)]),
      frames: AAC_FRAMES,
    }),
    sounding("LATM, its configuration in the stream", {
      rtpmap: "MP4A-LATM/48000/2",
      fmtp: "profile-level-id=1; cpresent=1",
      codec: "aac",
      next: aac(([unit]) => [writeAudioMuxElement([unit!], Buffer.from(STREAM_MUX_CONFIG, "hex"))]),
      frames: AAC_FRAMES,
      isInStream: true,
    }),
    sounding("LATM whose configuration cannot be read", {
      rtpmap: "MP4A-LATM/48000/2",
      fmtp: "cpresent=0; config=zz",
      codec: "generic",
      next: aac(([unit]) => [writeAudioMuxElement([unit!], undefined)]),
      frames: "none",
    }),
    sounding("AAC-hbr with ADTS headers in its units", {
      rtpmap: "mpeg4-generic/48000/2",
      fmtp: HBR,
      codec: "aac",
      next: aac((group) => [aacHbrPayload(group.map(withAdts), group.map(withAdts))]),
      frames: AAC_FRAMES,
    }),
    sounding("ADTS in RTP", { rtpmap: "AAC/48000/2", codec: "generic", next: aac((group) => group.map(withAdts)), frames: "none" }),
    sounding("Speex", { rtpmap: "speex/16000", codec: "generic", next: plain(84, 640), frames: "none" }),
    sounding("G.729, payload type 18 without rtpmap", { payloadType: 18, codec: "generic", next: plain(40, 320), frames: "none" }),
  ],
};

export const audioFaults: readonly Fault[] = [c70];
