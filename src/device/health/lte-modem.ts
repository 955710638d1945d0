// The mobile radio, as ModemManager tells it (`mmcli`, JSON): strength of the LTE reference signal, and the band where only one is in use.
import { type ProgramPort, ProgramReading } from "./program-reading.ts";

export interface LteHealth {
  /** dBm. */
  readonly rsrp?: number;
  /** `B3` */
  readonly band?: string;
}

const PERIOD_MS = 60_000;
/** How often the modem is asked by ModemManager, which measures nothing until somebody says so. */
const MEASURE_SECONDS = "30";
const MODEM = /^\/org\/freedesktop\/ModemManager1\/Modem\/\d{1,6}$/;

/** Of `mmcli -L -J`: the first modem. Undefined: there is none. */
export function parseModems(text: string): string | undefined {
  const list = parsed(text)["modem-list"];
  return Array.isArray(list) ? list.find((name): name is string => typeof name === "string" && MODEM.test(name)) : undefined;
}

/** Of `mmcli -m … -J`. Bands that the modem may use; one alone is the one it uses. */
export function parseBand(text: string): string | undefined {
  const bands = at(parsed(text), "modem", "generic", "current-bands");
  if (!Array.isArray(bands)) return undefined;
  const lte = bands.flatMap((band) => /^eutran-(\d{1,3})$/.exec(String(band))?.[1] ?? []);
  return lte.length === 1 ? `B${lte[0]}` : undefined;
}

/** Of `mmcli -m … --signal-get -J`. `isMeasured`: somebody has said how often it is to be measured. */
export function parseSignal(text: string): { readonly isMeasured: boolean; readonly rsrp: number | undefined } {
  const signal = at(parsed(text), "modem", "signal");
  const rate = Number(at(signal, "refresh", "rate"));
  const word = at(signal, "lte", "rsrp");
  const rsrp = typeof word === "string" && /^-\d{1,3}(?:\.\d{1,3})?$/.test(word.trim()) ? Number(word) : undefined;
  return { isMeasured: rate > 0, rsrp };
}

/** Undefined: no ModemManager, or no modem. Null: it does not tell, as when we may not ask. */
export function lteModem(nowMs: () => number, port?: ProgramPort): ProgramReading<LteHealth> {
  return new ProgramReading({
    program: "mmcli",
    periodMs: PERIOD_MS,
    nowMs,
    read: async (ask) => {
      const modem = parseModems(await ask("-L", "-J"));
      if (modem === undefined) return undefined;
      const band = parseBand(await ask("-m", modem, "-J"));
      const signal = parseSignal(await ask("-m", modem, "--signal-get", "-J"));
      // What is measured from here on is told the next time.
      if (!signal.isMeasured) await ask("-m", modem, `--signal-setup=${MEASURE_SECONDS}`).catch(() => {});
      const { rsrp } = signal;
      if (rsrp === undefined && band === undefined) return null;
      return { ...(rsrp !== undefined && { rsrp }), ...(band !== undefined && { band }) };
    },
    ...(port !== undefined && { port }),
  });
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

function at(value: unknown, ...names: readonly string[]): unknown {
  let found = value;
  for (const name of names)
    found = typeof found === "object" && found !== null ? (found as Readonly<Record<string, unknown>>)[name] : undefined;
  return found;
}
