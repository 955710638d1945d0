// The same footage, known at times that differ by microseconds, is the same clip.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { MemoryIndex } from "#testing/memory-index.ts";
import { FRAME_US, gateRun, NOON_US } from "#testing/recorded-clip.ts";
import type { ClipWish } from "./clip-reader.ts";
import { openFmp4Clip } from "./fmp4-clip.ts";
import { DEFAULT_LIMITS, openMp4Clip } from "./mp4-clip.ts";
import { atWholeFrames } from "./whole-frames.ts";

const never = new AbortController().signal;
const wishOf = (fromMs: number, toMs: number): ClipWish => ({
  path: "cam",
  fromUtcUs: NOON_US + fromMs * 1000,
  toUtcUs: NOON_US + toMs * 1000,
  skipGaps: true,
  choice: "all",
});

function footage(shiftUs: number): MemoryIndex {
  const first = gateRun({ startUtcUs: NOON_US + shiftUs, frames: [0, 100], audio: true });
  const second = gateRun({
    startUtcUs: NOON_US + 10_000_000 + shiftUs,
    frames: [100, 150],
    audio: true,
    runId: "run-2",
    gapBefore: "power",
  });
  return new MemoryIndex({ cam: [first, second] });
}

async function digest(index: MemoryIndex, wish: ClipWish, format: "mp4" | "fmp4"): Promise<string> {
  const open = format === "mp4" ? openMp4Clip(index, wish, DEFAULT_LIMITS, never) : openFmp4Clip(index, wish, 0, never);
  const clip = await open;
  const hash = createHash("sha256");
  for await (const bytes of clip.bytes(0, clip.sizeBytes, never)) hash.update(bytes);
  return hash.digest("hex");
}

test("clips between frames differ with the clock, clips of whole frames do not", async () => {
  for (const [fromMs, toMs] of [
    [1007, 3013],
    [1007, 11_013],
    [1007, 60_000],
  ] as const) {
    for (const format of ["mp4", "fmp4"] as const) {
      const digests = new Set<string>();
      const raw = new Set<string>();
      for (const shiftUs of [0, -16, 17, 250]) {
        const index = footage(shiftUs);
        raw.add(await digest(index, wishOf(fromMs, toMs), format));
        digests.add(await digest(index, await atWholeFrames(index, wishOf(fromMs, toMs), never), format));
      }
      assert.equal(digests.size, 1, `${fromMs} to ${toMs}, ${format}`);
      assert.ok(raw.size > 1);
    }
  }
});

test("bounds: the first picture behind the begin, the frame that the end cuts", async () => {
  const index = footage(0);
  const boundsOf = async (fromMs: number, toMs: number) => {
    const { fromUtcUs, toUtcUs } = await atWholeFrames(index, wishOf(fromMs, toMs), never);
    return [Math.round((fromUtcUs - NOON_US) / 1000), Math.round((toUtcUs - NOON_US) / 1000)];
  };
  assert.deepEqual(await boundsOf(1007, 3013), [1040, 3000]);
  assert.deepEqual(await boundsOf(-5000, 60_000), [0, 60_000], "nothing is cut off");
  assert.deepEqual(await boundsOf(5000, 11_013), [10_000, 11_000], "nothing is there in between");
  assert.deepEqual(await boundsOf(1007, 1020), [1007, 1020], "less than a frame");
  assert.equal(index.openReads, 0);
  const abort = new AbortController();
  index.onFragment = () => abort.abort(new Error("enough"));
  await assert.rejects(atWholeFrames(index, wishOf(0, 3 * (FRAME_US / 1000)), abort.signal), /enough/);
});
