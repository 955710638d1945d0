import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { parseCpuTimes, parseLoad, parseProcessTimes, parseUptime } from "./processor.ts";

/** Of a Raspberry Pi 4. */
const STAT = `cpu  72706 35 16750 120114 1052 10 741 130 500 20
cpu0 35396 18 7793 62012 188 0 292 67 0 0
cpu1 37310 17 8957 58102 863 0 449 63 0 0
cpu2 1 0 1 1 1 0 0 0 0 0
cpu3 1 0 1 1 1 0 0 0 0 0
intr 15204013 0 0 0
btime 1795300000
`;
const FFMPEG =
  "26167 (ff) mpeg ( x) S 26163 26163 10184 0 -1 4194304 101 0 0 0 711 42 5 6 20 0 1 0 106649 3133440 380 18446744073709551615 1 1\n";

test("CPU times: waiting for a disk is idle, guests are not counted twice", () => {
  const totalTicks = 72_706 + 35 + 16_750 + 120_114 + 1052 + 10 + 741 + 130;
  assert.deepEqual(parseCpuTimes(STAT), { totalTicks, busyTicks: totalTicks - 120_114 - 1052, cores: 4 });
  assert.deepEqual(parseCpuTimes("cpu 5 0 3 2\n"), { totalTicks: 10, busyTicks: 8, cores: 1 });
  for (const text of ["", "cpu\n", "cpu 1 2\n", "cpu0 1 2 3 4 5\n"]) assert.equal(parseCpuTimes(text), undefined);
});

test("times of a process whose name is made to confuse", () => {
  assert.deepEqual(parseProcessTimes(FFMPEG), { name: "ff) mpeg ( x", ticks: 711 + 42 + 5 + 6 });
  for (const text of ["", "1 (", "1 (x) S 1 2", ") 1 ("]) assert.equal(parseProcessTimes(text), undefined);
});

test("load and uptime", () => {
  assert.equal(parseLoad("0.42 0.36 0.30 1/161 26165\n"), 0.42);
  assert.equal(parseUptime("1066.49 1201.14\n"), 1066.49);
  for (const text of ["", "x", "0.42"]) assert.equal(parseLoad(text), undefined);
});

test("whatever the kernel says is numbers or nothing", () => {
  const random = fuzzRandom(71);
  const seeds = [STAT, FFMPEG, "0.42 0.36 0.30 1/161 26165\n"].map((text) => Buffer.from(text));
  for (let round = fuzzRounds(1500); round > 0; round--) {
    const text = mutate(seeds[random(seeds.length)]!, random).toString("latin1");
    const cpu = parseCpuTimes(text);
    if (cpu !== undefined) assert.ok(cpu.busyTicks >= 0 && cpu.busyTicks <= cpu.totalTicks && cpu.cores >= 1);
    const times = parseProcessTimes(text);
    if (times !== undefined) assert.ok(Number.isFinite(times.ticks));
    const load = parseLoad(text);
    if (load !== undefined) assert.ok(load >= 0);
  }
});
