import assert from "node:assert/strict";
import { test } from "node:test";
import { ANCHOR_FLAGS } from "#base/clock-anchor.ts";
import { parseStampPacket } from "#containers/mpegts/stamp-packet.ts";
import type { Track } from "#relay/track.ts";
import { BootedClock } from "#testing/booted-clock.ts";
import type { FaultFs } from "#testing/fault-fs.ts";
import { FilesSite, numbersOf, readAll } from "#testing/files-site.ts";
import { type FragmentedFile, readFragmentedFile } from "#testing/mp4/whole-file.ts";
import { SYNTHETIC_SETS, syntheticTrack } from "#testing/synthetic-track.ts";
import { StoreFault } from "../store.ts";

const FIRST_FILE = "/rec/cam/2023-11-14_22-13-21-000000.mp4";

async function recording(options: Parameters<typeof FilesSite.open>[0] = {}): Promise<FilesSite & { readonly fs: FaultFs }> {
  const site = await FilesSite.open(options);
  await site.store.open(site.run());
  return site as FilesSite & { readonly fs: FaultFs };
}

function filesOf(site: FilesSite & { readonly fs: FaultFs }): readonly FragmentedFile[] {
  return site.index.catalog.of("cam").map(({ file }) => readFragmentedFile(site.fs.bytesOf(file)!)!);
}

test("a file is begun with its first part, and tells how long it is when it is complete", async () => {
  const site = await recording({ audio: true });
  assert.equal(await site.fs.list("/rec"), undefined);
  await site.record(2);
  const begun = readFragmentedFile(site.fs.bytesOf(FIRST_FILE)!)!;
  assert.equal(begun.init.durationMs, 0);
  assert.equal(begun.places.length, 2);
  assert.deepEqual(site.hooks, [`create: ${FIRST_FILE}`]);
  assert.equal(site.stored.length, 2);

  await site.store.close();
  const complete = readFragmentedFile(site.fs.durableBytesOf(FIRST_FILE)!)!;
  assert.equal(complete.init.durationMs, 2000);
  assert.deepEqual(
    complete.init.tracks.map(({ parameters }) => parameters.codec),
    ["h264", "lpcm"],
  );
  assert.deepEqual(site.hooks.slice(1), [`complete: ${FIRST_FILE} 2`]);
  const { mtxi } = complete.init;
  assert.deepEqual([mtxi?.segmentNumber, mtxi?.startDtsUs, mtxi?.startNtpUs], [0, 0, site.utcUs(1_000_000)]);
});

test("the next file begins at a keyframe once the segment is long enough, and goes on with the stream", async () => {
  const site = await recording({ audio: true });
  await site.record(8);
  await site.store.close();
  const files = filesOf(site);
  assert.deepEqual(
    files.map(({ init }) => [init.mtxi?.segmentNumber, init.mtxi?.startDtsUs, init.durationMs]),
    [
      [0, 0, 3000],
      [1, 3e6, 3000],
      [2, 6e6, 2000],
    ],
  );
  assert.equal(new Set(files.map(({ init }) => init.mtxi?.streamId.toString("hex"))).size, 1);
  assert.deepEqual(
    numbersOf(files.flatMap(({ fragments }) => fragments.map((samples) => ({ samples })))),
    Array.from({ length: 200 }, (_, i) => i),
  );
  for (const { fragments } of files) assert.equal(fragments[0]![0]!.samples[0]!.dtsTicks, 0);
});

