// Health of a machine whose /proc and /sys lie in a folder.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { FakeClock } from "#testing/fake-clock.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { DiskWatch, type MediumFacts } from "./disk-watch.ts";
import { HealthSampler } from "./health-sampler.ts";
import { healthTree } from "./health-tree.ts";
import type { FolderSpace } from "./space-gauge.ts";
import { SyncTimes } from "./sync-times.ts";

const PROCESS = { id: 500, uptimeS: 3600.7, rssBytes: 118_400_000, cpuUs: 0 };

/** A Raspberry Pi with a card, an eMMC, a camera network and a modem. */
const FILES: Readonly<Record<string, string>> = {
  "proc/stat": "cpu  1000 0 500 8000 500 0 0 0 0 0\ncpu0 1 1 1 1\ncpu1 1 1 1 1\ncpu2 1 1 1 1\ncpu3 1 1 1 1\n",
  "proc/loadavg": "0.42 0.36 0.30 1/161 26165\n",
  "proc/uptime": "86400.12 1.00\n",
  "proc/meminfo": "MemTotal: 2000000 kB\nMemAvailable: 1180000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
  "proc/vmstat": "oom_kill 1\n",
  "proc/net/dev": "h\nh\n eth0: 1000 1 1 0 0 0 0 0 2000 1 0 0 0 0 0 0\nwwan0: 10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n",
  "proc/net/route": "h\nwwan0\t00000000\t0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n",
  "proc/self/mountinfo":
    "1 0 179:2 / / rw - ext4 /dev/mmcblk0p2 rw\n2 1 8:1 / /rec rw - ext4 /dev/sda1 rw\n3 1 0:9 / /tmp rw - tmpfs tmpfs rw\n",
  "proc/self/task/500/children": "501 502 ",
  "proc/501/stat": "501 (ffmpeg) S 1 1 1 0 -1 1 1 0 0 0 100 0 0 0 20 0 1 0 1 1 1\n",
  "proc/502/stat": "502 (sh) S 1 1 1 0 -1 1 1 0 0 0 100 0 0 0 20 0 1 0 1 1 1\n",
  "proc/self/fd/0": "",
  "proc/self/fd/1": "",
  "proc/self/fd/2": "",
  "sys/class/net/eth0/operstate": "up\n",
  "sys/class/net/eth0/speed": "1000\n",
  "sys/class/net/wwan0/operstate": "unknown\n",
  "sys/class/net/wwan0/speed": "-1\n",
  "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
  "sys/class/thermal/thermal_zone0/temp": "61237\n",
  "sys/class/block/mmcblk0p2/stat": "0 0 0 0 0 0 2000 0 0 0 0\n",
  "sys/class/block/sda1/stat": "0 0 0 0 0 0 4000 0 0 0 0\n",
  "sys/class/block/mmcblk0/device/pre_eol_info": "0x02\n",
  "sys/fs/ext4/sda1/lifetime_write_kbytes": "3210000000\n",
  "sys/fs/ext4/sda1/errors_count": "4\n",
  "sys/devices/platform/soc/soc:firmware/get_throttled": "50001\n",
};

interface Machine {
  readonly sampler: HealthSampler;
  readonly clock: FakeClock;
  readonly process: { cpuUs: number };
  /** Waits that samples asked for, ms. */
  readonly waits: readonly number[];
  write(files: Readonly<Record<string, string>>): Promise<void>;
}

