// Still pictures of a camera.
import { createHash } from "node:crypto";
import type { Command, CommandContext } from "#control/command.ts";
import { cameraField, fault, optionalCount, readFields } from "./command-input.ts";
import { optionalUpload, type SendFile, type UploadWish } from "./upload-input.ts";

export interface SnapshotCommandsOptions {
  /** Rejects with a CallerFault. */
  take(
    request: { readonly path: string; readonly format: "mp4" | "jpg"; readonly maxWidth?: number; readonly quality?: number },
    signal: AbortSignal,
  ): Promise<{ readonly bytes: Buffer; readonly mediaType: string; readonly utcUs: number }>;
  readonly send: SendFile;
}

interface SnapshotInput {
  readonly cam: string;
  readonly format: "mp4" | "jpg";
  readonly maxWidth: number | undefined;
  readonly quality: number | undefined;
  readonly upload: UploadWish | undefined;
}

/** A picture that lies at `url` now, which is what was asked for without what stands behind a question mark: that may be a password. */
export interface SentSnapshot {
  readonly url: string;
  /** When it was taken, ms since 1970. */
  readonly ts: number;
  readonly type: string;
  readonly bytes: number;
  readonly sha256: string;
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
/** Of one that is sent. */
const MAX_SENT_BYTES = 2 * 2 ** 20;

export function snapshotCommands({ take, send }: SnapshotCommandsOptions) {
  const snapshot: Command<SnapshotInput, SnapshotResult | SentSnapshot> = {
    name: "cam.snapshot",
    scope: "read",
    // Whoever may look may not have it sent elsewhere.
    scopeOf: (input) => ((input as { readonly dest?: unknown } | null | undefined)?.dest == null ? "read" : "operate"),
    summary: "The last keyframe of a camera as JPEG, or as MP4 without decoding it; `dest` sends it to a server.",
    parse: parseSnapshot,
    pathOf: ({ cam }) => cam,
    run: async ({ cam, format, maxWidth, quality, upload }, context) => {
      const wish = { path: cam, format, ...(maxWidth !== undefined && { maxWidth }), ...(quality !== undefined && { quality }) };
      const picture = new SnapshotResult(await take(wish, context.signal));
      return upload === undefined ? picture : sendPicture(send, picture, upload, context);
    },
  };
  return [snapshot] as const;
}

async function sendPicture(
  send: SendFile,
  { bytes, mediaType, utcUs }: SnapshotResult,
  upload: UploadWish,
  context: CommandContext,
): Promise<SentSnapshot> {
  if (bytes.length > MAX_SENT_BYTES)
    throw fault("max_w", `this picture has ${bytes.length} bytes, and ${MAX_SENT_BYTES} are sent at most: ask for a narrower jpg`);
  const file = {
    sizeBytes: bytes.length,
    mediaType,
    bytes: async function* (start: number, end: number) {
      yield bytes.subarray(start, end);
    },
  };
  const { sha256 } = await send(upload, file, context);
  const { origin, pathname } = new URL(upload.url);
  return { url: origin + pathname, ts: Math.round(utcUs / 1000), type: mediaType, bytes: bytes.length, sha256 };
}

function parseSnapshot(input: unknown): SnapshotInput {
  const { cam, fmt, max_w, q, dest } = readFields(input, ["cam", "fmt", "max_w", "q", "dest"]);
  if (fmt !== undefined && fmt !== null && fmt !== "jpg" && fmt !== "mp4") throw fault("fmt", "has to be jpg or mp4");
  const format = fmt ?? "jpg";
  const [maxWidth, quality] = [optionalCount("max_w", max_w, MAX_WIDTH), optionalCount("q", q, 100)];
  if (format === "mp4" && (maxWidth ?? quality) !== undefined)
    throw fault(maxWidth === undefined ? "q" : "max_w", "is of use with jpg only");
  return { cam: cameraField(cam), format, maxWidth, quality, upload: optionalUpload(dest, undefined) };
}
