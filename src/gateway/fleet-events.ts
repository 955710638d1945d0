// The events of the gateway on their way to the NOC, and the first of them: that it was booted, or has crashed.
import { join } from "node:path";
import type { Log } from "#base/log.ts";
import { afterDelay } from "#base/schedule.ts";
import type { GatewayClock } from "#device/gateway-clock.ts";
import { readResetFacts, resetReasonOf } from "#device/reset-reason.ts";
import { EventFeed } from "#fleet/event-feed.ts";
import { OpenConditions } from "#fleet/open-conditions.ts";
import type { SessionCounter } from "#fleet/session-counter.ts";
import type { Uplink } from "#fleet/uplink.ts";
import type { GatewayContext } from "./context.ts";

export interface FleetEventsOptions {
  readonly uplink: Uplink;
  readonly directory: string;
  readonly sessions: SessionCounter;
  readonly clock: GatewayClock;
  readonly log: Log;
}

export interface FleetEvents {
  close(): Promise<void>;
}

/** By then whatever lasts since before the start has been told of again. */
const SETTLED_MS = 90_000;

export async function openFleetEvents(context: GatewayContext, options: FleetEventsOptions): Promise<FleetEvents> {
  const { uplink, directory, sessions, clock, log } = options;
  const conditions = await OpenConditions.open({ fs: context.fs, path: join(directory, "open-events.json"), log });
  const feed = new EventFeed({
    uplink,
    conditions,
    log,
    nowMs: () => clock.nowUs() / 1000,
    utcMs: (atUs) => Math.round(clock.utcOf(atUs).utcUs / 1000),
    happenedAt: (atUs) => ({ bootCounter: clock.bootCounter, monoUs: atUs }),
    schedule: afterDelay,
  });
  const closing = new AbortController();
  context.events.bus.onEvent(feed.onEvent, closing.signal);
  const isFirst = context.events.takeFirst();
  if (isFirst) await tellStart(context, sessions, clock);
  const settled = isFirst ? setTimeout(() => feed.endInherited(), SETTLED_MS) : undefined;
  return {
    async close() {
      clearTimeout(settled);
      closing.abort();
      feed.close();
      await conditions.saved();
    },
  };
}

async function tellStart({ events, startedUs }: GatewayContext, { lastRun }: SessionCounter, { bootCounter }: GatewayClock): Promise<void> {
  const { emit } = events.bus;
  if (lastRun?.bootCounter === bootCounter) {
    if (lastRun.clean === undefined) emit({ type: "sys.crash", severity: "crit", phase: "new", data: {}, atUs: startedUs });
    return;
  }
  const facts = { ...(await readResetFacts("/")), farewell: lastRun?.clean?.why, isKnown: lastRun !== undefined };
  const reset = resetReasonOf(facts);
  const severity = reset === "panic" || reset === "watchdog" ? "crit" : reset === "power" ? "warn" : "info";
  events.reset = reset;
  emit({ type: "sys.boot", severity, phase: "new", data: { reset }, atUs: startedUs });
}
