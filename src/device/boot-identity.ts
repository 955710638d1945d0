// Which boot of this device this is: the kernel's id of it, and a counter that goes up by one with every boot.
import { randomUUID } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import type { ClockAnchor } from "#base/clock-anchor.ts";
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { writeFileAtomic } from "./atomic-file.ts";

export const BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id";

export interface BootIdentity {
  /** From 1. */
  readonly bootCounter: number;
  /** A UUID in its text form. */
  readonly bootId: string;
}

export interface ClaimBootOptions {
  /** Of the counter. */
  readonly path: string;
  readonly bootId: string;
  readonly nowUs: number;
  /** They name boots too: the counter never falls behind them. */
  readonly anchors: readonly ClockAnchor[];
  readonly log: Log;
}

/** How far ahead of its own clock a boot may have written; above that the clock was set back, as when a saved machine is resumed. */
const REWIND_US = 1e6;
const MAX_COUNTER = 0xffff_fffe;

/** Where the kernel tells nothing each process is a boot of its own. */
export async function readBootId(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "");
  const id = text.trim().toLowerCase();
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : randomUUID();
}

/**
 * Gives this boot its number: the one it has already, or the next. The number is on the medium when it resolves; where nothing can be written a warning
 * says so. Never rejects.
 */
export async function claimBoot({ path, bootId, nowUs, anchors, log }: ClaimBootOptions): Promise<BootIdentity> {
  const kept = await readFile(path, "utf8").then(parseBoot, () => undefined);
  const isRewound = anchors.some((anchor) => anchor.bootId === bootId && anchor.monoUs > nowUs + REWIND_US);
  const mine = [...anchors, ...(kept === undefined ? [] : [kept])].filter((known) => known.bootId === bootId && !isRewound);
  const known = mine.length > 0 ? mine : [...anchors, ...(kept === undefined ? [] : [kept]), { bootCounter: 0 }];
  const latest = known.reduce((most, { bootCounter }) => Math.max(most, bootCounter), 0);
  const boot = { bootCounter: mine.length > 0 ? latest : Math.min(latest + 1, MAX_COUNTER), bootId };
  if (kept?.bootCounter !== boot.bootCounter || kept.bootId !== bootId) {
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFileAtomic(path, Buffer.from(writeBoot(boot)));
    } catch (error) {
      log.warn(`the number of this boot cannot be kept: ${errorText(error)}`);
    }
  }
  return boot;
}

/** `<counter> <boot id> <CRC-32 of both>` and a line end. */
export function writeBoot({ bootCounter, bootId }: BootIdentity): string {
  const text = `${bootCounter} ${bootId}`;
  return `${text} ${crc32(text).toString(16).padStart(8, "0")}\n`;
}

/** Undefined: torn or foreign. */
export function parseBoot(text: string): BootIdentity | undefined {
  const [, counter = "", bootId = ""] = /^(\d{1,10}) ([0-9a-f-]{36}) [0-9a-f]{8}\n$/.exec(text) ?? [];
  const boot = { bootCounter: Number(counter), bootId };
  return boot.bootCounter > 0 && boot.bootCounter <= MAX_COUNTER && writeBoot(boot) === text ? boot : undefined;
}
