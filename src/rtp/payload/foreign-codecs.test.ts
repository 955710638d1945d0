// As foreign.test.ts, for the codecs beside H.264, H.265, JPEG, AAC and Opus: what FFmpeg, GStreamer and gortsplib packed comes back as it was.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isAv1Keyframe } from "#codecs/av1/obu.ts";
import type { Parameters } from "#codecs/codec.ts";
import { isMpegVideoKeyframe } from "#codecs/mpeg1-video/headers.ts";
import { isMpeg4VideoKeyframe } from "#codecs/mpeg4-video/headers.ts";
import { isVp8Keyframe } from "#codecs/vp8/header.ts";
import { isVp9Keyframe } from "#codecs/vp9/header.ts";
import { type AssembledFrame, FrameAssembler } from "#rtp/frame-assembler.ts";
import { readAdtsFrames } from "#testing/coded-clip.ts";
import { readAc3File, readIvfFile, readMp3File, readMpeg4File, readMpegVideoFile, readObuFile } from "#testing/elementary-streams.ts";
import { readRtpCapture } from "#testing/rtp-capture.ts";
import { rtpOf } from "#testing/unit-tap.ts";
import { parametersFromSdp, payloadFormatOf } from "./formats.ts";

const clipFile = (name: string) => new URL(`../../codecs/testdata/${name}`, import.meta.url);
const capture = (name: string) => readRtpCapture(new URL(`testdata/${name}.rtp`, import.meta.url));

/** The capture through the assembler: frames, and the parameters of the SDP completed by them. */
function receive(name: string, described: Parameters) {
  const format = payloadFormatOf(described.codec);
  const assembled: AssembledFrame[] = [];
  const assembler = new FrameAssembler(format, 0, (frame) => assembled.push(frame));
  const packets = capture(name);
  for (const packet of packets) assembler.push(packet, 0, packet.length, 0, 0);
  const open = assembler.open;
  if (open) assembler.cut();
  let parameters = described;
  const frames = assembled.map(({ burst, hasParameters }) => {
    parameters = format.readBurst?.(burst, parameters) ?? parameters;
    const frame = format.depacketize(burst, parameters) ?? [];
    if (hasParameters) parameters = format.readParameters?.(frame, parameters) ?? parameters;
    return frame;
  });
  const passed = assembled.flatMap(({ burst }) => rtpOf(burst));
  assert.deepEqual(passed, packets, "every packet is in a frame, as it came");
  return { assembled, frames, parameters, open };
}

const singly = (frames: readonly Buffer[]): Buffer[][] => frames.map((frame) => [frame]);
const vp9 = () => singly(readIvfFile(clipFile("vp9-altref.ivf")));
const vp8 = () => singly(readIvfFile(clipFile("vp8.ivf")));
const mpeg4 = () => singly(readMpeg4File(clipFile("mpeg4-b2.m4v")));
const mpeg2 = () => singly(readMpegVideoFile(clipFile("mpeg2-b2.m2v")));
const sdp = (rtpmap: string, fmtp?: string) => parametersFromSdp("video", { payloadType: undefined, rtpmap, fmtp })!;

interface VideoCase {
  readonly capture: string;
  readonly described: Parameters;
  readonly clip: () => Buffer[][];
  readonly isKeyframe: (frame: readonly Buffer[]) => boolean;
}

const VIDEO: readonly VideoCase[] = [
  { capture: "gortsplib-av1", described: sdp("AV1/90000"), clip: () => readObuFile(clipFile("av1-main.obu")), isKeyframe: isAv1Keyframe },
  { capture: "ffmpeg-vp9", described: sdp("VP9/90000"), clip: vp9, isKeyframe: ([frame]) => isVp9Keyframe(frame!) },
  { capture: "gst-vp9", described: sdp("VP9/90000"), clip: vp9, isKeyframe: ([frame]) => isVp9Keyframe(frame!) },
  { capture: "ffmpeg-vp8", described: sdp("VP8/90000"), clip: vp8, isKeyframe: ([frame]) => isVp8Keyframe(frame!) },
  { capture: "gst-vp8", described: sdp("VP8/90000"), clip: vp8, isKeyframe: ([frame]) => isVp8Keyframe(frame!) },
  { capture: "ffmpeg-mpeg4", described: sdp("MP4V-ES/90000"), clip: mpeg4, isKeyframe: ([frame]) => isMpeg4VideoKeyframe(frame!) },
  { capture: "gst-mpeg4", described: sdp("MP4V-ES/90000"), clip: mpeg4, isKeyframe: ([frame]) => isMpeg4VideoKeyframe(frame!) },
  { capture: "ffmpeg-mpeg2", described: sdp("MPV/90000"), clip: mpeg2, isKeyframe: ([frame]) => isMpegVideoKeyframe(frame!) },
  { capture: "gst-mpeg2", described: sdp("MPV/90000"), clip: mpeg2, isKeyframe: ([frame]) => isMpegVideoKeyframe(frame!) },
];

