import assert from "node:assert/strict";
import { test } from "node:test";
import { type RecordingPlace, SegmentPlaces } from "./segment-places.ts";

const place = (recordPath: string, names: readonly string[], recordFormat: RecordingPlace["recordFormat"] = "fmp4"): RecordingPlace => {
  return { recordPath, recordFormat, owns: (path) => names.includes(path) };
};

test("files belong to the path of their name, where its entry records; both kinds of files count", () => {
  const places = new SegmentPlaces([place("/rec/%path/%s", ["a"]), place("/rec/other/%path/%s", ["a/b"], "mpegts")], () => 0);
  const told = (file: string) => {
    const segment = places.segmentOf(file);
    return segment && [segment.path, segment.format, segment.startUtcUs];
  };
  assert.deepEqual(told("/rec/a/1700000000.mp4"), ["a", "fmp4", 1.7e15]);
  assert.deepEqual(told("/rec/a/1700000000.ts"), ["a", "mpegts", 1.7e15]);
  assert.deepEqual(told("/rec/other/a/b/1700000000.ts"), ["a/b", "mpegts", 1.7e15]);
  assert.equal(told("/rec/a/b/1700000000.ts"), undefined);
  assert.equal(told("/rec/a/1700000000.mp4.part"), undefined);
  assert.equal(told("/rec/a/1700000000"), undefined);
  assert.deepEqual([places.formatOf("a"), places.formatOf("a/b"), places.formatOf("c")], ["fmp4", "mpegts", undefined]);
});

test("folders are walked once, and only one path's where that is enough", () => {
  const names = ["a"];
  const places = new SegmentPlaces(
    [place("/rec/%path/%s", names), place("/rec/x/%path/%s", names), place("/recent/%Y/%path/%s", names)],
    () => 0,
  );
  assert.deepEqual(places.roots, ["/rec", "/recent"]);
  assert.deepEqual(places.rootsOf("a"), ["/rec/a", "/rec/x/a", "/recent"]);
  assert.deepEqual(places.rootsOf("../secret"), []);
});