for (const [what, disturb] of [
  ["a gap", (site) => site.fragment({ gapBefore: "backpressure" })],
  ["a step of the stream's time", (site) => site.fragment({ lateMs: 1200 })],
  [
    "a clock that is set",
    (site) => {
      const { clock } = site as FilesSite & { readonly clock: BootedClock };
      clock.learn(clock.utcOf(clock.us).utcUs + 7e6, "ntp", ANCHOR_FLAGS.step);
      return site.fragment();
    },
  ],
] as readonly (readonly [string, (site: FilesSite) => ReturnType<FilesSite["fragment"]>])[]) {
  test(`${what} begins another stream`, async () => {
    const clock = new BootedClock();
    clock.learn(Date.UTC(2026, 2, 1) * 1000);
    const site = await recording({ clock });
    await site.record(1);
    site.store.append(disturb(site));
    await site.settled();
    await site.record(1);
    await site.store.close();
    const files = filesOf(site);
    assert.deepEqual(
      files.map(({ init, places }) => [init.mtxi?.segmentNumber, places.length]),
      [
        [0, 1],
        [0, 2],
      ],
    );
    assert.notDeepEqual(files[0]!.init.mtxi?.streamId, files[1]!.init.mtxi?.streamId);
    assert.equal((await site.index.spans("cam")).length, 2);
  });
}

test("new tracks begin another file of another stream, without a close between", async () => {
  const site = await recording();
  await site.record(1);
  const { otherSps, pps } = SYNTHETIC_SETS;
  const other: Track = { ...syntheticTrack(), parameters: { codec: "h264", sps: [otherSps], pps: [pps] } };
  await site.store.open({ ...site.run(), tracks: [other] });
  await site.record(1);
  await site.store.close();
  assert.deepEqual(
    filesOf(site).map(({ init }) => [init.mtxi?.segmentNumber, init.mtxi?.startDtsUs, init.durationMs]),
    [
      [0, 0, 1000],
      [0, 0, 1000],
    ],
  );
  assert.deepEqual(
    (await site.index.spans("cam")).map(({ gapBefore }) => gapBefore),
    [undefined, "tracks"],
  );
});

test("between two runs of the same tracks nothing is missing", async () => {
  const site = await recording();
  await site.record(1);
  await site.store.open(site.run());
  await site.record(1);
  await site.store.close();
  assert.deepEqual(
    (await site.index.spans("cam")).map(({ durationUs, gapBefore }) => [durationUs, gapBefore]),
    [
      [1e6, undefined],
      [1e6, undefined],
    ],
  );
});

test("sound that began before the first picture of a file is in it, as far as it is less than a second behind", async () => {
  for (const [lagMs, leadUs, frames] of [
    [400, 400_000, 25],
    [1400, 1_000_000, 15],
  ] as const) {
    const site = await recording({ audio: true });
    await site.record(3);
    const fragment = site.fragment();
    const [video, audio] = fragment.samples;
    const shifted = audio!.samples.map((sample) => ({ ...sample, dtsTicks: sample.dtsTicks - lagMs * 8 }));
    site.store.append({ ...fragment, samples: [video!, { trackIndex: 1, samples: shifted }] });
    await site.store.close();
    const second = filesOf(site)[1]!;
    assert.equal(second.init.mtxi?.startDtsUs, 3e6 - leadUs);
    assert.equal(second.init.mtxi?.startNtpUs, site.utcUs(4_000_000) - leadUs);
    const [first, sound] = second.fragments[0]!;
    assert.equal(first?.samples[0]?.dtsTicks, (leadUs * 90) / 1000);
    assert.deepEqual([sound?.samples.length, sound?.samples[0]?.dtsTicks], [frames, 0]);
  }
});

test("files are named by the camera's clock where that is wanted and there is one", async () => {
  const site = await recording({ store: { senderClock: true } });
  site.store.append({ ...site.fragment(), senderUtcUs: Date.UTC(2024, 0, 2, 3, 4, 5) * 1000 + 6 });
  await site.store.close();
  assert.equal(site.index.catalog.of("cam")[0]?.file, "/rec/cam/2024-01-02_03-04-05-000006.mp4");
});

