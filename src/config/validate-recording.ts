// What the settings of recording must satisfy together, and which of them the ring has no use for.

import type { Config } from "./config.ts";
import { type Origin, originNote, originPlace } from "./layer.ts";
import type { Problems } from "./problem.ts";
import { defaultOf, type GlobalConfig, type PathConfig, pathSchema } from "./schema.ts";
import type { Report } from "./validate-path.ts";

const DAY_MS = 86_400_000;

/** What files are made by; the ring has a format, a cut and a place of its own. */
const FILE_SETTINGS = ["recordPath", "recordFormat", "recordPartDuration", "recordMaxPartSize", "recordSegmentDuration"] as const;

export function validateRecording(settings: PathConfig, global: GlobalConfig, report: Report): void {
  const { record, recordStore, ringMaxSpan, ringMinSpan } = settings;
  if (recordStore === "files") {
    validateFiles(settings, global, report);
  } else if (global.ring.directory === "" && (record || global.playback)) {
    report("recordStore", "needs ring.directory: set it to the directory of the ring, for instance `ring: {directory: /rec}`");
  }
  if (ringMaxSpan !== 0 && ringMaxSpan < ringMinSpan) {
    report("ringMaxSpan", "must not be shorter than ringMinSpan");
  }
}

function validateFiles(settings: PathConfig, global: GlobalConfig, report: Report): void {
  const { recordPath } = settings;
  const lacks = (...variables: readonly string[]): boolean => variables.some((variable) => !recordPath.includes(variable));
  if (lacks("%path")) {
    report("recordPath", "must contain %path");
  } else if (lacks("%s") && lacks("%Y", "%m", "%d", "%H", "%M", "%S")) {
    report("recordPath", "must contain %s, or all of %Y %m %d %H %M %S");
  } else if (global.playback && lacks("%f")) {
    report("recordPath", "must contain %f while playback is on");
  }
  if (settings.recordSegmentDuration > DAY_MS) {
    report("recordSegmentDuration", "must not be longer than a day");
  }
  if (settings.recordDeleteAfter !== 0 && settings.recordDeleteAfter < settings.recordSegmentDuration) {
    report("recordDeleteAfter", "must not be shorter than recordSegmentDuration");
  }
}

/** One warning for everything that is set for files and stands where only the ring is recorded to. */
export function warnOfFileSettings({ paths, pathDefaults, origins }: Config, problems: Problems): void {
  const found: { readonly field: string; readonly origin: Origin }[] = [];
  const look = (prefix: string, settings: PathConfig, isOfUse: (name: string) => boolean): void => {
    for (const name of FILE_SETTINGS) {
      const origin = origins.get(prefix + name);
      const isSet = origin !== undefined && origin.kind !== "default" && settings[name] !== defaultOf(pathSchema.get(name)!, "dropIn");
      if (isSet && !isOfUse(name)) found.push({ field: prefix + name, origin });
    }
  };
  look("pathDefaults.", pathDefaults, (name) => {
    const heirs = paths.filter((entry) => !origins.has(`paths.${entry.name}.${name}`)).map(({ settings }) => settings);
    return !heirs.some((heir) => recordsTo(heir, "ring")) || heirs.some((heir) => recordsTo(heir, "files"));
  });
  for (const { name, settings } of paths) {
    if (recordsTo(settings, "ring")) look(`paths.${name}.`, settings, () => false);
  }
  const [first, ...others] = found;
  if (first === undefined) return;
  const more = others.length > 0 ? ` (nor have ${others.map(({ field }) => field).join(", ")})` : "";
  problems.warning(
    originPlace(first.origin),
    first.field,
    `is for recordStore: files; with recordStore: ring it has no effect${more}${originNote(first.origin)}`,
  );
}

function recordsTo({ record, recordStore }: PathConfig, store: PathConfig["recordStore"]): boolean {
  return record && recordStore === store;
}
