// Footage that is missing, recorders that stop and go on, and what is wrong with the medium.
import type { EventListener, GatewayEvent } from "#control/event-bus.ts";
import type { Gap, RecorderState } from "#record/recorder-state.ts";
import type { RingEvent } from "#record/ring/ring-event.ts";
import type { GapCause, StoreFaultCode } from "#record/store.ts";

export interface RecordingEventsOptions {
  readonly emit: EventListener;
  nowUs(): number;
  /** UTC of a stamp of this boot, ms since 1970. */
  utcMs(atUs: number): number;
  /** Where the ring is. */
  ringDirectory(): string;
}

const GAP_CAUSES: Readonly<Record<GapCause, string>> = {
  source: "cam",
  backpressure: "backpressure",
  power: "power",
  disk: "disk",
  off: "off",
  tracks: "params",
};

const STOP_CAUSES: Readonly<Record<StoreFaultCode, string>> = {
  full: "full",
  locked: "locked_cap",
  io: "io",
  "read-only": "ro",
  gone: "gone",
  foreign: "foreign",
  unsupported: "unsupported",
  "part-too-large": "part_too_large",
};

/** What the medium itself is guilty of, and what it is then called. */
const DISK_TYPES: Partial<Record<StoreFaultCode, string>> = { io: "disk.io", "read-only": "disk.ro" };

/** Shorter ones than a group of pictures are the camera's, and told by the counters of its losses. */
const MIN_GAP_US = 1e6;

export class RecordingEvents {
  readonly #options: RecordingEventsOptions;
  readonly #stopped = new Map<string, StoreFaultCode>();
  /** Conditions of the medium that hold. */
  readonly #open = new Map<string, string>();

  constructor(options: RecordingEventsOptions) {
    this.#options = options;
  }

  readonly onGap = (path: string, { fromUs, toUs, cause }: Gap): void => {
    if (toUs - fromUs < MIN_GAP_US || cause === "off") return;
    const { utcMs } = this.#options;
    const data = { from: utcMs(fromUs), to: utcMs(toUs), cause: GAP_CAUSES[cause] };
    this.#tell({ type: "rec.gap", severity: "warn", phase: "new", camera: path, data, atUs: toUs });
  };

  /** What is missing since before this run: UTC, ms. */
  readonly onRestartGap = (
    path: string,
    { from, to, cause }: { readonly from: number; readonly to: number; readonly cause: string },
  ): void => {
    this.#tell({ type: "rec.gap", severity: "warn", phase: "new", camera: path, data: { from, to, cause }, atUs: this.#options.nowUs() });
  };

  readonly onRecorder = (path: string, { state, fault, reason }: RecorderState): void => {
    const known = this.#stopped.get(path);
    if (state === "error" && fault !== undefined) {
      if (known === fault) return;
      this.#stopped.set(path, fault);
      const phase = known === undefined ? "new" : "update";
      this.#tell(this.#recorderEvent(path, "rec.stop", "crit", phase, { cause: STOP_CAUSES[fault], text: reason ?? null }));
    } else if (known !== undefined && (state === "recording" || state === "off")) {
      this.#stopped.delete(path);
      this.#tell(this.#recorderEvent(path, "rec.resume", "info", "end", { cause: STOP_CAUSES[known], off: state === "off" }));
    }
  };

  readonly onRing = (event: RingEvent): void => {
    const mnt = this.#options.ringDirectory();
    switch (event.type) {
      case "status": {
        const type = event.code === undefined ? undefined : DISK_TYPES[event.code];
        if (event.status === "degraded" && type !== undefined) this.#begin(type, "crit", { mnt, text: event.text });
        else if (event.status === "recording") for (const ended of ["disk.io", "disk.ro"]) this.#end(ended, { mnt });
        return;
      }
      case "disk-slow":
        this.#begin("disk.slow", "warn", { mnt });
        return;
      case "disk-calm":
        this.#end("disk.slow", { mnt });
        return;
      case "bad-chunk":
        this.#tell({
          ...{ type: "disk.io", severity: "warn", phase: "new" },
          data: { mnt, chunk: event.chunk, text: event.text },
          atUs: this.#options.nowUs(),
        });
        return;
      case "gap":
        if (event.cause === "power") this.#powerGap(event.path);
        return;
      case "wear": {
        const { level, used, daysLeft } = event.report;
        const data = {
          ...{ mnt, level, wear_pct: used === undefined ? null : Number((used * 100).toFixed(1)) },
          days_left: daysLeft === undefined ? null : Math.round(daysLeft),
        };
        if (level === "good" || level === "unknown") this.#end("disk.wear", data);
        else this.#begin("disk.wear", level === "protect" ? "crit" : "warn", data);
        return;
      }
      default:
        return;
    }
  };

  /** Found at the start: nobody was there when it began. */
  #powerGap(camera: string): void {
    this.#tell({
      type: "rec.gap",
      severity: "warn",
      phase: "new",
      camera,
      data: { from: null, to: null, cause: "power" },
      atUs: this.#options.nowUs(),
    });
  }

  #begin(type: string, severity: GatewayEvent["severity"], data: GatewayEvent["data"]): void {
    const key = JSON.stringify([severity, data]);
    const known = this.#open.get(type);
    if (known === key) return;
    this.#open.set(type, key);
    this.#tell({ type, severity, phase: known === undefined ? "new" : "update", condition: type, data, atUs: this.#options.nowUs() });
  }

  #end(type: string, data: GatewayEvent["data"]): void {
    if (this.#open.delete(type)) this.#tell({ type, severity: "info", phase: "end", condition: type, data, atUs: this.#options.nowUs() });
  }

  #recorderEvent(
    camera: string,
    type: string,
    severity: GatewayEvent["severity"],
    phase: GatewayEvent["phase"],
    data: GatewayEvent["data"],
  ): GatewayEvent {
    return { type, severity, phase, condition: `rec.stop ${camera}`, camera, data, atUs: this.#options.nowUs() };
  }

  #tell(event: GatewayEvent): void {
    this.#options.emit(event);
  }
}