async function machine(t: TestContext, spaces: readonly FolderSpace[], mediumOf?: (directory: string) => MediumFacts | undefined) {
  const folder = await temporaryFolder(t);
  const write: Machine["write"] = async (files) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
  };
  await write(FILES);
  const clock = new FakeClock();
  const process = { ...PROCESS };
  const waits: number[] = [];
  const tree = healthTree(folder);
  const nowUs = (): number => clock.nowUs();
  const syncs = new SyncTimes(() => 0);
  for (const ms of [7, 8.04, 210]) syncs.note("/rec/gwr1/c000001.mp4", ms);
  const sampler = new HealthSampler({
    tree,
    disks: new DiskWatch({ tree, nowUs, spaces: () => Promise.resolve(spaces), syncs, ...(mediumOf && { mediumOf }) }),
    nowUs,
    process: () => ({ ...process }),
    eventLoopDelay: () => ({ p50Seconds: 0.001, p99Seconds: 0.0071, maxSeconds: 0.02 }),
    gcMs: () => 12.4,
    restarts: async () => 2,
    supplyMv: async () => 5032,
    lte: async () => ({ rsrp: -97, band: "B3" }),
    wait: async (delayMs) => {
      waits.push(delayMs);
      clock.passMs(delayMs);
    },
  });
  return { sampler, clock, process, waits, write } satisfies Machine;
}

const NOTHING_ELSE = { restarts: async () => undefined, supplyMv: async () => undefined, lte: async () => undefined };

const CARD: FolderSpace = { directory: "/rec/gwr1", totalBytes: 118e9, freeBytes: 310e6 };

test("a sample in the words of the contract", async (t) => {
  const { sampler, clock, process, waits, write } = await machine(t, []);
  await sampler.read();
  assert.deepEqual(waits, [500], "the first one compares two readings");
  clock.passMs(10_000);
  process.cpuUs = 4_840_000;
  await write({
    "proc/stat": FILES["proc/stat"]!.replace("1000 0 500 8000 500", "1600 0 700 11000 700"),
    "proc/501/stat": FILES["proc/501/stat"]!.replace(" 100 0 ", " 300 0 "),
    "proc/net/dev": "h\nh\n eth0: 10251000 1 1 0 0 0 0 0 439500 1 0 2 0 0 0 0\nwwan0: 5 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n",
  });
  const { sys, net } = await sampler.read();
  assert.equal(waits.length, 1);
  assert.deepEqual(sys, {
    up_s: 3600,
    host_up_s: 86_400,
    load1: 0.42,
    cpu_pct: 20,
    cpu_by: { gw: 12.1, ffmpeg: 5 },
    mem_used_pct: 41,
    rss_mb: 118,
    swap_mb: 0,
    fd: 2,
    temp_c: 61.2,
    thr: { now: ["uv"], ever: ["uv", "thr"] },
    evloop_p99_ms: 7.1,
    gc_ms: 12,
    oom: 1,
    restarts: 2,
    volt_mv: 5032,
  });
  assert.deepEqual(net, {
    if: [
      { n: "eth0", up: true, mbps: 1000, rx_kbps: 8200, tx_kbps: 350, err: 1, drop: 2 },
      { n: "wwan0", up: true, mbps: null, rx_kbps: 0, tx_kbps: 0, err: 0, drop: 0 },
    ],
    wan: "wwan0",
    lte: { rsrp: -97, band: "B3" },
  });
});

test("one sample serves everybody for five seconds", async (t) => {
  const { sampler, clock, waits } = await machine(t, []);
  const [first, second] = await Promise.all([sampler.read(), sampler.read()]);
  assert.equal(first, second);
  clock.passMs(4999);
  assert.equal(await sampler.read(), first);
  clock.passMs(1);
  assert.notEqual(await sampler.read(), first);
  assert.equal(waits.length, 1);
  clock.passMs(91_000);
  await sampler.read();
  assert.equal(waits.length, 2, "rates over minutes are not what is now");
});

