// Takes the pictures that a schedule asks for, one path after the other: each may start a decoder, or a camera on demand.
import { CallerFault, errorText } from "#base/errors.ts";
import type { Snapshot } from "#capture/snapshots.ts";
import type { PictureFolder } from "#schedules/picture-folder.ts";
import type { Perform, Plan } from "#schedules/schedules.ts";
import type { GatewayContext } from "./context.ts";
import { entryOf } from "./paths.ts";

const DEFAULT_KEPT = 100;

export interface SchedulePicturesOptions {
  readonly context: Pick<GatewayContext, "registry" | "config" | "capture">;
  readonly folder: PictureFolder;
}

export function pictureTaker({ context, folder }: SchedulePicturesOptions): Perform {
  return async (plan, { signal }) => {
    const faults: string[] = [];
    for (const path of pathsOf(plan, context)) {
      if (signal.aborted) return;
      try {
        const { bytes, mediaType, utcUs } = await take(context, path, signal);
        const picture = { bytes, extension: mediaType === "image/jpeg" ? "jpg" : "mp4", utcMs: utcUs / 1000 } as const;
        await folder.add(path, picture, plan.value === "" ? DEFAULT_KEPT : Number(plan.value));
      } catch (error) {
        faults.push(`${path}: ${errorText(error)}`);
      }
    }
    if (faults.length > 0) throw new Error(faults.join("; "));
  };
}

/** A path that is named is pictured whether it runs or not; of the others those that do. */
function pathsOf({ path: wanted }: Plan, { registry, config }: SchedulePicturesOptions["context"]): readonly string[] {
  const named = registry.get(wanted);
  if (wanted !== "" && named !== undefined) return [wanted];
  return registry
    .list()
    .map((path) => path.snapshot())
    .filter(({ state, tracks }) => state === "available" && tracks.some(({ kind }) => kind === "video"))
    .map(({ name }) => name)
    .filter((name) => wanted === "" || entryOf(config, name)?.name === wanted);
}

/** Without ffmpeg the keyframe is kept as it came. */
async function take({ capture }: SchedulePicturesOptions["context"], path: string, signal: AbortSignal): Promise<Snapshot> {
  try {
    return await capture.takeSnapshot({ path, format: "jpg" }, signal);
  } catch (error) {
    if (!(error instanceof CallerFault && error.field === "format")) throw error;
    return capture.takeSnapshot({ path, format: "mp4" }, signal);
  }
}
