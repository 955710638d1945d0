import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { AacParameters, Parameters } from "#codecs/codec.ts";
import { isH264Keyframe } from "#codecs/h264/nal.ts";
import { isH265Keyframe } from "#codecs/h265/nal.ts";
import { parseJpeg } from "#codecs/mjpeg/jpeg.ts";
import { readAdtsFrames, readCodedClip } from "#testing/coded-clip.ts";
import { roundTrip } from "#testing/payload-trip.ts";
import { PacketHas } from "./payload-format.ts";

const PAYLOAD_BYTES = [100, 1200, 1440, 60_000];
const clipFile = (name: string) => new URL(`../../codecs/testdata/${name}`, import.meta.url);

const H264_CLIPS = ["baseline-slices", "main-b3", "high-pyramid-open-gop", "high-interlaced", "high-big"].map(
  (name) => `h264-${name}.h264`,
);
const H265_CLIPS = ["main-open-gop", "main-closed-gop", "main10-no-b"].map((name) => `h265-${name}.h265`);

for (const name of [...H264_CLIPS, ...H265_CLIPS]) {
  test(`${name}: frames come back as they were, at every packet size`, () => {
    const { frames, parameters } = readCodedClip(clipFile(name));
    const isKeyframe = parameters.codec === "h264" ? isH264Keyframe : isH265Keyframe;
    for (const maxPayloadBytes of PAYLOAD_BYTES) {
      for (const frame of frames) {
        const trip = roundTrip(frame, parameters, maxPayloadBytes);
        assert.deepEqual(trip.frame, frame);
        assert.equal(trip.markers.lastIndexOf(true), trip.markers.length - 1);
        assert.equal(trip.markers.indexOf(true), trip.markers.length - 1, "the marker is on the last packet only");
        assert.equal((trip.has & PacketHas.slice) !== 0, true);
        assert.equal((trip.has & PacketHas.keyframe) !== 0, isKeyframe(frame));
        if (maxPayloadBytes === 60_000) assert.equal(trip.payloads.length, 1, "small NAL units share a packet");
      }
    }
  });
}

test("H.265 with decoding order numbers promised", () => {
  const { frames, parameters } = readCodedClip(clipFile("h265-main-closed-gop.h265"));
  assert.equal(parameters.codec, "h265");
  for (const frame of frames.slice(0, 10)) {
    const trip = roundTrip(frame, { ...parameters, maxDonDiff: 1 }, 200);
    assert.deepEqual(trip.frame, frame);
  }
  const { payloads } = roundTrip(frames[0]!, { ...parameters, maxDonDiff: 1 }, 200);
  assert.deepEqual(
    [payloads[0]!.readUInt16BE(2), payloads[1]!.readUInt16BE(2)],
    [0, 1],
    "DONL stands behind the payload header and counts",
  );
});

const AAC: AacParameters = {
  codec: "aac",
  config: Buffer.from("1190", "hex"),
  sampleRateHz: 48_000,
  channelCount: 2,
  sizeLength: 13,
  indexLength: 3,
  indexDeltaLength: 3,
};

const aacUnits = () => readAdtsFrames(clipFile("aac-lc.aac"));

test("AAC: one unit and many, whole and in fragments", () => {
  const units = aacUnits();
  for (const maxPayloadBytes of [50, 100, 1200, 1440, 60_000]) {
    assert.deepEqual(roundTrip(units, AAC, maxPayloadBytes).frame, units);
    for (const unit of units) assert.deepEqual(roundTrip([unit], AAC, maxPayloadBytes).frame, [unit]);
  }
  const { ticks, markers } = roundTrip(units, AAC, 500);
  assert.ok(ticks.length > 4);
  assert.equal(ticks[0], 0);
  assert.ok(ticks.every((value, i) => value % 1024 === 0 && (i === 0 || value > ticks[i - 1]!)));
  assert.ok(markers.every(Boolean), "each packet ends whole units");
  const fragments = roundTrip([Buffer.alloc(300, 1)], AAC, 100);
  assert.deepEqual(fragments.markers, [false, false, false, true]);
});

test("AAC-lbr carries units of at most 63 bytes", () => {
  const lbr: AacParameters = { ...AAC, sizeLength: 6, indexLength: 2, indexDeltaLength: 2 };
  const units = [Buffer.alloc(63, 1), Buffer.alloc(20, 2), Buffer.alloc(64, 3)];
  assert.deepEqual(roundTrip(units, lbr, 1200).frame, units.slice(0, 2));
});

