// The markers before the scan of a baseline JPEG image, ITU-T T.81 annex B, with the standard Huffman tables of annex K.
import { STANDARD_HUFFMAN } from "./huffman.table.ts";
import { JpegMarker } from "./jpeg.ts";

export interface JpegDescription {
  readonly width: number;
  readonly height: number;
  /** Rows of luma samples for one of chroma: 2 is 4:2:0, 1 is 4:2:2. */
  readonly lumaRows: 1 | 2;
  /** Zig-zag order, 64 bytes, or 128 for 16-bit values. */
  readonly lumaTable: Buffer;
  readonly chromaTable: Buffer;
  /** 0 for none. */
  readonly restartInterval: number;
}

const SOF1 = 0xc1; // extended sequential: what 16-bit tables need, §B.2.4.1

function segment(marker: number, ...parts: readonly (Buffer | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const size = body.length + 2;
  return Buffer.concat([Buffer.from([0xff, marker, size >> 8, size & 0xff]), body]);
}

/** From SOI to the end of SOS. */
export function writeJpegHeader(image: JpegDescription): Buffer {
  const { lumaTable, chromaTable, width, height } = image;
  const wide = lumaTable.length > 64 || chromaTable.length > 64;
  const parts = [
    Buffer.from([0xff, JpegMarker.soi]),
    segment(JpegMarker.dqt, [lumaTable.length > 64 ? 0x10 : 0], lumaTable),
    segment(JpegMarker.dqt, [chromaTable.length > 64 ? 0x11 : 0x01], chromaTable),
    segment(
      wide ? SOF1 : JpegMarker.sof0,
      [8, height >> 8, height & 0xff, width >> 8, width & 0xff, 3],
      [1, 0x20 | image.lumaRows, 0],
      [2, 0x11, 1],
      [3, 0x11, 1],
    ),
    segment(JpegMarker.dht, ...STANDARD_HUFFMAN),
  ];
  if (image.restartInterval > 0) parts.push(segment(JpegMarker.dri, [image.restartInterval >> 8, image.restartInterval & 0xff]));
  parts.push(segment(JpegMarker.sos, [3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]));
  return Buffer.concat(parts);
}
