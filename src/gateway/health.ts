// The health of machine and process, as a part of the gateway: measured where somebody can ask for it, once for all who do.
import { join, resolve } from "node:path";
import type { Config } from "#config/config.ts";
import { DiskWatch, type MediumFacts } from "#device/health/disk-watch.ts";
import { EventLoopDelay } from "#device/health/event-loop-delay.ts";
import { GcTime } from "#device/health/gc-time.ts";
import type { Health } from "#device/health/health.ts";
import { HealthSampler } from "#device/health/health-sampler.ts";
import { healthTree } from "#device/health/health-tree.ts";
import { lteModem } from "#device/health/lte-modem.ts";
import { SpaceGauge } from "#device/health/space-gauge.ts";
import { supplyVoltage } from "#device/health/supply-voltage.ts";
import { countStart } from "#device/start-counter.ts";
import type { GatewayContext } from "./context.ts";
import type { RunningPart } from "./part.ts";

export interface GatewayHealth {
  readonly delay: Pick<EventLoopDelay, "report">;
  readonly gc: Pick<GcTime, "totalMs">;
  /** Never rejects. */
  read(): Promise<Health>;
}

export async function start(context: GatewayContext, config: Config): Promise<RunningPart> {
  const delay = EventLoopDelay.start();
  const gc = GcTime.start();
  const space = new SpaceGauge({ directories: () => directoriesOf(context), space: (directory) => context.fs.space(directory) });
  const tree = healthTree("/");
  const nowUs = (): number => context.clock.nowUs();
  const nowMs = (): number => nowUs() / 1000;
  const [supply, modem] = [supplyVoltage(nowMs), lteModem(nowMs)];
  let starts: Promise<number | null> | undefined;
  /** A gateway that keeps nothing on disk does not begin to for this. */
  const restarts = async (): Promise<number | null | undefined> => {
    const { clock, fs, power } = context;
    if (clock.keeper === undefined) return undefined;
    const path = join(resolve(config.global.dataDirectory), "starts");
    starts ??= countStart({ fs, path, bootId: clock.keeper.bootId, runId: power.runId }).catch(() => null);
    return starts;
  };
  void restarts();
  const sampler = new HealthSampler({
    tree,
    disks: new DiskWatch({
      tree,
      nowUs,
      spaces: () => space.read(),
      syncs: context.syncs,
      mediumOf: (directory) => mediumOf(context, directory),
    }),
    nowUs,
    process: () => {
      const { user, system } = process.cpuUsage();
      return { id: process.pid, uptimeS: process.uptime(), rssBytes: process.memoryUsage.rss(), cpuUs: user + system };
    },
    eventLoopDelay: () => delay.report(),
    gcMs: () => gc.minuteMs,
    restarts,
    supplyMv: () => supply.read(),
    lte: () => modem.read(),
    wait: (delayMs) => new Promise((done) => setTimeout(done, delayMs)),
  });
  context.health = { delay, gc, read: () => sampler.read() };
  return {
    async close() {
      context.health = undefined;
      delay.close();
      gc.close();
    },
  };
}

/** Where the gateway keeps something: each folder that is not there is left out. */
function directoriesOf({ config, recording }: GatewayContext): readonly string[] {
  const ring = ringDirectory(config);
  return [...(ring === undefined ? [] : [ring]), ...(recording?.space.directories ?? []), resolve(config.global.dataDirectory)];
}

function mediumOf({ config, ring }: GatewayContext, directory: string): MediumFacts | undefined {
  if (ring === undefined || directory !== ringDirectory(config)) return undefined;
  const { ratedBytes, used } = ring.wear();
  return { ratedBytes, wearRatio: used };
}

function ringDirectory({ global }: Config): string | undefined {
  return global.ring.directory === "" ? undefined : resolve(global.ring.directory);
}
