// How often telemetry is sent: as schedules last said, else as the setting says.
import type { Config } from "#config/config.ts";
import { parseDuration } from "#config/duration.ts";
import type { GatewayContext } from "./context.ts";

export function telemetryIntervalMs({ schedules, config }: Pick<GatewayContext, "schedules" | "config">): number {
  return schedules?.telemetryIntervalMs ?? config.global.mqtt.telemetryInterval;
}

/** The longest that schedules may make it: whoever waits for telemetry waits for that. */
export function longestTelemetryMs({ global }: Config): number {
  const scheduled = global.schedules.filter(({ do: action }) => action === "telemetry").map(({ value }) => parseDuration(value) ?? 0);
  return Math.max(global.mqtt.telemetryInterval, ...scheduled);
}
