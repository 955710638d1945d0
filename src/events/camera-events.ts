// Cameras that are lost and come back, flap, or send other pictures than before: told from how they are, looked at again and again.
import type { EventListener } from "#control/event-bus.ts";

/** What a camera sends, as far as it is known. */
export interface CameraPicture {
  readonly codec: string;
  readonly w: number | null;
  readonly h: number | null;
  readonly profile: string | null;
}

/** How one camera is now. */
export interface CameraSight {
  readonly name: string;
  /** It is to be there: one that is fetched for viewers alone is not while there are none. */
  readonly isWanted: boolean;
  /** Pictures come. */
  readonly isLive: boolean;
  /** Monotonic µs of the newest picture. */
  readonly lastFrameUs: number | undefined;
  readonly error: string | undefined;
  /** Attempts to have it, so far. */
  readonly attempts: number;
  readonly picture: CameraPicture | undefined;
}

/** So long without a picture, and it is lost. */
const LOST_US = 10e6;
const FLAP_WINDOW_US = 300e6;
const FLAP_LOSSES = 3;

interface Camera {
  /** Since when pictures are missing. */
  missingUs: number | undefined;
  /** When it was told to be lost, which it still is. */
  isLost: boolean;
  /** Times of losses within the window, oldest first. */
  losses: number[];
  /** Losses, and how long they took together, of a camera that flaps. */
  flap: { losses: number; downUs: number } | undefined;
  picture: CameraPicture | undefined;
}

export class CameraEvents {
  readonly #emit: EventListener;
  readonly #utcMs: (atUs: number) => number;
  readonly #cameras = new Map<string, Camera>();

  /** `utcMs`: of a stamp of this boot, ms since 1970. */
  constructor({ emit, utcMs }: { readonly emit: EventListener; utcMs(atUs: number): number }) {
    this.#emit = emit;
    this.#utcMs = utcMs;
  }

  /** All cameras there are; to be called every second or so. */
  look(sights: readonly CameraSight[], nowUs: number): void {
    const names = new Set(sights.map(({ name }) => name));
    for (const [name, camera] of this.#cameras) {
      if (names.has(name)) continue;
      this.#giveUp(name, camera, nowUs);
      this.#cameras.delete(name);
    }
    for (const sight of sights) this.#lookAt(sight, nowUs);
  }

  #lookAt(sight: CameraSight, nowUs: number): void {
    const { name, isLive, isWanted, picture } = sight;
    let camera = this.#cameras.get(name);
    if (camera === undefined) {
      camera = { missingUs: undefined, isLost: false, losses: [], flap: undefined, picture: undefined };
      this.#cameras.set(name, camera);
    }
    if (!isWanted) this.#giveUp(name, camera, nowUs);
    else if (isLive) this.#found(sight, camera, nowUs);
    else this.#missed(sight, camera, nowUs);
    if (picture !== undefined) this.#compare(name, camera, picture, nowUs);
    this.#calm(sight, camera, nowUs);
  }

  #found({ name, lastFrameUs }: CameraSight, camera: Camera, nowUs: number): void {
    const sinceUs = camera.missingUs;
    camera.missingUs = undefined;
    if (!camera.isLost) return;
    camera.isLost = false;
    const downUs = nowUs - sinceUs!;
    if (camera.flap !== undefined) camera.flap.downUs += downUs;
    else
      this.#emit({
        ...{ type: "cam.back", severity: "info", phase: "end", condition: `cam.lost ${name}`, camera: name },
        data: { down_ms: Math.round(downUs / 1000) },
        atUs: lastFrameUs ?? nowUs,
      });
  }

  #missed(sight: CameraSight, camera: Camera, nowUs: number): void {
    camera.missingUs ??= sight.lastFrameUs ?? nowUs;
    if (camera.isLost || nowUs - camera.missingUs < LOST_US) return;
    camera.isLost = true;
    camera.losses = [...camera.losses.filter((atUs) => nowUs - atUs < FLAP_WINDOW_US), nowUs];
    if (camera.flap !== undefined) camera.flap.losses++;
    else if (camera.losses.length >= FLAP_LOSSES) {
      camera.flap = { losses: camera.losses.length, downUs: 0 };
      this.#emit({
        ...{ type: "cam.flap", severity: "warn", phase: "new", condition: `cam.flap ${sight.name}`, camera: sight.name },
        data: { losses: camera.losses.length, window_s: FLAP_WINDOW_US / 1e6, err: sight.error ?? null },
        atUs: nowUs,
      });
    } else this.#tellLoss(sight, nowUs);
  }

  #tellLoss({ name, error, attempts, lastFrameUs }: CameraSight, nowUs: number): void {
    this.#emit({
      ...{ type: "cam.lost", severity: "warn", phase: "new", condition: `cam.lost ${name}`, camera: name },
      data: {
        last_frame_ts: lastFrameUs === undefined ? null : this.#utcMs(lastFrameUs),
        err: error ?? null,
        attempts,
      },
      atUs: nowUs,
    });
  }

  /** A camera that flapped and has come to rest, one way or the other. */
  #calm(sight: CameraSight, camera: Camera, nowUs: number): void {
    const { flap } = camera;
    if (flap === undefined || nowUs - camera.losses.at(-1)! < FLAP_WINDOW_US) return;
    camera.flap = undefined;
    this.#emit({
      ...{ type: "cam.flap", severity: "info", phase: "end", condition: `cam.flap ${sight.name}`, camera: sight.name },
      data: { losses: flap.losses, down_ms: Math.round(flap.downUs / 1000) },
      atUs: nowUs,
    });
    if (camera.isLost) this.#tellLoss(sight, nowUs);
  }

  /** Nobody wants it any more: it is neither lost nor there. */
  #giveUp(name: string, camera: Camera, nowUs: number): void {
    const type = camera.flap !== undefined ? "cam.flap" : camera.isLost ? "cam.lost" : undefined;
    camera.flap = undefined;
    camera.isLost = false;
    camera.missingUs = undefined;
    camera.losses = [];
    if (type === undefined) return;
    this.#emit({
      ...{ type, severity: "info", phase: "end", condition: `${type} ${name}`, camera: name },
      data: { unwanted: true },
      atUs: nowUs,
    });
  }

  #compare(name: string, camera: Camera, picture: CameraPicture, nowUs: number): void {
    const before = camera.picture;
    camera.picture = picture;
    if (before === undefined || JSON.stringify(before) === JSON.stringify(picture)) return;
    this.#emit({ type: "cam.params", severity: "info", phase: "new", camera: name, data: { old: before, new: picture }, atUs: nowUs });
  }
}
