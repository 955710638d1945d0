import assert from "node:assert/strict";
import { test } from "node:test";
import type { AacParameters, Parameters } from "#codecs/codec.ts";
import { clockRateOf, describeFormat, kindOf, parametersFromSdp, payloadFormatOf, sameForReaders } from "./formats.ts";

const sdp = (kind: string, payloadType: number | undefined, rtpmap?: string, fmtp?: string) =>
  parametersFromSdp(kind, { payloadType, rtpmap, fmtp });
const g711 = (muLaw: boolean, sampleRateHz = 8000, channelCount = 1): Parameters => ({ codec: "g711", muLaw, sampleRateHz, channelCount });
const lpcm = (bitDepth: 8 | 16 | 24, sampleRateHz: number, channelCount: number): Parameters => ({
  codec: "lpcm",
  bitDepth,
  sampleRateHz,
  channelCount,
});

/** Visual object sequence and video object layer, as FFmpeg writes them. */
const MPEG4_CONFIG = Buffer.from("000001b0f1000001b5a913000001000000012008d48d0800cd05840c14103f", "hex");

function latm(fmtp: string, sampleRateHz: number): Parameters | undefined {
  return sdp("audio", undefined, `MP4A-LATM/${sampleRateHz}/1`, fmtp);
}

test("static payload types need no rtpmap", () => {
  assert.deepEqual(sdp("audio", 0), g711(true));
  assert.deepEqual(sdp("audio", 8), g711(false));
  assert.deepEqual(sdp("audio", 10), lpcm(16, 44_100, 2));
  assert.deepEqual(sdp("audio", 11), lpcm(16, 44_100, 1));
  assert.deepEqual(sdp("video", 26), { codec: "mjpeg" });
  assert.deepEqual(sdp("audio", 14), { codec: "mp3" });
  assert.deepEqual(sdp("video", 32), { codec: "mpeg1-video" });
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
  assert.deepEqual(sdp("video", undefined, "VP8/12345"), generic("VP8/12345"));
  assert.deepEqual(sdp("video", undefined, "H264/12345"), generic("H264/12345"));
  assert.deepEqual(sdp("application", undefined, "vnd.onvif.metadata/90000"), generic("vnd.onvif.metadata/90000"));
  assert.deepEqual(sdp("audio", 3), generic(undefined, 3));
  for (const g722 of ["G722/16000", "G722/8000/2"]) assert.deepEqual(sdp("audio", undefined, g722), generic(g722));
  assert.deepEqual(sdp("audio", 107), generic(undefined, 107));
  assert.deepEqual(sdp("audio", 8, "FOO/8000"), generic("FOO/8000", 8));
});

test("a wrong clock, too many channels or settings that cannot be read: it passes through unread", () => {
  const unread: readonly (readonly [kind: string, rtpmap: string, fmtp?: string])[] = [
    ["video", "AV1/48000"],
    ["video", "VP9/12345"],
    ["video", "MP4V-ES/25"],
    ["video", "MPV/27000000"],
    ["audio", "MPA/44100"],
    ["audio", "AC3/90000"],
    ["audio", "AC3/48000/8"],
    ["audio", "AC3"],
    ["audio", "G726-32/16000"],
    ["audio", "G726-32/8000/2"],
    ["audio", "G726-48/8000"],
    ["audio", "MP4A-LATM/48000/2", "cpresent=0"],
    ["audio", "MP4A-LATM/48000/2", "cpresent=0;config=zz"],
    ["audio", "MP4A-LATM/48000/2", "cpresent=0;config=ffffffffffff"],
    ["application", "SMPTE336M/1000"],
    ["video", "SMPTE336M/90000"],
    ["application", "H264/90000"],
  ];
  for (const [kind, rtpmap, fmtp] of unread) {
    assert.deepEqual(sdp(kind, undefined, rtpmap, fmtp), { codec: "generic", rtpmap, fmtp, payloadType: 96 }, `${rtpmap} ${fmtp}`);
  }
});

