// The head of a file: what is written for each codec, and what is read from it again.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Parameters } from "#codecs/codec.ts";
import { TRACKS, trackOf } from "#testing/mp4/tracks.ts";
import type { ContainerTrack } from "../sample.ts";
import { writeDuration, writeInit } from "./init.ts";
import { parseInit } from "./parse-init.ts";
import { fmp4Fault, type ParameterSetPlace, storeTracks } from "./stored-track.ts";

const { h264, h265 } = TRACKS;

/** A track as it comes back: G.711 is linear then. */
function readBack({ kind, clockRateHz, parameters }: ContainerTrack): ContainerTrack {
  if (parameters.codec !== "g711") return { kind, clockRateHz, parameters };
  const { sampleRateHz, channelCount } = parameters;
  return { kind, clockRateHz, parameters: { codec: "lpcm", bitDepth: 16, sampleRateHz, channelCount } };
}

function parsedTracks(tracks: readonly ContainerTrack[], place?: ParameterSetPlace): ContainerTrack[] {
  const init = parseInit(writeInit(storeTracks(tracks, place))!.bytes);
  return init!.tracks.map(({ kind, clockRateHz, parameters }) => ({ kind, clockRateHz, parameters }));
}

for (const [name, track] of Object.entries(TRACKS)) {
  test(`${name}: the parameters come back`, () => {
    assert.equal(fmp4Fault(track), undefined);
    assert.deepEqual(parsedTracks([track]), [readBack(track)]);
  });
}

test("all tracks together come back in order", () => {
  const tracks = Object.values(TRACKS);
  assert.deepEqual(parsedTracks(tracks), tracks.map(readBack));
});

test("the head is laid out as MediaMTX needs it", () => {
  const streamId = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
  const mtxi = { streamId, segmentNumber: 7, startDtsUs: -200_000, startNtpUs: 1_795_378_909_782_077 };
  const { bytes, ftypBytes, durationOffset } = writeInit(storeTracks([h264]), { mtxi })!;
  assert.equal(bytes.toString("latin1", 4, ftypBytes), "ftypmp42\0\0\0\x01mp41mp42isomhlsf");
  assert.equal(bytes.toString("latin1", ftypBytes + 4, ftypBytes + 8), "moov");
  assert.equal(bytes.readUInt32BE(ftypBytes), bytes.length - ftypBytes);
  assert.equal(bytes.toString("latin1", ftypBytes + 12, ftypBytes + 16), "mvhd"); // the first in moov
  assert.equal(bytes.readUInt32BE(ftypBytes + 28), 1000); // timescale
  assert.equal(durationOffset, ftypBytes + 32);
  const udta = bytes.subarray(-60);
  assert.equal(udta.toString("latin1", 4, 8), "udta");
  const box = "000000346d74786900000000000102030405060708090a0b0c0d0e0f0000000000000007fffffffff4143e0018ea779b2ac9ee48";
  assert.equal(udta.subarray(8).toString("hex"), box);
  assert.deepEqual(parseInit(bytes)!.mtxi, mtxi);
});

test("the duration is written when it is known", () => {
  const { bytes, durationOffset } = writeInit(storeTracks([h264]))!;
  assert.equal(parseInit(bytes)!.durationMs, 0);
  writeDuration(3_600_001.4).copy(bytes, durationOffset);
  const init = parseInit(bytes)!;
  assert.equal(init.durationMs, 3_600_001);
  assert.equal(init.durationOffset, durationOffset);
  assert.equal(init.durationFieldBytes, 4);
});

test("parameter sets: all in the entry, the first of each, or in the stream", () => {
  assert.ok(h264.parameters.codec === "h264" && h265.parameters.codec === "h265");
  const more: Parameters = { ...h264.parameters, pps: [...h264.parameters.pps, Buffer.from("68ce0c88", "hex")] };
  const track = { ...h264, parameters: more };
  assert.deepEqual(parsedTracks([track]), [track]);
  assert.deepEqual(parsedTracks([track], "first-in-entry"), [h264]);
  assert.deepEqual(parsedTracks([track], "in-band"), [track]); // small: in the entry, too
  const huge = { ...h265, parameters: { ...h265.parameters, pps: Array.from({ length: 4 }, () => Buffer.alloc(500, 0x44)) } };
  assert.deepEqual(parsedTracks([huge], "in-band"), [{ ...h265, parameters: { codec: "h265", vps: [], sps: [], pps: [] } }]);
  const types = (place: ParameterSetPlace) => storeTracks([h264, h265], place).map((stored) => stored!.entry.toString("latin1", 4, 8));
  assert.deepEqual(types("entry"), ["avc1", "hvc1"]);
  assert.deepEqual(types("in-band"), ["avc3", "hev1"]);
});

test("what cannot be stored is left out and says why", () => {
  const unknown = trackOf("video", 90_000, { codec: "h264", sps: [], pps: [] });
  const vp8 = trackOf("video", 90_000, { codec: "vp8", picture: { widthPx: 176, heightPx: 96 } });
  const klv = trackOf("data", 90_000, { codec: "klv" });
  const g726 = trackOf("audio", 8000, { codec: "g726", bitRate: 32_000, aal2: false });
  assert.equal(fmp4Fault(vp8), "MP4 has no place for VP8");
  const gsm = trackOf("audio", 8000, { codec: "generic", rtpmap: undefined, fmtp: undefined, payloadType: 3 });
  assert.equal(fmp4Fault(gsm), "MP4 has no place for Generic");
  assert.equal(fmp4Fault(trackOf("audio", 8000, { codec: "g722" })), "MP4 has no place for G722");
  assert.equal(fmp4Fault(klv), "MP4 has no place for KLV");
  assert.equal(fmp4Fault(g726), "MP4 has no place for G726");
  assert.equal(fmp4Fault(unknown), "the parameters of H264 are not known");
  const stored = storeTracks([vp8, h264, klv, unknown, h265]);
  assert.deepEqual(
    stored.map((track) => track?.trackId),
    [undefined, 1, undefined, undefined, 2],
  );
  assert.deepEqual(parsedTracks([vp8, h264, klv, unknown, h265]), [h264, h265]);
  assert.equal(writeInit(storeTracks([vp8, klv])), undefined);
});
