// A recorder over a store of files: what the one asks for and the other does fit together.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { FilesSite, numbersOf, readAll } from "#testing/files-site.ts";
import { RecorderSite } from "#testing/recorder-site.ts";
import { SYNTHETIC_SETS, syntheticTrack } from "#testing/synthetic-track.ts";
import { holdsTrack } from "./segment-format.ts";

/** Five seconds are two files: they end at the first keyframe behind three seconds. */
test("frames of a camera become files, a new one for new parameter sets", async () => {
  const files = await FilesSite.open();
  const { store } = files;
  const site = new RecorderSite({ clock: files.clock, recorder: { store, keeps: (track) => holdsTrack("fmp4", track) } });
  const track = syntheticTrack();
  site.attach(track);
  await site.frames(track, 125);
  const other = { ...track, parameters: { codec: "h264", sps: [SYNTHETIC_SETS.otherSps], pps: [SYNTHETIC_SETS.pps] } } as typeof track;
  await site.frames(other, 50);
  await site.recorder.stop();
  assert.deepEqual(site.gaps, []);
  const spans = await files.index.spans("cam");
  assert.deepEqual(
    spans.map(({ durationUs }) => Math.round(durationUs / 1e5) / 10),
    [5.2, 1.8],
  );
  assert.equal((await files.index.segments("cam")).length, 3);
  const numbers = (await readAll(files.index)).flatMap(({ fragments }) => numbersOf(fragments));
  assert.deepEqual(
    numbers,
    Array.from({ length: 175 }, (_, i) => i),
  );
});

test("the recorder goes on when the medium does, and the gap is in the index", async () => {
  const fs = new FaultFs();
  const files = await FilesSite.open({ fs });
  const site = new RecorderSite({ clock: files.clock, recorder: { store: files.store, keeps: () => true } });
  const track = syntheticTrack();
  site.attach(track);
  await site.frames(track, 50);
  const mend = fs.failAll("ENOSPC");
  await site.frames(track, 25);
  assert.equal(site.recorder.state.state, "error");
  mend();
  site.timers.passMs(2000);
  await site.frames(track, 50);
  await site.recorder.stop();
  assert.equal(site.recorder.state.gaps.length, 1);
  const spans = await files.index.spans("cam");
  assert.deepEqual(
    spans.map(({ gapBefore }) => gapBefore),
    [undefined, "disk"],
  );
});
