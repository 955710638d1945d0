// Still pictures of a camera.
import { createHash } from "node:crypto";
import type { Command } from "#control/command.ts";
import { cameraField, fault, optionalCount, readFields } from "./command-input.ts";

export interface SnapshotCommandsOptions {
  /** Rejects with a CallerFault. */
  take(
    request: { readonly path: string; readonly format: "mp4" | "jpg"; readonly maxWidth?: number; readonly quality?: number },
    signal: AbortSignal,
  ): Promise<{ readonly bytes: Buffer; readonly mediaType: string; readonly utcUs: number }>;
}

interface SnapshotInput {
  readonly cam: string;
  readonly format: "mp4" | "jpg";
  readonly maxWidth: number | undefined;
  readonly quality: number | undefined;
}

/** A picture; as JSON, what there is to know of it without its bytes. */
export class SnapshotResult {
  readonly bytes: Buffer;
  readonly mediaType: string;
  /** When it was taken, µs since 1970. */
  readonly utcUs: number;

  constructor({ bytes, mediaType, utcUs }: { readonly bytes: Buffer; readonly mediaType: string; readonly utcUs: number }) {
    this.bytes = bytes;
    this.mediaType = mediaType;
    this.utcUs = utcUs;
  }

  toJSON() {
    const { bytes, mediaType, utcUs } = this;
    return {
      ts: Math.round(utcUs / 1000),
      type: mediaType,
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    };
  }
}

const MAX_WIDTH = 8192;

export function snapshotCommands({ take }: SnapshotCommandsOptions) {
  const snapshot: Command<SnapshotInput, SnapshotResult> = {
    name: "cam.snapshot",
    scope: "read",
    summary: "The last keyframe of a camera as JPEG, or as MP4 without decoding it.",
    parse: parseSnapshot,
    pathOf: ({ cam }) => cam,
    run: async ({ cam, format, maxWidth, quality }, { signal }) =>
      new SnapshotResult(
        await take({ path: cam, format, ...(maxWidth !== undefined && { maxWidth }), ...(quality !== undefined && { quality }) }, signal),
      ),
  };
  return [snapshot] as const;
}

function parseSnapshot(input: unknown): SnapshotInput {
  const { cam, fmt, max_w, q } = readFields(input, ["cam", "fmt", "max_w", "q"]);
  if (fmt !== undefined && fmt !== null && fmt !== "jpg" && fmt !== "mp4") throw fault("fmt", "has to be jpg or mp4");
  const format = fmt ?? "jpg";
  const [maxWidth, quality] = [optionalCount("max_w", max_w, MAX_WIDTH), optionalCount("q", q, 100)];
  if (format === "mp4" && (maxWidth ?? quality) !== undefined)
    throw fault(maxWidth === undefined ? "q" : "max_w", "is of use with jpg only");
  return { cam: cameraField(cam), format, maxWidth, quality };
}
