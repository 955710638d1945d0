// What goes up: what is said now at once, then what is critical, then what happens while the link stands; and behind all that the backlog of an outage.
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Schedule } from "#base/schedule.ts";
import { BacklogSender } from "./backlog-sender.ts";
import { ConnectionLoss } from "./connection-loss.ts";
import type { Happened, SessionStamps } from "./envelope.ts";
import type { OutboxClass } from "./log-record.ts";
import { type Connection, type OutgoingMessage, PublishRefusal } from "./mqtt-connection.ts";
import type { Outbox, OutboxEntry } from "./outbox.ts";
import type { Topics } from "./topics.ts";
import { parseUpload, type Upload, writeUpload } from "./upload.ts";

export interface UplinkOptions {
  readonly topics: Topics;
  readonly outbox: Outbox;
  readonly log: Log;
  /** Now. */
  happened(): Happened;
  random(): number;
  readonly schedule: Schedule;
}

/** A message that is of use now alone. */
export interface Saying extends Omit<Upload, "happened"> {
  /** The broker keeps it for whoever comes later. */
  readonly retain?: boolean;
  readonly expirySeconds?: number;
}

/** A connection whose birth is out. */
export interface UplinkSession {
  readonly connection: Connection;
  readonly stamps: SessionStamps;
}

interface Express {
  readonly message: () => OutgoingMessage | Promise<OutgoingMessage>;
  readonly settle: (sent: Promise<void>) => void;
}

export const EVENT_EXPIRY_SECONDS = 7 * 86_400;
const TELEMETRY_EXPIRY_SECONDS = 600;
/** Of the outbox, whatever more the broker would take. */
const MAX_STORED_IN_FLIGHT = 10;
const MAX_IN_FLIGHT = 20;
const MAX_EXPRESS = 256;
const RECENT_MS = 60_000;
const MAX_RECENT = 20;
/** A broker that takes a message has that long to say so. */
const ACK_MS = 30_000;
/** A broker that refuses more than that is not offered the rest. */
const MAX_REFUSED = 100;
/** What the broker refuses is offered to it again after this. */
const RETRY_MS = 300_000;

