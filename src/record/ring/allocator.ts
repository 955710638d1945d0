// Which chunk is written next, and whose footage goes for it. Policy alone: it looks at sums, and touches nothing.
import type { Stamp } from "#base/clock.ts";

/** What a camera may expect. */
export interface CameraQuota {
  /** It keeps this much as long as another camera has more than its own minimum. */
  readonly minMs: number;
  /** Footage is deleted when it is older. */
  readonly maxMs: number | undefined;
  /** With this much it overwrites its own. */
  readonly maxBytes: number | undefined;
  /** Cameras of equal weight get equal time. */
  readonly weight: number;
}

export const DEFAULT_QUOTA: CameraQuota = { minMs: 0, maxMs: undefined, maxBytes: undefined, weight: 1 };

/** The oldest chunk of a camera that may be overwritten: closed, not locked, not being read. */
export interface OldestChunk extends Stamp {
  readonly chunk: number;
  readonly durationMs: number;
}

export interface CameraUse {
  readonly cameraId: number;
  readonly quota: CameraQuota;
  readonly sizeBytes: number;
  readonly durationMs: number;
  readonly oldest: OldestChunk | undefined;
}

/** Cameras are let to differ this much in time before one is cut: a chunk is never a whole number of anything. */
const SHARE_TOLERANCE = 1.1;

/**
 * A chunk for `cameraId`: its own oldest if it is at its limit; else a free one; else the oldest of the camera most over its quota; else the oldest
 * whose camera keeps its minimum; else the oldest. Undefined: all that could be overwritten is locked.
 */
export function chooseChunk(
  cameraId: number,
  chunkBytes: number,
  free: number | undefined,
  cameras: readonly CameraUse[],
): number | undefined {
  const own = cameras.find((camera) => camera.cameraId === cameraId);
  if (own?.oldest !== undefined && own.sizeBytes + chunkBytes > (own.quota.maxBytes ?? Infinity)) return own.oldest.chunk;
  if (free !== undefined) return free;
  const candidates = cameras.filter(hasOldest);
  const keeping = candidates.filter(({ durationMs, oldest, quota }) => durationMs - oldest.durationMs >= quota.minMs);
  return (mostOver(keeping, cameras) ?? oldestOf(keeping) ?? oldestOf(candidates))?.oldest.chunk;
}

type Candidate = CameraUse & { readonly oldest: OldestChunk };

function hasOldest(camera: CameraUse): camera is Candidate {
  return camera.oldest !== undefined;
}

function mostOver(candidates: readonly Candidate[], cameras: readonly CameraUse[]): Candidate | undefined {
  let weights = 0;
  let durationMs = 0;
  for (const camera of cameras) {
    weights += camera.quota.weight;
    durationMs += camera.durationMs;
  }
  const fairMs = durationMs / weights;
  const overshoot = ({ quota, sizeBytes, durationMs }: Candidate) =>
    Math.max(sizeBytes / (quota.maxBytes ?? Infinity), durationMs / quota.weight / fairMs / SHARE_TOLERANCE);
  let most: Candidate | undefined;
  for (const camera of candidates) {
    if (overshoot(camera) > 1 && (most === undefined || overshoot(camera) > overshoot(most))) most = camera;
  }
  return most;
}

function oldestOf(candidates: readonly Candidate[]): Candidate | undefined {
  let oldest: Candidate | undefined;
  for (const camera of candidates) {
    if (oldest === undefined || isOlder(camera.oldest, oldest.oldest)) oldest = camera;
  }
  return oldest;
}

function isOlder(a: Stamp, b: Stamp): boolean {
  return (a.bootCounter - b.bootCounter || a.monoUs - b.monoUs) < 0;
}
