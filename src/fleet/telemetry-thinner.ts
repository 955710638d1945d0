// What is kept of telemetry while nobody takes it: every sample for an hour, then one for ten minutes, after a day one for an hour, each with what lay between.

/** A health document, without its envelope. */
export type Sample = Readonly<Record<string, unknown>>;

export interface ThinnedSample {
  /** Monotonic, when its newest part was measured. */
  readonly atMs: number;
  readonly body: Sample;
}

/** Of numbers that varied, in the places that they have in the document; elements of lists stand under their places. Times have none. */
export interface SampleSummary {
  /** How long it stands for, s. */
  readonly s: number;
  /** Samples. */
  readonly n: number;
  readonly min: Sample;
  readonly avg: Sample;
  readonly max: Sample;
}

const HOUR_MS = 3_600_000;
/** From which age of the outage on, one sample is kept for how long. */
const STEPS = [
  { fromMs: 24 * HOUR_MS, spanMs: HOUR_MS },
  { fromMs: HOUR_MS, spanMs: 600_000 },
] as const;
/** Of one document: a gateway with hundreds of cameras keeps the last sample of a span, and no more. */
const MAX_NUMBERS = 5000;
/** Larger numbers are times, ms since 1970. */
const MAX_MEASURED = 1e12;

export class TelemetryThinner {
  #outageSinceMs: number | undefined;
  #span: Span | undefined;

  /** A sample that could not be sent; what is to be kept because of it. */
  push(body: Sample, nowMs: number): readonly ThinnedSample[] {
    this.#outageSinceMs ??= nowMs;
    const kept = this.#span !== undefined && nowMs >= this.#span.endMs ? [this.#span.close()] : [];
    if (kept.length > 0) this.#span = undefined;
    const ageMs = nowMs - this.#outageSinceMs;
    const step = STEPS.find(({ fromMs }) => ageMs >= fromMs);
    if (step === undefined) return [...kept, { atMs: nowMs, body }];
    this.#span ??= new Span(nowMs, nowMs + step.spanMs);
    this.#span.add(body, nowMs);
    return kept;
  }

  /** Somebody takes it again; what is still to be kept. */
  end(): readonly ThinnedSample[] {
    this.#outageSinceMs = undefined;
    const span = this.#span;
    this.#span = undefined;
    return span === undefined ? [] : [span.close()];
  }
}

interface Range {
  readonly path: readonly string[];
  min: number;
  max: number;
  sum: number;
  count: number;
}

class Span {
  readonly endMs: number;
  readonly #startMs: number;
  readonly #ranges = new Map<string, Range>();
  #last: ThinnedSample | undefined;
  #count = 0;

  constructor(startMs: number, endMs: number) {
    this.#startMs = startMs;
    this.endMs = endMs;
  }

  add(body: Sample, atMs: number): void {
    this.#last = { atMs, body };
    this.#count++;
    this.#fold(body, []);
  }

  close(): ThinnedSample {
    const { atMs, body } = this.#last!;
    const varied = [...this.#ranges.values()].filter(({ min, max }) => max > min);
    const agg: SampleSummary = {
      s: Math.round((atMs - this.#startMs) / 1000),
      n: this.#count,
      min: tree(varied, ({ min }) => min),
      avg: tree(varied, ({ sum, count }) => Number((sum / count).toPrecision(6))),
      max: tree(varied, ({ max }) => max),
    };
    return { atMs, body: { ...body, agg } };
  }

  #fold(value: unknown, path: readonly string[]): void {
    if (typeof value === "number" && Math.abs(value) < MAX_MEASURED) this.#note(value, path);
    else if (typeof value === "object" && value !== null)
      for (const [name, inner] of Object.entries(value)) this.#fold(inner, [...path, name]);
  }

  #note(value: number, path: readonly string[]): void {
    const key = path.join("\n");
    const known = this.#ranges.get(key);
    if (known !== undefined) {
      known.min = Math.min(known.min, value);
      known.max = Math.max(known.max, value);
      known.sum += value;
      known.count++;
    } else if (this.#ranges.size < MAX_NUMBERS) this.#ranges.set(key, { path, min: value, max: value, sum: value, count: 1 });
  }
}

interface Branch {
  [name: string]: number | Branch;
}

function tree(ranges: readonly Range[], pick: (range: Range) => number): Sample {
  const root: Branch = Object.create(null);
  for (const range of ranges) {
    let branch = root;
    for (const name of range.path.slice(0, -1)) {
      branch[name] ??= Object.create(null) as Branch;
      branch = branch[name] as Branch;
    }
    branch[range.path.at(-1)!] = pick(range);
  }
  return root;
}
