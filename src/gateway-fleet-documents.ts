// What the gateway tells the NOC of itself: at its birth, and with every telemetry.
import { version } from "#base/version.ts";
import type { HealthDocument } from "#commands/device.ts";
import type { Caller } from "#control/command.ts";
import type { GatewayContext } from "./gateway-context.ts";

/** Asks for the gateway itself. */
const GATEWAY: Caller = { name: "the gateway", may: () => true };

export async function birthOf({ clock, startedUs, fleet, events }: GatewayContext): Promise<Readonly<Record<string, unknown>>> {
  const { counts } = fleet!.outbox;
  const { lastRun } = fleet!.sessions;
  return {
    boot_id: clock.keeper!.bootId,
    ...(events.reset !== undefined && { reset: events.reset }),
    sw: version,
    up_s: Math.round((clock.nowUs() - startedUs) / 1e6),
    prev_uptime_s: lastRun?.clean?.uptimeS ?? null,
    dirty: lastRun !== undefined && lastRun.clean === undefined,
    outbox: { evt: counts[0] + counts[1], tel: counts[2] },
  };
}

export async function telemetryOf({ commands, fleet }: GatewayContext): Promise<Readonly<Record<string, unknown>>> {
  const context = { caller: GATEWAY, signal: new AbortController().signal, progress: () => {} };
  const health = (await commands!.commands.dispatch("health", {}, context)) as HealthDocument;
  const { link, outbox } = fleet!;
  const { counts, dropped } = outbox;
  const { reconnects, roundTripMs } = link.status;
  const mq = {
    reconn: reconnects,
    outbox: counts[0] + counts[1] + counts[2],
    drop_tel: dropped[2],
    drop_evt: dropped[0] + dropped[1],
    rtt_ms: roundTripMs ?? null,
  };
  return { ...health, mq };
}
