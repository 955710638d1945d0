// The gateway's clock in the words of the MQTT contract.
import type { ClockStatus } from "../gateway-clock.ts";
import type { ClockHealth } from "./health.ts";

type ClockFacts = Pick<ClockStatus, "quality" | "source" | "errorMs" | "correctionMs" | "secondsSinceSync" | "steps">;

export function clockHealth(status: ClockFacts, hasRtc: boolean): ClockHealth {
  const { quality, source, errorMs, correctionMs, secondsSinceSync, steps } = status;
  const isSynced = quality === "ntp" || quality === "ptp";
  return {
    st: isSynced ? "synced" : quality === "none" ? "unset" : "free",
    src: source ?? quality,
    off_ms: correctionMs === undefined ? null : Number(correctionMs.toFixed(3)),
    err_ms: errorMs === undefined ? null : Math.round(errorMs),
    last_sync_s: secondsSinceSync ?? null,
    steps,
    rtc: hasRtc,
  };
}
