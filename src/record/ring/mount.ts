// Brings a ring up: checks that it is the one it should be and takes writes, loads the index, and closes what a crash left open.
import { randomBytes } from "node:crypto";
import type { BootClock } from "#base/clock.ts";
import type { FsPort } from "#base/fs-port.ts";
import { diskFaultOf, isOfMedium } from "../disk-fault.ts";
import { StoreFault } from "../store.ts";
import { CameraNames } from "./camera-names.ts";
import { Journal } from "./journal.ts";
import { MAX_CHUNKS } from "./layout.ts";
import { LockTable } from "./lock-table.ts";
import { writeLockFile } from "./process-lock.ts";
import { FIRST_CHUNKS, Rebuild } from "./rebuild.ts";
import { closeChunk, findChunk, recordsOf } from "./recover-chunk.ts";
import type { RingStatus } from "./ring-event.ts";
import { dropRecord, RingIndex } from "./ring-index.ts";
import { MAX_RING_JSON_BYTES, parseRingJson, type RingIdentity, writeRingJson } from "./ring-json.ts";
import { parseRingState, STATE_BYTES, writeRingState } from "./ring-state.ts";
import { SlotPair } from "./slot-pair.ts";
import { RingVolume, type VolumePolicy } from "./volume.ts";
import type { WearMeter } from "./wear.ts";

export const RING_FOLDER = "gwr1";
/** Of a ring that takes all of a medium: what the file system itself needs, and the index. */
const RESERVED_SHARE = 0.01;
const RESERVED_BYTES = 2_000_000;

export interface MountOptions {
  readonly fs: FsPort;
  /** The ring lies in its folder `gwr1`. */
  readonly directory: string;
  /** Refuse a directory in which nothing is mounted: the card is not there. */
  readonly mustBeMount: boolean;
  /** Of a ring that is made now. */
  readonly chunkBytes: number;
  /** Of a ring that is made now; undefined: all that is free. */
  readonly sizeBytes: number | undefined;
  /** File outside of the medium that names the ring this gateway knows; undefined: any ring is taken. */
  readonly identityPath: string | undefined;
  readonly clock: BootClock;
  readonly meter: WearMeter;
  nowMs(): number;
}

export interface Mounted {
  readonly volume: RingVolume;
  /** The index had to be made from the chunks, and may not be whole yet. */
  readonly rebuild: Rebuild | undefined;
  /** Why. */
  readonly why: string | undefined;
}

/** Rejects with a StoreFault; it may be tried again. `adopt`: another ring than the known one is taken, or made. */
export async function mountRing(
  options: MountOptions,
  policy: VolumePolicy,
  adopt: boolean,
  onStatus: (status: RingStatus) => void,
): Promise<Mounted> {
  const { fs, directory, clock } = options;
  const root = `${directory}/${RING_FOLDER}`;
  onStatus("mount-check");
  await checkDirectory(options);
  const ring = await identify(options, root, adopt);
  await writeLockFile(fs, `${root}/LOCK`, clock.bootId);

  onStatus("load-index");
  const { volume, why } = await loadVolume(options, policy, root, ring);
  if (why === undefined) {
    onStatus("open-scan");
    await closeOpenChunks(volume);
    return { volume, rebuild: undefined, why };
  }
  onStatus("rebuild");
  const rebuild = await Rebuild.begin(volume);
  // Without the state no gen is known to be unused before all chunks were looked at.
  const first = volume.parts.genLimit === 0 ? Number.POSITIVE_INFINITY : FIRST_CHUNKS;
  for (let looked = 0; looked < first && !rebuild.isDone; looked++) await rebuild.step();
  return { volume, rebuild, why };
}

async function checkDirectory({ fs, directory, mustBeMount }: MountOptions): Promise<void> {
  const facts = await fs.facts(directory);
  if (facts === undefined || !facts.isFolder) throw new StoreFault("gone", `${directory} is not there`);
  if (mustBeMount && facts.device === (await fs.facts(`${directory}/..`))?.device)
    throw new StoreFault("gone", `nothing is mounted at ${directory}`);
}

/** Which ring this is; one is made where there is none and none is known. */
async function identify(options: MountOptions, root: string, adopt: boolean): Promise<RingIdentity> {
  const { fs, directory, identityPath } = options;
  const known = adopt || identityPath === undefined ? undefined : (await readSmall(fs, identityPath))?.toString().trim();
  const json = await readSmall(fs, `${root}/ring.json`);
  if (json === undefined && known !== undefined) throw new StoreFault("foreign", `${directory} holds no ring, and ring ${known} is known`);
  const ring = json === undefined ? await provision(options, root) : parseRingJson(json);
  if (ring === undefined) throw new StoreFault("foreign", `${root}/ring.json is damaged or of a later version`);
  if (known !== undefined && known !== ring.ringId) throw new StoreFault("foreign", `${directory} holds ring ${ring.ringId}, not ${known}`);
  // A start that made it may have failed at the very end: its name is on the medium before anything relies on it.
  if (json !== undefined) await fs.syncFolder(root);
  if (identityPath !== undefined && known === undefined) await writeWhole(fs, identityPath, Buffer.from(`${ring.ringId}\n`));
  return ring;
}

