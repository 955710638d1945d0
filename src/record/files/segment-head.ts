// Reads what an MP4 segment tells of itself: its head, and the places of its fragments.

import type { FsFile, FsPort } from "#base/fs-port.ts";
import type { Mtxi } from "#containers/fmp4/mtxi.ts";
import { fragmentSpans } from "#containers/fmp4/parse-fragment.ts";
import { type ParsedInit, readInit } from "#containers/fmp4/parse-init.ts";
import { pull } from "#containers/fmp4/pull.ts";
import { nextFragment } from "#containers/fmp4/scan.ts";
import { PACKET_BYTES } from "#containers/mpegts/packets.ts";
import { parseStampPacket } from "#containers/mpegts/stamp-packet.ts";
import type { SegmentFacts, SegmentPlace, SegmentStamp } from "./segment-file.ts";

export interface SegmentExtent {
  /** Behind the last fragment that is whole; behind the head where there is none. */
  readonly endOffset: number;
  readonly durationUs: number;
  readonly fragments: number;
}

/** Reads parts of a file as parsers ask for them; fewer bytes at its end. */
export function readerOf(file: FsFile): (offset: number, sizeBytes: number) => Promise<Buffer> {
  return async (offset, sizeBytes) => {
    const buffer = Buffer.allocUnsafe(sizeBytes);
    return buffer.subarray(0, await file.read(buffer, offset));
  };
}

/** Undefined: no head that can be read, or no track that is known. Rejects as the file system does. */
export async function readSegmentInit(file: FsFile): Promise<ParsedInit | undefined> {
  const init = await pull(readInit(), readerOf(file));
  return init === undefined || init.tracks.length === 0 ? undefined : init;
}

export interface ReadFacts {
  /** `unreadable` for what is no segment, or holds no footage. */
  readonly facts: SegmentFacts | "unreadable";
  readonly stamp: SegmentStamp | undefined;
  readonly sizeBytes: number;
}

/** Rejects as the file system does. */
export async function readSegmentFacts(fs: FsPort, path: string): Promise<ReadFacts> {
  const file = await fs.open(path, "read");
  try {
    const sizeBytes = await file.size();
    const init = await readSegmentInit(file);
    if (init === undefined) return { facts: "unreadable", stamp: undefined, sizeBytes };
    const isClosed = init.durationMs > 0;
    const durationUs = isClosed ? Math.round(init.durationMs * 1000) : (await scanSegment(file, init, sizeBytes)).durationUs;
    return { facts: durationUs === 0 ? "unreadable" : factsOf(init, durationUs, isClosed), stamp: stampIn(init), sizeBytes };
  } finally {
    await file.close();
  }
}

/** Of a transport stream, which tells no more. Rejects as the file system does. */
export async function readTsStamp(fs: FsPort, path: string): Promise<SegmentStamp | undefined> {
  const file = await fs.open(path, "read");
  try {
    const stamp = parseStampPacket(await readerOf(file)(0, PACKET_BYTES));
    return stamp && { ...stamp, drift: [] };
  } finally {
    await file.close();
  }
}

/** Walks the fragments by their headers, up to the first that is cut off or broken. */
export async function scanSegment(file: FsFile, init: ParsedInit, sizeBytes: number): Promise<SegmentExtent> {
  const read = readerOf(file);
  let endOffset = init.endOffset;
  let durationUs = 0;
  for (let fragments = 0; ; fragments++) {
    const place = await pull(nextFragment(endOffset, sizeBytes), read);
    const spans = place?.whole ? fragmentSpans(init, place.moof) : undefined;
    if (place === undefined || spans === undefined) return { endOffset, durationUs, fragments };
    endOffset = place.endOffset;
    for (const { trackIndex, endTicks } of spans) {
      durationUs = Math.max(durationUs, Math.round((endTicks / init.tracks[trackIndex]!.clockRateHz) * 1e6));
    }
  }
}

function placeOf({ streamId, segmentNumber, startDtsUs, startNtpUs }: Mtxi): SegmentPlace {
  return { streamId: streamId.toString("hex"), number: segmentNumber, startDtsUs, startNtpUs };
}

export function factsOf(init: ParsedInit, durationUs: number, isClosed: boolean): SegmentFacts {
  const tracks = init.tracks.map(({ trackId, clockRateHz, parameters }) => `${trackId} ${clockRateHz} ${parameters.codec}`);
  const { mtxi, tracksCrc } = init;
  return { durationUs, isClosed, place: mtxi && placeOf(mtxi), tracksKey: tracks.join(", "), tracksCrc };
}

function stampIn({ stamp }: ParsedInit): SegmentStamp | undefined {
  return stamp && { ...stamp.stamp, drift: stamp.drift };
}
