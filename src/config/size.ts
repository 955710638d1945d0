// Sizes as MediaMTX's config writes them (`50M`, `512KB`, `1.5GiB`): powers of 1024 whatever the spelling of the unit.

import type { Share } from "./setting.ts";

const units = ["B", "K", "M", "G", "T", "P"] as const;

/** Bytes of a size text, or undefined. A number without a unit counts bytes. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s*(?:([KMGTP])(?:i?B)?|B)?$/i.exec(text.trim());
  if (match === null) {
    return undefined;
  }
  const exponent = match[2] === undefined ? 0 : units.indexOf(match[2].toUpperCase() as "K");
  const bytes = Math.floor(Number(match[1]) * 1024 ** exponent);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The canonical text of a size, as MediaMTX has it where that says it exactly: one decimal at most (`50M`, `1.5G`), else the next smaller unit that does. */
export function writeSize(bytes: number): string {
  for (let exponent = units.length - 1; exponent > 0; exponent--) {
    const value = bytes / 1024 ** exponent;
    if (value >= 1 && Number.isInteger(value * 10)) return `${value}${units[exponent]}`;
  }
  return `${bytes}B`;
}

/** A size, or a percentage of the file system from 0 to 100 (`30%`). */
export function parseShare(text: string): Share | undefined {
  const match = /^(\d{1,3}(?:\.\d{1,3})?)\s*%$/.exec(text.trim());
  if (match !== null) {
    const percent = Number(match[1]);
    return percent <= 100 ? { percent } : undefined;
  }
  const bytes = parseSize(text);
  return bytes === undefined ? undefined : { bytes };
}

/** The canonical text of a share. */
export function writeShare(value: Share): string {
  return "percent" in value ? `${value.percent}%` : writeSize(value.bytes);
}
