// Metrics of the config: whether the file that is there is the one that runs.
import { gauge, type MetricFamily } from "./text-format.ts";

/** Fits the status of the live config. */
export interface ConfigFacts {
  readonly loadedAt: Date;
  readonly lastError: object | undefined;
  readonly reloads: { readonly applied: number; readonly refused: number };
  readonly overlay: { readonly hasChanges: boolean; readonly fault: string | undefined };
  readonly pendingRestart: readonly string[];
}

export function configFamilies({ loadedAt, lastError, reloads, overlay, pendingRestart }: ConfigFacts): readonly MetricFamily[] {
  return [
    {
      name: "camgate_config_reloads_total",
      type: "counter",
      help: "Reloads of the config file, by what became of them: applied, or refused.",
      samples: Object.entries(reloads).map(([result, value]) => ({ labels: { result }, value })),
    },
    gauge(
      "camgate_config_last_reload_successful",
      "0 while a reload was refused and an older config runs.",
      lastError === undefined ? 1 : 0,
    ),
    gauge("camgate_config_loaded_timestamp_seconds", "When the config that runs was read from the file, UTC.", loadedAt.getTime() / 1000),
    gauge("camgate_config_changes_over_api", "1 while changes over the API are in force.", overlay.hasChanges ? 1 : 0),
    gauge(
      "camgate_config_changes_kept",
      "0 while the last change over the API could not be kept for a restart.",
      overlay.fault === undefined ? 1 : 0,
    ),
    gauge("camgate_config_pending_restart_settings", "Settings that were changed and are taken at the next start.", pendingRestart.length),
  ];
}
