import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { JpegMarker, parseJpeg } from "./jpeg.ts";
import { quantizationTables } from "./quantization.ts";
import { writeJpegHeader } from "./write.ts";

const image = (name: string) => readFileSync(new URL(`../testdata/${name}.jpg`, import.meta.url));

test("two encoders' images are read", () => {
  const gstreamer = parseJpeg(image("mjpeg-420-gst"))!;
  assert.deepEqual([gstreamer.sof, gstreamer.width, gstreamer.height, gstreamer.restartInterval], [JpegMarker.sof0, 160, 96, 0]);
  assert.deepEqual(gstreamer.components, [
    { horizontal: 2, vertical: 2, table: 0 },
    { horizontal: 1, vertical: 1, table: 1 },
    { horizontal: 1, vertical: 1, table: 1 },
  ]);
  assert.equal(gstreamer.huffman.length, 4);
  assert.equal(parseJpeg(image("mjpeg-422-gst"))!.components[0]!.vertical, 1);
  const ffmpeg = parseJpeg(image("mjpeg-420-q2"))!;
  assert.deepEqual(
    ffmpeg.components.map((component) => component.table),
    [0, 0, 0],
  );
  assert.equal(ffmpeg.scan.at(-1) !== undefined && ffmpeg.scan.length > 5000, true);
});

test("the tables of a quality are those an encoder uses for it", () => {
  const { quantization } = parseJpeg(image("mjpeg-420-gst"))!; // made with quality 60
  const tables = quantizationTables(60);
  assert.deepEqual([...tables.luma], [...quantization[0]!]);
  assert.deepEqual([...tables.chroma], [...quantization[1]!]);
  assert.equal(quantizationTables(1).luma[0], 255);
  assert.equal(quantizationTables(99).chroma[63], 2);
});

test("a header that is written reads the same", () => {
  const lumaTable = quantizationTables(30).luma;
  const chromaTable = Buffer.alloc(128, 3);
  const scan = Buffer.from("0102ff00", "hex");
  for (const lumaRows of [1, 2] as const) {
    for (const restartInterval of [0, 500]) {
      const header = writeJpegHeader({ width: 1920, height: 1080, lumaRows, lumaTable, chromaTable, restartInterval });
      const parsed = parseJpeg(Buffer.concat([header, scan, Buffer.from([0xff, JpegMarker.eoi, 0, 0])]))!;
      assert.deepEqual([parsed.width, parsed.height, parsed.restartInterval], [1920, 1080, restartInterval]);
      assert.deepEqual([parsed.components[0]!.vertical, parsed.components[2]!.vertical], [lumaRows, 1]);
      assert.deepEqual(parsed.quantization.slice(0, 2), [lumaTable, chromaTable]);
      assert.deepEqual(parsed.scan, scan);
    }
  }
});

test("what is no image gives undefined", () => {
  const bytes = image("mjpeg-420-q20");
  assert.equal(parseJpeg(Buffer.alloc(0)), undefined);
  assert.equal(parseJpeg(bytes.subarray(0, 200)), undefined);
  assert.equal(parseJpeg(bytes.subarray(2)), undefined);
  assert.equal(parseJpeg(Buffer.concat([Buffer.from("ffd8", "hex"), Buffer.alloc(2000, 0xff)])), undefined);
});
