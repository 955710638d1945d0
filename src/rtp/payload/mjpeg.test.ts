import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJpeg } from "#codecs/mjpeg/jpeg.ts";
import { quantizationTables } from "#codecs/mjpeg/quantization.ts";
import { writeJpegHeader } from "#codecs/mjpeg/write.ts";
import { BurstBuilder } from "#rtp/burst.ts";
import { burstOf, packetsOf, rtpPacket } from "#testing/rtp-capture.ts";
import { mjpegPayload } from "./mjpeg.ts";

const MJPEG = { codec: "mjpeg" } as const;
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const depacketize = (packets: readonly Buffer[]) => mjpegPayload.depacketize(burstOf(packets), MJPEG)?.[0];
/** Offset, type, Q, 16×8 pixels, then `rest`. */
const packet = (sequence: number, offset: number, type: number, q: number, rest: string, marker = true) =>
  rtpPacket(Buffer.concat([Buffer.from([0, offset >> 16, offset >> 8, offset, type, q, 2, 1]), hex(rest)]), sequence, marker);

test("tables by quality, 4:2:2 and 4:2:0", () => {
  for (const [type, lumaRows] of [[0, 1] as const, [1, 2] as const]) {
    for (const q of [1, 50, 99, 100, 127]) {
      const image = parseJpeg(depacketize([packet(1, 0, type, q, "aabb")])!)!;
      const { luma, chroma } = quantizationTables(Math.min(q, 99));
      assert.deepEqual(image.quantization.slice(0, 2), [luma, chroma]);
      assert.deepEqual([image.width, image.height, image.components[0]!.vertical], [16, 8, lumaRows]);
      assert.equal(image.scan.toString("hex"), "aabb");
    }
  }
});

test("restart intervals in every packet, tables of 8 and 16 bits in the first", () => {
  const luma = "01".repeat(64);
  const wide = "0002".repeat(64);
  const image = parseJpeg(
    depacketize([packet(1, 0, 65, 255, `0004ffff 000200c0 ${luma}${wide} aa`, false), packet(2, 1, 65, 255, "0004ffff bb")])!,
  )!;
  assert.equal(image.restartInterval, 4);
  assert.equal(image.scan.toString("hex"), "aabb");
  assert.deepEqual(image.quantization.slice(0, 2), [hex(luma), hex(wide)]);
  assert.equal(image.sof, 0xc1, "16-bit tables are beyond baseline");
});

test("an image with a piece missing is no image", () => {
  const packets = [packet(1, 0, 1, 50, "aabb", false), packet(2, 2, 1, 50, "ccdd", false), packet(3, 4, 1, 50, "eeff")];
  assert.equal(parseJpeg(depacketize(packets)!)!.scan.toString("hex"), "aabbccddeeff");
  for (const lost of [0, 1, 2]) assert.equal(depacketize(packets.toSpliced(lost, 1)), undefined, `without ${lost}`);
});

test("the end marker that a camera sends is not doubled, and does for the marker bit", () => {
  const bytes = depacketize([packet(1, 0, 1, 50, "aabbffd9", false)])!;
  assert.equal(bytes.subarray(-4).toString("hex"), "bbffd9".padStart(8, "a"));
});

test("headers that cannot be used", () => {
  const cases = [
    packet(1, 0, 2, 50, "aa"),
    packet(1, 0, 1, 0, "aa"),
    packet(1, 0, 1, 255, "00000000 aa"),
    packet(1, 0, 1, 255, "00000080 aa"),
  ];
  cases.push(packet(1, 0, 65, 50, "0004"), packet(1, 0, 1, 50, ""), packet(1, 5, 1, 50, "aa"), rtpPacket(hex("00000000"), 1, true));
  for (const bad of cases) assert.equal(depacketize([bad]), undefined, bad.toString("hex", 12));
});

test("restart intervals are sent and come back", () => {
  const { luma, chroma } = quantizationTables(40);
  const header = writeJpegHeader({ width: 1920, height: 1080, lumaRows: 2, lumaTable: luma, chromaTable: chroma, restartInterval: 120 });
  const image = Buffer.concat([header, Buffer.alloc(5000, 0x55), hex("ffd9")]);
  const builder = new BurstBuilder(0, 0);
  mjpegPayload.packetize([image], MJPEG, 1200, builder);
  const burst = builder.finish();
  packetsOf(burst, 7);
  assert.deepEqual(mjpegPayload.depacketize(burst, MJPEG), [image]);
});
