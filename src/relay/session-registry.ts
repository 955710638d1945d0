// Every connection, session and pulled source of the gateway: what the API lists, metrics count and a kick closes.
import type { Grant, RemoteAddress } from "./access.ts";

/** The words of MediaMTX's API. */
export type SessionKind = "rtspConn" | "rtspsConn" | "rtspSession" | "rtspsSession" | "webRTCSession" | SourceKind;

/** Pulled sources. */
export type SourceKind = "rtspSource" | "webRTCSource";

export interface SessionEntry {
  /** A UUID; for a pulled source stable over its reconnects. */
  readonly id: string;
  readonly kind: SessionKind;
  readonly created: Date;
  readonly remote: RemoteAddress | undefined;
  readonly state: "idle" | "read" | "publish";
  /** Without a leading slash; empty while none is known. */
  readonly path: string;
  readonly query: string;
  readonly user: string;
  /** What lets it read or publish: once that holds no longer, somebody closes it. */
  readonly grant?: Grant | undefined;
  readonly userAgent: string;
  /** `UDP` or `TCP`; undefined while none was set up. */
  readonly transport: string | undefined;
  /** Plain numbers, by the names of the API's fields (`inboundBytes`, `outboundRTPPackets`, …). */
  counters(): Readonly<Record<string, number>>;
  /** Ends it: a kick. */
  close(): void;
}

/** Told of entries as they come and go. It must not throw, nor end anything. */
export interface SessionWatcher {
  added(entry: SessionEntry): void;
  removed(entry: SessionEntry): void;
}

export class SessionRegistry {
  readonly #entries = new Map<string, SessionEntry>();
  readonly #watchers = new Set<SessionWatcher>();

  add(entry: SessionEntry): void {
    const before = this.#entries.get(entry.id);
    if (before !== undefined) this.remove(before);
    this.#entries.set(entry.id, entry);
    for (const watcher of this.#watchers) watcher.added(entry);
  }

  remove(entry: SessionEntry): void {
    if (this.#entries.get(entry.id) !== entry) return;
    this.#entries.delete(entry.id);
    for (const watcher of this.#watchers) watcher.removed(entry);
  }

  /** Tells of every entry that is there, and of all that comes, until the returned function is called. */
  watch(watcher: SessionWatcher): () => void {
    this.#watchers.add(watcher);
    for (const entry of this.#entries.values()) watcher.added(entry);
    return () => void this.#watchers.delete(watcher);
  }

  get(id: string): SessionEntry | undefined {
    return this.#entries.get(id);
  }

  /** Oldest first. */
  all(): readonly SessionEntry[] {
    return [...this.#entries.values()];
  }

  /** Oldest first. */
  list(kind: SessionKind): readonly SessionEntry[] {
    return this.all().filter((entry) => entry.kind === kind);
  }

  get size(): number {
    return this.#entries.size;
  }
}
