// Whether something keeps the wall clock right, asked of whoever may know: chrony, systemd-timesyncd, the kernel.
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { findProgram } from "#base/process/find-program.ts";
import { runProgram } from "#base/process/run-program.ts";

/** What vouches for the wall clock. */
export type SyncSource = "chrony" | "timesyncd" | "kernel";

export interface Synchronised {
  readonly source: SyncSource;
  readonly quality: "ntp" | "ptp";
  /** Bound of the error of the wall clock with the correction. */
  readonly errorUs: number;
  /** UTC is the wall clock plus this: what the time keeper has yet to work off. */
  readonly correctionUs: number;
}

/** What is asked. Rejections mean that there is no answer. */
export interface SyncPort {
  /** The standard output of a program that ended well within `timeoutMs`. */
  run(program: string, args: readonly string[], timeoutMs: number): Promise<string>;
  exists(path: string): Promise<boolean>;
}

/** Undefined: nobody vouches for the wall clock. */
export type ReadSync = () => Promise<Synchronised | undefined>;

const TIMEOUT_MS = 2000;
const MAX_OUTPUT_BYTES = 16_384;
/** systemd-timesyncd tells no error: what a simple client keeps on any usual link. */
const TIMESYNCD_ERROR_US = 100_000;
/** timesyncd owns this folder while it runs, and makes the file with its first answer (systemd-timesyncd.service(8), FILES). */
const TIMESYNCD_FOLDER = "/run/systemd/timesync";
/** STA_UNSYNC of adjtimex(2). */
const UNSYNCHRONISED = 0x40;

/** The kernel's state, as Debian's program and BusyBox's print it, and as systemd does. */
const KERNEL_QUESTIONS: readonly (readonly [string, ...string[]])[] = [
  ["adjtimex", "--print"],
  ["adjtimex"],
  ["busybox", "adjtimex"],
  ["timedatectl", "show", "--property=NTPSynchronized"],
];

/** Whoever answers first is believed. */
export function syncReader(port: SyncPort): ReadSync {
  const ask = (program: string, ...args: string[]): Promise<string> => port.run(program, args, TIMEOUT_MS).catch(() => "");
  return async () => {
    const chrony = parseChronyTracking(await ask("chronyc", "-c", "tracking"));
    if (chrony !== undefined) return chrony.synchronised;
    if (await port.exists(TIMESYNCD_FOLDER)) {
      const isSynchronised = await port.exists(join(TIMESYNCD_FOLDER, "synchronized"));
      return isSynchronised ? { source: "timesyncd", quality: "ntp", errorUs: TIMESYNCD_ERROR_US, correctionUs: 0 } : undefined;
    }
    for (const question of KERNEL_QUESTIONS) {
      const kernel = parseKernelState(await ask(...question));
      if (kernel !== undefined) return kernel.synchronised;
    }
    return undefined;
  };
}

/**
 * `chronyc -c tracking`: reference id, its name, stratum, reference time, correction (s, positive when the wall clock is slow), last and RMS offset,
 * frequency, residual, skew, root delay, root dispersion (s), update interval, leap status. Undefined: no such line.
 */
export function parseChronyTracking(text: string): { readonly synchronised: Synchronised | undefined } | undefined {
  const fields = text.trim().split(",");
  const [referenceId = "", name = ""] = fields;
  const [correction, delay, dispersion] = [fields[4], fields[10], fields[11]].map((field) => Number.parseFloat(field ?? ""));
  if (fields.length !== 14 || !/^[0-9A-F]{8}$/.test(referenceId)) return undefined;
  if (![correction, delay, dispersion].every(Number.isFinite)) return undefined;
  // 7F7F0101: `local` in its configuration, chrony serving its own clock for want of a better one.
  const isSynchronised = fields[13] !== "Not synchronised" && referenceId !== "00000000" && referenceId !== "7F7F0101";
  if (!isSynchronised) return { synchronised: undefined };
  return {
    synchronised: {
      source: "chrony",
      quality: /^(?:PHC|PTP)/.test(name) ? "ptp" : "ntp",
      errorUs: Math.round((Math.abs(delay!) / 2 + Math.abs(dispersion!)) * 1e6),
      correctionUs: Math.round(correction! * 1e6),
    },
  };
}

/** Undefined: tells nothing of the kernel's clock. */
export function parseKernelState(text: string): { readonly synchronised: Synchronised | undefined } | undefined {
  const number = (name: string): number => Number.parseInt(new RegExp(`\\b${name}:\\s*(\\d{1,15})`).exec(text)?.[1] ?? "", 10);
  const [status, errorUs] = [number("status"), number("maxerror")];
  const byKernel = (bound: number): Synchronised => ({ source: "kernel", quality: "ntp", errorUs: bound, correctionUs: 0 });
  if (Number.isFinite(status) && Number.isFinite(errorUs)) {
    return { synchronised: (status & UNSYNCHRONISED) === 0 ? byKernel(errorUs) : undefined };
  }
  const answer = /^NTPSynchronized=(yes|no)$/m.exec(text)?.[1];
  return answer === undefined ? undefined : { synchronised: answer === "yes" ? byKernel(TIMESYNCD_ERROR_US) : undefined };
}

/** Whether the kernel set the wall clock from a hardware clock when it booted. */
export async function clockCameFromHardware(): Promise<boolean> {
  return (await readFile("/sys/class/rtc/rtc0/hctosys", "utf8").catch(() => "")).trim() === "1";
}

/** This machine. Programs that are not there are not started. */
export const systemSyncPort: SyncPort = {
  async run(program, args, timeoutMs) {
    const file = await findProgram(program);
    return file === undefined ? "" : runProgram(file, args, { timeoutMs, maxOutputBytes: MAX_OUTPUT_BYTES });
  },
  exists: (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
};
