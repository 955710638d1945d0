// Sends a file to an HTTPS server over a link that comes and goes: in one PUT, or in parts of which the server tells how far they came (upload-headers.ts).
import { CallerFault, PeerFault } from "#base/errors.ts";
import type { PutReply } from "./put-request.ts";
import {
  parseHeldBytes,
  parseReprDigest,
  parseRetryAfterMs,
  type UploadRange,
  writeReprDigest,
  writeUploadRange,
} from "./upload-headers.ts";

/** What is sent. Any part of it can be read, and again. */
export interface UploadFile {
  readonly sizeBytes: number;
  /** Of all of it, hex. */
  readonly sha256: string;
  bytes(start: number, end: number, signal: AbortSignal): AsyncIterable<Buffer>;
}

/** One PUT, to wherever it goes. Rejects with a PeerFault where there is no answer, and with a CallerFault where it must not go. */
export type SendPart = (part: {
  readonly headers: Readonly<Record<string, string>>;
  readonly sizeBytes: number;
  body(signal: AbortSignal): AsyncIterable<Buffer>;
  readonly onSent: (sizeBytes: number) => void;
  readonly signal: AbortSignal;
}) => Promise<PutReply>;

export interface ResumablePutOptions {
  readonly send: SendPart;
  readonly file: UploadFile;
  /** Undefined, or not less than the file: one PUT without Content-Range, as addresses that are signed for one file take it. */
  readonly partBytes: number | undefined;
  /** Bytes sent of all, and the part that is sent, from 1; both may fall when a connection is lost. */
  readonly onProgress: (sentBytes: number, part: number) => void;
  /** Monotonic, and UTC in ms. */
  nowMs(): number;
  utcMs(): number;
  /** Rejects when it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  readonly random: () => number;
}

/** Nothing moved for so long: the link, or the server, does not come back soon. */
const GIVE_UP_MS = 30 * 60_000;
/** Attempts after which the server has no byte more than before: what moves then only moves again and again. */
const MAX_FRUITLESS = 20;
const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 60_000;
const RETRIED: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Number of parts of a file. */
export function partCount(sizeBytes: number, partBytes: number | undefined): number {
  return partBytes === undefined ? 1 : Math.max(1, Math.ceil(sizeBytes / partBytes));
}

/**
 * Resolves when the server has all of it. Rejects with a CallerFault where the server refuses it, with a PeerFault where it is not reached for too long or
 * answers what cannot be, with the signal's reason when it is aborted, and with whatever reading the file is rejected with.
 */
export async function putResumably(options: ResumablePutOptions, signal: AbortSignal): Promise<void> {
  await new ResumablePut(options, signal).run();
}

class ResumablePut {
  readonly #options: ResumablePutOptions;
  readonly #signal: AbortSignal;
  readonly #partBytes: number | undefined;
  /** What the server has, as far as we know; undefined: it has to be asked. */
  #held: number | undefined;
  #isDone = false;
  #movedMs: number;
  #fruitless = 0;
  #most = 0;