test("samples are cut between samples, each packet with its own time", () => {
  const samples = Buffer.from(Array.from({ length: 2400 }, (_, i) => i & 0xff));
  const cases: readonly (readonly [Parameters, number])[] = [
    [{ codec: "g711", muLaw: true, sampleRateHz: 8000, channelCount: 1 }, 1],
    [{ codec: "g711", muLaw: false, sampleRateHz: 16_000, channelCount: 2 }, 2],
    [{ codec: "lpcm", bitDepth: 8, sampleRateHz: 8000, channelCount: 1 }, 1],
    [{ codec: "lpcm", bitDepth: 16, sampleRateHz: 48_000, channelCount: 2 }, 4],
    [{ codec: "lpcm", bitDepth: 24, sampleRateHz: 48_000, channelCount: 2 }, 6],
  ];
  for (const [parameters, block] of cases) {
    for (const maxPayloadBytes of PAYLOAD_BYTES) {
      const trip = roundTrip([samples], parameters, maxPayloadBytes);
      assert.deepEqual(Buffer.concat(trip.frame!), samples);
      let before = 0;
      trip.payloads.forEach((payload, i) => {
        assert.equal(payload.length % block, 0);
        assert.equal(trip.ticks[i], before / block);
        before += payload.length;
      });
    }
  }
  assert.equal(roundTrip([samples.subarray(0, 7)], cases[4]![0], 100).frame![0]!.length, 6, "half a sample is left out");
});

test("Opus packets go whole or not at all", () => {
  const parameters: Parameters = { codec: "opus", channelCount: 1 };
  const packets = [Buffer.from([19 << 3, 1, 2]), Buffer.alloc(200, 19 << 3), Buffer.from([19 << 3, 3])];
  assert.deepEqual(roundTrip(packets, parameters, 1200).frame, packets);
  const trip = roundTrip(packets, parameters, 100);
  assert.deepEqual(trip.frame, [packets[0], packets[2]]);
  assert.deepEqual(trip.ticks, [0, 1920]);
});

for (const name of ["mjpeg-420-gst", "mjpeg-422-gst"]) {
  test(`${name}: the image that comes back decodes to the same picture`, () => {
    const original = readFileSync(clipFile(`${name}.jpg`));
    const expected = parseJpeg(original)!;
    for (const maxPayloadBytes of [200, 1200, 1440, 60_000]) {
      const trip = roundTrip([original], { codec: "mjpeg" }, maxPayloadBytes);
      const image = parseJpeg(trip.frame![0]!)!;
      assert.deepEqual(image.scan, expected.scan);
      assert.deepEqual(image.quantization, expected.quantization);
      assert.deepEqual(image.components, expected.components);
      assert.deepEqual([image.width, image.height], [expected.width, expected.height]);
      assert.deepEqual(roundTrip(trip.frame!, { codec: "mjpeg" }, maxPayloadBytes).frame, trip.frame, "once more changes nothing");
      assert.equal(trip.markers.indexOf(true), trip.markers.length - 1);
    }
  });
}

for (const name of ["mjpeg-420-q2", "mjpeg-420-q8", "mjpeg-420-q20"]) {
  test(`${name}: an encoder that uses one table for all components`, () => {
    const original = readFileSync(clipFile(`${name}.jpg`));
    const image = roundTrip([original], { codec: "mjpeg" }, 1200).frame;
    // Its chroma takes the Huffman tables 1 but the quantization table 0.
    assert.deepEqual(parseJpeg(image![0]!)!.scan, parseJpeg(original)!.scan);
    assert.deepEqual(parseJpeg(image![0]!)!.quantization[1], parseJpeg(original)!.quantization[0]);
  });
}

test("images that RFC 2435 cannot describe are not sent", () => {
  for (const name of ["mjpeg-420-optimal", "mjpeg-422"]) {
    assert.equal(roundTrip([readFileSync(clipFile(`${name}.jpg`))], { codec: "mjpeg" }, 1200).payloads.length, 0, name);
  }
});

test("nothing is sent where nothing fits, and formats that are not read give nothing", () => {
  const { frames, parameters } = readCodedClip(clipFile("h264-high-big.h264"));
  assert.equal(roundTrip(frames[0]!, parameters, 2).payloads.length, 0);
  assert.equal(roundTrip([Buffer.alloc(0), Buffer.from([24, 1])], parameters, 100).payloads.length, 0);
  const generic: Parameters = { codec: "generic", rtpmap: "H266/90000", fmtp: undefined, payloadType: 96 };
  assert.deepEqual([roundTrip(frames[0]!, generic, 100).payloads.length, roundTrip(frames[0]!, generic, 100).frame], [0, undefined]);
});
