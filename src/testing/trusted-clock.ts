// Makes the clock of this machine one that a gateway trusts from its start on: what an earlier process would have left that saw it go on undisturbed.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { monotonicUs } from "#base/clock.ts";
import { ANCHOR_FLAGS } from "#base/clock-anchor.ts";
import { writeAnchor } from "#device/anchor-record.ts";
import { BOOT_ID_FILE, readBootId } from "#device/boot-identity.ts";

/** `dataDirectory`: of a gateway that was never started. */
export async function trustClock(dataDirectory: string): Promise<void> {
  const bootId = await readBootId(BOOT_ID_FILE);
  const flags = ANCHOR_FLAGS.stable;
  const anchor = {
    bootCounter: 1,
    bootId,
    monoUs: monotonicUs(),
    utcUs: Date.now() * 1000,
    errorUs: undefined,
    quality: "est",
    flags,
  } as const;
  await mkdir(dataDirectory, { recursive: true });
  await writeFile(join(dataDirectory, "clk.log"), writeAnchor(anchor));
}
