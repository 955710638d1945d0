// The config of a gateway that runs: read again when the file changes, changed over the API, and never left in a state that was not checked as a whole.

import { CallerFault, errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Config, PathEntry } from "./config.ts";
import { type ChangeRequest, type ConfigChange, readChange } from "./config-change.ts";
import type { Layer } from "./layer.ts";
import type { LoadedLayers } from "./load-config.ts";
import {
  isEmptyOverlay,
  type LowerLayers,
  type Overlay,
  withoutOutdated,
  withoutPath,
  withPath,
  withReplacedPath,
  withSettings,
} from "./overlay.ts";
import { isTooLarge, writeOverlay } from "./overlay-file.ts";
import { configOfLayers } from "./parse-config.ts";
import { formatProblem, type Problem } from "./problem.ts";
import { RestartNeeds } from "./restart-needs.ts";

export interface LiveConfigStart {
  readonly config: Config;
  /** File and environment, as they were read. */
  readonly lower: LowerLayers;
  readonly overlay: Overlay;
  /** Undefined: there is none, defaults and environment hold. */
  readonly file: string | undefined;
}

export interface LiveConfigOptions extends LiveConfigStart {
  /** Reads file and environment again; undefined: there is nothing to read. */
  reread?(): LoadedLayers;
  /** Takes a config that was checked; rejects when a server cannot be had under it, with everything as it was. */
  apply(config: Config): Promise<void>;
  /** Where the overlay is kept; undefined: it is not kept, whatever the config says. */
  readonly overlayFile?: OverlayFile;
  /** What is wrong with a source that the API sets; undefined: nothing. */
  sourceFault?(source: string, config: Config): string | undefined;
  /** The NOC's layer, above the overlay; it is part of `config`. */
  readonly desired?: Layer | undefined;
  /** The wall clock. */
  now?(): Date;
  readonly log: Log;
}

export interface OverlayFile {
  readonly path: string;
  /** On the medium when it resolves; whoever reads it, after whatever crash, finds the old text or the new one. */
  write(text: string): Promise<void>;
}

/** For API, log and metrics. */
export interface ConfigStatus {
  readonly file: string | undefined;
  /** When the file that runs was read. */
  readonly loadedAt: Date;
  /** Why the last reload was refused; undefined: it was not. */
  readonly lastError: { readonly at: Date; readonly text: string } | undefined;
  /** Since the start. */
  readonly reloads: { readonly applied: number; readonly refused: number };
  readonly overlay: {
    /** Undefined: changes over the API are lost with a restart. */
    readonly file: string | undefined;
    readonly hasChanges: boolean;
    /** Why the last change is not kept; undefined: it is. */
    readonly fault: string | undefined;
  };
  /** Full names of settings that were changed and are taken at the next start. */
  readonly pendingRestart: readonly string[];
}

/** Of a change, in its line of the log. */
const MAX_TOLD_FIELDS = 10;

/** The change runs, and is lost with a restart. */
export class NotKeptFault extends Error {
  constructor(cause: unknown) {
    super(`the change is in force, but could not be kept: ${errorText(cause)}`, { cause });
    this.name = "NotKeptFault";
  }
}

