// Pulled sources as entries of the session registry: each path that pulls has one, from its beginning to its end, however often it reconnects.
import { createHash } from "node:crypto";
import type { Path } from "./path.ts";
import type { PathRegistry } from "./path-registry.ts";
import type { SessionEntry, SessionKind, SessionRegistry, SourceKind } from "./session-registry.ts";

/** Of no meaning elsewhere: keeps our ids apart from other UUIDs made of names. */
const NAMESPACE = "camgate pulled source\n";

class PulledSource implements SessionEntry {
  readonly id: string;
  readonly kind: SessionKind;
  readonly created = new Date();
  readonly query = "";
  readonly user = "";
  readonly userAgent = "";
  readonly #path: Path;

  constructor(path: Path, kind: SourceKind) {
    this.#path = path;
    this.kind = kind;
    this.id = sourceId(path.name);
  }

  get path(): string {
    return this.#path.name;
  }

  /** `publish` while the path's stream is there. */
  get state(): SessionEntry["state"] {
    return this.#path.state === "available" ? "publish" : "idle";
  }

  get remote(): SessionEntry["remote"] {
    return this.#path.snapshot().sourceLink?.remote;
  }

  get transport(): string | undefined {
    return this.#path.snapshot().sourceLink?.transport;
  }

  /** Of the session that it has now. */
  counters(): Readonly<Record<string, number>> {
    return this.#path.snapshot().sourceLink?.counters() ?? {};
  }

  /** It connects anew. */
  close(): void {
    this.#path.restartSource();
  }
}

/** Enters the sources of all paths, those that are there and those that come, until the returned function is called. */
export function enterPulledSources(registry: Pick<PathRegistry, "watch">, sessions: Pick<SessionRegistry, "add" | "remove">): () => void {
  const entries = new Map<Path, PulledSource>();
  const unwatch = registry.watch({
    opened(path) {
      const { source } = path.conf.options;
      if (source.kind !== "pull") return;
      const entry = new PulledSource(path, source.type);
      entries.set(path, entry);
      sessions.add(entry);
    },
    updated: () => {},
    closed(path) {
      const entry = entries.get(path);
      if (entry === undefined) return;
      entries.delete(path);
      sessions.remove(entry);
    },
  });
  return () => {
    unwatch();
    for (const entry of entries.values()) sessions.remove(entry);
    entries.clear();
  };
}

/** A UUID that a path's source has for ever (RFC 9562 §5.8: version 8, of our own making). */
function sourceId(path: string): string {
  const bytes = createHash("sha256")
    .update(NAMESPACE + path)
    .digest();
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex", 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