test("what SDP says of them", () => {
  assert.deepEqual(sdp("audio", undefined, "ac3/48000"), { codec: "ac3", sampleRateHz: 48_000, channelCount: 6 });
  assert.deepEqual(sdp("audio", undefined, "aal2-g726-24/8000"), { codec: "g726", bitRate: 24_000, aal2: true });
  assert.deepEqual(sdp("application", undefined, "smpte336m/90000"), { codec: "klv" });
  assert.deepEqual(sdp("video", undefined, "MP4V-ES/90000", "profile-level-id=1;config=000001b001"), { codec: "mpeg4-video" }, "no layer");
  const lengths = { sizeLength: 0, indexLength: 0, indexDeltaLength: 0 };
  const fmtp = "profile-level-id=41;cpresent=0;config=400023203fc0";
  assert.deepEqual(sdp("audio", undefined, "MP4A-LATM/48000", fmtp), {
    codec: "aac",
    config: Buffer.from("1190", "hex"),
    sampleRateHz: 48_000,
    channelCount: 2,
    ...lengths,
    latm: { inBand: false, streamMuxConfig: Buffer.from("400023203fc0", "hex"), fmtp },
  });
  assert.deepEqual(sdp("audio", undefined, "mp4a-latm", "profile-level-id=41"), {
    codec: "aac",
    config: Buffer.alloc(0),
    sampleRateHz: 90_000,
    channelCount: 1,
    ...lengths,
    latm: { inBand: true, streamMuxConfig: undefined, fmtp: "profile-level-id=41" },
  });
});

test("readers can go on where what they were told still holds", () => {
  const config = (hex: string) => ({ codec: "mpeg4-video", config: Buffer.from(hex, "hex") }) as const;
  const layer = MPEG4_CONFIG.toString("hex");
  const inBand = latm("cpresent=1", 48_000)!;
  const learned: Parameters = { ...(inBand as AacParameters), config: Buffer.from("1190", "hex"), channelCount: 2 };
  const cases: readonly (readonly [Parameters, Parameters, boolean])[] = [
    [{ codec: "av1" }, { codec: "av1", fmtp: "profile=1" }, true],
    [{ codec: "av1" }, { codec: "vp9" }, false],
    [{ codec: "mp3" }, { codec: "mp3", sampleRateHz: 44_100, channelCount: 2 }, true],
    [{ codec: "mpeg4-video" }, config(layer), true],
    [config(layer), config(`${layer}000001b24c617663`), true],
    [config(layer), config(layer.replace("0120", "0121")), false],
    [inBand, learned, true],
    [inBand, latm("cpresent=0;config=400023203fc0", 48_000)!, false],
    [{ codec: "ac3", sampleRateHz: 48_000, channelCount: 2 }, { codec: "ac3", sampleRateHz: 48_000, channelCount: 6 }, false],
    [{ codec: "g726", bitRate: 32_000, aal2: true }, { codec: "g726", bitRate: 32_000, aal2: false }, false],
    [{ codec: "klv" }, { codec: "klv" }, true],
  ];
  for (const [before, after, expected] of cases) assert.equal(sameForReaders(before, after), expected, JSON.stringify([before, after]));
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
  assert.equal(kindOf(sdp("video", undefined, "H266/90000")!, "video"), "video");
  assert.equal(rate("audio", undefined, "G722/8000"), 8000);
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
    { codec: "av1" },
    { codec: "av1", fmtp: "profile=0;level-idx=8;tier=1" },
    { codec: "vp9" },
    { codec: "vp8" },
    { codec: "vp8", fmtp: "max-fr=30; max-fs=3600" },
    { codec: "g722" },
    { codec: "vp9", fmtp: "max-fr=30;profile-id=2" },
    { codec: "mpeg4-video" },
    { codec: "mpeg4-video", config: MPEG4_CONFIG },
    { codec: "mpeg1-video" },
    { codec: "mp3" },
    { codec: "ac3", sampleRateHz: 44_100, channelCount: 6 },
    { codec: "g726", bitRate: 40_000, aal2: false },
    { codec: "g726", bitRate: 16_000, aal2: true },
    { codec: "klv" },
    latm("cpresent=0;config=400023203fc0", 48_000)!,
    latm("object=2", 90_000)!,
    { codec: "generic", rtpmap: "H266/90000", fmtp: "profile-id=1", payloadType: 96 },
    { codec: "generic", rtpmap: undefined, fmtp: undefined, payloadType: 33 },
  ];
  for (const parameters of all) {
    const description = describeFormat(parameters);
    const kind = kindOf(parameters, "video");
    assert.deepEqual(parametersFromSdp(kind === "data" ? "application" : kind, description), parameters);
    assert.equal(payloadFormatOf(parameters.codec).codec, parameters.codec);
  }
  assert.equal(describeFormat({ codec: "mp3" }).payloadType, 14);
  assert.equal(describeFormat({ codec: "mpeg1-video" }).payloadType, 32);
  assert.equal(describeFormat({ codec: "g722" }).payloadType, 9);
  assert.equal(describeFormat(g711(true)).payloadType, 0);
  assert.equal(describeFormat(g711(true, 16_000)).payloadType, undefined);
  assert.equal(describeFormat(lpcm(16, 44_100, 2)).payloadType, 10);
});
