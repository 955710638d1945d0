// What FFmpeg's and GStreamer's packetizers made of the same clips, against what was put in.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Parameters } from "#codecs/codec.ts";
import { h264NalType, isH264Slice } from "#codecs/h264/nal.ts";
import { h265NalType, isH265Slice } from "#codecs/h265/nal.ts";
import { parseJpeg } from "#codecs/mjpeg/jpeg.ts";
import { opusSamples } from "#codecs/opus/packet.ts";
import { readAdtsFrames, readCodedClip } from "#testing/coded-clip.ts";
import { burstOf, readRtpCapture, splitFrames } from "#testing/rtp-capture.ts";
import { parametersFromSdp, payloadFormatOf } from "./formats.ts";

const clipFile = (name: string) => new URL(`../../codecs/testdata/${name}`, import.meta.url);
const capture = (name: string) => readRtpCapture(new URL(`testdata/${name}.rtp`, import.meta.url));

/** The parameters of the SDP that FFmpeg wrote beside its packets. */
function sdpParameters(name: string): Parameters {
  const text = readFileSync(new URL(`testdata/${name}.sdp`, import.meta.url), "latin1");
  const [, kind = "", payloadType] = /^m=(\w+) 0 RTP\/AVP (\d+)/m.exec(text) ?? [];
  const parameters = parametersFromSdp(kind, {
    payloadType: Number(payloadType) < 96 ? Number(payloadType) : undefined,
    rtpmap: /^a=rtpmap:\d+ (.*?)\r?$/m.exec(text)?.[1],
    fmtp: /^a=fmtp:\d+ (.*?)\r?$/m.exec(text)?.[1],
  });
  assert.ok(parameters);
  return parameters;
}

function frames(name: string, parameters: Parameters): (readonly Buffer[])[] {
  const format = payloadFormatOf(parameters.codec);
  return splitFrames(capture(name)).map((packets) => format.depacketize(burstOf(packets), parameters) ?? []);
}

function slices(nalUnits: readonly Buffer[], parameters: Parameters): Buffer[] {
  if (parameters.codec === "h264") return nalUnits.filter((nalUnit) => isH264Slice(h264NalType(nalUnit[0]!)));
  return nalUnits.filter((nalUnit) => isH265Slice(h265NalType(nalUnit[0]!)));
}

const VIDEO: readonly (readonly [capture: string, clip: string, frames: number])[] = [
  ["ffmpeg-h264", "h264-high-pyramid-open-gop.h264", 60],
  ["ffmpeg-h264-baseline", "h264-baseline-slices.h264", 25],
  ["gst-h264-stap", "h264-baseline-slices.h264", 25],
  ["ffmpeg-h265", "h265-main-closed-gop.h265", 10],
  ["gst-h265-ap", "h265-main-closed-gop.h265", 40],
];

for (const [name, clipName, least] of VIDEO) {
  test(`${name}: every slice of the clip comes back`, () => {
    const clip = readCodedClip(clipFile(clipName));
    const got = frames(name, clip.parameters).map((frame) => slices(frame, clip.parameters));
    assert.ok(got.length >= least, `${got.length} frames`);
    assert.deepEqual(
      got,
      clip.frames.slice(0, got.length).map((frame) => slices(frame, clip.parameters)),
    );
  });
}

test("the SDP of FFmpeg gives the parameter sets of the clip", () => {
  assert.deepEqual(sdpParameters("ffmpeg-h264"), readCodedClip(clipFile("h264-high-pyramid-open-gop.h264")).parameters);
  assert.deepEqual(sdpParameters("ffmpeg-h265"), readCodedClip(clipFile("h265-main-closed-gop.h265")).parameters);
});

const aacUnits = () => readAdtsFrames(clipFile("aac-lc.aac"));

for (const name of ["ffmpeg-aac", "gst-aac", "gst-aac-fragmented"]) {
  test(`${name}: every access unit comes back`, () => {
    const got = frames(name, sdpParameters("ffmpeg-aac")).flat();
    const units = aacUnits();
    assert.ok(got.length > 15);
    assert.deepEqual(got, units.slice(0, got.length));
  });
}

test("Opus packets come back whole", () => {
  assert.deepEqual(sdpParameters("ffmpeg-opus"), { codec: "opus", channelCount: 2 });
  for (const name of ["ffmpeg-opus", "gst-opus"]) {
    const packets = frames(name, { codec: "opus", channelCount: 2 }).flat();
    assert.ok(packets.length >= 3);
    for (const packet of packets) assert.equal(opusSamples(packet), 960);
  }
});

const SAMPLES: readonly (readonly [capture: string, parameters: Parameters, bytes: number])[] = [
  ["ffmpeg-pcma", { codec: "g711", muLaw: false, sampleRateHz: 8000, channelCount: 1 }, 800],
  ["ffmpeg-pcmu-16k", { codec: "g711", muLaw: true, sampleRateHz: 16_000, channelCount: 1 }, 1600],
  ["ffmpeg-l16", { codec: "lpcm", bitDepth: 16, sampleRateHz: 16_000, channelCount: 1 }, 3200],
  ["ffmpeg-l24", { codec: "lpcm", bitDepth: 24, sampleRateHz: 16_000, channelCount: 1 }, 2400],
];

for (const [name, parameters, bytes] of SAMPLES) {
  test(`${name}: description and samples`, () => {
    assert.deepEqual(sdpParameters(name), parameters);
    assert.equal(Buffer.concat(frames(name, parameters).flat()).length, bytes);
  });
}

test("JPEG from GStreamer: tables in band, 4:2:0 and 4:2:2", () => {
  for (const kind of ["420", "422"]) {
    const [[bytes] = []] = frames(`gst-jpeg-${kind}`, { codec: "mjpeg" });
    const image = parseJpeg(bytes!)!;
    const original = parseJpeg(readFileSync(clipFile(`mjpeg-${kind}-gst.jpg`)))!;
    assert.deepEqual(image.scan, original.scan);
    assert.deepEqual(image.quantization, original.quantization);
    assert.deepEqual(image.components, original.components);
  }
});

test("JPEG from FFmpeg: one table for all components", () => {
  const [[bytes] = []] = frames("ffmpeg-jpeg", sdpParameters("ffmpeg-jpeg"));
  const image = parseJpeg(bytes!)!;
  const original = parseJpeg(readFileSync(clipFile("mjpeg-420-q2.jpg")))!;
  assert.deepEqual(image.scan, original.scan);
  assert.deepEqual(image.quantization.slice(0, 2), [original.quantization[0], original.quantization[0]]);
});

test("G.722 from FFmpeg: a payload type, and no word more", () => {
  assert.deepEqual(sdpParameters("ffmpeg-g722"), { codec: "g722" });
  assert.deepEqual(Buffer.concat(frames("ffmpeg-g722", { codec: "g722" }).flat()), readFileSync(clipFile("tone.g722")));
});
