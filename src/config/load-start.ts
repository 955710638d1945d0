// The config that a gateway starts with: file, environment, and what was kept of changes over the API.

import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { errorText } from "#base/errors.ts";
import { combineOverlay } from "./combine-overlay.ts";
import type { Config } from "./config.ts";
import { type LoadOptions, loadLayers } from "./load-config.ts";
import { mergeLayers } from "./merge-layers.ts";
import { emptyOverlay, type LowerLayers, type Overlay } from "./overlay.ts";
import { parseOverlay } from "./overlay-file.ts";
import { byLine } from "./parse-config.ts";
import { formatProblem, type Problem, Problems } from "./problem.ts";

export interface StartConfig {
  /** Undefined where file or environment has an error. */
  readonly config?: Config;
  readonly problems: readonly Problem[];
  /** The file that was read; undefined where none was found and the defaults hold. */
  readonly file: string | undefined;
  readonly lower: LowerLayers;
  readonly overlay: Overlay;
  /** Where changes over the API are kept, when they are. Absolute. */
  readonly overlayFile: string;
  /** What became of it, where it is not as it was left: a line each, for people. */
  readonly overlayNotes: readonly string[];
  /** All that was kept could be taken, or was undone by an edit of the file. */
  readonly isOverlayWhole: boolean;
}

const OVERLAY_NAME = "overlay.yml";

/** An overlay never keeps a gateway from starting: what is wrong with it is left out, and told. It is not touched. */
export function loadStartConfig(options: LoadOptions): StartConfig {
  const { layers: lower, problems, hasErrors, file } = loadLayers(options);
  const { global } = mergeLayers(lower, new Problems());
  const overlayFile = join(resolve(options.cwd ?? process.cwd(), String(global.get("dataDirectory")!.value)), OVERLAY_NAME);
  const isKept = global.get("apiPersist")!.value === true;
  const notes: string[] = [];
  if (!isKept && existsSync(overlayFile)) notes.push(`${overlayFile} is not read: the config says \`apiPersist: no\``);
  const kept = isKept ? readOverlay(overlayFile, notes) : emptyOverlay;
  const combined = combineOverlay(lower, kept ?? emptyOverlay);
  notes.push(...combined.outdated.map((field) => `the file was edited: what the API had set of ${field} is dropped`));
  notes.push(...combined.refused.map((problem) => `${overlayFile} has what cannot be taken: ${formatProblem(problem)}`));
  const all = [...problems, ...combined.problems].sort(byLine);
  const common = {
    problems: all,
    file,
    lower,
    overlay: combined.overlay,
    overlayFile,
    overlayNotes: notes,
    isOverlayWhole: kept !== undefined && combined.refused.length === 0,
  };
  return combined.config === undefined || hasErrors ? common : { ...common, config: combined.config };
}

/** The next change writes the overlay without what could not be taken of it: a copy of it as it was lies beside then. Returns its name. */
export function saveRefusedOverlay(overlayFile: string): string | undefined {
  const copy = `${overlayFile}.refused`;
  try {
    copyFileSync(overlayFile, copy);
    return copy;
  } catch {
    return undefined;
  }
}

/** Undefined: it cannot be taken at all. */
function readOverlay(path: string, notes: string[]): Overlay | undefined {
  if (!existsSync(path)) return emptyOverlay;
  const problems = new Problems();
  try {
    const overlay = parseOverlay(new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path)), path, problems);
    if (overlay !== undefined) return overlay;
  } catch (error) {
    problems.error({ file: path, line: undefined }, "", `cannot be read: ${errorText(error)}`);
  }
  notes.push(`${path} cannot be taken, changes over the API are lost: ${formatProblem(problems.all[0]!)}`);
  return undefined;
}
