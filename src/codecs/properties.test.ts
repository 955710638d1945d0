import assert from "node:assert/strict";
import { test } from "node:test";
import { readCodedClip } from "#testing/coded-clip.ts";
import { readObuFile } from "#testing/elementary-streams.ts";
import { h264LevelName, h264ProfileName } from "./h264/names.ts";
import { h265LevelName, h265ProfileName } from "./h265/names.ts";
import { codecProperties } from "./properties.ts";

const clip = (name: string) => readCodedClip(new URL(`testdata/${name}`, import.meta.url)).parameters;
const generic = (rtpmap: string | undefined, fmtp?: string, payloadType = 96) =>
  codecProperties({ codec: "generic", rtpmap, fmtp, payloadType });

test("H.264 and H.265 show the cropped picture, profile and level", () => {
  const props = (profile: string, level: string) => ({ width: 176, height: 100, profile, level });
  assert.deepEqual(codecProperties(clip("h264-baseline-slices.h264")), { label: "H264", props: props("Baseline", "1.1") });
  assert.deepEqual(codecProperties(clip("h264-main-b3.h264")), { label: "H264", props: props("Main", "1.1") });
  assert.deepEqual(codecProperties(clip("h264-high-interlaced.h264")), { label: "H264", props: props("High", "2.1") });
  assert.deepEqual(codecProperties(clip("h265-main-closed-gop.h265")), { label: "H265", props: props("Main", "1") });
  assert.deepEqual(codecProperties(clip("h265-main10-no-b.h265")), { label: "H265", props: props("Main 10", "1") });
});

test("without parameter sets the fields are there and empty", () => {
  const props = { width: 0, height: 0, profile: "", level: "" };
  assert.deepEqual(codecProperties({ codec: "h264", sps: [], pps: [] }), { label: "H264", props });
  assert.deepEqual(codecProperties({ codec: "h265", vps: [], sps: [Buffer.from("junk")], pps: [] }), { label: "H265", props });
});

test("names of profiles and levels", () => {
  assert.deepEqual([40, 41, 9].map(h264LevelName), ["4", "4.1", "0.9"]);
  assert.deepEqual([120, 123, 93, 90].map(h265LevelName), ["4", "4.1", "3.1", "3"]);
  assert.deepEqual([244, 88, 118].map(h264ProfileName), ["High 4:4:4 Predictive", "Extended", "118"]);
  assert.deepEqual([3, 11].map(h265ProfileName), ["Main Still Picture", "11"]);
});

test("audio", () => {
  const lengths = { sizeLength: 13, indexLength: 3, indexDeltaLength: 3 };
  const aac = { codec: "aac" as const, config: Buffer.from("1190", "hex"), sampleRateHz: 48_000, channelCount: 2, ...lengths };
  assert.deepEqual(codecProperties(aac), { label: "MPEG-4 Audio", props: { sampleRate: 48_000, channelCount: 2 } });
  assert.deepEqual(codecProperties({ codec: "opus", channelCount: 2 }), { label: "Opus", props: { channelCount: 2 } });
  assert.deepEqual(codecProperties({ codec: "g711", muLaw: true, sampleRateHz: 8000, channelCount: 1 }), {
    label: "G711",
    props: { muLaw: true, sampleRate: 8000, channelCount: 1 },
  });
  assert.deepEqual(codecProperties({ codec: "lpcm", bitDepth: 24, sampleRateHz: 48_000, channelCount: 2 }), {
    label: "LPCM",
    props: { bitDepth: 24, sampleRate: 48_000, channelCount: 2 },
  });
  assert.deepEqual(codecProperties({ codec: "mjpeg" }), { label: "M-JPEG", props: null });
  assert.deepEqual(codecProperties({ codec: "ac3", sampleRateHz: 48_000, channelCount: 6 }), {
    label: "AC3",
    props: { sampleRate: 48_000, channelCount: 6 },
  });
  const latm = { inBand: true, streamMuxConfig: undefined, fmtp: "" };
  assert.deepEqual(codecProperties({ ...aac, config: Buffer.alloc(0), latm }), { label: "MPEG-4 Audio LATM", props: null });
});

test("the other codecs: by what came in the stream, else by what SDP said", () => {
  const obu = readObuFile(new URL("testdata/av1-svt.obu", import.meta.url))[0]![0]!;
  const av1 = { width: 640, height: 360, profile: 0, level: 1, tier: 0 };
  assert.deepEqual(codecProperties({ codec: "av1", sequenceHeader: obu, fmtp: "profile=2" }), { label: "AV1", props: av1 });
  assert.deepEqual(codecProperties({ codec: "av1", fmtp: "profile=1; level-idx=8;tier=1" }), {
    label: "AV1",
    props: { width: 0, height: 0, profile: 1, level: 8, tier: 1 },
  });
  const picture = { profile: 2, widthPx: 320, heightPx: 180, bitDepth: 10, chromaSubsampling: 1, fullRange: false } as const;
  assert.deepEqual(codecProperties({ codec: "vp9", picture }), { label: "VP9", props: { width: 320, height: 180, profile: 2 } });
  assert.deepEqual(codecProperties({ codec: "vp9", fmtp: "profile-id=1" }), { label: "VP9", props: { profile: 1 } });
  assert.deepEqual(codecProperties({ codec: "vp8", picture: { widthPx: 320, heightPx: 180 } }), {
    label: "VP8",
    props: { width: 320, height: 180 },
  });
  assert.deepEqual(
    [
      codecProperties({ codec: "vp8" }),
      codecProperties({ codec: "g722" }),
      codecProperties({ codec: "mpeg4-video" }),
      codecProperties({ codec: "mpeg1-video" }),
      codecProperties({ codec: "mp3" }),
      codecProperties({ codec: "g726", bitRate: 32_000, aal2: false }),
      codecProperties({ codec: "klv" }),
    ],
    ["VP8", "G722", "MPEG-4 Video", "MPEG-1/2 Video", "MPEG-1/2 Audio", "G726", "KLV"].map((label) => ({ label, props: null })),
  );
});

test("formats that pass through unread have their label all the same", () => {
  assert.deepEqual(generic("VP8/12345"), { label: "VP8", props: null });
  assert.deepEqual(generic("VP9/90000", "profile-id=2"), { label: "VP9", props: { profile: 2 } });
  assert.deepEqual(generic("AV1/90000", "profile=1; level-idx=8;tier=1"), {
    label: "AV1",
    props: { width: 0, height: 0, profile: 1, level: 8, tier: 1 },
  });
  assert.deepEqual(generic("AC3/48000/2"), { label: "AC3", props: { sampleRate: 48_000, channelCount: 2 } });
  assert.deepEqual(generic("multiopus/48000/6"), { label: "Opus", props: { channelCount: 6 } });
  const labels = [
    "MP4V-ES/90000",
    "FLAC/44100",
    "MP4A-LATM/44100/2",
    "AAL2-G726-32/8000",
    "G726-16/8000",
    "smpte336m/90000",
    "speex/16000",
    "G722/16000",
  ];
  assert.deepEqual(
    labels.map((rtpmap) => generic(rtpmap).label),
    ["MPEG-4 Video", "FLAC", "MPEG-4 Audio LATM", "G726", "G726", "KLV", "Speex", "G722"],
  );
  assert.deepEqual(
    [9, 14, 32, 33, 34].map((payloadType) => generic(undefined, undefined, payloadType).label),
    ["G722", "MPEG-1/2 Audio", "MPEG-1/2 Video", "MPEG-TS", "Generic"],
  );
  assert.equal(generic("vnd.onvif.metadata/90000").label, "Generic");
});
