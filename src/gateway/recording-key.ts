// When there are the parts of recording: apart from the parts themselves, which are loaded only then.
import type { Config } from "#config/config.ts";

/** Recordings are made or served; once they are, the part stays, whatever the config says later: it has the files that are there. */
export function recordingKey(config: Config, isRunning: boolean): string | undefined {
  return isRunning || isRecorded(config) ? "" : undefined;
}

export function isRecorded({ global, paths }: Config): boolean {
  const isScheduled = global.schedules.some(({ do: action }) => action === "recordOn");
  return global.playback || isScheduled || paths.some(({ settings }) => settings.record);
}

/** The ring is opened for the first path that is recorded there. */
export function ringKey({ global, paths }: Config, isRunning: boolean): string | undefined {
  return isRunning || (global.ring.directory !== "" && paths.some(({ settings }) => settings.recordStore === "ring")) ? "" : undefined;
}
