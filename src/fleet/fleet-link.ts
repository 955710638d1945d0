// The link to the NOC: one connection at a time to one of several brokers; each begins with a birth, and says good-bye if it can.
import type { BootClock } from "#base/clock.ts";
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Schedule } from "#base/schedule.ts";
import { ConnectionLoss } from "./connection-loss.ts";
import type { EarlyTime } from "./early-tls.ts";
import { SessionStamps } from "./envelope.ts";
import type { Connect, Connection, IncomingMessage, MqttVersion, TlsFiles } from "./mqtt-connection.ts";
import type { LossCause, ReconnectPolicy } from "./reconnect-policy.ts";
import type { SessionCounter } from "./session-counter.ts";
import type { Topics } from "./topics.ts";
import type { Uplink } from "./uplink.ts";

export type BirthReason = "connect" | "boot" | "rebirth" | "takeover";
export type DeathReason = "shutdown" | "reboot" | "update";

export interface LinkCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly tls: TlsFiles;
}

export interface FleetLinkOptions {
  /** In the order they are tried. */
  readonly urls: readonly string[];
  readonly protocol: "auto" | MqttVersion;
  readonly clientId: string;
  readonly topics: Topics;
  readonly connect: Connect;
  readonly uplink: Uplink;
  readonly sessions: Pick<SessionCounter, "next" | "isFresh">;
  readonly policy: ReconnectPolicy;
  readonly clock: Pick<BootClock, "nowUs" | "utcOfStamp" | "bootCounter">;
  readonly schedule: Schedule;
  readonly log: Log;
  /** Read before each attempt. Rejects where a file of them cannot be read. */
  credentials(): Promise<LinkCredentials>;
  /** What is known of the time, where the system's clock is wrong; absent: it is right. */
  time?(): EarlyTime | undefined;
  /** An attempt came to nothing. True: there are other credentials now, to be tried at once. */
  hasOtherCredentials?(loss: ConnectionLoss): boolean;
  /** What a birth tells beside the session and why. Must not reject. */
  birth(): Promise<Readonly<Record<string, unknown>>>;
  /** The broker may forget the message when this resolves; called from the birth of a session on. Must not reject. */
  onMessage(message: IncomingMessage): Promise<void>;
  /** A birth is out. Must not throw. */
  onBorn(why: BirthReason): void;
}

/** How the link is, for reports. */
export interface LinkStatus {
  /** Of the broker that it is connected to. */
  readonly url: string | undefined;
  readonly version: MqttVersion | undefined;
  /** Connections after the first one, since the start. */
  readonly reconnects: number;
  /** How long the broker took over what it acknowledged last. */
  readonly roundTripMs: number | undefined;
  /** How long the broker's name took to look up, the last time that it was. */
  readonly lookupMs: number | undefined;
  /** Since the start, over all connections. */
  readonly sentBytes: number;
  /** Of the connection that stands: its socket, and what tells it from others. */
  readonly socket: { readonly connection: object; readonly descriptor: number } | undefined;
  readonly lastError: string | undefined;
}

const KEEPALIVE_SECONDS = 60;
const WILL_DELAY_SECONDS = 30;
/** From the first byte to the broker until the birth is out. */
const BIRTH_MS = 30_000;
const DEATH_MS = 2000;
/** A broker that refuses our credentials is passed over for so long at first, as long as there are others. */
const REFUSED_MIN_MS = 60_000;
const REFUSED_MAX_MS = 3_600_000;

interface Session {
  readonly url: string;
  readonly connection: Connection;
  readonly stamps: SessionStamps;
}

