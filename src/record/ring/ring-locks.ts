// Locking footage: what a request pins, whether the cap allows it, and the end of locks.
import { randomUUID } from "node:crypto";
import type { StampRange } from "#base/clock.ts";
import { CallerFault } from "#base/errors.ts";
import type { Lock, LockRequest } from "../recording-index.ts";
import { partsOfSpan, wantedStamps } from "../span-times.ts";
import { spansOfCamera } from "./camera-spans.ts";
import { lockCovers } from "./lock-table.ts";
import type { ChunkFacts } from "./ring-index.ts";
import type { StoredLock } from "./ring-state.ts";
import type { RingVolume } from "./volume.ts";

const MAX_WHY_LENGTH = 256;
/** They are written as a whole with each change. */
const MAX_LOCKS = 500;

/** What is done when locks would hold more than they may. */
export type LockCapPolicy = "reject" | "expire-oldest";

export interface LockRules {
  readonly capPolicy: LockCapPolicy;
  /** 0 … 1 of all chunks. */
  readonly lockedShare: number;
  /** Footage of the path is still coming: a lock may reach into the future. */
  isActive(path: string): boolean;
}

/** Throws a CallerFault. The volume's writer must be waiting for it. */
export async function lockFootage(volume: RingVolume, request: LockRequest, rules: LockRules): Promise<StoredLock> {
  const { locks } = volume.parts;
  const { path, fromUtcUs, toUtcUs, untilUtcUs, why } = request;
  if (!(fromUtcUs < toUtcUs)) throw new CallerFault("invalid", "the end must be behind the start", "toUtcUs");
  if (why.length > MAX_WHY_LENGTH) throw new CallerFault("invalid", `longer than ${MAX_WHY_LENGTH} characters`, "why");
  const ranges = rangesOf(volume, request, rules.isActive(path));
  if (ranges.length === 0) throw new CallerFault("not-found", `no footage of ${path} in that time`);
  const lock: StoredLock = { id: randomUUID(), camera: path, fromUtcUs, toUtcUs, untilUtcUs, why, ranges };
  const expired: StoredLock[] = [];
  while (locks.all.length >= MAX_LOCKS || !fits(volume, lock, rules.lockedShare)) {
    const [oldest] = locks.all;
    if (rules.capPolicy === "reject" || oldest === undefined) {
      for (const one of expired) locks.add(one);
      repinAll(volume);
      throw new CallerFault(
        "too-many",
        "locked footage would take more of the ring than it may",
        undefined,
        "unlock some of it, or raise ring.lockedMax",
      );
    }
    locks.remove(oldest.id);
    expired.push(oldest);
    repinAll(volume);
  }
  locks.add(lock);
  await volume.saveState();
  repinAll(volume);
  return lock;
}

/** False: no such lock. */
export async function unlockFootage(volume: RingVolume, id: string): Promise<boolean> {
  if (!volume.parts.locks.remove(id)) return false;
  await volume.saveState();
  repinAll(volume);
  return true;
}

/** Ends those whose time has come; returns them. */
export async function expireLocks(volume: RingVolume): Promise<readonly StoredLock[]> {
  const { locks, clock } = volume.parts;
  const now = clock.utcOf(clock.nowUs());
  const expired = now.quality === "none" ? [] : locks.expired(now.utcUs);
  if (expired.length === 0) return expired;
  for (const { id } of expired) locks.remove(id);
  await volume.saveState();
  repinAll(volume);
  return expired;
}

/** As the index of recordings tells it. */
export function lockInfo(volume: RingVolume, lock: StoredLock): Lock {
  const { id, camera, fromUtcUs, toUtcUs, untilUtcUs, why } = lock;
  let sizeBytes = 0;
  for (const facts of chunksOf(volume, lock)) sizeBytes += facts.sizeBytes;
  return { id, path: camera, fromUtcUs, toUtcUs, untilUtcUs, why, sizeBytes };
}

function rangesOf(volume: RingVolume, { path, fromUtcUs, toUtcUs }: LockRequest, isActive: boolean): StampRange[] {
  const { index, parts } = volume;
  const { clock, names } = parts;
  const wanted = wantedStamps(clock, fromUtcUs, toUtcUs);
  const ranges: StampRange[] = [];
  for (const span of spansOfCamera(index, names.idOf(path) ?? 0)) {
    for (const { startUs, endUs } of partsOfSpan(span, clock, wanted)) {
      ranges.push({ bootCounter: span.bootCounter, fromMonoUs: startUs, toMonoUs: endUs });
    }
  }
  const nowUs = clock.nowUs();
  const nowUtcUs = clock.utcOf(nowUs).utcUs;
  if (isActive && toUtcUs > nowUtcUs) {
    const fromMonoUs = nowUs + Math.max(0, fromUtcUs - nowUtcUs);
    ranges.push({ bootCounter: clock.bootCounter, fromMonoUs, toMonoUs: nowUs + toUtcUs - nowUtcUs });
  }
  return ranges;
}

function fits(volume: RingVolume, lock: StoredLock, lockedShare: number): boolean {
  const { index } = volume;
  let pinned = index.pinnedCount;
  for (const facts of chunksOf(volume, lock)) if (!facts.pinned) pinned++;
  return pinned <= lockedShare * index.chunks;
}

function* chunksOf(volume: RingVolume, lock: StoredLock): Generator<ChunkFacts> {
  const { index, parts } = volume;
  const order = index.camera(parts.names.idOf(lock.camera) ?? 0)?.order;
  for (let place = 0; order !== undefined && place < order.length; place++) {
    const facts = index.facts(order.at(place))!;
    if (lockCovers(lock, facts.bootCounter, facts.monoUs, facts.monoUs + facts.durationMs * 1000)) yield facts;
  }
}

function repinAll(volume: RingVolume): void {
  for (const cameraId of volume.index.cameraIds()) volume.repin(cameraId);
}
