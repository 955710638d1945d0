// Clips: a camera's footage between two times as plain MP4 files in a folder of the gateway.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { CallerFault } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Command } from "#control/command.ts";
import { exportClip } from "#record/playback/export.ts";
import { fileTime } from "#record/playback/time-text.ts";
import type { RecordingIndex } from "#record/recording-index.ts";
import { cameraField, fault, rangeFields, readFields } from "./command-input.ts";

export interface ClipCommandsOptions {
  /** Undefined: no entry of the config is for such a path, or nothing is recorded. */
  indexOf(path: string): RecordingIndex | undefined;
  readonly fs: FsPort;
  /** Absolute; undefined: nothing is exported. */
  directory(): string | undefined;
}

interface ClipInput {
  readonly cam: string;
  readonly fromUtcUs: number;
  readonly toUtcUs: number;
}

/** Times are UTC, ms since 1970. */
export interface ClipResult {
  /** Made for this clip, below the folder of clips. */
  readonly folder: string;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly from: number }[];
  readonly bytes: number;
}

/** At once: each reads the medium as fast as it can. */
const MAX_RUNNING = 2;

export function clipCommands({ indexOf, fs, directory }: ClipCommandsOptions) {
  let running = 0;
  const exportCommand: Command<ClipInput, ClipResult> = {
    name: "clip.export",
    scope: "operate",
    sight: "recordings",
    summary: "Writes a camera's footage between two times to MP4 files, in a folder of their own below the folder of clips.",
    parse: parseExport,
    pathOf: ({ cam }) => cam,
    run: async ({ cam, fromUtcUs, toUtcUs }, { signal, progress }) => {
      const root = directory();
      if (root === undefined) throw new CallerFault("not-configured", "no clips are exported here: set `clipDirectory` in the config");
      const index = indexOf(cam);
      if (index === undefined) throw new CallerFault("not-found", `nothing is recorded of a camera '${cam}'`, "cam");
      if (running >= MAX_RUNNING) throw new CallerFault("too-many", `${running} clips are being exported: try again when one is ready`);
      running++;
      try {
        const name = `${cam.replaceAll("/", "_")}_${fileTime(fromUtcUs)}_${randomUUID().slice(0, 8)}`;
        const onProgress = (fraction: number): void => progress(fraction * 100, fraction < 1 ? "copying footage" : "done");
        const files = await exportClip({ path: cam, fromUtcUs, toUtcUs, folder: join(root, name) }, { fs, index, onProgress }, signal);
        return {
          folder: name,
          files: files.map((file) => ({ name: file.name, bytes: file.sizeBytes, from: Math.round(file.startUtcUs / 1000) })),
          bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        };
      } finally {
        running--;
      }
    },
  };
  return [exportCommand] as const;
}

/** Deletes the files of a clip that was exported to `directory`; what is not there any more is no fault. */
export async function removeClip(fs: FsPort, directory: string, { folder, files }: ClipResult): Promise<void> {
  for (const { name } of files) await fs.remove(join(directory, folder, name)).catch(ignoreMissing);
  await fs.removeFolder(join(directory, folder)).catch(ignoreMissing);
}

function ignoreMissing(error: unknown): void {
  if ((error as { readonly code?: string }).code !== "ENOENT") throw error;
}

function parseExport(input: unknown): ClipInput {
  const { cam, from, to, fmt } = readFields(input, ["cam", "from", "to", "fmt"]);
  if (fmt !== undefined && fmt !== null && fmt !== "mp4") throw fault("fmt", "has to be mp4: there is no other format here");
  return { cam: cameraField(cam), ...rangeFields(from, to) };
}