export class Uplink {
  /** Messages that were of use at once alone, and could not be sent. */
  droppedSayings = 0;
  readonly #options: UplinkOptions;
  readonly #backlog: BacklogSender;
  #session: UplinkSession | undefined;
  #isPaused = false;
  #express: Express[] = [];
  /** Events without a session, by id, with when they came: those of the last minute are no backlog. */
  #recent: { readonly id: number; readonly atMs: number }[] = [];
  /** What happened in this session and has its turn before the backlog, oldest first. */
  #fresh: number[] = [];
  /** Entries of the outbox that are on their way. */
  readonly #inFlight = new Set<number>();
  /** Entries that the broker refused. */
  readonly #refused = new Set<number>();
  #sent = 0;
  #isPumping = false;
  #isPumpAsked = false;
  #cancelRetry: (() => void) | undefined;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#backlog = new BacklogSender({
      ...options,
      inFlight: this.#inFlight,
      say: (message) => this.#inTurn(message),
    });
  }

  /** From now on what is added goes out at once; what waits follows after a random time. */
  open(session: UplinkSession): void {
    this.#session = session;
    if (!this.#isPaused) {
      this.#fresh = this.#recent.filter(({ atMs }) => this.#nowMs() - atMs < RECENT_MS).map(({ id }) => id);
      this.#backlog.open();
    }
    this.#recent = [];
    this.#pump();
  }

  close(): void {
    this.#session = undefined;
    this.#backlog.close();
    for (const { settle } of this.#express.splice(0)) settle(Promise.reject(new ConnectionLoss("link", "there is no connection")));
    this.#fresh = [];
    this.#inFlight.clear();
    this.#refused.clear();
    this.#sent = 0;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  get isOpen(): boolean {
    return this.#session !== undefined;
  }

  /** The NOC takes nothing in: what happens is kept. Answers go out all the same: whoever asked is there. */
  set isPaused(isPaused: boolean) {
    if (this.#isPaused === isPaused) return;
    this.#isPaused = isPaused;
    if (this.#session === undefined) return;
    if (isPaused) this.#backlog.close();
    else this.#backlog.open();
    this.#fresh = [];
    this.#pump();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Resolves when it is safe, in the outbox; it is sent as soon as there is somebody to take it. */
  async add(itsClass: OutboxClass, upload: Upload): Promise<void> {
    const id = await this.#options.outbox.add(itsClass, writeUpload(upload));
    if (this.#session === undefined) {
      if (itsClass === 1) this.#recent = [...this.#recent.slice(1 - MAX_RECENT), { id, atMs: this.#nowMs() }];
      return;
    }
    const isNext = this.#isPaused ? upload.topic === "res" : itsClass === 1;
    if (isNext) this.#fresh.push(id);
    this.#pump();
  }

  /** Now or never, and no matter if it is lost: QoS 0. */
  tell(saying: Saying): void {
    const session = this.#session;
    if (session === undefined) return;
    const payload = JSON.stringify({ ...session.stamps.uncounted(this.#options.happened()), ...saying.body });
    const topic = this.#options.topics.up(saying.topic);
    session.connection.publish({ topic, payload, qos: 0, expirySeconds: TELEMETRY_EXPIRY_SECONDS }).catch(() => void this.droppedSayings++);
  }

  /** Resolves when the broker has it. Rejects where it refuses it, and when there is no connection. */
  async say({ topic, to, correlation, body, retain = false, expirySeconds }: Saying): Promise<void> {
    const happened = this.#options.happened();
    await this.#inTurn((stamps) => ({
      topic: to ?? this.#options.topics.up(topic),
      payload: JSON.stringify({ ...stamps.counted(happened), ...body }),
      qos: 1,
      retain,
      contentType: "application/json",
      ...(correlation !== undefined && { correlation }),
      ...(expirySeconds !== undefined && { expirySeconds }),
    }));
  }

  /** Bytes that an answer refers to. Resolves when the broker has them; rejects as `say` does. */
  sendBlob(id: string, bytes: Buffer): Promise<void> {
    return this.post({
      topic: `${this.#options.topics.up("blob")}/${id}`,
      payload: bytes,
      qos: 1,
      contentType: "application/octet-stream",
    });
  }

  /** What has no envelope and no number. Resolves when the broker has it; rejects as `say` does. */
  post(message: OutgoingMessage): Promise<void> {
    return this.#inTurn(() => message);
  }

  #inTurn(messageOf: (stamps: SessionStamps) => OutgoingMessage | Promise<OutgoingMessage>): Promise<void> {
    const session = this.#session;
    if (session === undefined) return Promise.reject(new ConnectionLoss("link", "there is no connection"));
    if (this.#express.length >= MAX_EXPRESS) {
      this.droppedSayings++;
      return Promise.reject(new PublishRefusal("the broker takes too long with what it got before"));
    }
    const done = new Promise<void>((resolve) => {
      this.#express.push({ message: () => messageOf(session.stamps), settle: resolve });
    });
    this.#pump();
    return done;
  }

  /** Sends as much as may be on its way at once. */
  #pump(): void {
    this.#isPumpAsked = true;
    if (!this.#isPumping) void this.#fill();
  }

  async #fill(): Promise<void> {
    this.#isPumping = true;
    while (this.#isPumpAsked) {
      this.#isPumpAsked = false;
      for (let session = this.#session; session !== undefined && this.#sent < this.#window(session); session = this.#session) {
        const express = this.#express.shift();
        if (express !== undefined) {
          await this.#sendExpress(session, express);
          continue;
        }
        const entry = this.#inFlight.size < MAX_STORED_IN_FLIGHT ? await this.#nextStored() : undefined;
        if (entry === undefined) break;
        if (this.#session === session) this.#sendStored(session, entry);
      }
    }
    this.#isPumping = false;
  }

  /** Nothing else goes out while a message is made that takes time: its number is given already. */
  async #sendExpress(session: UplinkSession, { message, settle }: Express): Promise<void> {
    try {
      const made = await message();
      if (this.#session !== session) throw new ConnectionLoss("link", "there is no connection");
      settle(this.#publish(session, made));
    } catch (error) {
      settle(Promise.reject(error));
    }
  }

  #nowMs(): number {
    return this.#options.happened().monoUs / 1000;
  }

  #window({ connection }: UplinkSession): number {
    return Math.min(MAX_IN_FLIGHT, connection.receiveMaximum);
  }

  async #nextStored(): Promise<OutboxEntry | undefined> {
    const { outbox } = this.#options;
    if (this.#refused.size > MAX_REFUSED) return undefined;
    const skip = new Set([...this.#inFlight, ...this.#refused]);
    const critical = this.#isPaused ? undefined : await outbox.next(skip, { classes: [0] });
    if (critical !== undefined) return critical;
    while (this.#fresh.length > 0) {
      const id = this.#fresh.shift()!;
      const entry = this.#inFlight.has(id) ? undefined : await outbox.get(id);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  #sendStored(session: UplinkSession, { id, payload }: OutboxEntry): void {
    const { outbox, topics, log } = this.#options;
    const upload = parseUpload(payload);
    if (upload === undefined) {
      outbox.done(id);
      return;
    }
    this.#inFlight.add(id);
    const sent = this.#publish(session, {
      topic: upload.to ?? topics.up(upload.topic),
      payload: JSON.stringify({ ...session.stamps.counted(upload.happened), ...upload.body }),
      qos: 1,
      expirySeconds: EVENT_EXPIRY_SECONDS,
      contentType: "application/json",
      ...(upload.correlation !== undefined && { correlation: upload.correlation }),
    });
    sent
      .then(
        () => outbox.done(id),
        (error: unknown) => {
          if (this.#session !== session) return;
          if (this.#refused.size === 0) log.warn(`the broker refuses a message on up/${upload.topic}: ${errorText(error)}`);
          this.#refused.add(id);
          this.#retryLater();
        },
      )
      .finally(() => {
        if (this.#session === session) this.#inFlight.delete(id);
        this.#pump();
      });
  }

  async #publish(session: UplinkSession, message: OutgoingMessage): Promise<void> {
    const { connection } = session;
    const cancel = this.#options.schedule(() => {
      connection.drop(new ConnectionLoss("server", `the broker has not acknowledged a message within ${ACK_MS / 1000} s`));
    }, ACK_MS);
    this.#sent++;
    try {
      await connection.publish(message);
    } finally {
      cancel();
      if (this.#session === session) this.#sent--;
      this.#pump();
    }
  }

  #retryLater(): void {
    this.#cancelRetry ??= this.#options.schedule(() => {
      this.#cancelRetry = undefined;
      this.#refused.clear();
      this.#pump();
    }, RETRY_MS);
  }
}
