import assert from "node:assert/strict";
import { test } from "node:test";
import { readAc3File } from "#testing/elementary-streams.ts";
import { frameTicks } from "../frame-ticks.ts";
import { parseAc3Syncframe } from "./syncframe.ts";

const frames = (name: string) => readAc3File(new URL(`../testdata/${name}.ac3`, import.meta.url));

test("stereo, and 5.1 whose frames differ by two bytes", () => {
  const stereo = frames("ac3-stereo");
  assert.equal(stereo.length, 7);
  assert.deepEqual(parseAc3Syncframe(stereo[0]!), {
    frameBytes: 384,
    bitRate: 96_000,
    sampleRateHz: 48_000,
    channelCount: 2,
    syncInfo: { fscod: 0, bsid: 8, bsmod: 0, acmod: 2, lfeOn: false, bitRateCode: 6 },
  });
  const surround = frames("ac3-surround");
  assert.deepEqual(
    surround.map((frame) => frame.length),
    [834, 836, 836],
  );
  assert.deepEqual(parseAc3Syncframe(surround[0]!)?.syncInfo, { fscod: 1, bsid: 8, bsmod: 0, acmod: 7, lfeOn: true, bitRateCode: 10 });
  assert.equal(parseAc3Syncframe(surround[0]!)?.channelCount, 6);
  assert.equal(frameTicks({ codec: "ac3", sampleRateHz: 44_100, channelCount: 6 }, surround[0]!), 1536);
});

test("E-AC-3, reserved codes and what is cut short are no AC-3", () => {
  const whole = frames("ac3-stereo")[0]!;
  const changed = (at: number, value: number) => {
    const copy = Buffer.from(whole);
    copy[at] = value;
    return parseAc3Syncframe(copy);
  };
  assert.equal(changed(5, 16 << 3), undefined, "bsid 16");
  assert.equal(changed(4, 0xc0), undefined, "reserved rate");
  assert.equal(changed(4, 0x3f), undefined, "reserved size");
  assert.equal(changed(0, 0), undefined);
  assert.equal(parseAc3Syncframe(whole.subarray(0, 6)), undefined);
});
