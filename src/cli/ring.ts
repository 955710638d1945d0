// `camgate ring inspect|verify|export <directory>`: what is on a card, whether it is sound, and its footage as plain MP4 files. Nothing on the card is written.
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BootClock } from "#base/clock.ts";
import { CallerFault, errorText } from "#base/errors.ts";
import { NodeFs } from "#base/node-fs.ts";
import { parseRfc3339 } from "#base/rfc3339.ts";
import { UtcModel } from "#base/utc-model.ts";
import { readAnchorFile } from "#device/anchor-file.ts";
import { exportClip } from "#record/playback/export.ts";
import type { RecordingIndex, Span } from "#record/recording-index.ts";
import { inspectRing, readRing, verifyRing } from "#record/ring/inspect.ts";
import { CardClock } from "./card-clock.ts";
import type { Output } from "./output.ts";

const USAGE = [
  "usage: camgate ring inspect <directory>",
  "       camgate ring verify <directory>",
  "       camgate ring export <directory> [--path <path>] [--from <time>] [--to <time>] [--out <folder>]",
  "<directory>: where the ring lies, that is the folder that holds `gwr1`. Times as in 2026-11-22T14:03:20Z. Without --path: the only one there is.",
];
const MIB = 1024 * 1024;

/** @returns the exit code: 1 where the arguments are wrong, there is no ring, or it is damaged */
export async function runRing(args: readonly string[], out: Output): Promise<number> {
  const [command, ...rest] = args;
  const tool = TOOLS.get(command ?? "");
  const parsed = tool && parse(rest);
  if (tool === undefined || parsed === undefined) {
    for (const line of USAGE) out.line(line);
    return 1;
  }
  try {
    return await tool(parsed, out);
  } catch (error) {
    out.line(errorText(error));
    return 1;
  }
}

interface Arguments {
  readonly directory: string;
  readonly path: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly out: string;
}

const TOOLS: ReadonlyMap<string, (args: Arguments, out: Output) => Promise<number>> = new Map([
  ["inspect", inspect],
  ["verify", verify],
  ["export", exportFootage],
]);

/** Undefined: they cannot be understood. */
function parse(words: readonly string[]): Arguments | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: { path: { type: "string" }, from: { type: "string" }, to: { type: "string" }, out: { type: "string", default: "." } },
    });
    const [directory, ...more] = positionals;
    return directory === undefined || more.length > 0
      ? undefined
      : { directory, path: values.path, from: values.from, to: values.to, out: values.out };
  } catch {
    return undefined;
  }
}

async function inspect({ directory }: Arguments, out: Output): Promise<number> {
  const fs = new NodeFs();
  const summary = await inspectRing(fs, directory);
  const { ring, state, indexFault, chunks } = summary;
  out.line(`ring ${ring.ringId}, made ${new Date(ring.createdMs).toISOString()} by the clock of that day`);
  out.line(`${chunks.length} of ${ring.chunks} chunks of ${ring.chunkBytes / MIB} MiB are there`);
  if (state !== undefined) out.line(`${(state.writtenBytes / 1e9).toFixed(1)} GB were written to it so far`);
  if (indexFault !== undefined) out.line(`the index is damaged and is made anew at the next start: ${indexFault}`);
  const index = await readRing(fs, directory, summary, await clockOf(directory));
  for (const path of await index.paths()) {
    const spans = await index.spans(path);
    out.line("");
    out.line(`${path}: ${spans.length} ${spans.length === 1 ? "span" : "spans"}`);
    for (const span of spans) out.line(`  ${spanText(span)}`);
  }
  for (const lock of index.locks()) {
    out.line("");
    out.line(`locked: ${lock.path} from ${timeText(lock.fromUtcUs)} to ${timeText(lock.toUtcUs)} (${lock.why})`);
  }
  return 0;
}