test("data is synced once a second at most, and when the file is complete", async () => {
  const site = await recording({ store: { segmentDurationMs: 60_000 } });
  const syncs = () => site.fs.history.filter(({ kind }) => kind === "sync").length;
  site.store.append(site.fragment());
  await site.settled();
  assert.deepEqual([syncs(), site.stored.length], [1, 1]);
  const syncedUs = site.clock.us;
  for (let i = 1; i <= 5; i++) {
    const part = site.fragment();
    site.clock.us = syncedUs + i * 100_000;
    site.store.append(part);
    await site.settled();
  }
  assert.deepEqual([syncs(), site.stored.length, site.timers.delaysMs.length], [1, 1, 1]);
  site.timers.passMs(499);
  await site.settled();
  assert.equal(syncs(), 1);
  site.timers.passMs(1);
  await site.settled();
  assert.deepEqual([syncs(), site.stored.length], [2, 6]);
  await site.store.close();
  assert.equal(site.timers.delaysMs.length, 0);
});

test("a part above the limit ends the recording with a fault; what came before is complete", async () => {
  const site = await recording({ store: { maxPartBytes: 6000 } });
  await site.record(1);
  site.store.append({ ...site.fragment(), sizeBytes: 6001 });
  await site.settled();
  assert.deepEqual(
    site.faults.map(({ code }) => code),
    ["part-too-large"],
  );
  assert.equal(filesOf(site)[0]?.init.durationMs, 1000);
  assert.equal(site.store.append(site.fragment()), false);
  await site.store.close();
  await site.store.open(site.run());
  await site.record(1);
  assert.equal(site.stored.length, 2);
  await site.store.close();
});

test("tracks that the format has no place for", async () => {
  const site = await FilesSite.open({ store: { recordFormat: "mpegts" } });
  const run = site.run();
  const parameters = { codec: "mjpeg", picture: { widthPx: 640, heightPx: 480 } } as const;
  const mjpeg: Track = { index: 0, kind: "video", codec: "mjpeg", clockRateHz: 90_000, reorderFrames: 0, parameters };
  await assert.rejects(
    site.store.open({ ...run, tracks: [mjpeg] }),
    (error) => error instanceof StoreFault && error.code === "unsupported",
  );
});

for (const [errno, code] of [
  ["ENOSPC", "full"],
  ["EROFS", "read-only"],
  ["EIO", "io"],
  ["ENODEV", "gone"],
] as const) {
  test(`${errno} while writing: a fault, and what was written is complete`, async () => {
    let wantsSpace = 0;
    const site = await recording({ store: { onFull: () => wantsSpace++ } });
    await site.record(2);
    site.fs.failAt(1, errno, ({ kind }) => kind === "write");
    site.store.append(site.fragment());
    await site.settled();
    assert.deepEqual(
      site.faults.map((fault) => fault.code),
      [code],
    );
    assert.equal(wantsSpace, code === "full" ? 1 : 0);
    assert.equal(site.store.queuedBytes, 0);
    const file = readFragmentedFile(site.fs.durableBytesOf(FIRST_FILE)!)!;
    assert.deepEqual([file.init.durationMs, file.places.length, file.places.at(-1)?.whole], [2000, 2, true]);
    assert.deepEqual(site.hooks.at(-1), `complete: ${FIRST_FILE} 2`);
    await site.store.close();
  });
}

test("a write of which the medium takes half leaves no half part", async () => {
  const site = await recording();
  await site.record(1);
  site.fs.failAt(1, "short", ({ kind }) => kind === "write");
  site.store.append(site.fragment());
  await site.settled();
  const bytes = site.fs.durableBytesOf(FIRST_FILE)!;
  const file = readFragmentedFile(bytes)!;
  assert.deepEqual([file.init.durationMs, file.places.at(-1)?.endOffset], [1000, bytes.length]);
  await site.store.close();
});

test("nothing is done to a file whose sync failed", async () => {
  const site = await recording();
  await site.record(1);
  site.fs.failAt(1, "EIO", ({ kind }) => kind === "sync");
  const before = site.fs.history.length;
  site.store.append(site.fragment());
  await site.settled();
  assert.deepEqual(
    site.fs.history.slice(before).map(({ kind }) => kind),
    ["write", "sync", "close"],
  );
  assert.equal(site.stored.length, 1);
  await site.store.close();
});

