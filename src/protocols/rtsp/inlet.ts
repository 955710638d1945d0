// Where child processes of ours deliver what they make: a RTSP server on loopback whose paths are secrets, each good for one publisher.
import { randomBytes } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import { deferred } from "#base/deferred.ts";
import { CallerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { connectionOwner } from "#base/process/socket-owner.ts";
import type { AccessRequest } from "#relay/access.ts";
import type { Publisher, PublishLease } from "#relay/path.ts";
import type { PublishPermit } from "#relay/path-registry.ts";
import { SessionRegistry } from "#relay/session-registry.ts";
import type { SourceSink } from "#relay/source.ts";
import type { RtspDoor } from "./door.ts";
import { RtspServer } from "./server.ts";

const HOST = "127.0.0.1";
const SECRET_BYTES = 16;
const SECRET = /\/[0-9a-f]{32}/;
const CONNECTIONS = 256;

export interface RtspInletOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** A publisher that sends nothing for this long is dropped. */
  readonly readTimeoutMs: number;
  /** Default: what the system says. */
  readonly ownerOf?: typeof connectionOwner;
}

/** A place for one publisher. */
export interface InletPlace {
  /** What it publishes to, over TCP. */
  readonly url: string;
  /** The publisher was here, and is gone. Never rejects. */
  readonly left: Promise<void>;
  /** The publisher is dropped, or does not get in any more. */
  close(): void;
}

interface Place {
  readonly sink: SourceSink;
  isClosed: boolean;
  publisher: Publisher | undefined;
  onLeft(): void;
}

/** Not among the sessions that API, metrics and hooks know: to them there is a pulled source. */
export class RtspInlet {
  readonly #options: RtspInletOptions;
  /** By the path of their URL; those that a publisher has come for are known by its permit alone. */
  readonly #awaited = new Map<string, Place>();
  readonly #sessions = new SessionRegistry();
  readonly #permitted = new WeakMap<PublishPermit, Place>();
  #server: Promise<RtspServer> | undefined;
  #isClosed = false;

  constructor(options: RtspInletOptions) {
    this.#options = options;
  }

  /** What the publisher sends goes into `sink`. `name`: of the path it is for, to be seen in the URL. Rejects with the system's error when nothing can be listened on. */
  async open(name: string, sink: SourceSink): Promise<InletPlace> {
    if (this.#isClosed) throw new Error("the inlet is closed");
    this.#server ??= this.#listen();
    const { port } = await this.#server;
    const path = `${name}/${randomBytes(SECRET_BYTES).toString("hex")}`;
    const left = deferred<void>();
    const place: Place = { sink, isClosed: false, publisher: undefined, onLeft: () => left.resolve() };
    this.#awaited.set(path, place);
    return {
      url: `rtsp://${HOST}:${port}/${path}`,
      left: left.promise,
      close: () => {
        place.isClosed = true;
        this.#awaited.delete(path);
        place.publisher?.onEnd("closed");
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const server = await this.#server?.catch(() => undefined);
    await server?.close();
  }

  #listen(): Promise<RtspServer> {
    const { clock, log, readTimeoutMs } = this.#options;
    const listening = RtspServer.listen({
      address: { host: HOST, port: 0 },
      tcp: true,
      udp: undefined,
      authMethods: [],
      readTimeoutMs,
      writeTimeoutMs: readTimeoutMs,
      handshakeTimeoutMs: readTimeoutMs,
      maxConnections: CONNECTIONS,
      registry: this.#door(),
      sessions: this.#sessions,
      clock,
      log: complaintsOnly(log),
    });
    listening.catch(() => (this.#server = undefined)); // the next one tries again
    return listening;
  }

  #door(): RtspDoor {
    const nothing = (): Promise<never> => Promise.reject(new CallerFault("no-stream", "nothing is read here"));
    return {
      describe: nothing,
      openForRead: nothing,
      permit: nothing,
      honour: () => {},
      makeStream: () => {
        throw new CallerFault("no-stream", "nothing is played back here");
      },
      permitPublish: (request) => this.#permit(request),
      openForPublish: (permit, publisher) => this.#admit(permit, publisher),
    };
  }

  async #permit({ path, remote }: AccessRequest): Promise<PublishPermit> {
    await this.#checkOwner(remote.port);
    const place = this.#awaited.get(path);
    if (place === undefined) throw new CallerFault("no-stream", "nobody is awaited under this name");
    this.#awaited.delete(path);
    const permit: PublishPermit = { path, grant: { allowed: true, user: "" }, query: "" };
    this.#permitted.set(permit, place);
    return permit;
  }

  /** Command lines, and so the secret in one, can be read by other users of the machine: they do not get in with it. */
  async #checkOwner(peerPort: number): Promise<void> {
    const { ownerOf = connectionOwner } = this.#options;
    const owner = await ownerOf((await this.#server!).port, peerPort);
    if (owner !== undefined && owner !== process.geteuid?.()) throw new CallerFault("no-stream", "a connection of another user");
  }

  #admit(permit: PublishPermit, publisher: Publisher): PublishLease {
    const place = this.#permitted.get(permit);
    if (place === undefined || place.isClosed || place.publisher !== undefined)
      throw new CallerFault("conflict", "somebody is publishing already");
    place.publisher = publisher;
    const session = this.#sessions.get(publisher.id);
    if (session !== undefined) place.sink.linked?.({ remote: undefined, transport: "TCP", counters: () => session.counters() });
    return { sink: place.sink, close: () => place.onLeft() };
  }
}

/** What cannot be used of a stream; without the secret, which is of no use any more. */
function complaintsOnly(log: Log): Log {
  const plain = (text: string): string => text.replace(SECRET, "");
  const complaints: Log = {
    debug: () => {},
    info: () => {},
    warn: (text) => log.warn(plain(text)),
    error: (text) => log.error(plain(text)),
    child: () => complaints,
  };
  return complaints;
}