async function verify({ directory }: Arguments, out: Output): Promise<number> {
  const fs = new NodeFs();
  const summary = await inspectRing(fs, directory);
  let [fragments, damaged, open] = [0, 0, 0];
  for await (const report of verifyRing(fs, directory, summary)) {
    fragments += report.fragments;
    if (report.header !== undefined && !report.closed) open++;
    if (report.problems.length === 0) continue;
    damaged++;
    const camera = report.header === undefined ? "" : ` (${report.header.camera})`;
    out.line(`chunk ${report.chunk}${camera}: ${report.problems.join("; ")}`);
  }
  const openText = open === 0 ? "" : `, ${open} not closed (power was lost, or it is being recorded to)`;
  out.line(`${summary.chunks.length} chunks, ${fragments} fragments: ${damaged} damaged${openText}`);
  return damaged > 0 ? 1 : 0;
}

/** One MP4 file for each stretch without a gap. An interrupt removes what was written. */
async function exportFootage({ directory, path: wanted, from, to, out: folder }: Arguments, out: Output): Promise<number> {
  const [fromUtcUs, toUtcUs] = [timeOf("--from", from), timeOf("--to", to)];
  const fs = new NodeFs();
  const summary = await inspectRing(fs, directory);
  const index = await readRing(fs, directory, summary, await clockOf(directory));
  const path = wanted ?? (await onlyPath(index));
  const spans = await index.spans(path);
  if (spans.length === 0) throw new CallerFault("not-found", `there is no footage of ${path}`, "--path");
  const wish = {
    path,
    fromUtcUs: fromUtcUs ?? Math.min(...spans.map(({ startUtcUs }) => startUtcUs)),
    toUtcUs: toUtcUs ?? Math.max(...spans.map(({ startUtcUs, durationUs }) => startUtcUs + durationUs)),
    folder,
  };
  const stop = new AbortController();
  const onInterrupt = (): void => stop.abort(new Error("interrupted: nothing is exported"));
  process.once("SIGINT", onInterrupt);
  try {
    for (const { name, sizeBytes, startUtcUs } of await exportClip(wish, { fs, index }, stop.signal)) {
      out.line(`${join(folder, name)}  ${(sizeBytes / MIB).toFixed(1)} MiB  from ${timeText(startUtcUs)}`);
    }
  } finally {
    process.off("SIGINT", onInterrupt);
  }
  return 0;
}

function timeOf(option: string, text: string | undefined): number | undefined {
  const utcUs = text === undefined ? undefined : parseRfc3339(text);
  if (text !== undefined && utcUs === undefined)
    throw new CallerFault("invalid", `${option}: '${text}' is not a time like 2026-11-22T14:03:20Z`, option);
  return utcUs;
}

async function onlyPath(index: RecordingIndex): Promise<string> {
  const paths = await index.paths();
  if (paths.length === 1) return paths[0]!;
  const there = paths.length === 0 ? "there is no footage" : `--path: one of ${paths.join(", ")}`;
  throw new CallerFault("invalid", there, "--path");
}

function spanText({ startUtcUs, durationUs, timeQuality, timeErrorMs, gapBefore, sizeBytes, locked }: Span): string {
  const error = timeErrorMs === undefined ? "" : ` ± ${Math.ceil(timeErrorMs)} ms`;
  const marks = [
    `time: ${timeQuality}${error}`,
    ...(gapBefore === undefined ? [] : [`gap before: ${gapBefore}`]),
    ...(locked ? ["locked"] : []),
  ];
  return `${timeText(startUtcUs)}  ${(durationUs / 1e6).toFixed(1)} s  ${(sizeBytes / MIB).toFixed(1)} MiB  ${marks.join(", ")}`;
}

function timeText(utcUs: number): string {
  return new Date(utcUs / 1000).toISOString();
}

/** Tells the times of the card's boots by the anchors that lie on it. */
async function clockOf(directory: string): Promise<BootClock> {
  const { anchors } = await readAnchorFile(join(directory, "gwr1", "clk.log"));
  return new CardClock(new UtcModel(anchors));
}
