// Reads headers of boxes in a file, a stretch at a time.
import { type Box, parseBoxHeader } from "./box-reader.ts";
import type { Pull } from "./pull.ts";

/** A `moov` or `moof` above this is hostile. */
export const MAX_BOX_BYTES = 2 ** 20;
/** Boxes that may stand before what is looked for. */
export const MAX_SKIPPED_BOXES = 1024;

/** One read finds the `moof` of a second and the header behind it. */
const READ_BYTES = 4096;
const HEADER_BYTES = 16;

/** A stretch of the file that was read. */
export class FileWindow {
  #bytes: Buffer = Buffer.alloc(0);
  #offset = 0;

  /** The bytes from `offset` on, `sizeBytes` of them, or fewer where the file ends. */
  *read(offset: number, sizeBytes: number): Pull<Buffer> {
    const start = offset - this.#offset;
    if (start < 0 || start + sizeBytes > this.#bytes.length) {
      this.#bytes = yield { offset, sizeBytes: Math.max(sizeBytes, READ_BYTES) };
      this.#offset = offset;
      return this.#bytes.subarray(0, sizeBytes);
    }
    return this.#bytes.subarray(start, start + sizeBytes);
  }

  /** The box at `offset`; undefined when there is none. A box that reaches to the end of the file has no end: infinity. */
  *box(offset: number): Pull<Box | undefined> {
    const header = yield* this.read(offset, HEADER_BYTES);
    const box = parseBoxHeader(header, 0, header.length);
    if (box === undefined) return undefined;
    const toEndOfFile = header.readUInt32BE(0) === 0;
    return { type: box.type, start: offset, body: offset + box.body, end: toEndOfFile ? Number.POSITIVE_INFINITY : offset + box.end };
  }
}