test("a file that could not be written at all is not left behind", async () => {
  const site = await recording();
  site.fs.failAll("ENOSPC", ({ kind }) => kind === "write");
  site.store.append(site.fragment());
  await site.settled();
  assert.deepEqual([site.faults.length, site.hooks, site.fs.bytesOf(FIRST_FILE), site.index.catalog.paths], [1, [], undefined, []]);
  await site.store.close();
});

test("the queue is bounded: what does not fit is refused", async () => {
  const site = await recording({ store: { maxQueueBytes: 12_000 } });
  const stall = site.fs.stallNext(({ kind }) => kind === "write");
  assert.equal(site.store.append(site.fragment()), true);
  await stall.reached;
  assert.equal(site.store.append(site.fragment()), true);
  assert.equal(site.store.queuedBytes, 10_000);
  assert.equal(site.store.append(site.fragment()), false);
  stall.release();
  await site.store.close();
  assert.deepEqual([site.store.queuedBytes, site.stored.length], [0, 2]);
});

test("no recording is overwritten: names that are taken are passed over", async () => {
  for (const [recordPath, second] of [
    ["/rec/%path/%Y-%m-%d_%H-%M-%S-%f", "2023-11-14_22-13-21-000001"],
    ["/rec/%path/%s", "1700000002"],
  ] as const) {
    const site = await recording({ recordPath });
    await site.record(1);
    await site.store.close();
    site.clock.us = 1_000_000;
    await site.store.open(site.run());
    await site.record(1);
    await site.store.close();
    assert.equal(site.index.catalog.of("cam")[1]?.file, `/rec/cam/${second}.mp4`);
    assert.equal(filesOf(site).length, 2);
  }
});

test("files that nobody knew of are not overwritten either", async () => {
  const site = await recording();
  await site.fs.makeFolder("/rec/cam");
  const file = await site.fs.open(FIRST_FILE, "create");
  await file.write([Buffer.from("mine")], 0);
  await site.record(1);
  await site.store.close();
  assert.equal(site.fs.bytesOf(FIRST_FILE)?.toString(), "mine");
  assert.equal(site.hooks.length, 2);
});

test("a folder that is tidied away is made again", async () => {
  const site = await recording({ store: { segmentDurationMs: 1000 } });
  await site.record(1);
  await site.store.close();
  await site.fs.remove(FIRST_FILE);
  const stall = site.fs.stallNext(({ kind, path }) => kind === "open" && path.startsWith("/rec/cam/"));
  await site.store.open(site.run());
  site.store.append(site.fragment());
  await stall.reached;
  await site.fs.removeFolder("/rec/cam");
  stall.release();
  await site.store.close();
  assert.deepEqual([site.faults, site.stored.length], [[], 2]);
});

test("an MPEG-TS recording: whole packets from file to file, listed but not played", async () => {
  const site = await recording({ store: { recordFormat: "mpegts" } });
  await site.record(4);
  await site.store.close();
  const segments = await site.index.segments("cam");
  assert.equal(segments.length, 2);
  for (const { file, sizeBytes } of segments) {
    const bytes = site.fs.durableBytesOf(file)!;
    assert.equal(bytes.length, sizeBytes);
    assert.equal(bytes.length % 188, 0);
    assert.deepEqual(parseStampPacket(bytes)?.bootId, site.clock.bootId);
    assert.equal(bytes.readUInt16BE(189) & 0x1fff, 0, "then comes the PAT");
  }
  assert.equal(site.hooks.at(-1), `complete: ${segments[1]?.file} 1`);
  const unsupported = { name: "CallerFault", message: "MPEG-TS format is not supported yet" };
  await assert.rejects(site.index.spans("cam"), unsupported);
  await assert.rejects(readAll(site.index), unsupported);
});
