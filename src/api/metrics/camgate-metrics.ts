// camgate's own metrics, by groups that can be asked for as those of MediaMTX can.
import type { DelayReport } from "#device/health/event-loop-delay.ts";
import type { Health } from "#device/health/health.ts";
import type { FolderSpace } from "#device/health/space-gauge.ts";
import type { PathSnapshot } from "#relay/path.ts";
import { type AccessFacts, accessFamilies } from "./access-families.ts";
import { type ConfigFacts, configFamilies } from "./config-families.ts";
import type { GapTotal } from "./gap-totals.ts";
import { type ClockFacts, clockFamilies, type NativeRung, processFamilies } from "./gateway-families.ts";
import { hostFamilies } from "./host-families.ts";
import { type MetricsFilter, wantsGroup } from "./metrics-filter.ts";
import type { ProcessFacts } from "./process-facts.ts";
import { filesFamilies, type RecorderFacts, type RingFacts, recorderFamilies, ringFamilies } from "./recording-families.ts";
import { sourceFamilies } from "./source-families.ts";
import { type MetricFamily, writeFamily } from "./text-format.ts";

/** Asked at each scrape that wants them. None may throw. */
export interface CamgateSources {
  readonly version: string;
  /** Monotonic µs of this boot, which the recorders' stamps count in. */
  nowUs(): number;
  recorders(): readonly RecorderFacts[];
  gaps(): readonly GapTotal[];
  /** Undefined: there is no ring. */
  ring(): RingFacts | undefined;
  /** Must settle soon, whatever the disk does. */
  folders(): Promise<readonly FolderSpace[]>;
  process(): ProcessFacts;
  eventLoopDelay(): DelayReport | undefined;
  nativeRung(): NativeRung;
  clock(): ClockFacts;
  /** Garbage collection since the start, ms. */
  gcMs(): number;
  /** Must settle soon, whatever the disks do. */
  /** Undefined: it is not measured. */
  host(): Promise<Health> | undefined;
  paths(): readonly PathSnapshot[];
  access(): AccessFacts;
  config(): ConfigFacts;
}

/** What a filter lets through: `type` is a group's name here, too, and `path` leaves that path's recorder. */
export async function writeCamgateMetrics(sources: CamgateSources, filter: MetricsFilter): Promise<string> {
  const families: MetricFamily[] = [];
  if (wantsGroup(filter, "camgate_recorders", "path")) {
    const path = filter.items.get("path");
    const recorders = sources.recorders().filter((recorder) => path === undefined || recorder.path === path);
    families.push(...recorderFamilies(recorders, sources.gaps(), sources.nowUs()));
  }
  if (wantsGroup(filter, "camgate_ring", undefined)) families.push(...ringFamilies(sources.ring()));
  if (wantsGroup(filter, "camgate_files", undefined)) families.push(...filesFamilies(await sources.folders()));
  if (wantsGroup(filter, "camgate_sources", "path")) {
    const path = filter.items.get("path");
    const paths = sources.paths().filter(({ name }) => path === undefined || name === path);
    families.push(...sourceFamilies(paths, sources.nowUs()));
  }
  if (wantsGroup(filter, "camgate_process", undefined)) {
    const loop = { delay: sources.eventLoopDelay(), gcMs: sources.gcMs() };
    families.push(...processFamilies(sources.version, sources.process(), loop, sources.nativeRung()));
  }
  if (wantsGroup(filter, "camgate_host", undefined)) {
    const health = await sources.host();
    if (health !== undefined) families.push(...hostFamilies(health));
  }
  if (wantsGroup(filter, "camgate_access", undefined)) families.push(...accessFamilies(sources.access()));
  if (wantsGroup(filter, "camgate_config", undefined)) families.push(...configFamilies(sources.config()));
  if (wantsGroup(filter, "camgate_clock", undefined)) families.push(...clockFamilies(sources.clock()));
  return families.map(writeFamily).join("");
}
