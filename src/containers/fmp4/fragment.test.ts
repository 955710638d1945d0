// Fragments: their bytes, and that what was written is read again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TRACKS } from "#testing/mp4/tracks.ts";
import { readFragmentedFile, samplesOf, writeFragmentedFile } from "#testing/mp4/whole-file.ts";
import { fuzzRounds, type Random, seededRandom } from "#testing/mutate.ts";
import type { ContainerTrack, Sample, TrackSamples } from "../sample.ts";
import { writeFragment } from "./fragment.ts";
import { storeTracks } from "./stored-track.ts";

const { h264, h265, aac, opus, mjpeg, g711, lpcm, av1, vp9 } = TRACKS;

function sample(dtsTicks: number, frame: readonly Buffer[], more: Partial<Sample> = {}): Sample {
  return { dtsTicks, ptsOffsetTicks: 0, durationTicks: 3000, keyframe: true, frame, ...more };
}

const idr = Buffer.from("6588", "hex");
const slice = Buffer.from("419a01", "hex");

test("moof and mdat, byte by byte", () => {
  const tracks = storeTracks([h264, aac]);
  const samples: TrackSamples[] = [
    { trackIndex: 1, samples: [sample(2048, [Buffer.from("21aa", "hex")], { durationTicks: 1024 })] },
    {
      trackIndex: 0,
      samples: [
        sample(2 ** 33 + 90_000, [idr]),
        sample(2 ** 33 + 93_000, [slice], { keyframe: false, ptsOffsetTicks: 3000, durationTicks: 3100 }),
      ],
    },
  ];
  const { buffers, sizeBytes } = writeFragment(tracks, samples, { sequenceNumber: 9, originTicks: [90_000, 1024] })!;
  const audio = `${"00000048"}74726166${"0000001074666864"}0002000000000002${"0000001474666474"}010000000000000000000400`;
  const audioRun = `${"0000001c7472756e"}01000301${"00000001000000c8"}${"0000040000000002"}`;
  const video = `${"00000060"}74726166${"0000001074666864"}0002000000000001${"0000001474666474"}010000000000000200000000`;
  const first = "00000bb800000006" + "02000000" + "00000000";
  const second = "00000c1c00000007" + "01010000" + "00000bb8";
  const videoRun = `${"000000347472756e"}01000f01${"00000002000000ca"}${first}${second}`;
  const moof = `000000c06d6f6f66${"000000106d66686400000000"}00000009${audio}${audioRun}${video}${videoRun}`;
  assert.equal(Buffer.concat(buffers).toString("hex"), `${moof}000000176d646174${"21aa"}00000002658800000003419a01`);
  assert.equal(sizeBytes, 0xc0 + 0x17);
});

test("large parts are handed on, small ones joined", () => {
  const frame = Buffer.alloc(50_000, 0x41);
  const samples = [{ trackIndex: 0, samples: [sample(0, [slice, slice, frame]), sample(3000, [frame, slice])] }];
  const { buffers, sizeBytes } = writeFragment(storeTracks([h264]), samples, { sequenceNumber: 0 })!;
  assert.deepEqual(
    buffers.map(({ length }) => (length === frame.length ? "frame" : "small")),
    ["small", "frame", "small", "frame", "small"],
  );
  assert.ok(buffers.filter(({ length }) => length === frame.length).every(({ buffer }) => buffer === frame.buffer));
  assert.equal(
    buffers.reduce((sum, { length }) => sum + length, 0),
    sizeBytes,
  );
});

test("parts that stand behind their lengths already are written with them, neighbours in memory as one", () => {
  const aud = Buffer.from("09f0", "hex");
  const frames = [[aud, Buffer.alloc(3000, 0x65)], [Buffer.alloc(2000, 0x41), slice], [Buffer.alloc(5000, 0x41)]];
  const memory = Buffer.concat(frames.flat().flatMap((part) => [Buffer.from([0, 0, part.length >> 8, part.length & 0xff]), part]));
  let at = 0;
  const prefixed = frames.map((frame) =>
    frame.map(({ length }) => {
      at += 4 + length;
      return memory.subarray(at - length, at);
    }),
  );
  for (const track of [h264, aac]) {
    const tracks = storeTracks([track]);
    const write = (given: readonly (readonly Buffer[])[], isPrefixed: boolean) => {
      const samples = given.map((frame, i) => sample(3000 * i, frame, { keyframe: i === 0, prefixed: isPrefixed }));
      return writeFragment(tracks, [{ trackIndex: 0, samples }], { sequenceNumber: 0 })!;
    };
    const { buffers, sizeBytes } = write(prefixed, true);
    const plain = write(frames, false);
    assert.equal(sizeBytes, plain.sizeBytes);
    assert.deepEqual(Buffer.concat(buffers), Buffer.concat(plain.buffers));
    if (track === h264) assert.equal(buffers.length, 2, "the head, and all from the slice of the first frame on");
  }
});

