import assert from "node:assert/strict";
import { test } from "node:test";
import type { Parameters } from "#codecs/codec.ts";
import { clockRateOf, describeFormat, kindOf, parametersFromSdp, payloadFormatOf } from "./formats.ts";

const sdp = (kind: string, payloadType: number | undefined, rtpmap?: string, fmtp?: string) =>
  parametersFromSdp(kind, { payloadType, rtpmap, fmtp });
const g711 = (muLaw: boolean, sampleRateHz = 8000, channelCount = 1): Parameters => ({ codec: "g711", muLaw, sampleRateHz, channelCount });
const lpcm = (bitDepth: 8 | 16 | 24, sampleRateHz: number, channelCount: number): Parameters => ({
  codec: "lpcm",
  bitDepth,
  sampleRateHz,
  channelCount,
});

test("static payload types need no rtpmap", () => {
  assert.deepEqual(sdp("audio", 0), g711(true));
  assert.deepEqual(sdp("audio", 8), g711(false));
  assert.deepEqual(sdp("audio", 10), lpcm(16, 44_100, 2));
  assert.deepEqual(sdp("audio", 11), lpcm(16, 44_100, 1));
  assert.deepEqual(sdp("video", 26), { codec: "mjpeg" });
});

test("encoding names in any case, with rates and channels", () => {
  assert.deepEqual(sdp("audio", undefined, "pcmu/16000"), g711(true, 16_000));
  assert.deepEqual(sdp("audio", undefined, "PCMA/8000/2"), g711(false, 8000, 2));
  assert.deepEqual(sdp("audio", 8, "PCMA/8000"), g711(false));
  assert.deepEqual(sdp("audio", undefined, "L16/48000/2"), lpcm(16, 48_000, 2));
  assert.deepEqual(sdp("audio", undefined, "l24/48000"), lpcm(24, 48_000, 1));
  assert.deepEqual(sdp("audio", undefined, "L8/8000/1"), lpcm(8, 8000, 1));
  assert.equal(sdp("audio", undefined, "L16"), undefined);
  assert.deepEqual(sdp("audio", undefined, "OPUS/48000/2", "sprop-stereo=1"), { codec: "opus", channelCount: 2 });
  assert.deepEqual(sdp("audio", undefined, "opus/48000/2"), { codec: "opus", channelCount: 1 });
  assert.deepEqual(sdp("video", undefined, "h264/90000"), { codec: "h264", sps: [], pps: [] });
  assert.deepEqual(sdp("video", undefined, "H264"), { codec: "h264", sps: [], pps: [] });
  assert.deepEqual(sdp("video", undefined, "JPEG/90000"), { codec: "mjpeg" });
  assert.equal(sdp("audio", undefined, "mpeg4-generic/48000/2", "mode=AAC-hbr"), undefined, "no config");
});

test("whatever else is generic, with what SDP said of it", () => {
  const generic = (rtpmap: string | undefined, payloadType = 96): Parameters => ({
    codec: "generic",
    rtpmap,
    fmtp: undefined,
    payloadType,
  });
  assert.deepEqual(sdp("video", undefined, "VP8/90000"), generic("VP8/90000"));
  assert.deepEqual(sdp("video", undefined, "H264/12345"), generic("H264/12345"));
  assert.deepEqual(sdp("application", undefined, "vnd.onvif.metadata/90000"), generic("vnd.onvif.metadata/90000"));
  assert.deepEqual(sdp("audio", 9), generic(undefined, 9));
  assert.deepEqual(sdp("audio", 107), generic(undefined, 107));
  assert.deepEqual(sdp("audio", 8, "FOO/8000"), generic("FOO/8000", 8));
});

test("clock rates and kinds", () => {
  const rate = (kind: string, payloadType: number | undefined, rtpmap?: string) => clockRateOf(sdp(kind, payloadType, rtpmap)!);
  assert.equal(rate("video", undefined, "H265/90000"), 90_000);
  assert.equal(rate("audio", undefined, "opus/48000/2"), 48_000);
  assert.equal(rate("audio", 0), 8000);
  assert.equal(rate("audio", undefined, "L16/16000"), 16_000);
  assert.equal(rate("audio", undefined, "G726-32/8000"), 8000);
  assert.equal(rate("audio", 9), 8000);
  assert.equal(rate("audio", 14), 90_000);
  assert.equal(rate("video", 33), 90_000);
  assert.equal(rate("video", undefined, "weird"), 90_000);
  assert.equal(kindOf(sdp("video", undefined, "VP8/90000")!, "video"), "video");
  assert.equal(kindOf(sdp("application", undefined, "x/90000")!, "application"), "data");
  assert.equal(kindOf(sdp("audio", 0)!, "application"), "audio");
});

test("descriptions lead back to the parameters", () => {
  const all: readonly Parameters[] = [
    g711(true),
    g711(false),
    g711(true, 16_000, 2),
    lpcm(16, 44_100, 1),
    lpcm(16, 44_100, 2),
    lpcm(24, 96_000, 6),
    { codec: "opus", channelCount: 1 },
    { codec: "opus", channelCount: 2 },
    { codec: "mjpeg" },
    { codec: "generic", rtpmap: "VP9/90000", fmtp: "profile-id=0", payloadType: 96 },
    { codec: "generic", rtpmap: undefined, fmtp: undefined, payloadType: 33 },
  ];
  for (const parameters of all) {
    const description = describeFormat(parameters);
    assert.deepEqual(parametersFromSdp(kindOf(parameters, "video"), description), parameters);
    assert.equal(payloadFormatOf(parameters.codec).codec, parameters.codec);
  }
  assert.equal(describeFormat(g711(true)).payloadType, 0);
  assert.equal(describeFormat(g711(true, 16_000)).payloadType, undefined);
  assert.equal(describeFormat(lpcm(16, 44_100, 2)).payloadType, 10);
});
