// Finds the fragments of an MP4 file by the headers of its boxes. The media itself is not read.
import { FileWindow, MAX_BOX_BYTES, MAX_SKIPPED_BOXES } from "./file-window.ts";
import type { Pull } from "./pull.ts";

export interface FragmentPlace {
  /** In the file. */
  readonly moofOffset: number;
  /** The whole box. */
  readonly moof: Buffer;
  /** Where the content of `mdat` begins, in the file. */
  readonly mdatOffset: number;
  /** Behind `mdat`, as its header says. */
  readonly endOffset: number;
  /** The file holds all of it. */
  readonly whole: boolean;
}

/**
 * The first `moof` with its `mdat` at or behind `offset`, which must be the start of a box; boxes of other types are skipped. Undefined: there is
 * none, or what stands there is no box: the torn end of a file, zeros. `fileBytes`: size of the file.
 */
export function* nextFragment(offset: number, fileBytes: number): Pull<FragmentPlace | undefined> {
  const window = new FileWindow();
  let moof: { readonly offset: number; readonly bytes: Buffer } | undefined;
  let at = offset;
  for (let skipped = 0; skipped < MAX_SKIPPED_BOXES && at < fileBytes; skipped++) {
    const box = yield* window.box(at);
    if (box === undefined) return undefined;
    const end = Math.min(box.end, Number.MAX_SAFE_INTEGER);
    if (box.type === "moof") {
      if (end > fileBytes || end - at > MAX_BOX_BYTES) return undefined;
      const bytes = yield* window.read(at, end - at);
      if (bytes.length < end - at) return undefined;
      moof = { offset: at, bytes };
    } else if (box.type === "mdat" && moof !== undefined) {
      const endOffset = box.end === Number.POSITIVE_INFINITY ? fileBytes : end;
      return { moofOffset: moof.offset, moof: moof.bytes, mdatOffset: box.body, endOffset, whole: endOffset <= fileBytes };
    }
    at = end;
  }
  return undefined;
}
