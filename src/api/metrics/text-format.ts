// Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/): lines of samples. Pure.

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Names are ours and match `[a-zA-Z_][a-zA-Z0-9_]*`; values may be any text. */
export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels?: Labels;
  /** Undefined: not known, and the sample is left out. */
  readonly value: number | undefined;
}

/** All samples of one metric, with what they mean. A counter's name ends in `_total`. */
export interface MetricFamily {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** `{a="1",b="2"}`, by name; empty without labels. Names of paths come from strangers: no value ends its quotes or its line. */
export function writeLabels(labels: Labels = {}): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.length === 0 ? "" : `{${pairs.map(([name, value]) => `${name}="${escapeValue(value)}"`).join(",")}}`;
}

/** `name{labels} value` and a line feed. */
export function writeSample(name: string, labels: string, value: number): string {
  return `${name}${labels} ${writeValue(value)}\n`;
}

/** HELP, TYPE and the samples; nothing at all where no value is known. */
export function writeFamily({ name, type, help, samples }: MetricFamily): string {
  const known = samples.filter((sample): sample is Sample & { value: number } => sample.value !== undefined);
  if (known.length === 0) return "";
  const lines = known.map(({ labels, value }) => writeSample(name, writeLabels(labels), value));
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

/** A gauge with one sample, without labels. */
export function gauge(name: string, help: string, value: number | undefined): MetricFamily {
  return { name, type: "gauge", help, samples: [{ value }] };
}

/** One sample for each of `states`, 1 for the one that holds: a state that can be counted and alerted on. */
export function stateSamples(label: string, states: readonly string[], current: string, labels: Labels = {}): readonly Sample[] {
  return states.map((state) => ({ labels: { ...labels, [label]: state }, value: state === current ? 1 : 0 }));
}

/** Shortest decimal that reads back as the same number, without an exponent: as MediaMTX prints it. */
function writeValue(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const [, sign = "", whole = "", fraction = "", exponent] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  if (exponent === undefined) return Object.is(value, -0) ? "0" : String(value);
  const point = whole.length + Number(exponent);
  const digits = whole + fraction;
  const padded = point > 0 ? digits.padEnd(point, "0") : `0.${"0".repeat(-point)}${digits}`;
  return sign + padded;
}

function escapeValue(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}

function escapeHelp(text: string): string {
  return text.replace(/[\\\n]/g, (character) => (character === "\n" ? "\\n" : "\\\\"));
}
