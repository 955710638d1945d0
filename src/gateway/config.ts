// The config of the gateway while it runs: where it is read, where changes over the API are kept, and what of it waits for a restart.
import { NodeFs } from "#base/node-fs.ts";
import { replaceFile } from "#base/replace-file.ts";
import type { Config } from "#config/config.ts";
import type { LiveConfigOptions, LiveConfigStart, OverlayFile } from "#config/live-config.ts";
import type { LoadedLayers } from "#config/load-config.ts";
import { emptyOverlay } from "#config/overlay.ts";

/** What a gateway knows of its config beside the config itself; without it the config is what it is, and can be changed over the API. */
export interface GatewaySource extends Omit<LiveConfigStart, "config"> {
  /** Reads file and environment again. */
  reread(): LoadedLayers;
  /** Absolute path. */
  readonly overlayFile: string;
  /** Called with each config that has come into force after the start. Must not throw. */
  onConfig?(config: Config): void;
  /** Ends the process in order, for whoever starts it again; absent: nobody does. */
  readonly restart?: (() => void) | undefined;
}

type LiveParts = Pick<LiveConfigOptions, "lower" | "overlay" | "file" | "reread" | "overlayFile">;

export function fromSource({ lower, overlay, file, reread, overlayFile }: GatewaySource): LiveParts {
  return { lower, overlay, file, reread, overlayFile: overlayKeeper(overlayFile) };
}

export function withoutSource({ layers }: Config): LiveParts {
  return { lower: layers, overlay: emptyOverlay, file: undefined };
}

/** A disk that hangs keeps nobody waiting longer. */
const WRITE_TIMEOUT_MS = 10_000;

function overlayKeeper(path: string): OverlayFile {
  const fs = new NodeFs();
  let turn: Promise<void> = Promise.resolve();
  return {
    path,
    write(text) {
      const written = turn.then(() => replaceFile(fs, path, Buffer.from(text)));
      turn = written.catch(() => {});
      return withinTime(written);
    },
  };
}

async function withinTime(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the disk does not answer")), WRITE_TIMEOUT_MS);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
