import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { ClockAnchor } from "#base/clock-anchor.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { BOOT_ID_FILE, type ClaimBootOptions, claimBoot, parseBoot, readBootId, writeBoot } from "./boot-identity.ts";

const [FIRST, SECOND, THIRD] = [1, 2, 3].map((digit) => `${digit}a999524-645c-41ae-afd2-a71430eb9d0f`) as [string, string, string];

function claim(path: string, bootId: string, options: Partial<ClaimBootOptions> = {}): Promise<{ bootCounter: number }> {
  return claimBoot({ path, bootId, nowUs: 1e9, anchors: [], log: collectedLog(), ...options });
}

function anchor(bootCounter: number, bootId: string, monoUs = 1e6): ClockAnchor {
  return { bootCounter, bootId, monoUs, utcUs: 1.78e15, quality: "ntp", flags: 0, errorUs: 0 };
}

test("the number grows with each boot, and stays while it lasts", async (t) => {
  const path = join(await temporaryFolder(t), "data", "boot-counter");
  assert.deepEqual(await claim(path, FIRST), { bootCounter: 1, bootId: FIRST });
  assert.deepEqual(await claim(path, FIRST), { bootCounter: 1, bootId: FIRST });
  assert.deepEqual(await claim(path, SECOND), { bootCounter: 2, bootId: SECOND });
  assert.equal(await readFile(path, "utf8"), writeBoot({ bootCounter: 2, bootId: SECOND }));
});

test("a torn or lost counter is found again from the anchors", async (t) => {
  const path = join(await temporaryFolder(t), "boot-counter");
  const anchors = [anchor(7, FIRST), anchor(8, SECOND)];
  const whole = writeBoot({ bootCounter: 8, bootId: SECOND });
  for (let kept = 0; kept < whole.length; kept++) {
    await writeFile(path, whole.slice(0, kept));
    assert.equal((await claim(path, THIRD, { anchors })).bootCounter, 9, `${kept} bytes`);
  }
  await writeFile(path, "9 \u0000");
  assert.equal((await claim(path, SECOND, { anchors })).bootCounter, 8);
});

test("the larger of counter and anchors counts", async (t) => {
  const path = join(await temporaryFolder(t), "boot-counter");
  await writeFile(path, writeBoot({ bootCounter: 20, bootId: FIRST }));
  assert.equal((await claim(path, SECOND, { anchors: [anchor(7, FIRST)] })).bootCounter, 21);
  assert.equal((await claim(path, THIRD, { anchors: [anchor(70, FIRST)] })).bootCounter, 71);
});

test("a saved machine that is resumed begins another boot, though the kernel does not say so", async (t) => {
  const path = join(await temporaryFolder(t), "boot-counter");
  await claim(path, FIRST);
  assert.equal((await claim(path, FIRST, { anchors: [anchor(1, FIRST, 5e9)], nowUs: 1e9 })).bootCounter, 2);
});

test("a place that cannot be written is a warning", async (t) => {
  const path = await temporaryFolder(t); // A folder of that name.
  const log = collectedLog();
  assert.equal((await claim(path, FIRST, { log })).bootCounter, 1);
  assert.match(log.lines.join("\n"), /number of this boot cannot be kept/);
});

test("a counter is whole and ours, or none", () => {
  const text = writeBoot({ bootCounter: 8, bootId: SECOND });
  assert.deepEqual(parseBoot(text), { bootCounter: 8, bootId: SECOND });
  for (const other of [
    text.replace("8", "9"),
    text.trimEnd(),
    `${text}\n`,
    writeBoot({ bootCounter: 0, bootId: SECOND }),
    writeBoot({ bootCounter: 2 ** 32, bootId: SECOND }),
  ])
    assert.equal(parseBoot(other), undefined, other);
});

test("a boot is named by the kernel; where it says nothing, each process is one", async (t) => {
  const path = join(await temporaryFolder(t), "boot_id");
  await writeFile(path, `${FIRST.toUpperCase()}\n`);
  assert.equal(await readBootId(path), FIRST);
  await writeFile(path, "n/a\n");
  const made = await readBootId(path);
  assert.match(made, /^[0-9a-f-]{36}$/);
  assert.notEqual(await readBootId(path), made);
  if (process.platform === "linux") assert.equal(await readBootId(BOOT_ID_FILE), (await readFile(BOOT_ID_FILE, "utf8")).trim());
});
