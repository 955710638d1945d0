// The file systems that the gateway keeps something on: how full, how worn, how much is written.
import type { DiskFacts, DiskHealth } from "./health.ts";
import type { HealthTree } from "./health-tree.ts";
import type { FolderSpace } from "./space-gauge.ts";
import { type Mount, mountOf, parseCount, parseEndOfLife, parseMounts, parseWrittenBytes } from "./storage.ts";
import type { SyncPercentiles, SyncTimes } from "./sync-times.ts";

/** What is rated of the medium that a folder lies on, where somebody knows. */
export interface MediumFacts {
  readonly ratedBytes: number | undefined;
  /** 1: all that it is rated to take is written. */
  readonly wearRatio: number | undefined;
}

export interface DiskWatchOptions {
  readonly tree: HealthTree;
  nowUs(): number;
  /** Of absolute folders. */
  readonly spaces: () => Promise<readonly FolderSpace[]>;
  /** Undefined: nobody measures. */
  readonly syncs?: Pick<SyncTimes, "of">;
  readonly mediumOf?: (directory: string) => MediumFacts | undefined;
}

/** A pace is told only of this much. */
const MIN_PACE_US = 600e6;
const DAY_US = 86_400e6;

export class DiskWatch {
  readonly #options: DiskWatchOptions;
  /** By device: where the pace of writing counts from. */
  readonly #starts = new Map<string, { readonly atUs: number; readonly bytes: number }>();

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  /** One for each file system. Never rejects. */
  async read(): Promise<readonly { readonly health: DiskHealth; readonly facts: DiskFacts }[]> {
    const { tree, spaces } = this.#options;
    const mounts = parseMounts((await tree.text("proc/self/mountinfo")) ?? "");
    const seen = new Set<string>();
    const disks: { health: DiskHealth; facts: DiskFacts }[] = [];
    for (const space of await spaces()) {
      const mount = mountOf(mounts, space.directory) ?? { point: space.directory, type: "", readOnly: false, device: undefined };
      if (seen.has(mount.point)) continue;
      seen.add(mount.point);
      const syncs = this.#options.syncs?.of((path) => mountOf(mounts, path)?.point === mount.point);
      disks.push(await this.#read(mount, space, syncs));
    }
    return disks;
  }

  async #read(
    mount: Mount,
    { directory, totalBytes, freeBytes }: FolderSpace,
    syncs: SyncPercentiles | undefined,
  ): Promise<{ health: DiskHealth; facts: DiskFacts }> {
    const { device } = mount;
    const ofDevice = async <T>(path: string, parse: (text: string) => T | undefined): Promise<T | undefined> => {
      const text = device === undefined ? undefined : await this.#options.tree.text(path);
      return text === undefined ? undefined : parse(text);
    };
    const writtenBytes = await ofDevice(`sys/class/block/${device}/stat`, parseWrittenBytes);
    const lifetimeKb = await ofDevice(`sys/fs/ext4/${device}/lifetime_write_kbytes`, parseCount);
    const errors = await ofDevice(`sys/fs/ext4/${device}/errors_count`, parseCount);
    const endOfLife = await this.#endOfLife(device);
    const medium = this.#options.mediumOf?.(directory);
    const perDay = device !== undefined && writtenBytes !== undefined ? this.#pacePerDay(device, writtenBytes) : undefined;
    const health: DiskHealth = {
      mnt: mount.point,
      fs: mount.type,
      size_mb: Math.round(totalBytes / 1e6),
      free_mb: Math.round(freeBytes / 1e6),
      ro: mount.readOnly,
      ...(perDay !== undefined && { w_bytes_day: perDay }),
      ...(lifetimeKb !== undefined && { life_w_tb: round(lifetimeKb / 1e9, 2) }),
      ...(medium?.ratedBytes !== undefined && { tbw_tb: round(medium.ratedBytes / 1e12, 2) }),
      ...(medium?.wearRatio !== undefined && { wear_pct: round(medium.wearRatio * 100, 1) }),
      ...(endOfLife !== undefined && { eol: endOfLife }),
      ...(syncs !== undefined && {
        sync_p50_ms: round(syncs.p50Ms, 1),
        sync_p99_ms: round(syncs.p99Ms, 1),
        sync_max_ms: round(syncs.maxMs, 1),
      }),
      ...(errors !== undefined && { io_err: errors }),
    };
    return { health, facts: { mount: mount.point, totalBytes, freeBytes, readOnly: mount.readOnly, writtenBytes, errors, syncs } };
  }

  /** Of the card or chip, where it is one: of its first partition the name begins alike. */
  async #endOfLife(device: string | undefined): Promise<DiskHealth["eol"]> {
    const [, chip] = /^(mmcblk\d+)(?:p\d+)?$/.exec(device ?? "") ?? [];
    const text = chip === undefined ? undefined : await this.#options.tree.text(`sys/class/block/${chip}/device/pre_eol_info`);
    return text === undefined ? undefined : (parseEndOfLife(text) ?? null);
  }

  #pacePerDay(device: string, bytes: number): number | undefined {
    const atUs = this.#options.nowUs();
    const start = this.#starts.get(device);
    if (start === undefined || bytes < start.bytes) {
      this.#starts.set(device, { atUs, bytes }); // another device by that name counts from the beginning
      return undefined;
    }
    const passedUs = atUs - start.atUs;
    return passedUs < MIN_PACE_US ? undefined : Math.round(((bytes - start.bytes) / passedUs) * DAY_US);
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
