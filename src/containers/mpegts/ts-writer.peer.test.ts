// Foreign demuxers read what TsWriter writes: the same frames at the same times, and not a word of warning.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { splitAnnexB } from "#codecs/annex-b.ts";
import type { Parameters } from "#codecs/codec.ts";
import { elementsOfFrames } from "#testing/bitstreams/elements.ts";
import { readAdtsFrames, readClipTimes, readCodedClip } from "#testing/coded-clip.ts";
import { ffmpeg, ffprobe } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { gstLaunch } from "#testing/peers/gst.ts";
import { runPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import type { ContainerTrack, Sample } from "../sample.ts";
import { START_MS, TsWriter } from "./ts-writer.ts";

const CODECS = new URL("../../codecs/testdata/", import.meta.url);
const WRAP = 2 ** 33;

/** A track, and what a demuxer has to find of it. */
interface Clip {
  readonly track: ContainerTrack;
  readonly samples: readonly Sample[];
  /** ffprobe's name. */
  readonly codecName: string;
  /** Frames as they lie in the stream, with the headers that MPEG-TS adds; a demuxer may give them split up or joined. */
  readonly bytes: Buffer;
  /** The writer puts nothing into the frames. */
  readonly asWritten: boolean;
  /** Of each frame, 90 kHz, without START_MS. */
  readonly times: readonly { readonly pts: number; readonly dts: number }[];
}

interface ProbedPacket {
  readonly stream_index: number;
  readonly pts: number;
  readonly dts: number;
  readonly flags: string;
  readonly pos?: string;
  readonly size: string;
}

interface Probed {
  readonly streams: readonly { readonly codec_name: string; readonly codec_type: string }[];
  readonly packets: readonly ProbedPacket[];
}

/** ffmpeg demuxes KLV and decodes none. */
const NO_KLV_DECODER = /^Unsupported codec with id 98311 for input stream \d+\n$/;

async function probe(scope: TestScope, file: string): Promise<Probed> {
  const { stdout, stderr } = await runPeer(scope, ffprobe, ["-v", "warning", "-show_streams", "-show_packets", "-of", "json", file]);
  assert.equal(stderr.replace(NO_KLV_DECODER, ""), "");
  return JSON.parse(stdout.toString("utf8"));
}

/** The samples of all clips in the order of their decode times. */
function write(clips: readonly Clip[]): Buffer {
  const writer = new TsWriter(clips.map(({ track }) => track));
  const secondsOf = (trackIndex: number, { dtsTicks }: Sample) => dtsTicks / clips[trackIndex]!.track.clockRateHz;
  return Buffer.concat(
    clips
      .flatMap(({ samples }, trackIndex) => samples.map((sample) => ({ trackIndex, sample })))
      .sort((a, b) => secondsOf(a.trackIndex, a.sample) - secondsOf(b.trackIndex, b.sample))
      .map(({ trackIndex, sample }) => writer.write(trackIndex, sample)),
  );
}

const FRAME_TICKS = 3600;

/** A clip of testdata. `withSets`: parameter sets and delimiters stay in the frames; else the writer puts them in. */
function nalClip(name: string, withSets: boolean, originTicks = 0): Clip {
  const file = new URL(name, CODECS);
  const { parameters, frames } = readCodedClip(file);
  const times = readClipTimes(file);
  const isH264 = parameters.codec === "h264";
  const typeOf = (nalUnit: Buffer) => (isH264 ? nalUnit[0]! & 31 : nalUnit[0]! >> 1);
  const isExtra = (nalUnit: Buffer) => (isH264 ? [7, 8, 9] : [32, 33, 34, 35]).includes(typeOf(nalUnit));
  const isIntra = (nalUnit: Buffer) => (isH264 ? typeOf(nalUnit) === 5 : typeOf(nalUnit) >= 16 && typeOf(nalUnit) <= 23);
  const ticks = (time: number) => originTicks + Math.round((time * 90_000) / times.clockRateHz);
  const samples = frames.map((frame, i) => ({
    dtsTicks: ticks(times.dts[i]!),
    ptsOffsetTicks: ticks(times.pts[i]!) - ticks(times.dts[i]!),
    durationTicks: FRAME_TICKS,
    keyframe: frame.some(isIntra),
    frame: withSets ? frame : frame.filter((nalUnit) => !isExtra(nalUnit)),
  }));
  return {
    track: { kind: "video", clockRateHz: 90_000, parameters },
    samples,
    codecName: isH264 ? "h264" : "hevc",
    bytes: Buffer.concat(frames.flatMap((frame) => frame.flatMap((nalUnit) => [Buffer.of(0, 0, 0, 1), nalUnit]))),
    asWritten: withSets,
    times: samples.map(({ dtsTicks, ptsOffsetTicks }) => ({ dts: dtsTicks, pts: dtsTicks + ptsOffsetTicks })),
  };
}

/** Sound, `framesPerSample` in each sample. `asSent`: with what MPEG-TS adds. */
function audioClip(
  codecName: string,
  track: ContainerTrack,
  options: { frames: readonly Buffer[]; asSent: readonly Buffer[]; frameTicks: number; framesPerSample: number; originTicks?: number },
): Clip {
  const { frames, asSent, frameTicks, framesPerSample, originTicks = 0 } = options;
  const samples: Sample[] = [];
  for (let i = 0; i < frames.length; i += framesPerSample) {
    const frame = frames.slice(i, i + framesPerSample);
    const dtsTicks = originTicks + i * frameTicks;
    samples.push({ dtsTicks, ptsOffsetTicks: 0, durationTicks: frame.length * frameTicks, keyframe: true, frame });
  }
  const times = frames.map((_, i) => {
    const time = ((originTicks + i * frameTicks) * 90_000) / track.clockRateHz;
    return { dts: time, pts: time };
  });
  return { track, samples, codecName, bytes: Buffer.concat(asSent), asWritten: true, times };
}

const AAC: Parameters = {
  codec: "aac",
  config: Buffer.from("1190", "hex"),
  sampleRateHz: 48_000,
  channelCount: 2,
  sizeLength: 13,
  indexLength: 3,
  indexDeltaLength: 3,
};

async function aacClip(framesPerSample: number, originTicks = 0): Promise<Clip> {
  const file = new URL("aac-lc.aac", CODECS);
  const asSent = [await readFile(file)];
  const track: ContainerTrack = { kind: "audio", clockRateHz: 48_000, parameters: AAC };
  return audioClip("aac", track, { frames: readAdtsFrames(file), asSent, frameTicks: 1024, framesPerSample, originTicks });
}

const NOISE = "anoisesrc=seed=1:r=48000";

/** Codes a second of a moving picture or of noise into MP4, and takes the frames out. */
async function codedFrames(scope: TestScope, folder: string, source: string, encoder: readonly string[]) {
  const file = join(folder, `${encoder[1]}.mp4`);
  await runPeer(scope, ffmpeg, [
    "-v",
    "error",
    "-f",
    "lavfi",
    "-i",
    source,
    "-t",
    "1",
    ...encoder,
    "-video_track_timescale",
    "90000",
    file,
  ]);
  const { stdout } = await runPeer(scope, ffprobe, ["-v", "error", "-ignore_editlist", "1", "-show_packets", "-of", "json", file]);
  const bytes = await readFile(file);
  return (JSON.parse(stdout.toString("utf8")) as Probed).packets.map(({ pos, size, pts, dts, flags }) => ({
    frame: bytes.subarray(Number(pos), Number(pos) + Number(size)),
    pts,
    dts,
    keyframe: flags.startsWith("K"),
  }));
}

/** Coded with B-frames. The headers that MP4 keeps apart are taken from a raw stream, up to the first of `pictureCodes`. */
async function startCodeClip(
  scope: TestScope,
  folder: string,
  options: {
    readonly codec: "mpeg4-video" | "mpeg1-video";
    readonly codecName: string;
    readonly raw: string;
    readonly pictureCodes: readonly string[];
    readonly source?: string;
    readonly bitRate?: string;
  },
): Promise<Clip> {
  const { codec, codecName, raw, pictureCodes, source = "testsrc2=s=160x128:r=25", bitRate = "300k" } = options;
  const encoder = ["-c:v", codecName, "-g", "10", "-bf", "2", "-b:v", bitRate];
  const coded = await codedFrames(scope, folder, source, encoder);
  const inRaw = ["-v", "error", "-f", "lavfi", "-i", source, "-t", "1", ...encoder, "-f", raw, "pipe:1"];
  const { stdout } = await runPeer(scope, ffmpeg, inRaw);
  const config = stdout.subarray(0, Math.min(...pictureCodes.map((code) => stdout.indexOf(`000001${code}`, 0, "hex"))));
  const hasConfig = (frame: Buffer) => frame.subarray(0, 4).equals(config.subarray(0, 4));
  const originTicks = Math.max(0, -coded[0]!.dts);
  const samples = coded.map(({ frame, pts, dts, keyframe }) => ({
    dtsTicks: originTicks + dts,
    ptsOffsetTicks: pts - dts,
    durationTicks: FRAME_TICKS,
    keyframe,
    frame: [frame],
  }));
  return {
    track: { kind: "video", clockRateHz: 90_000, parameters: { codec, config } },
    samples,
    codecName,
    bytes: Buffer.concat(coded.flatMap(({ frame, keyframe }) => (keyframe && !hasConfig(frame) ? [config, frame] : [frame]))),
    asWritten: true,
    times: samples.map(({ dtsTicks, ptsOffsetTicks }) => ({ dts: dtsTicks, pts: dtsTicks + ptsOffsetTicks })),
  };
}

type MakeClip = (scope: TestScope, folder: string) => Clip | Promise<Clip>;

const opus: MakeClip = async (scope, folder) => {
  const frames = (await codedFrames(scope, folder, NOISE, ["-c:a", "libopus"])).map(({ frame }) => frame);
  const track: ContainerTrack = { kind: "audio", clockRateHz: 48_000, parameters: { codec: "opus", channelCount: 1 } };
  return audioClip("opus", track, { frames, asSent: frames, frameTicks: 960, framesPerSample: 2 });
};

const mp3: MakeClip = async (scope, folder) => {
  const frames = (await codedFrames(scope, folder, NOISE, ["-c:a", "libmp3lame"])).map(({ frame }) => frame);
  const track: ContainerTrack = { kind: "audio", clockRateHz: 90_000, parameters: { codec: "mp3", sampleRateHz: 48_000 } };
  return audioClip("mp3", track, { frames, asSent: frames, frameTicks: 2160, framesPerSample: 3 });
};

const ac3: MakeClip = async (scope, folder) => {
  const frames = (await codedFrames(scope, folder, NOISE, ["-c:a", "ac3"])).map(({ frame }) => frame);
  const track: ContainerTrack = { kind: "audio", clockRateHz: 48_000, parameters: { codec: "ac3", sampleRateHz: 48_000, channelCount: 1 } };
  return audioClip("ac3", track, { frames, asSent: frames, frameTicks: 1536, framesPerSample: 1 });
};

/** UAS datalink local sets, MISB ST 0601: universal key, length, tag 65 (version). */
const klv: MakeClip = () => {
  const key = "060e2b34020b01010e01030101000000";
  const frames = Array.from({ length: 10 }, (_, i) => Buffer.from(`${key}064101${(i + 1).toString(16).padStart(2, "0")}0102ff`, "hex"));
  const track: ContainerTrack = { kind: "data", clockRateHz: 90_000, parameters: { codec: "klv" } };
  return audioClip("klv", track, { frames, asSent: frames, frameTicks: 9000, framesPerSample: 1 });
};

const mpeg4: MakeClip = (scope, folder) =>
  startCodeClip(scope, folder, { codec: "mpeg4-video", codecName: "mpeg4", raw: "m4v", pictureCodes: ["b3", "b6"] });
const MPEG2 = { codec: "mpeg1-video", codecName: "mpeg2video", raw: "mpeg2video", pictureCodes: ["b8", "00"] } as const;
const mpeg2: MakeClip = (scope, folder) => startCodeClip(scope, folder, MPEG2);
const mpeg2Large: MakeClip = async (scope, folder) => {
  const clip = await startCodeClip(scope, folder, {
    ...MPEG2,
    source: "testsrc2=s=640x360:r=25,noise=alls=60:allf=t:all_seed=1",
    bitRate: "20M",
  });
  assert.ok(clip.samples.some(({ frame }) => frame[0]!.length > 0xffff));
  return clip;
};
const mpeg1: MakeClip = (scope, folder) =>
  startCodeClip(scope, folder, { codec: "mpeg1-video", codecName: "mpeg1video", raw: "mpeg1video", pictureCodes: ["b8", "00"] });

/** What ffmpeg copies out of a stream, without the file format's own bytes. */
async function copied(scope: TestScope, file: string, streamIndex: number): Promise<Buffer> {
  const args = ["-v", "warning", "-i", file, "-map", `0:${streamIndex}`, "-c", "copy", "-f", "data", "pipe:1"];
  const { stdout, stderr } = await runPeer(scope, ffmpeg, args);
  assert.equal(stderr, "");
  return stdout;
}

/** Equal where the frames are. Start codes may be of three or four bytes; delimiters and sets do not count where the writer put them in. */
function comparable({ codecName, asWritten }: Clip, bytes: Buffer): readonly string[] {
  const md5Of = (part: Buffer) => createHash("md5").update(part).digest("hex");
  if (codecName !== "h264" && codecName !== "hevc") return [md5Of(bytes)];
  if (asWritten) return splitAnnexB(bytes, Number.POSITIVE_INFINITY).map(md5Of);
  return elementsOfFrames(codecName === "h264" ? "h264" : "h265", [bytes]);
}

async function assertFfmpegReads(scope: TestScope, file: string, clips: readonly Clip[]): Promise<void> {
  const { streams, packets } = await probe(scope, file);
  assert.deepEqual(
    streams.map(({ codec_name }) => codec_name),
    clips.map(({ codecName }) => codecName),
  );
  for (const [i, clip] of clips.entries()) {
    assert.deepEqual(comparable(clip, await copied(scope, file, i)), comparable(clip, clip.bytes), clip.codecName);
    const got = packets.filter(({ stream_index }) => stream_index === i);
    assert.equal(got.length, clip.times.length, clip.codecName);
    for (const [at, { pts, dts }] of clip.times.entries()) {
      const where = `${clip.codecName} frame ${at}`;
      assertSameTime(got[at]!.pts, pts + START_MS * 90, `pts of ${where}`);
      assertSameTime(got[at]!.dts, dts + START_MS * 90, `dts of ${where}`);
    }
  }
  const { stderr } = await runPeer(scope, ffmpeg, ["-v", "warning", "-i", file, "-map", "0:v?", "-map", "0:a?", "-f", "null", "-"]);
  assert.equal(stderr, "");
}

/** Modulo 2^33, within the tick that is lost where a demuxer counts on from the first frame of a PES packet. */
function assertSameTime(got: number, expected: number, what: string): void {
  const apart = (((got - expected) % WRAP) + WRAP) % WRAP;
  assert.ok(apart <= 1 || apart >= WRAP - 1, `${what}: ${got}, not ${expected}`);
}

const COMBINATIONS: readonly { readonly name: string; readonly clips: readonly MakeClip[] }[] = [
  { name: "H.264 with B-frames, AAC", clips: [() => nalClip("h264-main-b3.h264", true), () => aacClip(1)] },
  {
    name: "H.264 without sets in the stream, AAC four frames a time",
    clips: [() => nalClip("h264-main-b3.h264", false), () => aacClip(4)],
  },
  { name: "H.264 of several slices, Opus", clips: [() => nalClip("h264-baseline-slices.h264", false), opus] },
  { name: "H.264 pyramid with open GOPs, MP3", clips: [() => nalClip("h264-high-pyramid-open-gop.h264", false), mp3] },
  { name: "H.264 interlaced", clips: [() => nalClip("h264-high-interlaced.h264", false)] },
  { name: "H.265 with closed GOPs, AAC", clips: [() => nalClip("h265-main-closed-gop.h265", true), () => aacClip(2)] },
  { name: "H.265 with open GOPs and without sets in the stream, AC-3", clips: [() => nalClip("h265-main-open-gop.h265", false), ac3] },
  { name: "MPEG-4 part 2, MP3", clips: [mpeg4, mp3] },
  { name: "MPEG-2 video, AC-3", clips: [mpeg2, ac3] },
  { name: "MPEG-1 video, MP3", clips: [mpeg1, mp3] },
  { name: "MPEG-2 video with pictures above 64 KiB", clips: [mpeg2Large] },
  { name: "H.264, KLV", clips: [() => nalClip("h264-main-b3.h264", true), klv] },
  { name: "AAC alone", clips: [() => aacClip(3)] },
  { name: "Opus alone", clips: [opus] },
  { name: "two of a kind", clips: [() => nalClip("h264-main-b3.h264", false), () => aacClip(1), () => aacClip(2)] },
];

for (const { name, clips } of COMBINATIONS) {
  test(`ffmpeg reads ${name}`, { skip: missingOf(ffmpeg, ffprobe) }, async (t) => {
    const folder = await temporaryFolder(t);
    const made = [];
    for (const make of clips) made.push(await make(t, folder));
    const file = join(folder, "out.ts");
    await writeFile(file, write(made));
    await assertFfmpegReads(t, file, made);
  });
}

test("ffmpeg reads on where timestamps wrap", { skip: missingOf(ffmpeg, ffprobe) }, async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, "out.ts");
  const secondsBefore = 1;
  const origin = WRAP - START_MS * 90 - secondsBefore * 90_000; // after a second of the clip
  const clips = [nalClip("h264-main-b3.h264", false, origin), await aacClip(1, Math.round((origin * 48_000) / 90_000))];
  await writeFile(file, write(clips));
  await assertFfmpegReads(t, file, clips);
});

test("GStreamer reads H.264 and AAC", { skip: gstLaunch.missing }, async (t) => {
  const folder = await temporaryFolder(t);
  const clips = [nalClip("h264-main-b3.h264", false), await aacClip(3)];
  const [video, audio] = [join(folder, "video"), join(folder, "audio")];
  await writeFile(join(folder, "out.ts"), write(clips));
  const source = `filesrc location=${join(folder, "out.ts")} ! tsdemux name=demux`;
  const sinks = [`demux. ! video/x-h264 ! queue ! filesink location=${video}`, `demux. ! audio/mpeg ! queue ! filesink location=${audio}`];
  const { stderr } = await runPeer(t, gstLaunch, ["-q", ...`${source} ${sinks.join(" ")}`.split(" ")]);
  assert.equal(stderr, "");
  assert.deepEqual(comparable(clips[0]!, await readFile(video)), comparable(clips[0]!, clips[0]!.bytes));
  assert.deepEqual(await readFile(audio), clips[1]!.bytes);
});
