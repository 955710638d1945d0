import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { parseMemory, parseOomKills } from "./memory.ts";

const MEMINFO = `MemTotal:        1893544 kB
MemFree:          201372 kB
MemAvailable:    1117200 kB
Buffers:           56216 kB
SwapTotal:        102396 kB
SwapFree:         100348 kB
`;
const VMSTAT = "nr_free_pages 50343\noom_kill 3\nthp_fault_alloc 0\n";

test("memory that programs could not have, and swap in use", () => {
  assert.deepEqual(parseMemory(MEMINFO), {
    totalBytes: 1_893_544 * 1024,
    usedBytes: (1_893_544 - 1_117_200) * 1024,
    swapUsedBytes: 2048 * 1024,
  });
  assert.equal(parseMemory(MEMINFO.replace(/Swap.*\n/g, ""))?.swapUsedBytes, 0);
  assert.equal(parseMemory(MEMINFO.replace(/MemAvailable.*\n/, "")), undefined);
});

test("processes that were killed", () => {
  assert.equal(parseOomKills(VMSTAT), 3);
  assert.equal(parseOomKills("nr_free_pages 1\n"), undefined);
});

test("whatever the kernel says is numbers or nothing", () => {
  const random = fuzzRandom(72);
  for (let round = fuzzRounds(1000); round > 0; round--) {
    const memory = parseMemory(mutate(Buffer.from(MEMINFO), random).toString("latin1"));
    if (memory !== undefined) for (const bytes of Object.values(memory)) assert.ok(bytes >= 0);
    const kills = parseOomKills(mutate(Buffer.from(VMSTAT), random).toString("latin1"));
    if (kills !== undefined) assert.ok(Number.isSafeInteger(kills) && kills >= 0);
  }
});
