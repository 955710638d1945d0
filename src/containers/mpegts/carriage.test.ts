import assert from "node:assert/strict";
import { test } from "node:test";
import type { Parameters } from "#codecs/codec.ts";
import { carriageOf, tsRefusal } from "./carriage.ts";

const AAC = { codec: "aac", sampleRateHz: 48_000, channelCount: 2, sizeLength: 13, indexLength: 3, indexDeltaLength: 3 } as const;

const CARRIED: readonly (readonly [Parameters, string])[] = [
  [{ codec: "h264", sps: [], pps: [] }, "1b e0"],
  [{ codec: "h265", vps: [], sps: [], pps: [] }, "24 e0"],
  [{ codec: "mpeg4-video" }, "10 e0"],
  [{ codec: "mpeg1-video" }, "2 e0"],
  [{ codec: "mpeg1-video", config: Buffer.from("000001b3160120230000e000", "hex") }, "1 e0"],
  [{ codec: "mpeg1-video", config: Buffer.from("000001b3160120230000e000000001b5148200010000", "hex") }, "2 e0"],
  [{ ...AAC, config: Buffer.from("1190", "hex") }, "f c0"],
  [{ codec: "mp3" }, "3 c0"],
  [{ codec: "mp3", sampleRateHz: 44_100 }, "3 c0"],
  [{ codec: "mp3", sampleRateHz: 22_050 }, "4 c0"],
  [{ codec: "ac3", sampleRateHz: 48_000, channelCount: 6 }, "81 bd 050441432d33"],
  [{ codec: "opus", channelCount: 2 }, "6 bd 05044f7075737f028002"],
  [{ codec: "klv" }, "15 fc 26090100ff4b4c5641000f2709c009c4c00040c00000"],
];

test("codecs are announced by stream type, stream id and descriptors", () => {
  for (const [parameters, expected] of CARRIED) {
    const carriage = carriageOf(parameters);
    assert.ok("streamType" in carriage, parameters.codec);
    const { streamType, streamId, descriptors } = carriage;
    const text = `${streamType.toString(16)} ${streamId.toString(16)} ${descriptors.toString("hex")}`.trim();
    assert.equal(text, expected, parameters.codec);
    assert.equal(tsRefusal({ kind: "video", clockRateHz: 90_000, parameters }), undefined);
  }
});

test("what cannot be carried is refused with the reason", () => {
  const refused: readonly (readonly [Parameters, string])[] = [
    [{ codec: "av1" }, "MPEG-TS does not carry av1"],
    [{ codec: "vp9" }, "MPEG-TS does not carry vp9"],
    [{ codec: "vp8" }, "MPEG-TS does not carry vp8"],
    [{ codec: "g722" }, "MPEG-TS does not carry g722"],
    [{ codec: "mjpeg" }, "MPEG-TS does not carry mjpeg"],
    [{ codec: "g711", muLaw: false, sampleRateHz: 8000, channelCount: 1 }, "MPEG-TS does not carry g711"],
    [{ codec: "g726", bitRate: 32_000, aal2: false }, "MPEG-TS does not carry g726"],
    [{ codec: "lpcm", bitDepth: 16, sampleRateHz: 48_000, channelCount: 2 }, "MPEG-TS does not carry lpcm"],
    [{ ...AAC, config: Buffer.from("b8e62000", "hex") }, "this kind of AAC has no ADTS header"],
    [{ codec: "opus", channelCount: 9 }, "MPEG-TS does not carry Opus of 9 channels"],
    [{ codec: "generic", rtpmap: "GSM/8000", fmtp: undefined, payloadType: 96 }, "MPEG-TS does not carry GSM/8000"],
    [{ codec: "generic", rtpmap: undefined, fmtp: undefined, payloadType: 31 }, "MPEG-TS does not carry payload type 31"],
  ];
  for (const [parameters, reason] of refused) {
    assert.equal(tsRefusal({ kind: "video", clockRateHz: 90_000, parameters }), reason);
  }
});
