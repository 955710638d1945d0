// Clips of footage in memory: written to a folder, handed to whoever sends them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { MemoryIndex } from "#testing/memory-index.ts";
import { codedRun, gateRun, NOON_US } from "#testing/recorded-clip.ts";
import { clipCommands, removeClip, type SentClip, type WrittenClip } from "./clips.ts";
import type { SendableFile, UploadWish } from "./upload-input.ts";

const SECOND_US = 1_000_000;
const NOON_MS = NOON_US / 1000;
const never = new AbortController().signal;
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const DEST = { put: "https://clips.noc.example/17", part_mb: 1 };

function setUp(runs = [gateRun({ startUtcUs: NOON_US, frames: [0, 100] })], directory = "/clips") {
  const fs = new FaultFs();
  const index = new MemoryIndex({ "site/gate": runs });
  const sent: { readonly wish: UploadWish; readonly bytes: Buffer; readonly mediaType: string }[] = [];
  let sending: () => Promise<void> = async () => {};
  const [command] = clipCommands({
    indexOf: (path) => (path === "site/gate" ? index : undefined),
    fs,
    directory: () => (directory === "" ? undefined : directory),
    send: async (wish: UploadWish, file: SendableFile, { signal, progress }) => {
      const chunks: Buffer[] = [];
      for await (const chunk of file.bytes(0, file.sizeBytes, signal)) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      sent.push({ wish, bytes, mediaType: file.mediaType });
      progress(50, "uploading part 1/2");
      await sending();
      return { parts: 2, bytes: bytes.length, sha256: sha256(bytes) };
    },
  });
  const told: [number, string][] = [];
  const context = {
    caller: { name: "noc", may: () => true },
    progress: (percent: number, text: string) => void told.push([percent, text]),
  };
  const run = (input: object, signal = never) =>
    command.run(command.parse({ cam: "site/gate", from: NOON_MS, to: NOON_MS + 3_600_000, ...input }), { ...context, signal });
  return {
    fs,
    index,
    command,
    sent,
    told,
    run,
    hold(wait: () => Promise<void>) {
      sending = wait;
    },
  };
}

test("to a folder: files, their digests, and what of the wish they hold", async () => {
  const { fs, run } = setUp([
    gateRun({ startUtcUs: NOON_US, frames: [0, 100] }),
    { ...codedRun("h265-main10-no-b.h265", NOON_US + 100 * SECOND_US), gapBefore: "tracks" },
  ]);
  const clip = (await run({})) as WrittenClip;
  assert.equal(clip.parts, 2);
  for (const { name, bytes, sha256: digest } of clip.files) {
    const written = fs.bytesOf(join("/clips", clip.folder, name))!;
    assert.deepEqual([written.length, sha256(written)], [bytes, digest]);
  }
  assert.deepEqual([clip.actual_from, clip.actual_from], [NOON_MS, clip.files[0]!.from]);
  assert.ok(clip.actual_to > NOON_MS + 100_000 && clip.actual_to < NOON_MS + 200_000, String(clip.actual_to - NOON_MS));
  await removeClip(fs, "/clips", clip);
  assert.equal(await fs.list(join("/clips", clip.folder)), undefined);
});

test("to a server: one file, the same bytes each time, and where the next one begins", async () => {
  const { fs, run, sent, told } = setUp([
    gateRun({ startUtcUs: NOON_US, frames: [0, 100] }),
    { ...codedRun("h265-main10-no-b.h265", NOON_US + 100 * SECOND_US), gapBefore: "tracks" },
  ]);
  for (const fmt of ["mp4", "fmp4"]) {
    const clip = (await run({ fmt, dest: DEST, max_kbps: 500 })) as SentClip;
    const again = (await run({ fmt, dest: DEST, max_kbps: 500 })) as SentClip;
    const [first, second] = sent.splice(0);
    assert.deepEqual(first!.wish, { url: DEST.put, headers: {}, partBytes: 2 ** 20, maxKbps: 500 });
    assert.deepEqual([first!.mediaType, first!.bytes.toString("latin1", 4, 8)], ["video/mp4", "ftyp"]);
    assert.ok(first!.bytes.equals(second!.bytes));
    assert.deepEqual(clip, again);
    assert.deepEqual([clip.parts, clip.bytes, clip.sha256], [2, first!.bytes.length, sha256(first!.bytes)]);
    assert.deepEqual([clip.actual_from, clip.actual_to, clip.next], [NOON_MS, NOON_MS + 4000, NOON_MS + 100_000]);
    const rest = (await run({ fmt, dest: DEST, from: clip.next })) as SentClip;
    assert.deepEqual([rest.actual_from, rest.next], [NOON_MS + 100_000, undefined]);
    sent.splice(0);
    await removeClip(fs, "/clips", clip);
  }
  assert.deepEqual(await fs.list("/clips"), undefined);
  assert.deepEqual(told.slice(0, 2), [
    [0, "reading footage"],
    [52.5, "uploading part 1/2"],
  ]);
});

test("without a folder a clip can be sent, and not written", async () => {
  const { run } = setUp(undefined, "");
  await assert.rejects(run({}), { code: "not-configured", message: /clipDirectory.*dest/ });
  assert.equal(((await run({ dest: DEST })) as SentClip).parts, 2);
});

test("two at once; what changed, what is not there, what ends it", async () => {
  const { run, hold, index } = setUp();
  let go = (): void => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  hold(() => held);
  const running = [run({ dest: DEST }), run({ dest: DEST })];
  await assert.rejects(run({ dest: DEST }), { code: "too-many" });
  go();
  await Promise.all(running);
  await assert.rejects(run({ dest: DEST, from: 0, to: 1000 }), { code: "not-found" });
  await assert.rejects(run({ cam: "other", dest: DEST }), { code: "not-found", field: "cam" });
  hold(async () => {
    throw Object.assign(new Error("gone"), { name: "FootageChanged" });
  });
  await assert.rejects(run({ dest: DEST }), /gone/);
  const abort = new AbortController();
  index.onFragment = () => abort.abort(new Error("cancelled"));
  await assert.rejects(run({ dest: DEST }, abort.signal), /cancelled/);
  assert.equal(index.openReads, 0);
});

test("what is asked for is checked", () => {
  const { command } = setUp();
  const base = { cam: "gate", from: 0, to: 1 };
  for (const [more, field] of [
    [{ fmt: "avi" }, "fmt"],
    [{ fmt: "fmp4" }, "fmt"],
    [{ dest: "x" }, "dest"],
    [{ max_kbps: 5 }, "max_kbps"],
    [{ to: 0 }, "to"],
  ] as const)
    assert.throws(() => command.parse({ ...base, ...more }), { code: "invalid", field }, field);
});
