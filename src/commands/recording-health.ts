// How recording is, in the words of the MQTT contract: what there is of each camera, what is missing, what its recorder does.
import type { Clock } from "#base/clock.ts";
import type { RecorderState } from "#record/recorder-state.ts";
import type { RecordingIndex, Span } from "#record/recording-index.ts";
import type { Ring } from "#record/ring/ring.ts";

/** `null`: nothing is recorded yet, or it is not known. Times are UTC, ms since 1970. */
export interface FootageHealth {
  readonly oldest: number | null;
  readonly newest: number | null;
  readonly gaps_24h: number;
  readonly gap_s_24h: number;
}

export interface RecorderHealth extends FootageHealth {
  readonly st: RecorderState["state"];
  readonly why: string | null;
  /** Of all footage together. */
  readonly span_s: number;
  readonly mb: number;
  /** Frames that were received and not recorded, since the recorder was made. */
  readonly dropped: number;
  /** Since bytes were last safe on the medium. */
  readonly write_age_ms: number | null;
  /** Footage that waits in memory for a medium that is out of use. */
  readonly held_s: number;
}

export interface RingHealth {
  readonly st: Ring["status"];
  readonly ring_mb: number | null;
  readonly locked_mb: number | null;
  readonly chunks: number | null;
  readonly bad_chunks: number | null;
}

export interface RecordingHealth extends FootageHealth, Partial<Pick<RingHealth, "ring_mb" | "locked_mb">> {
  /** Of all cameras: footage in memory that waits to be written. */
  readonly wq_bytes: number;
  readonly cams: Readonly<Record<string, RecorderHealth>>;
}

export interface RecordingWatchOptions {
  readonly clock: Clock;
  /** Those that run, by path. */
  recorders(): readonly { readonly path: string; readonly state: RecorderState }[];
  indexOf(path: string): Pick<RecordingIndex, "spans"> | undefined;
  /** Undefined: there is none. */
  ring(): Pick<Ring, "status" | "usage"> | undefined;
}

interface Footage extends FootageHealth {
  readonly atUs: number;
  readonly span_s: number;
  readonly mb: number;
}

/** What there is of a camera is looked up this seldom: its spans are all gone through. */
const MAX_AGE_US = 30e6;
/** Where there was none yet. */
const MAX_AGE_OF_NONE_US = 2e6;
const DAY_US = 86_400e6;

export class RecordingWatch {
  readonly #options: RecordingWatchOptions;
  readonly #footage = new Map<string, Promise<Footage>>();
  readonly #known = new Map<string, Footage>();

  constructor(options: RecordingWatchOptions) {
    this.#options = options;
  }

  /** Undefined: there is none. */
  ring(): RingHealth | undefined {
    const ring = this.#options.ring();
    if (ring === undefined) return undefined;
    const { usage, status } = ring;
    const megabytes = (chunks: number): number => Math.round((chunks * usage!.chunkBytes) / 1e6);
    return {
      st: status,
      ring_mb: usage === undefined ? null : megabytes(usage.chunks),
      locked_mb: usage === undefined ? null : megabytes(usage.locked),
      chunks: usage?.chunks ?? null,
      bad_chunks: usage?.bad ?? null,
    };
  }

  /** Of each camera that is recorded, or of one. */
  async recorders(path?: string): Promise<RecordingHealth["cams"]> {
    const { recorders, clock } = this.#options;
    const cams: Record<string, RecorderHealth> = {};
    for (const { path: name, state } of recorders()) {
      if (path !== undefined && name !== path) continue;
      const { atUs: _, ...footage } = await this.#footageOf(name);
      const { lastWriteUs } = state;
      cams[name] = {
        st: state.state,
        why: state.reason ?? null,
        ...footage,
        dropped: state.droppedUnits,
        write_age_ms: lastWriteUs === undefined ? null : Math.max(0, Math.round((clock.nowUs() - lastWriteUs) / 1000)),
        held_s: Number((state.heldUs / 1e6).toFixed(1)),
      };
    }
    return cams;
  }

  async read(): Promise<RecordingHealth> {
    const cams = await this.recorders();
    const all = Object.values(cams);
    const oldest = all.flatMap((one) => one.oldest ?? []);
    const newest = all.flatMap((one) => one.newest ?? []);
    const ring = this.ring();
    return {
      ...(ring !== undefined && { ring_mb: ring.ring_mb, locked_mb: ring.locked_mb }),
      oldest: oldest.length === 0 ? null : Math.min(...oldest),
      newest: newest.length === 0 ? null : Math.max(...newest),
      gaps_24h: all.reduce((sum, one) => sum + one.gaps_24h, 0),
      gap_s_24h: Number(all.reduce((sum, one) => sum + one.gap_s_24h, 0).toFixed(1)),
      wq_bytes: this.#options.recorders().reduce((sum, { state }) => sum + state.queuedBytes + state.heldBytes, 0),
      cams,
    };
  }

  /** One that cannot be looked up has none: what holds it up is told elsewhere. */
  #footageOf(path: string): Promise<Footage> {
    const known = this.#known.get(path);
    const maxAgeUs = known?.oldest === null ? MAX_AGE_OF_NONE_US : MAX_AGE_US;
    if (known !== undefined && this.#options.clock.nowUs() - known.atUs < maxAgeUs) return Promise.resolve(known);
    let looking = this.#footage.get(path);
    if (looking === undefined) {
      looking = this.#look(path).finally(() => this.#footage.delete(path));
      this.#footage.set(path, looking);
    }
    return looking;
  }

  async #look(path: string): Promise<Footage> {
    const { clock, indexOf } = this.#options;
    const spans =
      (await indexOf(path)
        ?.spans(path)
        .catch(() => [])) ?? [];
    const footage = { atUs: clock.nowUs(), ...summed(spans, clock.utcOf(clock.nowUs()).utcUs) };
    this.#known.set(path, footage);
    for (const name of this.#known.keys()) if (!this.#options.recorders().some((one) => one.path === name)) this.#known.delete(name);
    return footage;
  }
}

function summed(spans: readonly Span[], nowUtcUs: number): Omit<Footage, "atUs"> {
  let [gaps, gapUs, durationUs, sizeBytes] = [0, 0, 0, 0];
  for (const [i, span] of spans.entries()) {
    durationUs += span.durationUs;
    sizeBytes += span.sizeBytes;
    const before = spans[i - 1];
    if (before === undefined || span.gapBefore === undefined || span.startUtcUs < nowUtcUs - DAY_US) continue;
    gaps++;
    gapUs += Math.max(0, span.startUtcUs - Math.max(nowUtcUs - DAY_US, before.startUtcUs + before.durationUs));
  }
  const [first, last] = [spans[0], spans.at(-1)];
  return {
    oldest: first === undefined ? null : Math.round(first.startUtcUs / 1000),
    newest: last === undefined ? null : Math.round((last.startUtcUs + last.durationUs) / 1000),
    gaps_24h: gaps,
    gap_s_24h: Number((gapUs / 1e6).toFixed(1)),
    span_s: Math.round(durationUs / 1e6),
    mb: Math.round(sizeBytes / 1e6),
  };
}
