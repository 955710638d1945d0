// Schedules, as a part of the gateway: there while the config has some.
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config, PathEntry } from "#config/config.ts";
import { parseDuration } from "#config/duration.ts";
import { PictureFolder } from "#schedules/picture-folder.ts";
import { rebooter } from "#schedules/rebooter.ts";
import { type Perform, type PlanStatus, Schedules } from "#schedules/schedules.ts";
import type { GatewayContext } from "./context.ts";
import type { RunningPart } from "./part.ts";
import { entryOf } from "./paths.ts";
import { pictureTaker } from "./schedule-pictures.ts";

/** What other parts have of schedules. */
export interface GatewaySchedules {
  /** Whether a path is recorded now; undefined: its setting says. */
  isRecorded(path: string): boolean | undefined;
  /** By hand, until a schedule says something again. */
  switchRecording(entry: string, isOn: boolean): void;
  /** Undefined: the setting says. */
  readonly telemetryIntervalMs: number | undefined;
  list(): readonly PlanStatus[];
  /** Until it is, nothing is due. */
  readonly isClockTrusted: boolean;
}

const TICK_MS = 1000;

export async function start(context: GatewayContext, config: Config): Promise<RunningPart> {
  const clock = await context.clock.keep(config);
  const { fs } = context;
  const log = context.log.child("schedules");
  const dataDirectory = resolve(config.global.dataDirectory);
  const performers: Readonly<Record<"snapshot" | "reboot", Perform>> = {
    snapshot: pictureTaker({ context, folder: new PictureFolder({ fs, directory: join(dataDirectory, "snapshots") }) }),
    reboot: rebooter({
      power: context.power,
      fs,
      file: join(dataDirectory, "scheduled-reboots.json"),
      windowMs: (value) => parseDuration(value)!,
      bootCounter: clock.bootCounter,
      nowMs: () => clock.nowUs() / 1000,
      sleep: (delayMs, signal) => sleep(delayMs, undefined, { signal, ref: false }),
      log,
    }),
  };
  const schedules = new Schedules({
    now: () => ({ utcMs: Math.floor(clock.utcOf(clock.nowUs()).utcUs / 1000), isTrusted: clock.isTrusted }),
    entryOf: (path) => entryOf(context.config, path)?.name,
    performerOf: ({ do: action }) => (action === "snapshot" || action === "reboot" ? performers[action] : undefined),
    onRecording: () => context.recording?.recorders.refresh(),
    onTelemetry: () => context.fleet?.telemetryIntervalChanged(),
    log,
  });
  let before = config;
  schedules.update(config.global.schedules);
  schedules.tick(); // what is due within the first second is due
  if (!clock.isTrusted) log.info("nothing is done until the time is known");
  const timer = setInterval(() => schedules.tick(), TICK_MS);
  context.schedules = {
    isRecorded: (path) => schedules.isRecorded(path),
    switchRecording: (entry, isOn) => schedules.switchByHand(entry, isOn),
    get telemetryIntervalMs() {
      const value = schedules.telemetry;
      return value === undefined || value === "" ? undefined : parseDuration(value);
    },
    list: () => schedules.list(),
    get isClockTrusted() {
      return clock.isTrusted;
    },
  };
  context.recording?.recorders.refresh();
  return {
    update(next) {
      if (JSON.stringify(before.global.schedules) !== JSON.stringify(next.global.schedules)) schedules.update(next.global.schedules);
      for (const { name, settings } of switched(before.paths, next.paths)) schedules.switchByHand(name, settings.record);
      before = next;
    },
    async close() {
      clearInterval(timer);
      context.schedules = undefined;
      context.recording?.recorders.refresh();
      context.fleet?.telemetryIntervalChanged();
      await schedules.close();
    },
  };
}

/** Entries whose `record` is another one now. */
function switched(before: readonly PathEntry[], now: readonly PathEntry[]): readonly PathEntry[] {
  const was = new Map(before.map(({ name, settings }) => [name, settings.record]));
  return now.filter(({ name, settings }) => was.has(name) && was.get(name) !== settings.record);
}
