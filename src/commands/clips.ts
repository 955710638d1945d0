// Clips: a camera's footage between two times as MP4, in a folder of the gateway or sent to a server.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { CallerFault } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Command, CommandContext } from "#control/command.ts";
import { exportClip } from "#record/playback/export.ts";
import { type Fmp4Clip, openFmp4Clip } from "#record/playback/fmp4-clip.ts";
import { FootageChanged } from "#record/playback/frame-fetcher.ts";
import { DEFAULT_LIMITS, type Mp4Clip, openMp4Clip } from "#record/playback/mp4-clip.ts";
import { EmptyClip } from "#record/playback/no-clip.ts";
import { fileTime } from "#record/playback/time-text.ts";
import { atWholeFrames } from "#record/playback/whole-frames.ts";
import type { RecordingIndex } from "#record/recording-index.ts";
import { cameraField, fault, rangeFields, readFields } from "./command-input.ts";
import { optionalUpload, type SendFile, type UploadWish } from "./upload-input.ts";

export interface ClipCommandsOptions {
  /** Undefined: no entry of the config is for such a path, or nothing is recorded. */
  indexOf(path: string): RecordingIndex | undefined;
  readonly fs: FsPort;
  /** Absolute; undefined: none is written on this gateway. */
  directory(): string | undefined;
  readonly send: SendFile;
}

interface ClipInput {
  readonly cam: string;
  readonly fromUtcUs: number;
  readonly toUtcUs: number;
  readonly format: "mp4" | "fmp4";
  readonly upload: UploadWish | undefined;
}

/** Times are UTC, ms since 1970. Of what is in it: `actual_…`. */
interface ClipFacts {
  /** Files, or parts of the one that was sent. */
  readonly parts: number;
  readonly bytes: number;
  readonly actual_from: number;
  readonly actual_to: number;
}

export interface WrittenClip extends ClipFacts {
  /** Made for this clip, below the folder of clips. */
  readonly folder: string;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly from: number; readonly sha256: string }[];
}

export interface SentClip extends ClipFacts {
  readonly sha256: string;
  /** There is more footage, which one file cannot hold: another clip from here on has it. */
  readonly next?: number;
}

/** At once: each reads the medium as fast as it can. */
const MAX_RUNNING = 2;
/** Of all that a clip takes to be sent, in percent: it is read before, for its index and its digest. */
const READ_PERCENT = 5;

export function clipCommands(options: ClipCommandsOptions) {
  const { indexOf } = options;
  let running = 0;
  const exportCommand: Command<ClipInput, WrittenClip | SentClip> = {
    name: "clip.export",
    scope: "operate",
    sight: "recordings",
    summary:
      "Writes a camera's footage between two times to MP4 files in a folder of their own below the folder of clips, or sends it as one file where `dest` says.",
    parse: parseExport,
    pathOf: ({ cam }) => cam,
    run: async (input, context) => {
      const { cam, upload } = input;
      const root = options.directory();
      if (upload === undefined && root === undefined)
        throw new CallerFault("not-configured", "no clips are written here: set `clipDirectory` in the config, or give `dest`");
      const index = indexOf(cam);
      if (index === undefined) throw new CallerFault("not-found", `nothing is recorded of a camera '${cam}'`, "cam");
      if (running >= MAX_RUNNING) throw new CallerFault("too-many", `${running} clips are being exported: try again when one is ready`);
      running++;
      try {
        return await (upload === undefined
          ? writeClip(options, input, index, root!, context)
          : sendClip(options, input, index, upload, context));
      } catch (error) {
        throw error instanceof FootageChanged ? new CallerFault("conflict", error.message) : error;
      } finally {
        running--;
      }
    },
  };
  return [exportCommand] as const;
}