for (const { capture: name, described, clip, isKeyframe } of VIDEO) {
  test(`${name}: every picture of the clip comes back, keyframes are known, and the stream completes the parameters`, () => {
    const { assembled, frames, parameters, open } = receive(name, described);
    const expected = clip();
    assert.deepEqual(frames, expected);
    assert.deepEqual(
      assembled.map((frame) => frame.keyframe),
      expected.map(isKeyframe),
    );
    assert.equal(open, false);
    switch (parameters.codec) {
      case "av1":
        assert.deepEqual(parameters.sequenceHeader, expected[0]![0]);
        break;
      case "vp8":
      case "vp9":
        assert.deepEqual([parameters.picture?.widthPx, parameters.picture?.heightPx], [176, 96]);
        break;
      case "mpeg4-video":
      case "mpeg1-video":
        assert.deepEqual(parameters.config, expected[0]![0]!.subarray(0, parameters.config?.length));
        break;
      default:
        assert.fail(parameters.codec);
    }
  });
}

test("the SDP of FFmpeg gives the configuration that is in the stream", () => {
  const text = readFileSync(new URL("testdata/ffmpeg-mpeg4.sdp", import.meta.url), "latin1");
  const described = sdp("MP4V-ES/90000", /^a=fmtp:\d+ (.*)$/m.exec(text)![1]);
  const { parameters } = receive("ffmpeg-mpeg4", described);
  assert.ok(described.codec === "mpeg4-video" && described.config !== undefined);
  assert.equal(parameters, described, "nothing new");
});

const STEREO_AC3 = { fscod: 0, bsid: 8, bsmod: 0, acmod: 2, lfeOn: false, bitRateCode: 6 };
const LATM = sdp("MP4A-LATM/48000/2", "profile-level-id=41;cpresent=0;config=400023203fc0");
const mp3 = () => readMp3File(clipFile("mp3-stereo.mp3"));
const mp2 = () => readMp3File(clipFile("mp2-stereo.mp2"));
const ac3 = () => readAc3File(clipFile("ac3-stereo.ac3"));
const aac = () => readAdtsFrames(clipFile("aac-lc.aac"));

interface AudioCase {
  readonly capture: string;
  readonly described: Parameters;
  readonly clip: () => Buffer[];
  readonly completed: Parameters;
  /** The last frame is in pieces, whose end only the next packet would show. */
  readonly open?: boolean;
}

const AUDIO: readonly AudioCase[] = [
  {
    capture: "ffmpeg-mp3",
    described: sdp("MPA/90000"),
    clip: () => mp3().slice(0, 12), // FFmpeg kept the thirteenth for itself
    completed: { codec: "mp3", sampleRateHz: 44_100, channelCount: 2 },
  },
  {
    capture: "gst-mp3",
    described: sdp("MPA/90000"),
    clip: mp3,
    completed: { codec: "mp3", sampleRateHz: 44_100, channelCount: 2 },
  },
  {
    capture: "ffmpeg-mp2-cut",
    described: sdp("MPA/90000"),
    clip: mp2,
    completed: { codec: "mp3", sampleRateHz: 48_000, channelCount: 2 },
    open: true,
  },
  {
    capture: "gst-mp2-cut",
    described: sdp("MPA/90000"),
    clip: mp2,
    completed: { codec: "mp3", sampleRateHz: 48_000, channelCount: 2 },
    open: true,
  },
  {
    capture: "gst-ac3",
    described: sdp("AC3/48000/2"),
    clip: ac3,
    completed: { codec: "ac3", sampleRateHz: 48_000, channelCount: 2, syncInfo: STEREO_AC3 },
  },
  {
    capture: "gst-ac3-cut",
    described: sdp("AC3/48000"),
    clip: ac3,
    completed: { codec: "ac3", sampleRateHz: 48_000, channelCount: 6, syncInfo: STEREO_AC3 },
  },
  { capture: "ffmpeg-latm", described: LATM, clip: aac, completed: LATM },
  { capture: "gst-latm-cut", described: LATM, clip: aac, completed: LATM },
];

for (const { capture: name, described, clip, completed, open = false } of AUDIO) {
  test(`${name}: every frame of the clip comes back`, () => {
    const received = receive(name, described);
    assert.deepEqual(received.frames.flat(), clip());
    assert.deepEqual(received.parameters, completed);
    assert.equal(received.open, open);
  });
}

test("G.726 of both packings comes back as samples", () => {
  const lengths = (name: string, rtpmap: string) => receive(name, sdp(rtpmap)).frames.flatMap((frame) => frame.map(({ length }) => length));
  assert.deepEqual(lengths("ffmpeg-g726", "AAL2-G726-32/8000"), [188, 188, 188, 188, 48]);
  assert.deepEqual(lengths("ffmpeg-g726le", "G726-24/8000"), [186, 186, 186, 42]);
});

test("KLV units of one packet and of several", () => {
  const units = readFileSync(clipFile("two-units.klv"));
  const { frames, open } = receive("gst-klv", { codec: "klv" });
  assert.deepEqual(frames, [[units.subarray(0, 77)], [units.subarray(77)]]);
  assert.equal(open, false);
});
