// Commands that the config attaches to events: listens to paths and connections, and runs what belongs to each.
import type { Log } from "#base/log.ts";
import type { Path, PathClient } from "#relay/path.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { SessionEntry, SessionRegistry } from "#relay/session-registry.ts";
import { HookCommands, type HookCommandsOptions } from "./hook-commands.ts";
import { startPair } from "./hook-pair.ts";
import type { ConnectionHookSettings, PathHookSettings } from "./hook-settings.ts";
import { PathHooks, type SegmentHooks } from "./path-hooks.ts";

export interface HookRunnerOptions {
  readonly registry: Pick<PathRegistry, "watch">;
  readonly sessions: Pick<SessionRegistry, "watch">;
  /** Asked once for each path, when it is opened: a path with other hooks is another path. */
  settingsOf(path: Path): PathHookSettings;
  readonly connections: ConnectionHookSettings;
  /** Of `rtspAddress`, whether RTSP is on or not. */
  readonly rtspPort: number;
  readonly log: Log;
  /** For tests. */
  readonly commands?: Omit<HookCommandsOptions, "log">;
}

/** What belongs to one path: its hooks, and how to end what has begun. */
interface OpenPath {
  readonly hooks: PathHooks;
  readonly ends: Map<"init" | "available" | "online" | PathClient, () => void>;
}

/** Listens from its construction on. Paths and connections that are there already count as just opened, readers that read already do not. */
export class HookRunner {
  readonly #options: HookRunnerOptions;
  readonly #commands: HookCommands;
  readonly #paths = new Map<Path, OpenPath>();
  readonly #connections = new Map<SessionEntry, () => void>();
  readonly #unwatch: readonly (() => void)[];

  constructor(options: HookRunnerOptions) {
    this.#options = options;
    this.#commands = new HookCommands({ ...options.commands, log: options.log });
    this.#unwatch = [
      options.registry.watch({
        opened: (path) => this.#open(path),
        updated: () => {},
        closed: (path) => this.#close(path),
        available: (path, feed) => this.#begin(path, "available", (hooks) => hooks.available(feed)),
        online: (path, feed) => this.#begin(path, "online", (hooks) => hooks.online(feed)),
        offline: (path) => this.#end(path, "online"),
        unavailable: (path) => this.#end(path, "available"),
        readStarted: (path, client) => this.#begin(path, client, (hooks) => hooks.read(client)),
        readEnded: (path, client) => this.#end(path, client),
      }),
      options.sessions.watch({ added: (entry) => this.#connect(entry), removed: (entry) => this.#disconnect(entry) }),
    ];
  }

  /** What `start` of a path's `onDemand` (relay/path-options.ts) calls. */
  demand(path: string, query: string): { stop(): void } {
    const open = [...this.#paths].find(([{ name }]) => name === path)?.[1];
    return { stop: open?.hooks.demand(query) ?? (() => {}) };
  }

  /** For the store of a path's recordings. */
  segments(path: Path): SegmentHooks {
    return this.#paths.get(path)?.hooks ?? this.#hooksOf(path);
  }

  /** Call it when paths and listeners are closed: their last commands were launched by then. Resolves, within 22 s, when no command runs. */
  async close(): Promise<void> {
    for (const unwatch of this.#unwatch) unwatch();
    await this.#commands.close();
  }

  #hooksOf(path: Path): PathHooks {
    const { rtspPort, log } = this.#options;
    return new PathHooks({ path, settings: this.#options.settingsOf(path), commands: this.#commands, rtspPort, log });
  }

  #open(path: Path): void {
    this.#paths.set(path, { hooks: this.#hooksOf(path), ends: new Map() });
    this.#begin(path, "init", (hooks) => hooks.init());
  }

  #close(path: Path): void {
    for (const end of this.#paths.get(path)?.ends.values() ?? []) end();
    this.#paths.delete(path);
  }

  #begin(path: Path, what: "init" | "available" | "online" | PathClient, start: (hooks: PathHooks) => () => void): void {
    const open = this.#paths.get(path);
    open?.ends.set(what, start(open.hooks));
  }

  #end(path: Path, what: "available" | "online" | PathClient): void {
    const ends = this.#paths.get(path)?.ends;
    ends?.get(what)?.();
    ends?.delete(what);
  }

  #connect(entry: SessionEntry): void {
    const { connections, rtspPort, log } = this.#options;
    if (!entry.kind.endsWith("Conn")) return; // a session, a source
    const variables = { MTX_CONN_TYPE: entry.kind, MTX_CONN_ID: entry.id, RTSP_PORT: String(rtspPort) };
    const on = { name: "runOnConnect", line: connections.runOnConnect, restart: connections.runOnConnectRestart };
    const place = { variables, log: log.child(`${entry.kind} ${entry.id.slice(0, 8)}`) };
    this.#connections.set(entry, startPair(this.#commands, on, { name: "runOnDisconnect", line: connections.runOnDisconnect }, place));
  }

  #disconnect(entry: SessionEntry): void {
    this.#connections.get(entry)?.();
    this.#connections.delete(entry);
  }
}
