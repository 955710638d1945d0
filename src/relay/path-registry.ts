// The one door: every publish and every read passes here, and nothing else in the relay asks who may.
import type { Clock } from "#base/clock.ts";
import { CallerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { AccessDenied, type AccessRequest, type Authorize, type Denial, type Grant } from "./access.ts";
import { GopMemory } from "./gop-cache.ts";
import {
  type ClientIdentity,
  type Description,
  Path,
  type PathEvents,
  type Publisher,
  type PublishLease,
  type ReadLease,
  type Traffic,
} from "./path.ts";
import { findConf, type PathConf } from "./path-options.ts";
import type { Reader } from "./reader.ts";
import { Stream } from "./stream.ts";
import type { Track } from "./track.ts";
import type { Face } from "./unit.ts";

export interface PathRegistryOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly udpMaxPayloadBytes: number;
  readonly authorize: Authorize;
  /** Whether a grant still holds; asked where time has passed since it was given. Default: each does. */
  readonly honours?: (grant: Grant) => boolean;
  /** Readers of all paths together; 0 or undefined: no limit. Asked at each. */
  readonly maxReaders?: number;
  /** In the order they are tried: exact names, then expressions, then the catch-all. */
  readonly confs: readonly PathConf[];
  /** What is wrong with a path's name, in words. */
  nameFault(path: string): string | undefined;
  readonly random?: () => number;
}

/** Leave to publish, given before the client has sent its tracks; void once the path's entry changes. Counts as this very object. */
export interface PublishPermit {
  readonly path: string;
  readonly grant: Grant;
  readonly query: string;
}

/** Keep the grant with the session: it ends when the grant is taken back. */
export type GrantedLease = ReadLease & { readonly grant: Grant };

/** Told of paths as they come and go. Called in the middle of things: it must not throw, nor open or close paths. */
export interface PathWatcher extends PathEvents {
  opened(path: Path): void;
  /** Its entry is another version, that differs in live settings at most. */
  updated(path: Path): void;
  closed(path: Path): void;
}

const TAKEN_BACK: Denial = { allowed: false, challenge: false, delayMs: 0, reason: "the permission was taken back meanwhile" };
const NOT_CONFIGURED_CURE = "name it under `paths:` in the config, or `all_others:` for every name";

export class PathRegistry {
  /** Since the start: those that a limit kept out, of their path or of all. */
  readersRefused = 0;
  readonly #options: PathRegistryOptions;
  readonly #gopMemory = new GopMemory();
  readonly #paths = new Map<string, Path>();
  readonly #watchers = new Set<PathWatcher>();
  readonly #events = toldTo(this.#watchers);
  readonly #ended: Traffic = { inboundBytes: 0, outboundBytes: 0 };
  /** The entry that a permit was given for. */
  readonly #permitted = new WeakMap<PublishPermit, PathConf>();
  #confs: readonly PathConf[];

  constructor(options: PathRegistryOptions) {
    this.#options = options;
    this.#confs = options.confs;
    this.#openStatic();
  }