  constructor(options: ResumablePutOptions, signal: AbortSignal) {
    const { file, partBytes } = options;
    this.#options = options;
    this.#signal = signal;
    this.#partBytes = partBytes === undefined || file.sizeBytes <= partBytes ? undefined : partBytes;
    if (this.#partBytes === undefined) this.#held = 0;
    this.#movedMs = options.nowMs();
  }

  async run(): Promise<void> {
    while (!this.#isDone) {
      const [known, before] = [this.#held, this.#most];
      try {
        const waitMs = known === undefined ? await this.#ask() : await this.#sendPart(known);
        if (waitMs === undefined) {
          if (this.#most > before) this.#fruitless = 0;
          continue;
        }
        await this.#wait(new PeerFault("busy", "the server takes nothing in"), waitMs);
      } catch (error) {
        const isOfLink = error instanceof PeerFault && (error.code === "connect" || error.code === "timeout");
        if (!isOfLink) throw error;
        if (this.#partBytes !== undefined) this.#held = undefined;
        await this.#wait(error);
      }
    }
  }

  /** Before the next attempt; throws `fault` where there shall be none. */
  async #wait(fault: PeerFault, asked?: number): Promise<void> {
    const { nowMs, random, sleep } = this.#options;
    this.#fruitless++;
    if (this.#fruitless >= MAX_FRUITLESS || nowMs() - this.#movedMs > GIVE_UP_MS) throw fault;
    const ceilingMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#fruitless - 1));
    await sleep(Math.max(asked ?? 0, ceilingMs * (0.5 + random() / 2)), this.#signal);
  }

  /** How much is there. Resolves with how long to wait before it is asked again. */
  async #ask(): Promise<number | undefined> {
    const { file } = this.#options;
    const reply = await this.#put(undefined, 0);
    if (reply.status === 308) {
      this.#hold(reply);
      return undefined;
    }
    if (reply.status >= 200 && reply.status < 300) {
      // It has all of it, or does not know the question: only the first can tell what it has.
      if (parseReprDigest(headerOf(reply, "repr-digest")) === file.sha256) this.#finish(reply);
      else this.#held = 0;
      return undefined;
    }
    return this.#refusal(reply);
  }

  async #sendPart(start: number): Promise<number | undefined> {
    const { file } = this.#options;
    const partBytes = this.#partBytes ?? Math.max(1, file.sizeBytes);
    const end = Math.min(file.sizeBytes, (Math.floor(start / partBytes) + 1) * partBytes);
    const reply = await this.#put({ start, end }, end - start);
    if (reply.status >= 200 && reply.status < 300) {
      if (end < file.sizeBytes) throw new PeerFault("protocol", "the server took one part for the whole file: leave dest.part_mb out");
      this.#finish(reply);
      return undefined;
    }
    if (reply.status === 308 && this.#partBytes !== undefined) {
      this.#hold(reply);
      return undefined;
    }
    if (reply.status === 416 && this.#partBytes !== undefined) {
      this.#held = undefined;
      return 0;
    }
    return this.#refusal(reply);
  }

  #put(part: UploadRange["part"], sizeBytes: number): Promise<PutReply> {
    const { send, file, onProgress } = this.#options;
    const start = part?.start ?? 0;
    const number = part === undefined || this.#partBytes === undefined ? 1 : Math.floor(start / this.#partBytes) + 1;
    let sentBytes = start;
    if (part !== undefined) onProgress(start, number);
    return send({
      headers: {
        "Repr-Digest": writeReprDigest(file.sha256),
        ...(this.#partBytes !== undefined && { "Content-Range": writeUploadRange({ part, sizeBytes: file.sizeBytes }) }),
      },
      sizeBytes,
      body: (signal) => file.bytes(start, start + sizeBytes, signal),
      onSent: (moreBytes) => {
        sentBytes += moreBytes;
        this.#movedMs = this.#options.nowMs();
        onProgress(sentBytes, number);
      },
      signal: this.#signal,
    });
  }

  #hold(reply: PutReply): void {
    const { sizeBytes } = this.#options.file;
    const held = parseHeldBytes(headerOf(reply, "range"));
    if (held === undefined || held >= sizeBytes) throw new PeerFault("protocol", "the server says in no sensible way how much it has");
    this.#held = held;
    if (held > this.#most) {
      this.#most = held;
      this.#movedMs = this.#options.nowMs();
    } else if (++this.#fruitless >= MAX_FRUITLESS) throw new PeerFault("protocol", "the server keeps nothing of what it is sent");
  }

  #finish(reply: PutReply): void {
    const { file } = this.#options;
    const stored = parseReprDigest(headerOf(reply, "repr-digest"));
    if (stored !== undefined && stored !== file.sha256) throw new PeerFault("protocol", "the server has other bytes than were sent");
    this.#isDone = true;
  }

  /** Resolves with how long to wait where it passes. */
  #refusal(reply: PutReply): number {
    const { status } = reply;
    const said = reply.text === "" || reply.text.startsWith("<") ? "" : `: ${plainText(reply.text)}`; // no pages
    if (RETRIED.has(status)) return parseRetryAfterMs(headerOf(reply, "retry-after"), this.#options.utcMs()) ?? 0;
    if (status === 401 || status === 403)
      throw new CallerFault("unauthorized", `dest.put: the server refuses the upload (${status})${said}`, "dest.put");
    if (status === 404 || status === 410)
      throw new CallerFault("not-found", `dest.put: the server knows no such place (${status})${said}`, "dest.put");
    if (status === 409 || status === 412)
      throw new CallerFault("conflict", `dest.put: there is another file already (${status})${said}`, "dest.put");
    if (status === 413 || status === 507)
      throw new PeerFault("limit", `the server has no room for ${this.#options.file.sizeBytes} bytes (${status})${said}`);
    const hint = this.#partBytes === undefined ? "" : "; where it takes no parts, leave dest.part_mb out";
    throw new PeerFault("protocol", `the server answers ${status}${said}${hint}`);
  }
}

function headerOf({ headers }: PutReply, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}

/** The first words of an answer, without what a terminal would obey. */
function plainText(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]+/g, " ")
    .trim()
    .slice(0, 200);
}