export class FleetLink {
  readonly #options: FleetLinkOptions;
  readonly #stop = new AbortController();
  /** Brokers that do not speak MQTT 5. */
  readonly #old = new Set<string>();
  /** By URL: brokers that refused our credentials. */
  readonly #refused = new Map<string, { readonly untilMs: number; readonly pauseMs: number }>();
  /** By URL: what shortens the next handshake, with the files that it was made with. */
  readonly #tlsSessions = new Map<string, { readonly files: string; readonly session: Buffer }>();
  #session: Session | undefined;
  #connections = 0;
  #isTakenOver = false;
  /** Of the last connection that has ended and knew it. */
  #answerMs: number | undefined;
  #lookupMs: number | undefined;
  /** Of connections that have ended. */
  #sentBytes = 0;
  #lastError: string | undefined;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(options: FleetLinkOptions) {
    this.#options = options;
  }

  /** Connects, and connects again, until `close`. */
  start(): void {
    this.#running ??= this.#run();
  }

  get status(): LinkStatus {
    const connection = this.#session?.connection;
    const facts = connection?.facts;
    const answerMs = facts?.answerMs ?? this.#answerMs;
    return {
      url: this.#session?.url,
      version: connection?.version,
      reconnects: Math.max(0, this.#connections - 1),
      roundTripMs: answerMs && Math.round(answerMs),
      lookupMs: facts?.lookupMs ?? this.#lookupMs,
      sentBytes: this.#sentBytes + (facts?.sentBytes ?? 0),
      socket: connection && facts?.descriptor !== undefined ? { connection, descriptor: facts.descriptor } : undefined,
      lastError: this.#lastError,
    };
  }

  /** Tells all of this gateway again, in the session that stands. Rejects where there is none. */
  async rebirth(): Promise<void> {
    const body = { online: true, why: "rebirth" satisfies BirthReason, ...(await this.#options.birth()) };
    await this.#options.uplink.say({ topic: "state", body, retain: true });
    this.#options.onBorn("rebirth");
  }

  /** Ends the session in order, and connects with the credentials of then. Without one it does nothing: the next attempt has them. */
  async renew(): Promise<void> {
    await this.#session?.connection.close();
  }

  /** The time is known now: whoever could not be checked by it is. */
  checkDates(nowMs: number): void {
    const fault = this.#session?.connection.datesFault?.(nowMs);
    if (fault !== undefined) this.#session?.connection.drop(new ConnectionLoss("auth", `TLS: now that the time is known: ${fault}`));
  }

  /** Gives up the connection that stands, and waits as after any other loss. */
  drop(text: string): void {
    this.#session?.connection.drop(new ConnectionLoss("link", text));
  }

  /** Tells the NOC that the gateway goes, and why; resolves, within seconds, when nothing of the link is left. Never rejects. */
  async close(why: DeathReason): Promise<void> {
    const session = this.#session;
    if (session !== undefined) {
      const { sid } = session.stamps;
      const farewell = this.#options.uplink.say({ topic: "state", body: { online: false, why }, retain: true });
      await this.#within(DEATH_MS, farewell).catch((error: unknown) => this.#options.log.debug(`session ${sid}: ${errorText(error)}`));
      await session.connection.close();
    }
    this.#stop.abort();
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const loss = await this.#tryAll();
      if (signal.aborted) return;
      const waitMs = this.#options.policy.nextMs(loss.why, this.#nowMs());
      this.#lastError = loss.message;
      this.#options.log.info(`the next attempt is in ${(waitMs / 1000).toFixed(1)} s`);
      await this.#wait(waitMs);
    }
  }

  /** Until a connection that stood is lost, or no broker takes one. */
  async #tryAll(): Promise<ConnectionLoss> {
    const { urls, log } = this.#options;
    const losses: ConnectionLoss[] = [];
    const fit = urls.filter((url) => (this.#refused.get(url)?.untilMs ?? 0) <= this.#nowMs());
    const untried = fit.length > 0 ? fit : [...urls];
    for (let url = untried.shift(); url !== undefined && !this.#stop.signal.aborted; url = untried.shift()) {
      const { loss, stood } = await this.#tryOne(url);
      if (this.#stop.signal.aborted) return loss;
      this.#noteRefusal(url, loss, stood);
      if (stood) {
        log.warn(`the connection to ${url} is lost: ${loss.message}`);
        return loss;
      }
      log.warn(`no connection to ${url}: ${loss.message}`);
      losses.push(loss);
      const elsewhere = untried.findIndex((other) => hostOf(other) === loss.notes.elsewhere);
      if (elsewhere > 0) untried.unshift(...untried.splice(elsewhere, 1));
    }
    const [loss] = (["link", "server", "busy", "auth"] as const).flatMap((why: LossCause) => losses.find((one) => one.why === why) ?? []);
    return loss ?? new ConnectionLoss("link", "the link was closed");
  }

  #noteRefusal(url: string, { why }: ConnectionLoss, stood: boolean): void {
    if (why !== "auth" || stood) {
      this.#refused.delete(url);
      return;
    }
    const known = this.#refused.get(url)?.pauseMs;
    const pauseMs = known === undefined ? REFUSED_MIN_MS : Math.min(2 * known, REFUSED_MAX_MS);
    this.#refused.set(url, { untilMs: this.#nowMs() + pauseMs, pauseMs });
  }

  async #tryOne(url: string): Promise<{ readonly loss: ConnectionLoss; readonly stood: boolean }> {
    const end = await this.#tryVersions(url);
    if (end.stood || this.#options.hasOtherCredentials?.(end.loss) !== true) return end;
    this.#options.log.warn(`no connection to ${url}: ${end.loss.message}`);
    return this.#tryVersions(url);
  }

  async #tryVersions(url: string): Promise<{ readonly loss: ConnectionLoss; readonly stood: boolean }> {
    const version = this.#versionFor(url);
    const first = await this.#converse(url, version);
    if (!first.loss.notes.isVersionRefused || this.#options.protocol !== "auto" || version !== 5) return first;
    this.#old.add(url);
    const second = await this.#converse(url, 4);
    if (second.loss.notes.isVersionRefused) this.#old.delete(url);
    return second;
  }

  #versionFor(url: string): MqttVersion {
    const { protocol } = this.#options;
    if (protocol !== "auto") return protocol;
    return this.#old.has(url) ? 4 : 5;
  }

  /** One connection, from its beginning to its end. */
  async #converse(url: string, version: MqttVersion): Promise<{ readonly loss: ConnectionLoss; readonly stood: boolean }> {
    const { uplink, policy, log, connect } = this.#options;
    let stood = false;
    let connection: Connection | undefined;
    let cancel = (): void => {};
    try {
      const isFirst = this.#options.sessions.isFresh;
      const stamps = new SessionStamps(await this.#options.sessions.next(), this.#options.clock);
      let onBorn = (): void => {};
      const born = new Promise<void>((resolve) => {
        onBorn = resolve;
      });
      const onMessage = async (message: IncomingMessage): Promise<void> => {
        await born;
        await this.#options.onMessage(message);
      };
      connection = await connect(await this.#connectionOptions(url, version, stamps.sid, onMessage), this.#stop.signal);
      const late = new ConnectionLoss("server", "the broker does not take what a gateway begins with");
      cancel = this.#options.schedule(() => connection!.drop(late), BIRTH_MS);
      await connection.subscribe(this.#options.topics.subscriptions);
      const why = isFirst ? "boot" : this.#isTakenOver ? "takeover" : "connect";
      await this.#publishBirth(connection, stamps, why);
      cancel();
      stood = true;
      this.#connections++;
      policy.connected(this.#nowMs());
      this.#session = { url, connection, stamps };
      this.#lastError = undefined;
      log.info(`connected to ${url} with MQTT ${version === 5 ? "5" : "3.1.1"}, session ${stamps.sid}`);
      uplink.open({ connection, stamps });
      onBorn();
      this.#options.onBorn(why);
      return { loss: await connection.ended, stood };
    } catch (error) {
      const loss = error instanceof ConnectionLoss ? error : new ConnectionLoss("link", errorText(error));
      connection?.drop(loss);
      return { loss, stood };
    } finally {
      cancel();
      this.#session = undefined;
      uplink.close();
      this.#sentBytes += connection?.facts.sentBytes ?? 0;
      this.#lookupMs = connection?.facts.lookupMs ?? this.#lookupMs;
      this.#answerMs = connection?.facts.answerMs ?? this.#answerMs;
      if (connection !== undefined) this.#isTakenOver = (await connection.ended).notes.isTakenOver === true;
    }
  }

  async #connectionOptions(
    url: string,
    version: MqttVersion,
    sid: string,
    onMessage: (message: IncomingMessage) => Promise<void>,
  ): Promise<Parameters<Connect>[0]> {
    const { clientId, topics, credentials } = this.#options;
    const { username, password, tls } = await credentials();
    const files = JSON.stringify(Object.values(tls).map((bytes) => bytes?.toString("base64")));
    const known = this.#tlsSessions.get(url);
    const time = this.#options.time?.();
    return {
      url,
      version,
      clientId,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      tls,
      ...(time !== undefined && { time }),
      ...(known?.files === files && { tlsSession: known.session }),
      will: {
        topic: topics.up("state"),
        payload: JSON.stringify({ v: 1, sid, online: false, why: "lwt" }),
        delaySeconds: WILL_DELAY_SECONDS,
      },
      keepaliveSeconds: KEEPALIVE_SECONDS,
      timeoutMs: BIRTH_MS,
      onMessage,
      onTlsSession: (session) => void this.#tlsSessions.set(url, { files, session }),
    };
  }

  async #publishBirth(connection: Connection, stamps: SessionStamps, why: BirthReason): Promise<void> {
    const { topics, clock, birth } = this.#options;
    const told = await birth();
    const envelope = stamps.counted({ bootCounter: clock.bootCounter, monoUs: clock.nowUs() });
    const payload = JSON.stringify({ ...envelope, online: true, why, ...told });
    await connection
      .publish({ topic: topics.up("state"), payload, qos: 1, retain: true, contentType: "application/json" })
      .catch((error: unknown) => {
        throw error instanceof ConnectionLoss ? error : new ConnectionLoss("auth", `the broker refuses the birth: ${errorText(error)}`);
      });
  }

  #nowMs(): number {
    return this.#options.clock.nowUs() / 1000;
  }

  #wait(delayMs: number): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.schedule(resolve, delayMs);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  async #within(delayMs: number, work: Promise<void>): Promise<void> {
    let cancel = (): void => {};
    const late = new Promise<never>((_, reject) => {
      cancel = this.#options.schedule(() => reject(new Error("the broker does not answer")), delayMs);
    });
    await Promise.race([work, late]).finally(cancel);
  }
}

/** As a broker names another one: host, or host and port. */
function hostOf(url: string): string {
  return new URL(url).host;
}
