// /v3/stats: the whole gateway at a glance.
import type { Clock } from "#base/clock.ts";
import type { Health } from "#device/health/health.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { SessionRegistry } from "#relay/session-registry.ts";
import { publishers } from "./publishers.ts";
import type { Route } from "./route.ts";

export interface StatsOptions {
  readonly registry: Pick<PathRegistry, "list" | "traffic">;
  readonly sessions: Pick<SessionRegistry, "all">;
  readonly clock: Pick<Clock, "nowUs">;
  /** When the gateway was started, by the monotonic clock. */
  readonly startedUs: number;
  readonly health: { read(): Promise<Health> };
}

export function statsRoutes({ registry, sessions, clock, startedUs, health }: StatsOptions): readonly Route[] {
  return [
    {
      method: "GET",
      template: "/v3/stats",
      answer: async () => {
        const { sys, facts } = await health.read();
        const paths = registry.list().map((path) => path.snapshot());
        return {
          cpu: { processPct: sys.cpu_by.gw, hostPct: sys.cpu_pct ?? 0 },
          memory: {
            processBytes: process.memoryUsage.rss(),
            hostUsedBytes: facts.memoryUsedBytes ?? 0,
            hostTotalBytes: facts.memoryTotalBytes ?? 0,
          },
          paths: { total: paths.length, active: paths.filter(({ state }) => state === "available").length },
          publishers: publishers(sessions).length,
          readers: paths.reduce((sum, { readers }) => sum + readers.length, 0),
          ...registry.traffic,
          uptimeSeconds: Math.floor((clock.nowUs() - startedUs) / 1e6),
        };
      },
    },
  ];
}
