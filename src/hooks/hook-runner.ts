// Commands that the config attaches to events: listens to paths and connections, and runs what belongs to each.
import type { Log } from "#base/log.ts";
import type { Path, PathClient } from "#relay/path.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { SessionEntry, SessionRegistry } from "#relay/session-registry.ts";
import { HookCommands, type HookCommandsOptions } from "./hook-commands.ts";
import { type HookPair, LastingHook } from "./hook-pair.ts";
import type { ConnectionHookSettings, PathHookSettings } from "./hook-settings.ts";
import { PathHooks, type SegmentHooks } from "./path-hooks.ts";

export interface HookRunnerOptions {
  readonly registry: Pick<PathRegistry, "watch">;
  readonly sessions: Pick<SessionRegistry, "watch">;
  /** Asked for each path when it is opened and when it is updated. */
  settingsOf(path: Path): PathHookSettings;
  /** Asked for each connection, and for all of them at `refresh`. */
  connections(): ConnectionHookSettings;
  /** Of `rtspAddress`, whether RTSP is on or not. Asked with the settings. */
  rtspPort(): number;
  readonly log: Log;
  /** For tests. */
  readonly commands?: Omit<HookCommandsOptions, "log">;
}

/** What lasts of a path: each with what belongs to it under the hooks of now. */
interface Lasting {
  readonly hook: LastingHook;
  pairOf(hooks: PathHooks): HookPair;
}

interface OpenPath {
  hooks: PathHooks;
  readonly lasting: Map<"init" | "available" | "online" | PathClient, Lasting>;
}

/** Listens from its construction on. Paths and connections that are there already count as just opened, readers that read already do not. */
export class HookRunner {
  readonly #options: HookRunnerOptions;
  readonly #commands: HookCommands;
  readonly #paths = new Map<Path, OpenPath>();
  readonly #connections = new Map<SessionEntry, LastingHook>();
  readonly #unwatch: readonly (() => void)[];

  constructor(options: HookRunnerOptions) {
    this.#options = options;
    this.#commands = new HookCommands({ ...options.commands, log: options.log });
    this.#unwatch = [
      options.registry.watch({
        opened: (path) => this.#open(path),
        updated: (path) => this.#update(path),
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
    if (open === undefined) return { stop: () => {} };
    const hook = new LastingHook(this.#commands, open.hooks.demand(query));
    return { stop: () => hook.end() };
  }

  /** The settings of connections, or the port, may have changed. */
  refresh(): void {
    for (const [entry, hook] of this.#connections) hook.change(this.#pairOf(entry));
  }

  /** For the store of a path's recordings, at each segment. */
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
    return new PathHooks({ path, settings: this.#options.settingsOf(path), commands: this.#commands, rtspPort: rtspPort(), log });
  }

  #open(path: Path): void {
    this.#paths.set(path, { hooks: this.#hooksOf(path), lasting: new Map() });
    this.#begin(path, "init", (hooks) => hooks.init());
  }

  #update(path: Path): void {
    const open = this.#paths.get(path);
    if (open === undefined) return;
    open.hooks = this.#hooksOf(path);
    for (const { hook, pairOf } of open.lasting.values()) hook.change(pairOf(open.hooks));
  }

  #close(path: Path): void {
    for (const { hook } of this.#paths.get(path)?.lasting.values() ?? []) hook.end();
    this.#paths.delete(path);
  }

  #begin(path: Path, what: "init" | "available" | "online" | PathClient, pairOf: Lasting["pairOf"]): void {
    const open = this.#paths.get(path);
    open?.lasting.set(what, { hook: new LastingHook(this.#commands, pairOf(open.hooks)), pairOf });
  }

  #end(path: Path, what: "available" | "online" | PathClient): void {
    const lasting = this.#paths.get(path)?.lasting;
    lasting?.get(what)?.hook.end();
    lasting?.delete(what);
  }

  #connect(entry: SessionEntry): void {
    if (!entry.kind.endsWith("Conn")) return; // a session, a source
    this.#connections.set(entry, new LastingHook(this.#commands, this.#pairOf(entry)));
  }

  #disconnect(entry: SessionEntry): void {
    this.#connections.get(entry)?.end();
    this.#connections.delete(entry);
  }

  #pairOf(entry: SessionEntry): HookPair {
    const { connections, rtspPort, log } = this.#options;
    const { runOnConnect, runOnConnectRestart, runOnDisconnect } = connections();
    return {
      on: { name: "runOnConnect", line: runOnConnect, restart: runOnConnectRestart },
      off: { name: "runOnDisconnect", line: runOnDisconnect },
      place: {
        variables: { MTX_CONN_TYPE: entry.kind, MTX_CONN_ID: entry.id, RTSP_PORT: String(rtspPort()) },
        log: log.child(`${entry.kind} ${entry.id.slice(0, 8)}`),
      },
    };
  }
}
