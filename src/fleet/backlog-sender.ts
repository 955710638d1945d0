// The backlog of an outage: many entries to a message, as gzip of JSON lines, at a pace that a broker full of returning gateways can bear.
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Schedule } from "#base/schedule.ts";
import type { SessionStamps } from "./envelope.ts";
import type { OutgoingMessage } from "./mqtt-connection.ts";
import type { Outbox } from "./outbox.ts";
import type { Topics } from "./topics.ts";
import { parseUpload, type Upload } from "./upload.ts";

export interface BacklogSenderOptions {
  readonly topics: Topics;
  readonly outbox: Outbox;
  readonly log: Log;
  random(): number;
  readonly schedule: Schedule;
  /** Entries that are on their way: nobody else sends them. */
  readonly inFlight: Set<number>;
  /** Resolves when the broker has it. */
  say(messageOf: (stamps: SessionStamps) => Promise<OutgoingMessage>): Promise<void>;
}

const START_WITHIN_MS = 120_000;
const BYTES_PER_SECOND = 32 * 1024;
const MIN_PAUSE_MS = 50; // 20 messages a second
const RETRY_MS = 60_000;
/** What is packed into one message: it cannot grow beyond 64 KiB by that. */
const MAX_LINES_BYTES = 60 * 1024;
/** What the envelope adds to a line, at most. */
const ENVELOPE_BYTES = 160;
const EXPIRY_SECONDS = 7 * 86_400;

export class BacklogSender {
  readonly #options: BacklogSenderOptions;
  /** Entries up to this waited when the session began. */
  #upToId = 0;
  #session: object | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: BacklogSenderOptions) {
    this.#options = options;
  }

  /** What waits now goes out, beginning after a random time. */
  open(): void {
    this.close();
    this.#session = {};
    this.#upToId = this.#options.outbox.lastId;
    this.#schedule(this.#options.random() * START_WITHIN_MS);
  }

  close(): void {
    this.#session = undefined;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(delayMs: number): void {
    this.#cancel = this.#options.schedule(() => {
      this.#cancel = undefined;
      void this.#send();
    }, delayMs);
  }

  async #send(): Promise<void> {
    const session = this.#session;
    const { topics, outbox, log, inFlight, say } = this.#options;
    const uploads = await this.#gather(session);
    if (uploads.size === 0 || this.#session !== session) return;
    let pauseMs = RETRY_MS;
    try {
      await say(async (stamps) => {
        const payload = await promisify(gzip)(linesOf(uploads.values(), stamps));
        pauseMs = Math.max(MIN_PAUSE_MS, (payload.length / BYTES_PER_SECOND) * 1000);
        return { topic: topics.up("bulk"), payload, qos: 1, expirySeconds: EXPIRY_SECONDS, contentType: "application/gzip" };
      });
      for (const id of uploads.keys()) outbox.done(id);
    } catch (error) {
      if (this.#session === session) log.warn(`what waited was not taken: ${errorText(error)}`);
      pauseMs = RETRY_MS;
    }
    if (this.#session !== session) return;
    for (const id of uploads.keys()) inFlight.delete(id);
    this.#schedule(pauseMs);
  }

  /** By id; they are on their way from here on. */
  async #gather(session: object | undefined): Promise<ReadonlyMap<number, Upload>> {
    const { outbox, inFlight } = this.#options;
    const uploads = new Map<number, Upload>();
    for (let sizeBytes = 0; ; ) {
      // Telemetry is kept in an outage alone, the last of it when the session stands already: nobody else sends it.
      const entry =
        (await outbox.next(inFlight, { classes: [1], upToId: this.#upToId })) ?? (await outbox.next(inFlight, { classes: [2] }));
      if (this.#session !== session || entry === undefined) return uploads;
      sizeBytes += entry.payload.length + ENVELOPE_BYTES;
      if (uploads.size > 0 && sizeBytes > MAX_LINES_BYTES) return uploads;
      const upload = parseUpload(entry.payload);
      if (upload === undefined) {
        outbox.done(entry.id);
        continue;
      }
      inFlight.add(entry.id);
      uploads.set(entry.id, upload);
    }
  }
}

/** Each line is a message as it would have been sent, with `t`, the topic below `up/` that it would have been sent to; all have the number of this one. */
function linesOf(uploads: Iterable<Upload>, stamps: SessionStamps): string {
  const envelopeOf = stamps.batch();
  return [...uploads].map(({ topic, happened, body }) => `${JSON.stringify({ ...envelopeOf(happened), t: topic, ...body })}\n`).join("");
}
