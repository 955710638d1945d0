// Commands about the config: what runs and where it came from, and switching recording on and off.
import { type ConfigEntry, configEntries } from "#config/config-entries.ts";
import { type LiveConfig, NotKeptFault } from "#config/live-config.ts";
import type { Command } from "#control/command.ts";
import { booleanField, cameraField, readFields } from "./command-input.ts";

export interface ConfigCommandsOptions {
  readonly live: Pick<LiveConfig, "config" | "status" | "patchPath">;
  /** Recording of a path was switched, also where its setting was that already. */
  onSwitched(path: string, isOn: boolean): void;
}

/** Times are UTC, ms since 1970. */
export interface ConfigStatusItem {
  /** Null: there is none. */
  readonly file: string | null;
  readonly loaded: number;
  /** Why the last reload was refused; null: it was not. */
  readonly last_err: { readonly ts: number; readonly text: string } | null;
  /** Since the start. */
  readonly reloads: number;
  readonly refused: number;
  /** Settings that count from the next start on. */
  readonly pending: readonly string[];
  /** Where changes over the API are kept; null: they are lost with a restart. */
  readonly overlay: string | null;
  /** There are some. */
  readonly changed: boolean;
  /** Why the last change could not be kept. */
  readonly overlay_err: string | null;
}

export function configCommands({ live, onSwitched }: ConfigCommandsOptions) {
  const show: Command<undefined, { readonly settings: readonly ConfigEntry[] }> = {
    name: "cfg.show",
    scope: "admin",
    summary: "The config that runs: each setting, its value without secrets, and where it came from.",
    parse: (input) => void readFields(input, []),
    run: async () => ({ settings: configEntries(live.config) }),
  };
  const status: Command<undefined, ConfigStatusItem> = {
    name: "cfg.status",
    scope: "read",
    summary: "When the config was read, why the last one was refused, and where changes are kept.",
    parse: (input) => void readFields(input, []),
    run: async () => {
      const { file, loadedAt, lastError, reloads, overlay, pendingRestart } = live.status;
      return {
        file: file ?? null,
        loaded: loadedAt.getTime(),
        last_err: lastError === undefined ? null : { ts: lastError.at.getTime(), text: lastError.text },
        reloads: reloads.applied,
        refused: reloads.refused,
        pending: pendingRestart,
        overlay: overlay.file ?? null,
        changed: overlay.hasChanges,
        overlay_err: overlay.fault ?? null,
      };
    },
  };
  const setRecording: Command<{ readonly cam: string; readonly on: boolean }, { readonly on: boolean; readonly kept: boolean }> = {
    name: "rec.set",
    scope: "operate",
    sight: "recordings",
    summary:
      "Switches recording of a path on or off, as a change of its `record` over the API does; `kept` tells whether it survives a restart.",
    parse: (input) => {
      const { cam, on } = readFields(input, ["cam", "on"]);
      return { cam: cameraField(cam), on: booleanField("on", on) };
    },
    pathOf: ({ cam }) => cam,
    run: async ({ cam, on }) => {
      try {
        await live.patchPath(cam, { record: on });
      } catch (error) {
        if (!(error instanceof NotKeptFault)) throw error;
        onSwitched(cam, on);
        return { on, kept: false };
      }
      onSwitched(cam, on);
      return { on, kept: live.status.overlay.file !== undefined };
    },
  };
  return [show, status, setRecording] as const;
}