/** Changes are made one after the other; each resolves when it is in force and kept. What cannot be done rejects with a CallerFault and changes nothing. */
export class LiveConfig {
  readonly #options: LiveConfigOptions;
  readonly #now: () => Date;
  #config: Config;
  #lower: LowerLayers;
  #overlay: Overlay;
  #desired: Layer | undefined;
  #file: string | undefined;
  #loadedAt: Date;
  #lastError: ConfigStatus["lastError"];
  #overlayFault: string | undefined;
  readonly #reloads = { applied: 0, refused: 0 };
  readonly #restartNeeds: RestartNeeds;
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: LiveConfigOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    this.#config = options.config;
    this.#lower = options.lower;
    this.#overlay = options.overlay;
    this.#desired = options.desired;
    this.#file = options.file;
    this.#loadedAt = this.#now();
    this.#restartNeeds = new RestartNeeds(options.config);
  }

  /** The config that runs. */
  get config(): Config {
    return this.#config;
  }

  get status(): ConfigStatus {
    return {
      file: this.#file,
      loadedAt: this.#loadedAt,
      lastError: this.#lastError,
      reloads: { ...this.#reloads },
      overlay: { file: this.#keeper?.path, hasChanges: !isEmptyOverlay(this.#overlay), fault: this.#overlayFault },
      pendingRestart: this.#restartNeeds.pending(this.#config),
    };
  }

  /** Undefined: the config has no such entry; names of paths that only an expression matches are none. */
  entry(path: string): PathEntry | undefined {
    return this.#config.paths.find(({ name }) => name === path);
  }

  /** The body of this and the others: some settings, as JSON has them. */
  patchGlobal(body: unknown): Promise<void> {
    return this.#change({ scope: "global", body }, (change) => withSettings(this.#overlay, this.#lower, change));
  }

  patchPathDefaults(body: unknown): Promise<void> {
    return this.#change({ scope: "pathDefaults", body }, (change) => withSettings(this.#overlay, this.#lower, change));
  }

  /** Rejects when there is such a path. */
  addPath(path: string, body: unknown): Promise<void> {
    return this.#change({ scope: "add", path, body }, (change) => withPath(this.#overlay, this.#lower, path, change.path));
  }

  /** Rejects when there is none. */
  patchPath(path: string, body: unknown): Promise<void> {
    return this.#change({ scope: "patch", path, body }, (change) => withPath(this.#overlay, this.#lower, path, change.path));
  }

  /** Makes the path where there is none. */
  replacePath(path: string, body: unknown): Promise<void> {
    return this.#change({ scope: "replace", path, body }, (change) => withReplacedPath(this.#overlay, this.#lower, path, change.path));
  }

  /** Rejects when there is none. */
  deletePath(path: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.entry(path) === undefined) throw new CallerFault("not-found", "path not found", "path");
      this.#checkHigher([`paths.${path}`]);
      await this.#take(withoutPath(this.#overlay, this.#lower, path), [`paths.${path}`]);
    });
  }

  /** Reads the file again. What is wrong with it is told in the log and the status as well; the running config stays. */
  reload(): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#reread();
        this.#lastError = undefined;
        this.#reloads.applied++;
      } catch (error) {
        this.#lastError = { at: this.#now(), text: errorText(error) };
        this.#reloads.refused++;
        this.#options.log.error(`the configuration was not reloaded, the one of before runs on: ${errorText(error)}`);
        throw error;
      }
    });
  }

  /** What would be wrong with the config if the NOC's layer were this one; undefined: nothing. */
  desiredFault(desired: Layer | undefined): string | undefined {
    const parsed = this.#withDesired(desired);
    return parsed.config === undefined ? refusalOf(parsed.problems).message : undefined;
  }

  /** Another layer of the NOC's, or none any more. Rejects with what is wrong with it, or when a server cannot be had under it: then nothing is changed. */
  takeDesired(desired: Layer | undefined): Promise<void> {
    return this.#inTurn(async () => {
      const parsed = this.#withDesired(desired);
      if (parsed.config === undefined) throw refusalOf(parsed.problems);
      await this.#apply(parsed.config);
      this.#desired = desired;
    });
  }

  /** Nothing is changed any more once it resolves. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#turn;
  }

  #withDesired(desired: Layer | undefined): ReturnType<typeof configOfLayers> {
    return configOfLayers([...this.#lower, this.#overlay.layer, ...(desired === undefined ? [] : [desired])]);
  }

  async #reread(): Promise<void> {
    const { reread, log } = this.#options;
    if (reread === undefined) throw new CallerFault("invalid", "there is no configuration file to read again");
    const read = reread();
    if (read.hasErrors) throw refusalOf(read.problems);
    if (read.file === undefined && this.#file !== undefined) throw new CallerFault("invalid", `${this.#file} is not there any more`);
    const { overlay, dropped } = withoutOutdated(this.#overlay, read.layers);
    const parsed = configOfLayers([...read.layers, overlay.layer, ...this.#higher]);
    if (parsed.config === undefined) throw refusalOf(parsed.problems);
    const [before, keptBefore] = [this.#overlay, this.#keeper !== undefined];
    await this.#apply(parsed.config);
    this.#lower = read.layers;
    this.#file = read.file;
    this.#loadedAt = this.#now();
    this.#overlay = overlay;
    log.info(`configuration reloaded${read.file === undefined ? "" : ` from ${read.file}`}`);
    for (const problem of [...read.problems, ...parsed.problems]) log.warn(formatProblem(problem));
    for (const field of dropped) log.warn(`the file was edited: what the API had set of ${field} is dropped`);
    const isNew = !keptBefore && this.#keeper !== undefined && !isEmptyOverlay(overlay);
    if (overlay !== before || isNew) await this.#keep(overlay).catch((error: unknown) => log.error(errorText(error)));
  }

  #change(request: ChangeRequest, changed: (change: ConfigChange) => Overlay): Promise<void> {
    return this.#inTurn(async () => {
      const isThere = "path" in request && this.entry(request.path) !== undefined;
      if (request.scope === "add" && isThere) throw new CallerFault("invalid", "path already exists", "path");
      if (request.scope === "patch" && !isThere) throw new CallerFault("not-found", "path not found", "path");
      const change = readChange(request, this.#config, (source) => this.#options.sourceFault?.(source, this.#config));
      this.#checkHigher(change.fields);
      const isEmpty = change.fields.length === ("path" in request ? 1 : 0);
      if (isEmpty && request.scope !== "add" && request.scope !== "replace") return;
      await this.#take(changed(change), change.fields);
    });
  }

  /** `fields`: what is changed, for the log. */
  async #take(overlay: Overlay, fields: readonly string[]): Promise<void> {
    const parsed = configOfLayers([...this.#lower, overlay.layer, ...this.#higher]);
    if (parsed.config === undefined) throw refusalOf(parsed.problems.map(withoutOverlayNote));
    if (isTooLarge(writeOverlay(overlay)))
      throw new CallerFault("invalid", "there are too many changes over the API: put some of them into the file");
    await this.#apply(parsed.config);
    const more = fields.length > MAX_TOLD_FIELDS ? ` and ${fields.length - MAX_TOLD_FIELDS} more` : "";
    this.#options.log.info(`changed over the API: ${fields.slice(0, MAX_TOLD_FIELDS).join(", ")}${more}`);
    this.#overlay = overlay;
    await this.#keep(overlay);
  }

  async #apply(config: Config): Promise<void> {
    const { apply, log } = this.#options;
    try {
      await apply(config);
    } catch (error) {
      throw new CallerFault("invalid", errorText(error));
    }
    const before = this.#restartNeeds.pending(this.#config);
    this.#config = config;
    this.#restartNeeds.note(config);
    const fresh = this.#restartNeeds.pending(config).filter((name) => !before.includes(name));
    if (fresh.length > 0) log.warn(`changed, and taken at the next start: ${fresh.join(", ")}`);
  }

  /** Where the overlay is kept now. */
  get #keeper(): OverlayFile | undefined {
    return this.#config.global.apiPersist ? this.#options.overlayFile : undefined;
  }

  async #keep(overlay: Overlay): Promise<void> {
    const keeper = this.#keeper;
    this.#overlayFault = undefined;
    if (keeper === undefined) return;
    try {
      await keeper.write(writeOverlay(overlay));
    } catch (error) {
      this.#overlayFault = errorText(error);
      throw new NotKeptFault(error);
    }
  }

  get #higher(): readonly Layer[] {
    return this.#desired === undefined ? [] : [this.#desired];
  }

  #checkHigher(fields: readonly string[]): void {
    for (const layer of this.#higher) {
      const held = fields.find((field) => isHeldBy(layer, field));
      if (held !== undefined) throw new CallerFault("conflict", `${held} is set by the ${layer.name} layer, which is above the API`, held);
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(() => {
      if (this.#isClosed) throw new CallerFault("conflict", "the gateway is shutting down");
      return work();
    });
    this.#turn = done.catch(() => {});
    return done;
  }
}

function isHeldBy(layer: Layer, field: string): boolean {
  if (layer.global.has(field)) return true;
  if (field.startsWith("pathDefaults.")) return layer.pathDefaults.has(field.slice("pathDefaults.".length));
  return [...layer.paths].some(
    ([path, leaves]) =>
      field === `paths.${path}` || (field.startsWith(`paths.${path}.`) && leaves.has(field.slice(`paths.${path}.`.length))),
  );
}

/** Whoever sent the change knows where it comes from. */
function withoutOverlayNote(problem: Problem): Problem {
  return { ...problem, message: problem.message.replace(" (set by the overlay layer)", "") };
}

/** Errors that fit on a few lines. */
function refusalOf(problems: readonly Problem[]): CallerFault {
  const errors = problems.filter(({ severity }) => severity === "error");
  const shown = errors.slice(0, 5).map((problem) =>
    formatProblem(problem)
      .replace(" error: ", " ")
      .replace(/^error: /, ""),
  );
  const more = errors.length > shown.length ? [`and ${errors.length - shown.length} more`] : [];
  return new CallerFault("invalid", [...shown, ...more].join("; "), errors[0]?.field);
}