async function writeClip(
  { fs }: ClipCommandsOptions,
  { cam, fromUtcUs, toUtcUs }: ClipInput,
  index: RecordingIndex,
  root: string,
  { signal, progress }: CommandContext,
): Promise<WrittenClip> {
  const folder = `${cam.replaceAll("/", "_")}_${fileTime(fromUtcUs)}_${randomUUID().slice(0, 8)}`;
  const onProgress = (fraction: number): void => progress(fraction * 100, fraction < 1 ? "copying footage" : "done");
  const files = await exportClip({ path: cam, fromUtcUs, toUtcUs, folder: join(root, folder) }, { fs, index, onProgress }, signal);
  return {
    folder,
    files: files.map(({ name, sizeBytes, startUtcUs, sha256 }) => ({
      name,
      bytes: sizeBytes,
      from: Math.round(startUtcUs / 1000),
      sha256,
    })),
    parts: files.length,
    bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    actual_from: Math.round(files[0]!.startUtcUs / 1000),
    actual_to: Math.round(files.at(-1)!.endUtcUs / 1000),
  };
}

async function sendClip(
  { send }: ClipCommandsOptions,
  input: ClipInput,
  index: RecordingIndex,
  upload: UploadWish,
  { signal, progress }: CommandContext,
): Promise<SentClip> {
  progress(0, "reading footage");
  const clip = await openClip(input, index, signal);
  const onProgress = (percent: number, text: string): void => progress(READ_PERCENT + (percent * (100 - READ_PERCENT)) / 100, text);
  const { sizeBytes, next } = clip;
  const file = { sizeBytes, mediaType: "video/mp4", bytes: clip.bytes };
  const { parts, bytes, sha256 } = await send(upload, file, { signal, progress: onProgress });
  return {
    parts,
    bytes,
    sha256,
    actual_from: Math.round(clip.startUtcUs / 1000),
    actual_to: Math.round(clip.endUtcUs / 1000),
    ...(next !== undefined && { next: Math.ceil(next.fromUtcUs / 1000) }),
  };
}

/** The same footage asked for again is the same bytes: an upload goes on where another one of it ended. */
async function openClip(
  { cam, fromUtcUs, toUtcUs, format }: ClipInput,
  index: RecordingIndex,
  signal: AbortSignal,
): Promise<Mp4Clip | Fmp4Clip> {
  const wish = await atWholeFrames(index, { path: cam, fromUtcUs, toUtcUs, skipGaps: true, choice: "all" }, signal);
  if (format === "mp4") return openMp4Clip(index, wish, { ...DEFAULT_LIMITS, split: true }, signal);
  const spans = await index.spans(cam, { fromUtcUs, toUtcUs });
  if (spans.length === 0) throw new EmptyClip();
  const durationUs = spans.reduce(
    (sum, span) => sum + Math.max(0, Math.min(toUtcUs, span.startUtcUs + span.durationUs) - Math.max(fromUtcUs, span.startUtcUs)),
    0,
  );
  return openFmp4Clip(index, wish, durationUs / 1000, signal);
}

/** Deletes the files of a clip that was written to `directory`; what is not there any more is no fault, and one that was sent left none. */
export async function removeClip(fs: FsPort, directory: string, clip: WrittenClip | SentClip): Promise<void> {
  if (!("folder" in clip)) return;
  for (const { name } of clip.files) await fs.remove(join(directory, clip.folder, name)).catch(ignoreMissing);
  await fs.removeFolder(join(directory, clip.folder)).catch(ignoreMissing);
}

function ignoreMissing(error: unknown): void {
  if ((error as { readonly code?: string }).code !== "ENOENT") throw error;
}

function parseExport(input: unknown): ClipInput {
  const { cam, from, to, fmt, dest, max_kbps } = readFields(input, ["cam", "from", "to", "fmt", "dest", "max_kbps"]);
  if (fmt !== undefined && fmt !== null && fmt !== "mp4" && fmt !== "fmp4") throw fault("fmt", "has to be mp4 or fmp4");
  const upload = optionalUpload(dest, max_kbps);
  if (fmt === "fmp4" && upload === undefined) throw fault("fmt", "fmp4 is of use with dest only: files here are mp4");
  return { cam: cameraField(cam), ...rangeFields(from, to), format: fmt ?? "mp4", upload };
}
