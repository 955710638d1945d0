// The supply voltage of a Raspberry Pi 5, whose power chip measures it: `vcgencmd pmic_read_adc`. Older boards know only whether it is too low (`thr`).
import { type ProgramPort, ProgramReading } from "./program-reading.ts";

const PERIOD_MS = 60_000;
const NULL_PERIOD_MS = 3_600_000;

/** mV, of a line as `EXT5V_V volt(24)=5.15140000V`. Undefined: there is none. */
export function parseSupply(text: string): number | undefined {
  const [, volts] = /^\s*EXT5V_V\s+volt\(\d{1,3}\)=(\d{1,2}\.\d{1,9})V\s*$/m.exec(text) ?? [];
  return volts === undefined ? undefined : Math.round(Number(volts) * 1000);
}

/** Undefined: no vcgencmd here. Null: the board does not measure it, or we may not ask. */
export function supplyVoltage(nowMs: () => number, port?: ProgramPort): ProgramReading<number> {
  return new ProgramReading({
    program: "vcgencmd",
    periodMs: PERIOD_MS,
    nullPeriodMs: NULL_PERIOD_MS,
    nowMs,
    read: async (ask) => parseSupply(await ask("pmic_read_adc", "EXT5V_V")) ?? null,
    ...(port !== undefined && { port }),
  });
}
