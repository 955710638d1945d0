// One path: who feeds it, whether its stream is there, who reads it and who waits for it.
import type { Clock } from "#base/clock.ts";
import { CallerFault, type PeerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { Demand } from "./demand.ts";
import type { GopMemory } from "./gop-cache.ts";
import { fillVariables, type OnDemandOptions, type PathConf, type PathSource } from "./path-options.ts";
import type { EndReason, Reader } from "./reader.ts";
import type { SourceLink, SourceSink, SourceState } from "./source.ts";
import { SourceRunner } from "./source-runner.ts";
import { Stream } from "./stream.ts";
import type { Track } from "./track.ts";
import type { TrackTally } from "./track-tally.ts";
import type { Face, Unit } from "./unit.ts";

/**
 * empty: no stream. available: readers may attach. grace: the pulled source is lost, readers that are attached are kept, new ones
 * find no stream. closed: the path is gone.
 */
export type PathState = "empty" | "available" | "grace" | "closed";

const NEXT: Readonly<Record<PathState, readonly PathState[]>> = {
  empty: ["available", "closed"],
  available: ["empty", "grace", "closed"],
  grace: ["available", "empty", "closed"],
  closed: [],
};

export interface PathDependencies {
  readonly clock: Clock;
  readonly log: Log;
  readonly gopMemory: GopMemory;
  readonly udpMaxPayloadBytes: number;
  random(): number;
  /** Nobody feeds the path, reads it or waits for it. */
  onIdle(path: Path): void;
  readonly events?: PathEvents;
  /** Of streams that have ended: the path adds its own. */
  readonly ended: Traffic;
}

/** Bytes of media. */
export interface Traffic {
  inboundBytes: number;
  outboundBytes: number;
}

/** What a path tells of itself. Called in the middle of things: nothing here may throw, nor open or close paths. */
export interface PathEvents {
  /** The stream can be read. */
  available?(path: Path, feed: PathClient): void;
  /** A real source feeds the stream. */
  online?(path: Path, feed: PathClient): void;
  offline?(path: Path): void;
  unavailable?(path: Path): void;
  /** A client begins to read; also after it paused. */
  readStarted?(path: Path, client: PathClient): void;
  /** It paused, left, or was made to leave. The same object as at its start. */
  readEnded?(path: Path, client: PathClient): void;
}

/** Who reads or publishes, in the API's words. */
export interface ClientIdentity {
  /** `rtspSession`, … */
  readonly type: string;
  readonly id: string;
}

/** Who reads or feeds a path, and the query of its URL as it came. A pulled source has neither id nor query. */
export interface PathClient extends ClientIdentity {
  readonly query: string;
}

export interface Publisher extends ClientIdentity {
  /** Another publisher took over, or the path is gone. */
  onEnd(reason: EndReason): void;
}

export type Description = { readonly stream: Stream } | { readonly redirect: string };

export interface ReadLease {
  readonly stream: Stream;
  /** Begins to deliver; also after `pause`. */
  start(): void;
  pause(): void;
  close(): void;
}

export interface PublishLease {
  readonly sink: SourceSink;
  close(): void;
}

/** What the API shows of a path. Times are monotonic µs of this boot. */
export interface PathSnapshot {
  readonly name: string;
  readonly confName: string;
  readonly state: PathState;
  readonly availableSinceUs: number | undefined;
  readonly source: ClientIdentity | undefined;
  readonly sourceState: SourceState | undefined;
  /** Since when the source is in that state. */
  readonly sourceStateSinceUs: number | undefined;
  /** Of the session that the source has with its peer. */
  readonly sourceLink: SourceLink | undefined;
  /** Attempts of the source that ended. */
  readonly reconnects: number;
  readonly lastError: string | undefined;
  readonly tracks: readonly Track[];
  /** In the order of the tracks. */
  readonly tallies: readonly TrackTally[];
  readonly readers: readonly ClientIdentity[];
  readonly inboundBytes: number;
  readonly outboundBytes: number;
  readonly inboundFramesInError: number;
}

interface HeldRequest {
  resolve(stream: Stream): void;
  reject(fault: CallerFault): void;
}

export class Path {
  readonly name: string;
  readonly groups: readonly string[];
  conf: PathConf;
  readonly #deps: PathDependencies;
  readonly #log: Log;
  readonly #leases = new Map<Reader, ClientIdentity>();
  /** Those that are started. */
  readonly #reading = new Map<Reader, PathClient>();
  readonly #followers = new Set<Reader>();
  readonly #held = new Set<HeldRequest>();
  #demand: Demand | undefined;
  #state: PathState = "empty";
  #stream: Stream | undefined;
  #availableSinceUs: number | undefined;
  #publisher: Publisher | undefined;
  #publisherQuery = "";
  #feed: PathClient | undefined;
  #runner: SourceRunner | undefined;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(name: string, conf: PathConf, groups: readonly string[], deps: PathDependencies) {
    this.name = name;
    this.conf = conf;
    this.groups = groups;
    this.#deps = deps;
    this.#log = deps.log.child(`path ${name}`);
    this.#demand = this.#makeDemand(conf.options.source);
    if (conf.options.source.kind === "pull" && this.#demand === undefined) this.#startPull("");
  }

  get state(): PathState {
    return this.#state;
  }

  /** Who feeds the stream; undefined while none is available. */
  get feed(): PathClient | undefined {
    return this.#feed;
  }

  /** Nothing would be missed if the path object went away. */
  get idle(): boolean {
    const busy = this.#publisher !== undefined || this.#runner !== undefined || this.#leases.size > 0 || this.#held.size > 0;
    return !busy && (this.#demand?.state ?? "idle") === "idle";
  }

  snapshot(): PathSnapshot {
    const { source } = this.conf.options;
    const stream = this.#state === "available" ? this.#stream : undefined;
    return {
      name: this.name,
      confName: this.conf.name,
      state: this.#state,
      availableSinceUs: stream && this.#availableSinceUs,
      source:
        source.kind === "pull"
          ? { type: source.type, id: "" }
          : source.kind === "redirect"
            ? { type: "redirect", id: "" }
            : this.#publisher,
      sourceState: this.#runner?.state,
      sourceStateSinceUs: this.#runner?.stateSinceUs,
      sourceLink: this.#runner?.link,
      reconnects: this.#runner?.reconnects ?? 0,
      lastError: this.#runner?.lastError?.message,
      tracks: stream?.tracks ?? [],
      tallies: stream?.tallies ?? [],
      readers: [...this.#leases.values()],
      inboundBytes: stream?.inboundBytes ?? 0,
      outboundBytes: stream?.outboundBytes ?? 0,
      inboundFramesInError: stream?.framesInError ?? 0,
    };
  }

  /** The stream, or where to look for it. Waits for an on-demand source. */
  async describe(query: string): Promise<Description> {
    const { source, fallback } = this.conf.options;
    if (source.kind === "redirect") return { redirect: source.target };
    if (this.#state !== "available" && this.#demand === undefined && fallback !== undefined) return { redirect: fallback };
    return { stream: await this.#awaitStream(query) };
  }

  /** A place for a reader; `start` attaches it. The reader's onEnd is called once, attached or not. */
  async read(reader: Reader, client: ClientIdentity, query: string): Promise<ReadLease> {
    this.#checkRoom();
    const stream = await this.#awaitStream(query);
    this.#checkRoom();
    if (this.#stream !== stream) throw this.#noStream();
    this.#leases.set(reader, client);
    this.#demand?.readers(this.#leases.size);
    return {
      stream,
      start: () => {
        if (!this.#leases.has(reader) || this.#stream !== stream) return;
        stream.addReader(reader);
        this.#startReading(reader, { ...client, query });
      },
      pause: () => {
        stream.removeReader(reader);
        this.#stopReading(reader);
      },
      close: () => this.#leave(reader, stream),
    };
  }

  /**
   * Attaches a reader to the path's stream whenever there is one, until the returned function is called. It is nobody's client: it does not count as a
   * reader, starts no source on demand and keeps none. Its onEnd is called with each stream that ends, and when the path is closed.
   */
  follow(reader: Reader): () => void {
    if (this.#state === "closed") {
      reader.onEnd("path-removed");
      return () => {};
    }
    this.#followers.add(reader);
    this.#stream?.addReader(reader);
    return () => {
      if (this.#followers.delete(reader)) this.#stream?.removeReader(reader);
    };
  }

  publish(publisher: Publisher, query = ""): PublishLease {
    const { source } = this.conf.options;
    if (source.kind !== "publisher") {
      throw new CallerFault("conflict", `can't publish to path '${this.name}' since 'source' is not 'publisher'`);
    }
    const old = this.#publisher;
    if (old !== undefined) {
      if (!source.overridePublisher) throw new CallerFault("conflict", `someone is already publishing to path '${this.name}'`);
      this.#log.info(`the publisher is replaced by ${publisher.type} ${publisher.id}`);
    }
    this.#publisher = publisher;
    this.#publisherQuery = query;
    if (old !== undefined) {
      this.#endStream("empty", "source-ended");
      old.onEnd("closed");
    }
    const sink = this.#makeSink(() => this.#publisher === publisher);
    return { sink, close: () => this.#unpublish(publisher) };
  }

  /** Has the pulled source connect anew; false: nothing is pulled now. */
  restartSource(): boolean {
    this.#runner?.restart();
    return this.#runner !== undefined;
  }

  /** Of the stream that is there now. */
  get traffic(): Readonly<Traffic> {
    return { inboundBytes: this.#stream?.inboundBytes ?? 0, outboundBytes: this.#stream?.outboundBytes ?? 0 };
  }

  /** A version of the entry that differs in live settings only. What a publisher is started by on demand changes once it does not run. */
  update(conf: PathConf): void {
    this.conf = conf;
    this.#stream?.cacheGop(conf.options.gopCache);
    if ((this.#demand?.state ?? "idle") === "idle") this.#renewDemand();
  }

  close(): void {
    if (this.#state === "closed") return;
    const publisher = this.#publisher;
    this.#publisher = undefined;
    const unattached = this.#stream === undefined ? [...this.#followers] : [];
    this.#endStream("closed", "path-removed");
    this.#followers.clear();
    for (const follower of unattached) follower.onEnd("path-removed");
    this.#rejectHeld(new CallerFault("no-stream", `path '${this.name}' was removed`));
    this.#demand?.lost();
    this.#runner?.stop();
    this.#runner = undefined;
    publisher?.onEnd("path-removed");
  }

  #makeDemand(source: PathSource): Demand | undefined {
    if (source.kind === "redirect" || source.onDemand === undefined) return undefined;
    let stopCommand: (() => void) | undefined;
    const timers: OnDemandOptions = source.onDemand;
    return new Demand({
      startTimeoutMs: timers.startTimeoutMs,
      closeAfterMs: timers.closeAfterMs,
      start: (query) => {
        this.#log.info("started on demand");
        if (source.kind === "pull") this.#startPull(query);
        else stopCommand = source.onDemand!.start(this.name, query).stop;
      },
      stop: () => {
        this.#log.info("stopped: not needed by anyone");
        this.#runner?.stop();
        this.#runner = undefined;
        stopCommand?.();
        stopCommand = undefined;
        if (source.kind === "pull") this.#endStream("empty", "source-ended");
        this.#rejectHeld(this.#noStream());
        this.#renewDemand();
        this.#checkIdle();
      },
      onTimeout: () => this.#rejectHeld(new CallerFault("timed-out", `source of path '${this.name}' has timed out`)),
    });
  }

  #renewDemand(): void {
    const { source } = this.conf.options;
    if (source.kind === "publisher") this.#demand = this.#makeDemand(source);
  }

  #startPull(query: string): void {
    const { source } = this.conf.options;
    if (source.kind !== "pull") return;
    const variables = { groups: this.groups, query };
    const url = fillVariables(source.url, variables);
    const runner: SourceRunner = new SourceRunner({
      clock: this.#deps.clock,
      random: this.#deps.random,
      open: () => source.open(url, this.name, variables),
      sink: () => this.#makeSink(() => this.#runner === runner),
      onState: (state) => this.#log.debug(`source is ${state}`),
      onLost: (fault) => this.#onPullLost(fault),
    });
    this.#runner = runner;
    void runner.run();
  }

  #onPullLost(fault: PeerFault): void {
    this.#log.warn(`source: ${fault.message} (${fault.code})`);
    if (this.#state !== "available") return;
    const graceMs = this.conf.options.sourceReconnectGraceMs;
    this.#stream!.pause();
    if (this.#leases.size === 0 || graceMs <= 0) {
      this.#endStream("empty", "source-ended");
      this.#demand?.lost();
      return;
    }
    this.#enter("grace");
    this.#endFeed();
    this.#graceTimer = setTimeout(() => {
      this.#endStream("empty", "source-ended");
      this.#demand?.lost();
    }, graceMs);
  }

  #makeSink(current: () => boolean): SourceSink {
    const sink: SourceSink = {
      ready: (tracks, native) => (current() ? this.#onReady(sink, tracks, native) : () => {}),
    };
    return sink;
  }

  #onReady(sink: SourceSink, tracks: readonly Track[], native: Face): (unit: Unit) => void {
    if (this.#stream?.accepts(tracks) === false) this.#endStream("empty", "tracks-changed");
    if (this.#stream === undefined) {
      const { clock, udpMaxPayloadBytes, gopMemory } = this.#deps;
      this.#stream = new Stream(tracks, native, { clock, udpMaxPayloadBytes, gopMemory, absoluteTime: this.conf.options.absoluteTime });
      this.#stream.cacheGop(this.conf.options.gopCache);
    }
    const stream = this.#stream;
    const publish = stream.begin(tracks, native);
    stream.onKeyframeWanted = () => sink.onKeyframeWanted?.();
    for (const follower of this.#followers) if (!stream.readers.has(follower)) stream.addReader(follower);
    if (this.#state !== "available") {
      this.#enter("available");
      this.#availableSinceUs = this.#deps.clock.nowUs();
      this.#log.info(`stream is available, ${tracks.length} ${tracks.length === 1 ? "track" : "tracks"} (${codecList(tracks)})`);
      this.#beginFeed();
    }
    this.#demand?.readers(this.#leases.size);
    const held = [...this.#held];
    this.#held.clear();
    for (const request of held) request.resolve(stream);
    return publish;
  }

  #unpublish(publisher: Publisher): void {
    if (this.#publisher !== publisher) return;
    this.#publisher = undefined;
    this.#endStream("empty", "source-ended");
    this.#demand?.lost();
    this.#checkIdle();
  }

  #endStream(next: "empty" | "closed", reason: EndReason): void {
    if (this.#state === "closed") return;
    const stream = this.#stream;
    this.#stream = undefined;
    if (this.#state !== next) this.#enter(next);
    if (stream === undefined) return;
    this.#log.info("stream is not available any more");
    const waiting = [...this.#leases.keys()].filter((reader) => !stream.readers.has(reader));
    if (this.#leases.size > 0) this.#demand?.readers(0);
    this.#leases.clear();
    for (const reader of [...this.#reading.keys()]) this.#stopReading(reader);
    this.#endFeed();
    stream.end(reason);
    this.#deps.ended.inboundBytes += stream.inboundBytes;
    this.#deps.ended.outboundBytes += stream.outboundBytes;
    for (const reader of waiting) reader.onEnd(reason);
  }

  #beginFeed(): void {
    const { source } = this.conf.options;
    const { type, id } = this.#publisher ?? { type: source.kind === "pull" ? source.type : "", id: "" };
    this.#feed = { type, id, query: this.#publisher === undefined ? "" : this.#publisherQuery };
    this.#deps.events?.available?.(this, this.#feed);
    this.#deps.events?.online?.(this, this.#feed);
  }

  #endFeed(): void {
    if (this.#feed === undefined) return;
    this.#feed = undefined;
    this.#deps.events?.offline?.(this);
    this.#deps.events?.unavailable?.(this);
  }

  #startReading(reader: Reader, client: PathClient): void {
    if (this.#reading.has(reader)) return;
    this.#reading.set(reader, client);
    this.#deps.events?.readStarted?.(this, client);
  }

  #stopReading(reader: Reader): void {
    const client = this.#reading.get(reader);
    if (client !== undefined && this.#reading.delete(reader)) this.#deps.events?.readEnded?.(this, client);
  }

  #leave(reader: Reader, stream: Stream): void {
    stream.removeReader(reader);
    this.#stopReading(reader);
    if (!this.#leases.delete(reader)) return;
    if (this.#leases.size > 0) return;
    if (this.#state === "grace") this.#endStream("empty", "source-ended");
    this.#demand?.readers(0);
    this.#checkIdle();
  }

  #awaitStream(query: string): Promise<Stream> {
    const demand = this.#demand;
    if (this.#state === "available") {
      if (demand?.state === "closing") demand.request(query);
      return Promise.resolve(this.#stream!);
    }
    if (this.#state !== "empty" || demand === undefined) return Promise.reject(this.#noStream());
    return new Promise((resolve, reject) => {
      this.#held.add({ resolve, reject });
      demand.request(query);
    });
  }

  #checkRoom(): void {
    const { maxReaders } = this.conf.options;
    if (maxReaders > 0 && this.#leases.size >= maxReaders) throw new CallerFault("too-many", "maximum reader count reached");
  }

  #rejectHeld(fault: CallerFault): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const request of held) request.reject(fault);
  }

  #noStream(): CallerFault {
    return new CallerFault("no-stream", `no stream is available on path '${this.name}'`);
  }

  #checkIdle(): void {
    if (this.#state !== "closed" && this.idle) this.#deps.onIdle(this);
  }

  #enter(next: PathState): void {
    if (!NEXT[this.#state].includes(next)) throw new Error(`path ${this.name}: ${this.#state} cannot become ${next}`);
    this.#state = next;
    clearTimeout(this.#graceTimer);
  }
}

function codecList(tracks: readonly Track[]): string {
  return tracks.map((track) => track.codec.toUpperCase()).join(", ");
}
