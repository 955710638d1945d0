// Still pictures of paths: the newest keyframe, as MP4 without decoding anything, or as JPEG.
import type { Clock } from "#base/clock.ts";
import { CallerFault } from "#base/errors.ts";
import { parseJpeg } from "#codecs/mjpeg/jpeg.ts";
import { writeOneFrame } from "#containers/fmp4/one-frame.ts";
import { fmp4Fault } from "#containers/fmp4/stored-track.ts";
import { type Keyframe, keyframeOf } from "#relay/keyframe.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import { ffmpegProgram } from "./ffmpeg-program.ts";
import { JpegEncoder } from "./jpeg-encoder.ts";

/** GOPs of cameras may last for ten seconds. */
const KEYFRAME_TIMEOUT_MS = 15_000;
const DEFAULT_QUALITY = 80;

export interface SnapshotRequest {
  readonly path: string;
  readonly format: "mp4" | "jpg";
  /** Of a JPEG, px; a camera's own picture where it is not wider. */
  readonly maxWidth?: number;
  /** Of a JPEG, 1 to 100. */
  readonly quality?: number;
}

export interface Snapshot {
  readonly bytes: Buffer;
  readonly mediaType: "video/mp4" | "image/jpeg";
  /** When it was taken, µs since 1970. */
  readonly utcUs: number;
}

export interface SnapshotsOptions {
  readonly registry: Pick<PathRegistry, "get">;
  readonly clock: Pick<Clock, "utcOf">;
  /** For tests. */
  readonly program?: string;
  readonly keyframeTimeoutMs?: number;
}

export class Snapshots {
  readonly #options: SnapshotsOptions;
  readonly #encoder: JpegEncoder;
  /** JPEGs that are being made: who asks for the same picture meanwhile gets the same. */
  readonly #underway = new Map<string, Promise<Buffer>>();

  constructor(options: SnapshotsOptions) {
    this.#options = options;
    this.#encoder = new JpegEncoder({ program: options.program ?? ffmpegProgram() });
  }

  /** Starts a source on demand. Rejects with a CallerFault. */
  async take(request: SnapshotRequest, signal: AbortSignal): Promise<Snapshot> {
    const { registry, clock, keyframeTimeoutMs = KEYFRAME_TIMEOUT_MS } = this.#options;
    const path = registry.get(request.path);
    if (path === undefined) throw new CallerFault("not-found", `there is no path '${request.path}'`, "path");
    const keyframe = await keyframeOf(path, keyframeTimeoutMs, signal);
    const { utcUs } = clock.utcOf(keyframe.captureUs);
    if (request.format === "mp4") return { bytes: mp4Of(keyframe), mediaType: "video/mp4", utcUs };
    return { bytes: await this.#jpegOf(keyframe, request), mediaType: "image/jpeg", utcUs };
  }

  #jpegOf(keyframe: Keyframe, { path, maxWidth, quality = DEFAULT_QUALITY }: SnapshotRequest): Promise<Buffer> {
    const image = keyframe.track.codec === "mjpeg" ? Buffer.concat(keyframe.frame) : undefined;
    if (image !== undefined && (maxWidth === undefined || (parseJpeg(image)?.width ?? 0) <= maxWidth)) return Promise.resolve(image);
    const key = JSON.stringify([path, keyframe.captureUs, maxWidth, quality]);
    const underway = this.#underway.get(key);
    if (underway !== undefined) return underway;
    const input = image === undefined ? "mp4" : "mjpeg";
    const made = this.#encoder.encode(image ?? mp4Of(keyframe), { input, maxWidth, quality }).finally(() => this.#underway.delete(key));
    this.#underway.set(key, made);
    return made;
  }
}

function mp4Of({ track, frame }: Keyframe): Buffer {
  const bytes = writeOneFrame(track, frame);
  if (bytes === undefined) throw new CallerFault("no-stream", `no picture of path: ${fmp4Fault(track) ?? "it cannot be stored as MP4"}`);
  return bytes;
}
