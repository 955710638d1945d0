// Which footage is locked: intervals of stamps by camera, so that a clock that is set changes nothing.
import type { StoredLock } from "./ring-state.ts";

export class LockTable {
  readonly #locks = new Map<string, StoredLock>();

  constructor(locks: readonly StoredLock[] = []) {
    for (const lock of locks) this.#locks.set(lock.id, lock);
  }

  /** Oldest first. */
  get all(): readonly StoredLock[] {
    return [...this.#locks.values()];
  }

  get(id: string): StoredLock | undefined {
    return this.#locks.get(id);
  }

  add(lock: StoredLock): void {
    this.#locks.set(lock.id, lock);
  }

  remove(id: string): boolean {
    return this.#locks.delete(id);
  }

  /** Those that end by now. */
  expired(nowUtcUs: number): StoredLock[] {
    return this.all.filter(({ untilUtcUs }) => untilUtcUs !== undefined && untilUtcUs <= nowUtcUs);
  }

  /** Whether some lock of the camera holds footage of a boot from `startUs` to `endUs`. */
  covers(camera: string, bootCounter: number, startUs: number, endUs: number): boolean {
    for (const lock of this.#locks.values()) {
      if (lock.camera === camera && lockCovers(lock, bootCounter, startUs, endUs)) return true;
    }
    return false;
  }
}

export function lockCovers(lock: StoredLock, bootCounter: number, startUs: number, endUs: number): boolean {
  return lock.ranges.some((range) => range.bootCounter === bootCounter && startUs <= range.toMonoUs && endUs >= range.fromMonoUs);
}