test("durations follow the decode times, and only the last one is the sample's own", () => {
  const times = [100, 100, 2000, 1500, 9000];
  const samples = [{ trackIndex: 0, samples: times.map((dtsTicks) => sample(dtsTicks, [idr])) }];
  const { fragments } = readFragmentedFile(writeFragmentedFile(storeTracks([h264]), [samples], { originTicks: [200] }))!;
  const read = samplesOf(fragments, 0);
  assert.deepEqual(
    read.map(({ durationTicks }) => durationTicks),
    [0, 1900, 0, 7500, 3000],
  );
  assert.equal(read[0]!.dtsTicks, 0); // before the origin
});

test("nothing to write", () => {
  const tracks = storeTracks([h264, { kind: "data", clockRateHz: 90_000, parameters: { codec: "klv" } }]);
  const options = { sequenceNumber: 0 };
  assert.equal(writeFragment(tracks, [], options), undefined);
  assert.equal(writeFragment(tracks, [{ trackIndex: 0, samples: [] }], options), undefined);
  assert.equal(writeFragment(tracks, [{ trackIndex: 1, samples: [sample(0, [idr])] }], options), undefined);
  assert.equal(writeFragment(tracks, [{ trackIndex: 5, samples: [sample(0, [idr])] }], options), undefined);
});

/** Random frames that come back as they were: no parameter sets, nothing that is left out. */
function randomFrame({ parameters }: ContainerTrack, random: Random): Buffer[] {
  const bytes = (first: readonly number[], least: number) => {
    const payload = Buffer.from(Array.from({ length: least + random(random(8) === 0 ? 3000 : 40) }, () => random(256)));
    return Buffer.concat([Buffer.from(first), payload]);
  };
  switch (parameters.codec) {
    case "h264":
      return Array.from({ length: 1 + random(4) }, () => bytes([0x41], 1));
    case "h265":
      return Array.from({ length: 1 + random(4) }, () => bytes([0x02, 0x01], 1));
    case "av1":
      return [Buffer.from("080b0000", "hex"), bytes([0x30], 0), bytes([0x34, 0x08], 200)];
    default:
      return [bytes([], 1)];
  }
}

test("what was written is read again", () => {
  const random = seededRandom(11);
  const tracks = [h264, h265, av1, vp9, mjpeg, aac, opus, lpcm];
  const stored = storeTracks(tracks);
  for (let round = fuzzRounds(40); round > 0; round--) {
    const clocks = tracks.map(() => random(2 ** 31) * 2 ** random(20));
    const fragments = Array.from({ length: 1 + random(4) }, () => {
      const chosen = [...tracks.keys()].filter(() => random(2) === 0);
      return chosen.map((trackIndex): TrackSamples => {
        const track = tracks[trackIndex]!;
        const samples = Array.from({ length: 1 + random(20) }, (): Sample => {
          const durationTicks = random(5000);
          const dtsTicks = clocks[trackIndex]!;
          clocks[trackIndex] = dtsTicks + durationTicks;
          const [ptsOffsetTicks, keyframe] = track.kind === "video" ? [random(3) * 3000, random(3) === 0] : [0, true];
          const frame = randomFrame(track, random);
          return { dtsTicks, ptsOffsetTicks, durationTicks, keyframe, frame };
        });
        return { trackIndex, samples };
      });
    }).filter((fragment) => fragment.length > 0);
    const read = readFragmentedFile(writeFragmentedFile(stored, fragments))!;
    assert.deepEqual(read.fragments, fragments);
    assert.deepEqual(read.init.tracks.length, tracks.length);
  }
});

test("G.711 comes back as linear samples of the same time", () => {
  const coded = Buffer.from([0xd5, 0x55, 0xaa, 0x2a]);
  const samples = [{ trackIndex: 0, samples: [sample(800, [coded.subarray(0, 1), coded.subarray(1)], { durationTicks: 4 })] }];
  const { init, fragments } = readFragmentedFile(writeFragmentedFile(storeTracks([g711]), [samples]))!;
  assert.equal(init.tracks[0]?.parameters.codec, "lpcm");
  assert.deepEqual(samplesOf(fragments, 0), [
    { dtsTicks: 800, ptsOffsetTicks: 0, durationTicks: 4, keyframe: true, frame: [Buffer.from("0008fff87e008200", "hex")] },
  ]);
});
