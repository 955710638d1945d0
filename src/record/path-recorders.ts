// A recorder for every path that is to be recorded, as paths come and go and settings change.
import type { Clock } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import type { Path } from "#relay/path.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { Track } from "#relay/track.ts";
import { FrameMemory } from "./frame-memory.ts";
import { HoldBudget } from "./hold-budget.ts";
import { Recorder, type RecorderOptions } from "./recorder.ts";
import type { Gap, RecorderState } from "./recorder-state.ts";
import type { RecordingStore } from "./store.ts";

/** How a path is recorded. */
export interface RecordingPlan {
  /** Equal keys: a recorder that runs goes on as it is; else another one takes its place once it has closed its store. */
  readonly key: string;
  /** The path's place in a store, which does nothing before its `open`. */
  makeStore(): RecordingStore;
  /** See RecorderOptions. */
  readonly followsCamera?: boolean;
  /** The store can hold such a track. */
  keeps(track: Track): boolean;
}

export interface PathRecordersOptions {
  readonly registry: Pick<PathRegistry, "watch" | "list">;
  readonly clock: Clock;
  readonly log: Log;
  /** Asked for each path when it is there and whenever its settings may be others. Undefined: it is not recorded. */
  planOf(path: Path): RecordingPlan | undefined;
  onGap?(path: string, gap: Gap): void;
  onChange?(path: string, state: RecorderState): void;
  readonly schedule?: RecorderOptions["schedule"];
  readonly random?: RecorderOptions["random"];
}

interface Entry {
  readonly name: string;
  readonly key: string;
  readonly recorder: Recorder;
  /** Undefined: it stops, and is forgotten when it has. */
  path: Path | undefined;
}

export class PathRecorders {
  readonly #options: PathRecordersOptions;
  readonly #unwatch: () => void;
  readonly #entries = new Map<string, Entry>();
  readonly #memory = new FrameMemory();
  readonly #budget = new HoldBudget();
  /** By path: stores that are being closed. There is never more than one open for a path. */
  readonly #closing = new Map<string, Promise<void>>();

  constructor(options: PathRecordersOptions) {
    this.#options = options;
    const settle = (path: Path): void => this.#settle(path);
    this.#unwatch = options.registry.watch({ opened: settle, updated: settle, closed: (path) => this.#release(path) });
  }

  /** Undefined: the path is not recorded. */
  get(path: string): Recorder | undefined {
    const entry = this.#entries.get(path);
    return entry?.path === undefined ? undefined : entry.recorder;
  }

  /** By path. */
  list(): readonly { readonly path: string; readonly state: RecorderState }[] {
    const running = [...this.#entries.values()].filter((entry) => entry.path !== undefined);
    return running.map(({ name, recorder }) => ({ path: name, state: recorder.state })).sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Settings may have changed that are not the relay's: every path is looked at anew. */
  refresh(): void {
    for (const path of this.#options.registry.list()) this.#settle(path);
  }

  /** Resolves when every store is closed. */
  async close(): Promise<void> {
    this.#unwatch();
    for (const entry of [...this.#entries.values()]) this.#retire(entry);
    await Promise.all(this.#closing.values());
  }

  #settle(path: Path): void {
    const plan = this.#options.planOf(path);
    const entry = this.#entries.get(path.name);
    if (entry !== undefined && entry.key === plan?.key) {
      if (entry.path === path) return;
      entry.path = path; // the path was made anew
      this.#start(entry);
      return;
    }
    if (entry !== undefined) this.#retire(entry);
    if (plan !== undefined) this.#start(this.#add(path, plan));
  }

  #add(path: Path, plan: RecordingPlan): Entry {
    const { clock, log, onGap, onChange, schedule, random } = this.#options;
    const { name } = path;
    const recorder = new Recorder({
      name,
      clock,
      log,
      store: plan.makeStore(),
      memory: this.#memory,
      budget: this.#budget,
      followsCamera: plan.followsCamera ?? false,
      keeps: (track) => plan.keeps(track),
      follow: (reader) => entry.path!.follow(reader),
      onGap: (gap) => onGap?.(name, gap),
      onChange: (state) => onChange?.(name, state),
      ...(schedule && { schedule }),
      ...(random && { random }),
    });
    const entry: Entry = { name, key: plan.key, recorder, path };
    this.#entries.set(name, entry);
    return entry;
  }

  #start(entry: Entry): void {
    const closing = this.#closing.get(entry.name);
    const start = (): void => {
      if (entry.path !== undefined && this.#entries.get(entry.name) === entry) entry.recorder.start();
    };
    if (closing === undefined) start();
    else void closing.then(start);
  }

  #release(path: Path): void {
    const entry = this.#entries.get(path.name);
    if (entry?.path === path) this.#retire(entry);
  }

  #retire(entry: Entry): void {
    const { name, recorder } = entry;
    entry.path = undefined;
    const before = this.#closing.get(name);
    const closing = Promise.all([before, recorder.stop()]).then(() => {
      if (this.#closing.get(name) === closing) this.#closing.delete(name);
      if (entry.path === undefined && this.#entries.get(name) === entry) this.#entries.delete(name);
    });
    this.#closing.set(name, closing);
  }
}