  /** By name. */
  list(): readonly Path[] {
    return [...this.#paths.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): Path | undefined {
    return this.#paths.get(name);
  }

  /** Media of all paths since the start, streams that have ended included. */
  get traffic(): Readonly<Traffic> {
    const sum = { ...this.#ended };
    for (const { traffic } of this.#paths.values()) {
      sum.inboundBytes += traffic.inboundBytes;
      sum.outboundBytes += traffic.outboundBytes;
    }
    return sum;
  }

  /** Tells of every path that is there and who feeds it, and of all that comes, until the returned function is called. */
  watch(watcher: PathWatcher): () => void {
    this.#watchers.add(watcher);
    for (const path of this.list()) {
      watcher.opened(path);
      if (path.feed === undefined) continue;
      watcher.available?.(path, path.feed);
      watcher.online?.(path, path.feed);
    }
    return () => void this.#watchers.delete(watcher);
  }

  /** Throws AccessDenied, or a CallerFault that says why there is nothing to see. */
  async describe(request: AccessRequest): Promise<Description> {
    const grant = await this.#admit(request);
    const description = await this.#use(request.path, (path) => path.describe(request.query));
    this.honour(grant);
    return description;
  }

  async openForRead(request: AccessRequest, reader: Reader, client: ClientIdentity): Promise<GrantedLease> {
    const grant = await this.#admit(request);
    const lease = await this.#placeOf(request.path, reader, client, request.query, () => this.honour(grant));
    return { ...lease, grant };
  }

  /** For a reader of the gateway's own, which somebody asked for who may: nobody is asked at the door. Throws a CallerFault. */
  async openForOwn(path: string, reader: Reader, client: ClientIdentity): Promise<ReadLease> {
    const fault = this.#options.nameFault(path);
    if (fault !== undefined) throw new CallerFault("invalid", `invalid path name: ${fault} (${path})`, "path");
    return this.#placeOf(path, reader, client, "", () => {});
  }

  /** Leave to do what is asked with a path, whether there is such a path or not. Throws AccessDenied. */
  permit(request: AccessRequest): Promise<Grant> {
    return this.#admit(request);
  }

  /** Throws AccessDenied when a grant was taken back while something was awaited. */
  honour(grant: Grant): void {
    if (this.#options.honours?.(grant) === false) throw new AccessDenied(TAKEN_BACK);
  }

  /** A stream that is no path's: footage for one client, or what is made of a path's. It makes packets as those of paths do. */
  makeStream(tracks: readonly Track[], native: Face, clock: Clock, absoluteTime = false): Stream {
    return new Stream(tracks, native, {
      clock,
      udpMaxPayloadBytes: this.#options.udpMaxPayloadBytes,
      gopMemory: this.#gopMemory,
      absoluteTime,
    });
  }

  async permitPublish(request: AccessRequest): Promise<PublishPermit> {
    const grant = await this.#admit(request);
    const permit = { path: request.path, grant, query: request.query };
    this.#permitted.set(permit, this.#confOf(request.path).conf);
    return permit;
  }

  openForPublish(permit: PublishPermit, publisher: Publisher): PublishLease {
    const { conf } = this.#confOf(permit.path);
    const permitted = this.#permitted.get(permit);
    if (conf.name !== permitted?.name || conf.recreateKey !== permitted.recreateKey)
      throw new CallerFault("conflict", "configuration has changed");
    this.honour(permit.grant);
    const path = this.#open(permit.path);
    try {
      return path.publish(publisher, permit.query);
    } catch (error) {
      this.#dropIdle(path);
      throw error;
    }
  }

  /** The entry that a path of this name belongs to, whether there is such a path or not; undefined: none, or it is no name. */
  confOf(name: string): PathConf | undefined {
    return this.#options.nameFault(name) === undefined ? findConf(this.#confs, name)?.conf : undefined;
  }

  /** New entries: paths whose entry differs in live settings only go on undisturbed, the others are closed and made anew. */
  reload(confs: readonly PathConf[]): void {
    this.#confs = confs;
    for (const path of [...this.#paths.values()]) {
      const found = findConf(confs, path.name);
      if (found === undefined || !isSame(path, found)) this.#drop(path);
      else {
        path.update(found.conf);
        for (const watcher of this.#watchers) watcher.updated(path);
        this.#dropIdle(path);
      }
    }
    this.#openStatic();
  }

  close(): void {
    for (const path of [...this.#paths.values()]) this.#drop(path);
  }

  async #placeOf(name: string, reader: Reader, client: ClientIdentity, query: string, check: () => void): Promise<ReadLease> {
    try {
      const lease = await this.#use(name, (path) => path.read(reader, client, query));
      try {
        check();
        this.#checkReaders();
      } catch (error) {
        lease.close();
        throw error;
      }
      return lease;
    } catch (error) {
      if (error instanceof CallerFault && error.code === "too-many") this.readersRefused++;
      throw error;
    }
  }

  #checkReaders(): void {
    const { maxReaders = 0 } = this.#options;
    if (maxReaders === 0) return;
    let count = 0;
    for (const path of this.#paths.values()) count += path.snapshot().readers.length;
    if (count > maxReaders) throw new CallerFault("too-many", "maximum reader count of the gateway reached");
  }

  async #admit(request: AccessRequest): Promise<Grant> {
    const fault = this.#options.nameFault(request.path);
    if (fault !== undefined) throw new CallerFault("invalid", `invalid path name: ${fault} (${request.path})`, "path");
    const answer = await this.#options.authorize(request);
    if (!answer.allowed) throw new AccessDenied(answer);
    return answer;
  }

  #confOf(name: string): { readonly conf: PathConf; readonly groups: readonly string[] } {
    const found = findConf(this.#confs, name);
    if (found === undefined) throw new CallerFault("not-configured", `path '${name}' is not configured`, "path", NOT_CONFIGURED_CURE);
    return found;
  }

  #open(name: string): Path {
    const there = this.#paths.get(name);
    if (there !== undefined) return there;
    const { conf, groups } = this.#confOf(name);
    const { clock, log, udpMaxPayloadBytes, random = Math.random } = this.#options;
    const path = new Path(name, conf, groups, {
      clock,
      log,
      udpMaxPayloadBytes,
      random,
      gopMemory: this.#gopMemory,
      onIdle: (idle) => this.#dropIdle(idle),
      events: this.#events,
      ended: this.#ended,
    });
    this.#paths.set(name, path);
    for (const watcher of this.#watchers) watcher.opened(path);
    return path;
  }

  #openStatic(): void {
    for (const conf of this.#confs) if (conf.pattern === undefined) this.#open(conf.name);
  }

  /** A path that was asked for in vain leaves nothing behind, whatever names strangers make up. */
  async #use<T>(name: string, use: (path: Path) => Promise<T>): Promise<T> {
    const path = this.#open(name);
    try {
      return await use(path);
    } finally {
      this.#dropIdle(path);
    }
  }

  /** Paths of an expression exist only while they are needed. */
  #dropIdle(path: Path): void {
    if (path.conf.pattern !== undefined && path.idle) this.#drop(path);
  }

  #drop(path: Path): void {
    const wasListed = this.#paths.get(path.name) === path && this.#paths.delete(path.name);
    path.close();
    if (wasListed) for (const watcher of this.#watchers) watcher.closed(path);
  }
}

/** The path would be made from the new entry as it is: equal settings, and equal groups where they are part of the source's URL. */
function isSame(path: Path, { conf, groups }: { readonly conf: PathConf; readonly groups: readonly string[] }): boolean {
  if (conf.recreateKey !== path.conf.recreateKey) return false;
  return conf.options.source.kind !== "pull" || JSON.stringify(groups) === JSON.stringify(path.groups);
}

function toldTo(watchers: ReadonlySet<PathWatcher>): PathEvents {
  const tell = (event: (watcher: PathWatcher) => void): void => watchers.forEach(event);
  return {
    available: (path, feed) => tell((watcher) => watcher.available?.(path, feed)),
    online: (path, feed) => tell((watcher) => watcher.online?.(path, feed)),
    offline: (path) => tell((watcher) => watcher.offline?.(path)),
    unavailable: (path) => tell((watcher) => watcher.unavailable?.(path)),
    readStarted: (path, client) => tell((watcher) => watcher.readStarted?.(path, client)),
    readEnded: (path, client) => tell((watcher) => watcher.readEnded?.(path, client)),
  };
}
