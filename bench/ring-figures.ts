// Benchmark figures of the ring on a disk: what a media byte costs the device, how fast it starts after a power cut, how soon a recording plays.
import { setTimeout as sleep } from "node:timers/promises";
import type { RecordingIndex } from "#record/recording-index.ts";
import { seededRandom } from "#testing/mutate.ts";
import type { Sample } from "./harness.ts";
import { LoadProcess } from "./load-messages.ts";
import { cpuSecondsOf, memoryMibOf } from "./process-figures.ts";
import { deviceWrites, forgetPages, withDisk } from "./ring-disk.ts";
import type { RingLoadOptions } from "./ring-load.ts";
import { RingSite, type RingSiteOptions } from "./ring-site.ts";
import { median, percentile } from "./statistics.ts";

const MIB = 2 ** 20;
const CHUNK_BYTES = 16 * MIB;
const DISK_SLACK_BYTES = 48 * MIB;

export interface WritesSetting extends Record<string, number> {
  readonly cameras: number;
  readonly mbit: number;
  readonly chunks: number;
}

/** One lap into files that are made on the way, two over them; then single fragments are read all over the ring. */
export function measureWrites({ cameras, mbit, chunks }: WritesSetting): Promise<Sample> {
  const sizeBytes = chunks * CHUNK_BYTES;
  return withDisk(sizeBytes + DISK_SLACK_BYTES, async (disk) => {
    const site = new RingSite({ directory: disk.mountPoint, cameras, mbit, sizeBytes, boot: 1 });
    await site.start();
    const lapSeconds = Math.floor((sizeBytes * 8) / (cameras * mbit * 1e6));
    const lap = async (laps: number): Promise<{ amplification: number; writesPerFragment: number }> => {
      const [before, fragments, media] = [deviceWrites(disk), site.fragments, site.mediaBytes];
      await site.record(laps * lapSeconds);
      const after = deviceWrites(disk);
      return {
        amplification: (after.bytes - before.bytes) / (site.mediaBytes - media),
        writesPerFragment: (after.writes - before.writes) / (site.fragments - fragments),
      };
    };
    const first = await lap(1);
    const later = await lap(2);
    const reads = await firstBytes(site.ring.recordings, cameras, site.clock.utcOf(site.clock.us).utcUs, (lapSeconds * 1e6) / 2);
    await site.ring.close();
    return {
      firstLapAmplification: first.amplification,
      firstLapWrites: first.writesPerFragment,
      laterAmplification: later.amplification,
      laterWrites: later.writesPerFragment,
      ...reads,
    };
  });
}

const READS = 100;

/** Milliseconds from the question to the samples of the first fragment. */
async function firstBytes(recordings: RecordingIndex, cameras: number, endUtcUs: number, spanUs: number): Promise<Sample> {
  const random = seededRandom(1);
  const { signal } = new AbortController();
  const took = async (): Promise<number> => {
    const fromUtcUs = endUtcUs - random(Math.floor(spanUs / 1000)) * 1000 - 1e6;
    const startMs = performance.now();
    for await (const footage of recordings.read(`camera${random(cameras) + 1}`, fromUtcUs, fromUtcUs + 1e6, signal)) {
      for await (const _ of footage.fragments(signal)) return performance.now() - startMs;
    }
    throw new Error("nothing was recorded there");
  };
  const cold: number[] = [];
  const warm: number[] = [];
  for (let i = 0; i < READS; i++) {
    if (i % 2 === 0) forgetPages();
    (i % 2 === 0 ? cold : warm).push(await took());
  }
  return { firstByteColdMs: percentile(cold, 0.95), firstByteMs: percentile(warm, 0.95) };
}

export interface RecoverySetting extends Record<string, number> {
  readonly cameras: number;
  readonly mbit: number;
  readonly chunks: number;
}

const RECOVERIES = 5;

/** Nobody closes the ring: at the next start every camera has an open chunk. */
export function measureRecovery({ cameras, mbit, chunks }: RecoverySetting): Promise<Sample> {
  const sizeBytes = chunks * CHUNK_BYTES;
  return withDisk(sizeBytes + DISK_SLACK_BYTES, async (disk) => {
    const options: RingSiteOptions = { directory: disk.mountPoint, cameras, mbit, sizeBytes, boot: 1 };
    const tookMs: number[] = [];
    for (let boot = 1; boot <= RECOVERIES + 1; boot++) {
      const site = new RingSite({ ...options, boot });
      forgetPages();
      const startMs = performance.now();
      await site.start();
      if (boot > 1) tookMs.push(performance.now() - startMs);
      await site.record(30); // of 33 seconds that a chunk holds
      await site.die();
    }
    return { recoveryMs: median(tookMs), recoveryMaxMs: Math.max(...tookMs) };
  });
}

export interface CpuSetting extends Record<string, number> {
  readonly cameras: number;
  readonly mbit: number;
}

const CPU_SECONDS = 20;
const WARM_UP_MS = 5000;
const CPU_CHUNKS = 24;

/** A process that does nothing but record, at the cameras' own pace. */
export function measureCpu({ cameras, mbit }: CpuSetting): Promise<Sample> {
  const sizeBytes = CPU_CHUNKS * CHUNK_BYTES;
  return withDisk(sizeBytes + DISK_SLACK_BYTES, async (disk) => {
    const options: RingLoadOptions = { directory: disk.mountPoint, cameras, mbit, sizeBytes };
    const load = await LoadProcess.start("ring-load.ts", options);
    try {
      await sleep(WARM_UP_MS);
      const [cpu, before] = [cpuSecondsOf(load.pid), await load.counters()];
      await sleep(CPU_SECONDS * 1000);
      const [cpuAfter, after] = [cpuSecondsOf(load.pid), await load.counters()];
      return {
        cpuPercent: (100 * (cpuAfter - cpu)) / CPU_SECONDS,
        storedMbit: ((after["storedBytes"]! - before["storedBytes"]!) * 8) / 1e6 / CPU_SECONDS,
        refused: after["refused"]!,
        residentMib: memoryMibOf(load.pid).residentMib,
      };
    } finally {
      await load.stop();
    }
  });
}