test("file systems: one for all folders on it, with what it and its medium tell", async (t) => {
  const root: FolderSpace = { directory: "/var/lib/camgate", totalBytes: 8e9, freeBytes: 4e9 };
  const medium = { ratedBytes: 140e12, wearRatio: 0.0229 };
  const spaces = [CARD, { ...CARD, directory: "/rec/files" }, root, { directory: "/tmp/x", totalBytes: 1e9, freeBytes: 1e9 }];
  const { sampler, clock, write } = await machine(t, spaces, (directory) => (directory === CARD.directory ? medium : undefined));
  const [card, ...others] = (await sampler.read()).disk;
  const expected = { mnt: "/rec", fs: "ext4", size_mb: 118_000, free_mb: 310, ro: false, life_w_tb: 3.21 };
  const syncs = { sync_p50_ms: 8, sync_p99_ms: 210, sync_max_ms: 210 };
  assert.deepEqual(card, { ...expected, ...syncs, tbw_tb: 140, wear_pct: 2.3, io_err: 4 });
  assert.deepEqual(others, [
    { mnt: "/", fs: "ext4", size_mb: 8000, free_mb: 4000, ro: false, eol: "warn" },
    { mnt: "/tmp", fs: "tmpfs", size_mb: 1000, free_mb: 1000, ro: false },
  ]);

  clock.passMs(599_000);
  await sampler.read();
  clock.passMs(6000);
  await write({ "sys/class/block/sda1/stat": "0 0 0 0 0 0 6000 0 0 0 0\n" });
  const { disk, facts } = await sampler.read();
  const perDay = disk[0]!.w_bytes_day!;
  assert.ok(Math.abs(perDay - (2000 * 512 * 86_400) / 605.5) < 0.01 * perDay, `${perDay} a day`);
  assert.deepEqual(facts.disks[0], {
    mount: "/rec",
    totalBytes: 118e9,
    freeBytes: 310e6,
    readOnly: false,
    writtenBytes: 6000 * 512,
    errors: 4,
    syncs: { p50Ms: 8.04, p99Ms: 210, maxMs: 210 },
  });
});

test("a machine without any of these files", async (t) => {
  const folder = await temporaryFolder(t);
  const clock = new FakeClock();
  const tree = healthTree(folder);
  const nowUs = (): number => clock.nowUs();
  const sampler = new HealthSampler({
    tree,
    disks: new DiskWatch({ tree, nowUs, spaces: async () => [CARD] }),
    nowUs,
    process: () => PROCESS,
    eventLoopDelay: () => undefined,
    gcMs: () => undefined,
    ...NOTHING_ELSE,
    wait: async (delayMs) => clock.passMs(delayMs),
  });
  const { sys, net, disk, facts } = await sampler.read();
  assert.deepEqual(sys, {
    up_s: 3600,
    load1: null,
    cpu_pct: null,
    cpu_by: { gw: 0 },
    mem_used_pct: null,
    rss_mb: 118,
    swap_mb: null,
    fd: null,
    evloop_p99_ms: null,
    gc_ms: null,
  });
  assert.deepEqual(net, { if: [], wan: null });
  assert.deepEqual(disk, [{ mnt: "/rec/gwr1", fs: "", size_mb: 118_000, free_mb: 310, ro: false }]);
  assert.deepEqual([facts.memoryTotalBytes, facts.memoryUsedBytes], [null, null]);
});

test("this machine", { skip: process.platform === "linux" ? false : "Linux only" }, async () => {
  const tree = healthTree("/");
  const clock = new FakeClock();
  const nowUs = (): number => clock.nowUs();
  const sampler = new HealthSampler({
    tree,
    disks: new DiskWatch({ tree, nowUs, spaces: async () => [] }),
    nowUs,
    process: () => PROCESS,
    eventLoopDelay: () => undefined,
    gcMs: () => undefined,
    ...NOTHING_ELSE,
    wait: async (delayMs) => clock.passMs(delayMs),
  });
  const { sys, facts } = await sampler.read();
  assert.ok(sys.mem_used_pct! > 0 && sys.mem_used_pct! < 100);
  assert.ok(sys.fd! > 2);
  assert.ok(facts.memoryTotalBytes! > facts.memoryUsedBytes!);
});
