import assert from "node:assert/strict";
import { test } from "node:test";
import { BitWriter } from "#base/bit-writer.ts";
import { readClipTimes, readCodedClip } from "#testing/coded-clip.ts";
import type { Parameters } from "./codec.ts";
import { DtsClock } from "./dts-clock.ts";
import { type H264Sps, parseH264Sps } from "./h264/sps.ts";
import { reorderFramesOf } from "./reorder.ts";

const CLIPS: readonly (readonly [name: string, reorderFrames: number])[] = [
  ["h264-baseline-slices.h264", 0],
  ["h264-main-b3.h264", 1],
  ["h264-high-pyramid-open-gop.h264", 2],
  ["h264-high-interlaced.h264", 2],
  ["h265-main-open-gop.h265", 2],
  ["h265-main-closed-gop.h265", 2],
  ["h265-main10-no-b.h265", 0],
];
const clipFile = (name: string) => new URL(`testdata/${name}`, import.meta.url);

/** The set of a progressive Main stream as a camera without VUI would write it. */
function withoutVui(sps: H264Sps): Buffer {
  const out = new BitWriter().bits(0x67, 8).bits(77, 8).bits(0, 8).bits(sps.levelIdc, 8).ue(sps.id);
  out
    .ue(sps.log2MaxFrameNum - 4)
    .ue(0)
    .ue(sps.log2MaxPocLsb - 4)
    .ue(4)
    .bits(0, 1);
  out
    .ue(Math.ceil(sps.width / 16) - 1)
    .ue(Math.ceil(sps.height / 16) - 1)
    .bits(1, 1)
    .bits(1, 1)
    .bits(0, 2)
    .bits(1, 1);
  return out.finish();
}

function assertLegal(dts: readonly number[], pts: readonly number[]): void {
  for (let i = 0; i < dts.length; i++) {
    assert.ok(dts[i]! <= pts[i]!, `frame ${i}: dts ${dts[i]} after pts ${pts[i]}`);
    if (i > 0) assert.ok(dts[i]! > dts[i - 1]!, `frame ${i}: dts ${dts[i]} not after ${dts[i - 1]}`);
  }
}

for (const [name, reorderFrames] of CLIPS) {
  test(`${name}: the times are those of the encoder`, () => {
    const clip = readCodedClip(clipFile(name));
    const times = readClipTimes(clipFile(name));
    assert.equal(clip.frames.length, times.pts.length);
    assert.equal(reorderFramesOf(clip.parameters), reorderFrames);
    const clock = new DtsClock(clip.parameters, times.clockRateHz);
    assert.deepEqual(
      clip.frames.map((frame, i) => clock.next(frame, times.pts[i]!)),
      times.dts,
    );
    assert.equal(clock.faults, 0);
  });
}

for (const name of ["h264-main-b3.h264", "h264-high-pyramid-open-gop.h264"]) {
  test(`${name} without VUI: reordering is learned from the picture order`, () => {
    const clip = readCodedClip(clipFile(name));
    const times = readClipTimes(clipFile(name));
    assert.equal(clip.parameters.codec, "h264");
    const parameters = { ...clip.parameters, sps: [withoutVui(parseH264Sps(clip.parameters.sps[0]!)!)] } as Parameters;
    assert.ok(reorderFramesOf(parameters) > 2, "the size of the picture buffer is the bound");
    const clock = new DtsClock(parameters, times.clockRateHz);
    const dts = clip.frames.map((frame, i) => clock.next(frame, times.pts[i]!));
    assertLegal(dts, times.pts);
    assert.equal(clock.faults, 0);
  });
}

test("without VUI and without B-frames every frame is decoded when it is shown, over wraps of the picture order count", () => {
  const main = readCodedClip(clipFile("h264-main-b3.h264")).parameters;
  assert.equal(main.codec, "h264");
  const set = withoutVui(parseH264Sps(main.sps[0]!)!);
  const sps = parseH264Sps(set)!;
  const clock = new DtsClock({ codec: "h264", sps: [set], pps: [] }, 90_000);
  for (let i = 0; i < 200; i++) {
    const slice = new BitWriter()
      .bits(i === 0 ? 0x65 : 0x41, 8)
      .ue(0)
      .ue(5)
      .ue(0)
      .bits(0, sps.log2MaxFrameNum);
    if (i === 0) slice.ue(0);
    slice.bits((i * 2) % 2 ** sps.log2MaxPocLsb, sps.log2MaxPocLsb);
    assert.equal(clock.next([slice.finish()], i * 3600), i * 3600);
  }
});

test("frames that are lost or come at uneven times leave the decoding times legal", () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 0x7fffffff;
    return seed / 0x7fffffff;
  };
  for (const [name] of CLIPS) {
    const clip = readCodedClip(clipFile(name));
    const times = readClipTimes(clipFile(name));
    for (let round = 0; round < 50; round++) {
      const stretch = 1 + random() * 5;
      const clock = new DtsClock(clip.parameters, times.clockRateHz);
      const pts: number[] = [];
      const dts: number[] = [];
      clip.frames.forEach((frame, i) => {
        if (i > 0 && random() < 0.2) return;
        const uneven = Math.round(times.pts[i]! * stretch + Math.sin(times.pts[i]! * stretch) * 200); // keeps their order
        pts.push(uneven);
        dts.push(clock.next(frame, uneven));
      });
      assertLegal(dts, pts);
      assert.equal(clock.faults, 0);
    }
  }
});

test("a reader that starts at a CRA picture has room for its leading pictures", () => {
  const file = clipFile("h265-main-open-gop.h265");
  const clip = readCodedClip(file);
  const times = readClipTimes(file);
  const start = clip.frames.findIndex((frame, i) => i > 0 && frame.some((nalUnit) => nalUnit[0]! >> 1 === 21));
  assert.ok(start > 0);
  assert.ok(times.pts[start + 1]! < times.pts[start]!, "the clip has leading pictures there");
  const clock = new DtsClock(clip.parameters, times.clockRateHz);
  const pts = times.pts.slice(start);
  const dts = clip.frames.slice(start).map((frame, i) => clock.next(frame, pts[i]!));
  assertLegal(dts, pts);
  assert.deepEqual(dts.slice(2), times.dts.slice(start + 2));
});

test("absurd times still give increasing ones, and are counted", () => {
  const clock = new DtsClock({ codec: "h264", sps: [], pps: [] }, 90_000);
  const dts = [0, 3600, 3600, 0, -90_000, 7200].map((pts) => clock.next([], pts));
  for (let i = 1; i < dts.length; i++) assert.ok(dts[i]! > dts[i - 1]!);
  assert.equal(clock.faults, 3);
});

test("audio is decoded when it is heard", () => {
  const clock = new DtsClock({ codec: "opus", channelCount: 2 }, 48_000);
  assert.deepEqual(
    [0, 960, 1920].map((pts) => clock.next([], pts)),
    [0, 960, 1920],
  );
});
