// What a board says of its temperature and power: Linux's thermal zones and the firmware of the Raspberry Pi, both in /sys.
import type { Throttling } from "./health.ts";

/** Bits of the firmware's answer (raspberrypi.com, `vcgencmd get_throttled`): now, and 16 above since the start. */
const BITS: readonly (readonly [bit: number, word: Throttling])[] = [
  [0, "uv"],
  [1, "cap"],
  [2, "thr"],
  [3, "tmp"],
];
const EVER_SHIFT = 16;

/** Hexadecimal, as the firmware's file in /sys has it. Undefined: it is no such number. */
export function parseThrottled(text: string): { readonly now: readonly Throttling[]; readonly ever: readonly Throttling[] } | undefined {
  const [, digits] = /^(?:0x)?([0-9a-f]{1,8})\s*$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = Number.parseInt(digits, 16);
  const wordsAt = (shift: number): readonly Throttling[] =>
    BITS.filter(([bit]) => ((value >>> (bit + shift)) & 1) === 1).map(([, word]) => word);
  return { now: wordsAt(0), ever: wordsAt(EVER_SHIFT) };
}

/** °C of a thermal zone's `temp`, which is in thousandths. Undefined: none, or no temperature that a board has. */
export function parseTemperature(text: string): number | undefined {
  const [digits] = /^-?\d{1,7}(?=\s*$)/.exec(text) ?? [];
  const celsius = Number(digits) / 1000;
  return digits === undefined || celsius < -60 || celsius > 200 ? undefined : celsius;
}

/** Which zone is the processor's; the first where none says so. */
export function processorZone(types: readonly string[]): number {
  const found = types.findIndex((type) => /cpu|soc|x86_pkg|package/i.test(type));
  return Math.max(0, found);
}
