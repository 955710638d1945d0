// The machine under the gateway: heat, voltage, the clock, and certificates that run out.
import type { EventListener, GatewayEvent } from "#control/event-bus.ts";
import type { ClockEvent } from "#device/clock-watch.ts";
import type { Health } from "#device/health/health.ts";

export interface MachineEventsOptions {
  readonly emit: EventListener;
  nowUs(): number;
}

/** A certificate that something presents. */
export interface CertificateSight {
  /** The setting that names it. */
  readonly setting: string;
  readonly daysLeft: number;
  /** From its begin to its end. */
  readonly lifeDays: number;
}

const HOT_C = 80;
const COOL_C = 75;
/** Of certificates that hold for a short time a part of it: they are to be renewed after two thirds. */
const CERT_WARN = { days: 30, part: 1 / 3 } as const;
const CERT_CRIT = { days: 7, part: 1 / 10 } as const;

export class MachineEvents {
  readonly #options: MachineEventsOptions;
  /** Conditions that hold, with what was told of them last. */
  readonly #open = new Map<string, string>();

  constructor(options: MachineEventsOptions) {
    this.#options = options;
  }

  /** To be called every half minute or so. */
  look({ sys: { temp_c: celsius, thr } }: Pick<Health, "sys">): void {
    if (typeof celsius === "number") {
      if (celsius >= HOT_C) this.#begin("sys.hot", "warn", { temp_c: celsius }, "");
      else if (celsius < COOL_C) this.#end("sys.hot", { temp_c: celsius });
    }
    if (thr === undefined) return;
    if (thr.now.includes("uv")) this.#begin("sys.power", "crit", { bits: thr.now }, "");
    else this.#end("sys.power", { bits: thr.now });
  }

  readonly onClock = (event: ClockEvent): void => {
    if (event.kind === "step") {
      this.#tell({ type: "clk.step", severity: "warn", phase: "new", data: { step_ms: Math.round(event.stepUs / 1000) } });
    } else if (event.kind === "lost") this.#begin("clk.lost", "warn", { src: event.source }, "");
    else {
      const wasLost = this.#open.delete("clk.lost");
      const phase = wasLost ? ({ phase: "end", condition: "clk.lost" } as const) : ({ phase: "new" } as const);
      this.#tell({ type: "clk.synced", severity: "info", ...phase, data: { src: event.source } });
    }
  };

  /** All there are; to be called a few times a day. */
  lookAtCertificates(sights: readonly CertificateSight[]): void {
    for (const { setting, daysLeft, lifeDays } of sights) {
      const isWithin = ({ days, part }: typeof CERT_WARN | typeof CERT_CRIT): boolean => daysLeft <= Math.min(days, part * lifeDays);
      const condition = `sec.cert ${setting}`;
      const data = { setting, days_left: Math.floor(daysLeft) };
      const severity = isWithin(CERT_CRIT) ? "crit" : "warn";
      if (isWithin(CERT_WARN)) this.#begin("sec.cert", severity, data, severity, condition);
      else this.#end("sec.cert", data, condition);
    }
    const seen = new Set(sights.map(({ setting }) => `sec.cert ${setting}`));
    for (const condition of this.#open.keys())
      if (condition.startsWith("sec.cert ") && !seen.has(condition)) this.#end("sec.cert", { unwanted: true }, condition);
  }

  /** Told again only with another `key`. */
  #begin(type: string, severity: GatewayEvent["severity"], data: GatewayEvent["data"], key: string, condition = type): void {
    const known = this.#open.get(condition);
    if (known === key) return;
    this.#open.set(condition, key);
    this.#tell({ type, severity, phase: known === undefined ? "new" : "update", condition, data });
  }

  #end(type: string, data: GatewayEvent["data"], condition = type): void {
    if (this.#open.delete(condition)) this.#tell({ type, severity: "info", phase: "end", condition, data });
  }

  #tell(event: Omit<GatewayEvent, "atUs">): void {
    this.#options.emit({ ...event, atUs: this.#options.nowUs() });
  }
}
