// How often the gateway was started in this boot: kept on the medium, one small write for each start.
import type { FsPort } from "#base/fs-port.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";

export interface CountStartOptions {
  readonly fs: FsPort;
  readonly path: string;
  /** The kernel's name for this boot. */
  readonly bootId: string;
  /** Of this start: it is counted once, however often it is asked. */
  readonly runId: string;
}

interface Kept {
  readonly boot: string;
  readonly run: string;
  readonly restarts: number;
}

const MAX_FILE_BYTES = 1024;

/** Starts of this boot after the first. Rejects with the system's error where it cannot be kept: then nobody knows. */
export async function countStart({ fs, path, bootId, runId }: CountStartOptions): Promise<number> {
  const bytes = await readSmallFile(fs, path, MAX_FILE_BYTES).catch(() => undefined);
  const kept = bytes === undefined ? undefined : keptOf(bytes.toString("utf8"));
  if (kept?.boot === bootId && kept.run === runId) return kept.restarts;
  const restarts = kept?.boot === bootId ? kept.restarts + 1 : 0;
  await replaceFile(fs, path, Buffer.from(`${JSON.stringify({ boot: bootId, run: runId, restarts } satisfies Kept)}\n`));
  return restarts;
}

/** Undefined: it is not what this version writes. */
function keptOf(text: string): Kept | undefined {
  try {
    const { boot, run, restarts } = (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof boot !== "string" || typeof run !== "string" || !Number.isSafeInteger(restarts) || (restarts as number) < 0)
      return undefined;
    return { boot, run, restarts: restarts as number };
  } catch {
    return undefined;
  }
}
