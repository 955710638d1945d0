import assert from "node:assert/strict";
import { test } from "node:test";
import { ProgramTables, sectionCrc } from "./tables.ts";

function written(tables: ProgramTables): Buffer {
  const out = Buffer.alloc(tables.sizeBytes);
  assert.equal(tables.write(out, 0), tables.sizeBytes);
  return out;
}

test("the PAT is the one every muxer writes for one program at PID 0x1000", () => {
  const packets = written(new ProgramTables([{ pid: 0x100, streamType: 0x1b, descriptors: Buffer.alloc(0) }], 0x100));
  assert.equal(packets.length, 2 * 188);
  assert.equal(packets.toString("hex", 0, 21), "474000100000b00d0001c100000001f0002ab104b2");
  assert.ok(packets.subarray(21, 188).every((byte) => byte === 0xff));
});

test("the PMT lists streams with their descriptors", () => {
  const streams = [
    { pid: 0x100, streamType: 0x24, descriptors: Buffer.alloc(0) },
    { pid: 0x101, streamType: 0x06, descriptors: Buffer.from("05044f707573", "hex") },
  ];
  const packet = written(new ProgramTables(streams, 0x100)).subarray(188);
  const expected = "02b01d0001c10000e100f00024e100f00006e101f00605044f707573";
  assert.equal(packet.toString("hex", 0, 5), "4750001000");
  assert.equal(packet.toString("hex", 5, 5 + expected.length / 2), expected);
  assert.equal(sectionCrc(packet.subarray(5, 5 + 3 + 0x1d)), 0); // over a section and its CRC
});

test("a PMT of several packets is cut up, and counters go on from one writing to the next", () => {
  const streams = Array.from({ length: 16 }, (_, i) => ({ pid: 0x100 + i, streamType: 0x15, descriptors: Buffer.alloc(20, 0x11) }));
  const tables = new ProgramTables(streams, 0x100);
  const sectionBytes = 3 + 5 + 4 + 16 * 25 + 4;
  assert.equal(tables.sizeBytes, (1 + Math.ceil((1 + sectionBytes) / 184)) * 188);
  const counters = { pat: [] as number[], pmt: [] as number[] };
  for (let round = 0; round < 6; round++) {
    const out = written(tables);
    const section: Buffer[] = [];
    for (let at = 0; at < out.length; at += 188) {
      counters[at === 0 ? "pat" : "pmt"].push(out[at + 3]! & 15);
      assert.equal(out[at + 1]! >> 6, at <= 188 ? 1 : 0); // payload_unit_start_indicator
      if (at > 0) section.push(out.subarray(at + 4, at + 188));
    }
    assert.equal(sectionCrc(Buffer.concat(section).subarray(1, 1 + sectionBytes)), 0);
  }
  assert.deepEqual(counters.pat, [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(
    counters.pmt,
    Array.from({ length: 18 }, (_, i) => i & 15),
  );
});
