// Looking at a ring without recording to it, and without writing a byte: for the command line and for cards in a reader.
import type { BootClock } from "#base/clock.ts";
import type { FsPort } from "#base/fs-port.ts";
import { diskFaultOf } from "../disk-fault.ts";
import type { RecordingIndex } from "../recording-index.ts";
import { StoreFault } from "../store.ts";
import { CameraNames } from "./camera-names.ts";
import type { ChunkHeader } from "./chunk-header.ts";
import { Journal } from "./journal.ts";
import { chunkPath } from "./layout.ts";
import { LockTable } from "./lock-table.ts";
import { RING_FOLDER } from "./mount.ts";
import { chunkFiles } from "./rebuild.ts";
import { type FoundChunk, findChunk, recordsOf } from "./recover-chunk.ts";
import { RingIndex } from "./ring-index.ts";
import { MAX_RING_JSON_BYTES, parseRingJson, type RingIdentity } from "./ring-json.ts";
import { RingRecordings } from "./ring-recordings.ts";
import { parseRingState, type RingState } from "./ring-state.ts";
import { SlotPair } from "./slot-pair.ts";
import { RingVolume } from "./volume.ts";
import { WearMeter } from "./wear.ts";

export interface RingSummary {
  readonly ring: RingIdentity;
  /** Undefined: neither version of it can be read. */
  readonly state: RingState | undefined;
  /** What is wrong with the index; undefined: nothing. */
  readonly indexFault: string | undefined;
  /** Chunk files that are there. */
  readonly chunks: readonly number[];
}

export interface ChunkReport {
  readonly chunk: number;
  readonly header: ChunkHeader | undefined;
  /** Fragments that are whole. */
  readonly fragments: number;
  readonly durationMs: number;
  /** It has a trailer. */
  readonly closed: boolean;
  readonly problems: readonly string[];
}

/** Rejects with a StoreFault: there is no ring, or its ring.json is damaged. */
export async function inspectRing(fs: FsPort, directory: string): Promise<RingSummary> {
  const root = `${directory}/${RING_FOLDER}`;
  const ring = await readIdentity(fs, root);
  const slot = await new SlotPair(fs, `${root}/idx/state`).load();
  const loaded = await new Journal(fs, `${root}/idx`, ring.chunks).load();
  return {
    ring,
    state: slot && parseRingState(slot.payload),
    indexFault: loaded.kind === "damaged" ? loaded.why : undefined,
    chunks: await chunkFiles(fs, root, ring.chunks),
  };
}

/** Reads every byte of footage, chunk by chunk, and compares it with checksums and trailers. */
export async function* verifyRing(fs: FsPort, directory: string, { ring, chunks }: RingSummary): AsyncGenerator<ChunkReport> {
  for (const chunk of chunks) yield await verifyChunk(fs, `${directory}/${RING_FOLDER}/${chunkPath(chunk)}`, chunk, ring);
}

/** The recordings of a ring nobody records to, from its chunks alone. Locking rejects. */
export async function readRing(
  fs: FsPort,
  directory: string,
  { ring, state, chunks }: RingSummary,
  clock: BootClock,
): Promise<RecordingIndex> {
  const root = `${directory}/${RING_FOLDER}`;
  const index = new RingIndex(ring.chunks);
  const names = new CameraNames();
  for (const chunk of chunks) {
    const found = await find(fs, `${root}/${chunkPath(chunk)}`, chunk, ring, true);
    if (found?.kind !== "footage") continue;
    const cameraId = names.idOf(found.header.camera) ?? names.assign(found.header.camera, () => true);
    if (cameraId !== undefined) for (const record of recordsOf(found, cameraId)) index.apply(record);
  }
  for (const stamp of index.lastStamps()) clock.noteFootage(stamp);
  const parts = {
    fs,
    root,
    ring,
    clock,
    index,
    names,
    locks: new LockTable(state?.locks),
    journal: new Journal(fs, `${root}/idx`, ring.chunks),
    stateSlots: new SlotPair(fs, `${root}/idx/state`),
    genLimit: 0,
    meter: new WearMeter({ ratedTb: undefined, policy: "warn" }, clock.nowUs()),
  };
  const policy = { quotaOf: () => undefined, isActive: () => false, lockedShare: () => 1, onEvent: () => {}, onChange: () => {} };
  const volume = new RingVolume(parts, policy, true);
  for (const cameraId of index.cameraIds()) volume.repin(cameraId);
  return new RingRecordings({
    volume: () => volume,
    change: () => Promise.reject(new StoreFault("read-only", "the ring is only looked at")),
    lockRules: () => ({ capPolicy: "reject", lockedShare: 0, isActive: () => false }),
  });
}

async function verifyChunk(fs: FsPort, path: string, chunk: number, ring: RingIdentity): Promise<ChunkReport> {
  const told = await find(fs, path, chunk, ring, true);
  const seen = await find(fs, path, chunk, ring, false);
  if (told === undefined || seen === undefined)
    return { chunk, header: undefined, fragments: 0, durationMs: 0, closed: false, problems: ["cannot be read"] };
  if (told.kind === "empty") return { chunk, header: undefined, fragments: 0, durationMs: 0, closed: false, problems: [] };
  const entries = seen.kind === "footage" ? seen.entries : [];
  const last = entries.at(-1);
  const problems = entries.length < told.entries.length ? [`fragment ${entries.length} of ${told.entries.length} is damaged`] : [];
  const durationMs = last === undefined ? 0 : last.sinceStartMs + last.durationMs;
  return { chunk, header: told.header, fragments: entries.length, durationMs, closed: !told.recovered, problems };
}

/** Undefined: it cannot be read. */
async function find(fs: FsPort, path: string, chunk: number, ring: RingIdentity, believeTrailer: boolean): Promise<FoundChunk | undefined> {
  try {
    return await findChunk(fs, path, chunk, ring, believeTrailer);
  } catch (error) {
    if (diskFaultOf(error) === undefined) throw error;
    return undefined;
  }
}

async function readIdentity(fs: FsPort, root: string): Promise<RingIdentity> {
  const bytes = Buffer.alloc(MAX_RING_JSON_BYTES + 1);
  try {
    const file = await fs.open(`${root}/ring.json`, "read");
    try {
      const ring = parseRingJson(bytes.subarray(0, await file.read(bytes, 0)));
      if (ring !== undefined) return ring;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new StoreFault("gone", `${root} holds no ring`, { cause: error });
  }
  throw new StoreFault("foreign", `${root}/ring.json is damaged or of a later version`);
}
