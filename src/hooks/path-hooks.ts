// The hooks of one path: which command belongs to which event, and with which variables.
import type { Log } from "#base/log.ts";
import type { PathClient } from "#relay/path.ts";
import type { HookCommands } from "./hook-commands.ts";
import type { HookPair } from "./hook-pair.ts";
import type { PathHookSettings } from "./hook-settings.ts";
import { escapeQuery, type HookVariables, type NamedPath, pathVariables, secondsText } from "./hook-variables.ts";

export interface PathHooksOptions {
  readonly path: NamedPath;
  readonly settings: PathHookSettings;
  readonly commands: HookCommands;
  readonly rtspPort: number;
  readonly log: Log;
}

/** Told by the store of a path's recordings. Works as long as anybody holds it, also when the path is gone. */
export interface SegmentHooks {
  created(file: string): void;
  /** Only of files that are whole. */
  completed(file: string, durationSeconds: number): void;
}

export class PathHooks implements SegmentHooks {
  readonly #settings: PathHookSettings;
  readonly #commands: HookCommands;
  readonly #log: Log;
  readonly #variables: HookVariables;

  constructor({ path, settings, commands, rtspPort, log }: PathHooksOptions) {
    this.#settings = settings;
    this.#commands = commands;
    this.#log = log.child(`path ${path.name}`);
    this.#variables = pathVariables(path, rtspPort);
  }

  // What belongs to each thing that lasts.

  init(): HookPair {
    const { runOnInit, runOnInitRestart } = this.#settings;
    return this.#pair({ name: "runOnInit", line: runOnInit, restart: runOnInitRestart }, { name: "", line: "" }, {});
  }

  /** `query`: of the first who asked. */
  demand(query: string): HookPair {
    const { runOnDemand, runOnDemandRestart, runOnUnDemand } = this.#settings;
    const on = { name: "runOnDemand", line: runOnDemand, restart: runOnDemandRestart };
    return this.#pair(on, { name: "runOnUnDemand", line: runOnUnDemand }, { MTX_QUERY: escapeQuery(query) });
  }

  available(feed: PathClient): HookPair {
    const { runOnAvailable, runOnAvailableRestart, runOnUnavailable } = this.#settings;
    const on = { name: "runOnAvailable", line: runOnAvailable, restart: runOnAvailableRestart };
    return this.#pair(on, { name: "runOnUnavailable", line: runOnUnavailable }, feedVariables(feed));
  }

  online(feed: PathClient): HookPair {
    const { runOnOnline, runOnOnlineRestart, runOnOffline } = this.#settings;
    const on = { name: "runOnOnline", line: runOnOnline, restart: runOnOnlineRestart };
    return this.#pair(on, { name: "runOnOffline", line: runOnOffline }, feedVariables(feed));
  }

  read({ type, id, query }: PathClient): HookPair {
    const { runOnRead, runOnReadRestart, runOnUnread } = this.#settings;
    const on = { name: "runOnRead", line: runOnRead, restart: runOnReadRestart };
    const variables = { MTX_QUERY: escapeQuery(query), MTX_READER_TYPE: type, MTX_READER_ID: id };
    return this.#pair(on, { name: "runOnUnread", line: runOnUnread }, variables);
  }

  created(file: string): void {
    this.#launch("runOnRecordSegmentCreate", this.#settings.runOnRecordSegmentCreate, { MTX_SEGMENT_PATH: file });
  }

  completed(file: string, durationSeconds: number): void {
    const variables = { MTX_SEGMENT_PATH: file, MTX_SEGMENT_DURATION: secondsText(durationSeconds) };
    this.#launch("runOnRecordSegmentComplete", this.#settings.runOnRecordSegmentComplete, variables);
  }

  #pair(on: HookPair["on"], off: HookPair["off"], variables: HookVariables): HookPair {
    return { on, off, place: { variables: { ...this.#variables, ...variables }, log: this.#log } };
  }

  #launch(name: string, line: string, variables: HookVariables): void {
    this.#commands.launch({ name, line, variables: { ...this.#variables, ...variables }, log: this.#log });
  }
}

function feedVariables({ type, id, query }: PathClient): HookVariables {
  return { MTX_QUERY: escapeQuery(query), MTX_SOURCE_TYPE: type, MTX_SOURCE_ID: id };
}