/** Everything is there before ring.json is: what is found without it can be made again. */
async function provision(options: MountOptions, root: string): Promise<RingIdentity> {
  const { fs, directory, chunkBytes, sizeBytes, nowMs } = options;
  if (((await fs.list(`${root}/c`)) ?? []).length > 0) throw new StoreFault("foreign", `${root} holds chunks but no ring.json`);
  const { freeBytes } = await fs.space(directory);
  const wantedBytes = sizeBytes ?? freeBytes * (1 - RESERVED_SHARE) - RESERVED_BYTES;
  const chunks = Math.min(MAX_CHUNKS, Math.floor(wantedBytes / chunkBytes));
  if (chunks < 1) throw new StoreFault("full", `no space for a ring in ${directory}`);
  const ring: RingIdentity = { ringId: randomBytes(16).toString("hex"), chunkBytes, chunks, createdMs: nowMs() };
  await fs.makeFolder(`${root}/idx`);
  await fs.makeFolder(`${root}/c`);
  const journal = new Journal(fs, `${root}/idx`, chunks);
  await journal.create(chunks);
  await journal.checkpoint([]);
  const state = new SlotPair(fs, `${root}/idx/state`);
  await state.create(STATE_BYTES);
  await state.save(writeRingState({ cameras: new Map(), locks: [], genLimit: 1, writtenBytes: 0 }));
  for (const folder of [`${root}/idx`, root, directory]) await fs.syncFolder(folder);
  await writeWhole(fs, `${root}/ring.json`, writeRingJson(ring));
  return ring;
}

async function loadVolume(options: MountOptions, policy: VolumePolicy, root: string, ring: RingIdentity) {
  const { fs, clock, meter } = options;
  const stateSlots = new SlotPair(fs, `${root}/idx/state`);
  const slot = await stateSlots.load();
  const state = slot && parseRingState(slot.payload);
  if (state === undefined) await stateSlots.create(STATE_BYTES);
  meter.restore(state?.writtenBytes ?? 0);
  const names = new CameraNames(state?.cameras);
  const locks = new LockTable(state?.locks);
  let index = new RingIndex(ring.chunks);
  const journal = new Journal(fs, `${root}/idx`, ring.chunks);
  const loaded = await journal.load();
  const isNamed =
    loaded.kind === "whole" && loaded.records.every(({ type, cameraId }) => type === "drop" || names.nameOf(cameraId) !== undefined);
  const isApplied = isNamed && loaded.kind === "whole" && loaded.records.every((record) => index.apply(record));
  const why =
    state === undefined
      ? "its state cannot be read"
      : loaded.kind === "damaged"
        ? loaded.why
        : isApplied
          ? undefined
          : "the index does not fit the ring";
  if (why !== undefined) {
    index = new RingIndex(ring.chunks);
    await journal.create(ring.chunks);
  }
  const genLimit = state?.genLimit ?? 0;
  const volume = new RingVolume(
    { fs, root, ring, clock, index, journal, names, locks, stateSlots, genLimit, meter },
    policy,
    why !== undefined,
  );
  for (const cameraId of index.cameraIds()) volume.repin(cameraId);
  for (const stamp of index.lastStamps()) clock.noteFootage(stamp);
  return { volume, why };
}

/** What was open when the gateway went is closed with what is whole of it. */
async function closeOpenChunks(volume: RingVolume): Promise<void> {
  const { index } = volume;
  const { fs, ring } = volume.parts;
  for (const chunk of index.openChunks()) {
    const { gen, cameraId } = index.facts(chunk)!;
    const path = volume.pathOf(chunk);
    try {
      const found = await findChunk(fs, path, chunk, ring, false);
      // The header of an older use: the new one was not written yet.
      if (found.kind === "empty" || found.header.gen !== gen) {
        await volume.append([dropRecord(chunk, gen), ...volume.interrupted(cameraId)]);
        continue;
      }
      await closeChunk(fs, path, found.header, found.entries);
      await volume.append(recordsOf(found, cameraId));
    } catch (error) {
      const fault = diskFaultOf(error);
      if (fault === undefined || isOfMedium(fault)) throw error;
      await volume.append([dropRecord(chunk, gen, true)]);
      volume.countBad(chunk, fault.message);
    }
  }
}

/** A file of a few bytes; undefined: it is not there. */
async function readSmall(fs: FsPort, path: string): Promise<Buffer | undefined> {
  if ((await fs.facts(path)) === undefined) return undefined;
  const file = await fs.open(path, "read");
  try {
    const bytes = Buffer.alloc(MAX_RING_JSON_BYTES + 1);
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    await file.close();
  }
}

/** There with all of its bytes, or not at all. */
async function writeWhole(fs: FsPort, path: string, bytes: Buffer): Promise<void> {
  const file = await fs.open(`${path}.new`, "create");
  try {
    await file.write([bytes], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await fs.rename(`${path}.new`, path);
  await fs.syncFolder(path.slice(0, path.lastIndexOf("/")) || "/");
}
