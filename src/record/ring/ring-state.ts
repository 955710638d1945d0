// The few things about a ring that its chunks cannot tell: names of cameras by number, locks, and counters. JSON in a pair of slots.
import type { StampRange } from "#base/clock.ts";

/** Footage of a camera that is not overwritten. What counts is `ranges`; UTC is as it was asked for. */
export interface StoredLock {
  readonly id: string;
  readonly camera: string;
  readonly fromUtcUs: number;
  readonly toUtcUs: number;
  readonly untilUtcUs: number | undefined;
  readonly why: string;
  readonly ranges: readonly StampRange[];
}

export interface RingState {
  /** Number in the index → name. */
  readonly cameras: ReadonlyMap<number, string>;
  readonly locks: readonly StoredLock[];
  /** No gen from here on was ever used. */
  readonly genLimit: number;
  /** By the ring, over the life of the medium. */
  readonly writtenBytes: number;
}

export const MAX_CAMERA_ID = 0xffff;
/** Made beforehand for it; more needs space on the medium. */
export const STATE_BYTES = 256 * 1024;

export function writeRingState(state: RingState): Buffer {
  const { cameras, locks, genLimit, writtenBytes } = state;
  return Buffer.from(JSON.stringify({ cameras: [...cameras], locks: locks.map(lockJson), genLimit, writtenBytes }));
}

/** Undefined: not a state. A lock that makes no sense is left out. */
export function parseRingState(bytes: Buffer): RingState | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { cameras, locks, genLimit, writtenBytes } = value;
  if (!Array.isArray(cameras) || !Array.isArray(locks) || !isCount(genLimit) || !isCount(writtenBytes)) return undefined;
  const names = new Map<number, string>();
  for (const entry of cameras) {
    if (!Array.isArray(entry)) return undefined;
    const [id, name] = entry;
    if (!isCount(id) || id === 0 || id > MAX_CAMERA_ID || typeof name !== "string" || name === "") return undefined;
    names.set(id, name);
  }
  return { cameras: names, locks: locks.map(lockOf).filter((lock) => lock !== undefined), genLimit, writtenBytes };
}

function lockJson({ id, camera, fromUtcUs, toUtcUs, untilUtcUs, why, ranges }: StoredLock): object {
  const flat = ranges.map(({ bootCounter, fromMonoUs, toMonoUs }) => [bootCounter, fromMonoUs, toMonoUs]);
  return { id, camera, fromUtcUs, toUtcUs, untilUtcUs, why, ranges: flat };
}

function lockOf(value: unknown): StoredLock | undefined {
  if (!isObject(value)) return undefined;
  const { id, camera, fromUtcUs, toUtcUs, untilUtcUs, why, ranges } = value;
  if (typeof id !== "string" || typeof camera !== "string" || typeof why !== "string" || !Array.isArray(ranges)) return undefined;
  if (!Number.isFinite(fromUtcUs) || !Number.isFinite(toUtcUs) || (untilUtcUs !== undefined && !Number.isFinite(untilUtcUs)))
    return undefined;
  const parsed: StampRange[] = [];
  for (const range of ranges) {
    if (!Array.isArray(range) || range.length !== 3 || !range.every(Number.isFinite)) return undefined;
    parsed.push({ bootCounter: range[0], fromMonoUs: range[1], toMonoUs: range[2] });
  }
  return {
    id,
    camera,
    fromUtcUs: fromUtcUs as number,
    toUtcUs: toUtcUs as number,
    untilUtcUs: untilUtcUs as number | undefined,
    why,
    ranges: parsed,
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
