// The TCP byte stream of RTSP: messages and `$`-framed binary packets in one (RFC 2326 §10.12), split incrementally.
import { PeerFault, type PeerFaultCode } from "#base/errors.ts";
import { canBeginMessage, HeadReader } from "./head-reader.ts";
import { NO_BODY, type RtspRequest, type RtspResponse } from "./message.ts";
import { MESSAGE_LIMITS, parseContentLength } from "./message-parser.ts";
import { findSync, isCutFrame, LONGEST_START_BYTES, RESYNC_WINDOW_BYTES } from "./resync.ts";

/** Takes the packets of one track, over whatever they came. The bytes are only borrowed. */
export type TakePacket = (isRtcp: boolean, bytes: Buffer, start: number, end: number) => void;

/** Who uses a splitter. Callbacks run inside `push`; they may call `stop`, and nothing else of the splitter but its flags and counters. */
export interface SplitterHandler {
  /** A channel of this connection's SETUPs; asked for each packet, so cheap. */
  isKnownChannel(channel: number): boolean;
  /** The RTP or RTCP packet bytes[start … end), never empty. Valid until the callback returns: the bytes are written over afterwards. */
  onPacket(channel: number, bytes: Buffer, start: number, end: number): void;
  onRequest(request: RtspRequest): void;
  onResponse(response: RtspResponse): void;
  /** The place in the stream was lost and found again. */
  onResync?(): void;
  /** `limit` or `protocol`. The splitter has stopped. */
  onFault(fault: PeerFault): void;
}

/** `start`: at the first byte of a frame or message. `open-body`: a body that ends where the next response begins. */
type State = "start" | "frame" | "skip" | "head" | "body" | "open-body" | "resync" | "stopped";

const DOLLAR = 0x24;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
/** `$`, channel, 16-bit length. */
const FRAMING_BYTES = 4;
/** Give up when this much garbage held no frame and no message. */
const MAX_GARBAGE_BYTES = 64 * 1024;
/** Places that looked like a message within one stretch of garbage and were none. */
const MAX_FALSE_SYNCS = 16;
const RESPONSE_START = "RTSP/1.0 ";

/**
 * `push` takes what was read; its buffer may be used again as soon as `push` returns. A frame that lies in it whole is handed out as a view,
 * without a copy or an allocation; only what is cut by its end is copied to a carry buffer, which grows to 64 KiB as needed.
 *
 * Bytes that are neither frame nor message: before the first frame or message of the connection they are a `protocol` fault (this is not RTSP),
 * afterwards the splitter searches for the next one (`findSync`).
 */
export class RtspSplitter {
  /**
   * Set before a DESCRIBE is sent: some servers answer it without `Content-Length`. The body of the next response, when that has status 200 and
   * no length, is then what comes before the next `RTSP/1.0` at a line start, or before `finishBody` is called. Every response clears it.
   */
  expectBodyWithoutLength = false;
  /** How often the place in the stream was lost and found again. */
  resyncs = 0;
  /** Bytes that belonged to no frame and no message. */
  skippedBytes = 0;
  /** Frames on channels that nobody set up, skipped by their length. */
  unknownChannelPackets = 0;

  readonly #handler: SplitterHandler;
  readonly #isKnownChannel: (channel: number) => boolean;
  #state: State = "start";
  /** A frame or message was seen: from here on garbage is searched through. */
  #established = false;

  /** Holds the beginning of what the last chunk cut: a frame, an open body, or the undecided end of garbage. */
  #carry: Buffer = NO_BODY;
  #used = 0;
  #skipBytes = 0;

  readonly #head = new HeadReader();
  #body: Buffer = NO_BODY;
  #bodyUsed = 0;

  #garbageBytes = 0;
  #falseSyncs = 0;
  #windowAtLineStart = false;
  /** Search the whole window again when it holds this much. */
  #searchAtBytes = 0;

  constructor(handler: SplitterHandler) {
    this.#handler = handler;
    this.#isKnownChannel = (channel) => handler.isKnownChannel(channel);
  }

  /** Whether a body without a length is being read: the owner starts its 2 s limit, then calls `finishBody`. */
  get awaitsBodyEnd(): boolean {
    return this.#state === "open-body";
  }

  push(chunk: Buffer): void {
    this.#run(chunk);
  }

  /** Ends a body without a length with what has come; false when none is being read. */
  finishBody(): boolean {
    if (this.#state !== "open-body") return false;
    this.#endOpenBody(this.#used);
    return true;
  }

  /** Nothing is handed out any more. */
  stop(): void {
    this.#state = "stopped";
    this.#carry = NO_BODY;
  }

  #run(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#state) {
        case "start":
          at = this.#atStart(bytes, at);
          break;
        case "frame":
          at = this.#inFrame(bytes, at);
          break;
        case "skip":
          at = this.#inSkipped(bytes, at);
          break;
        case "head":
          at = this.#inHead(bytes, at);
          break;
        case "body":
          at = this.#inBody(bytes, at);
          break;
        case "open-body":
          at = this.#inOpenBody(bytes, at);
          break;
        case "resync":
          at = this.#inGarbage(bytes, at);
          break;
        case "stopped":
          return;
      }
    }
  }

  /** Hands out whole frames; leaves `start` for whatever else comes. */
  #atStart(bytes: Buffer, at: number): number {
    const handler = this.#handler;
    const end = bytes.length;
    while (at < end && this.#state === "start") {
      const first = bytes[at]!;
      if (first !== DOLLAR) {
        if (first === CARRIAGE_RETURN || first === LINE_FEED) {
          at++;
          continue;
        }
        this.#begin(canBeginMessage(first) ? "head" : "resync");
        return at;
      }
      if (end - at < FRAMING_BYTES) {
        this.#begin("frame");
        return at;
      }
      const channel = bytes[at + 1]!;
      const start = at + FRAMING_BYTES;
      at = start + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
      if (!handler.isKnownChannel(channel)) {
        this.#skip(at - start);
        return start;
      }
      if (at > end) {
        this.#begin("frame");
        return start - FRAMING_BYTES;
      }
      if (at < end && !this.#isNextFrame(bytes, at) && this.#isCut(bytes, start - FRAMING_BYTES, at)) {
        this.#begin("resync");
        return this.#drop(1) ? start - FRAMING_BYTES + 1 : end;
      }
      if (at > start) {
        this.#found();
        handler.onPacket(channel, bytes, start, at);
      }
    }
    return at;
  }

  #inFrame(bytes: Buffer, at: number): number {
    if (this.#used < FRAMING_BYTES) {
      at = this.#carryOn(bytes, at, FRAMING_BYTES);
      if (this.#used < FRAMING_BYTES) return at;
    }
    const channel = this.#carry[1]!;
    const end = FRAMING_BYTES + this.#carry.readUInt16BE(2);
    if (this.#used === FRAMING_BYTES && !this.#handler.isKnownChannel(channel)) {
      this.#skip(end - FRAMING_BYTES);
      return at;
    }
    at = this.#carryOn(bytes, at, end);
    if (this.#used < end) return at;
    if (at < bytes.length && !this.#isNextFrame(bytes, at)) {
      const rest = Buffer.concat([this.#carry.subarray(0, end), bytes.subarray(at)]);
      if (this.#isCut(rest, 0, end)) {
        this.#begin("resync");
        if (this.#drop(1)) this.#run(rest.subarray(1));
        return bytes.length;
      }
    }
    this.#begin("start");
    if (end > FRAMING_BYTES) {
      this.#found();
      this.#handler.onPacket(channel, this.#carry, FRAMING_BYTES, end);
    }
    return at;
  }

  /** What follows a frame most often; all that is looked at for each. */
  #isNextFrame(bytes: Buffer, at: number): boolean {
    return bytes[at] === DOLLAR && (at + 1 === bytes.length || this.#isKnownChannel(bytes[at + 1]!));
  }

  #isCut(bytes: Buffer, start: number, next: number): boolean {
    return this.#established && isCutFrame(bytes, start, next, bytes.length, this.#isKnownChannel);
  }

  #skip(packetBytes: number): void {
    this.unknownChannelPackets++;
    this.#skipBytes = packetBytes;
    this.#begin(packetBytes > 0 ? "skip" : "start");
  }

  #inSkipped(bytes: Buffer, at: number): number {
    const count = Math.min(this.#skipBytes, bytes.length - at);
    this.#skipBytes -= count;
    if (this.#skipBytes === 0) this.#state = "start";
    return at + count;
  }

  #inHead(bytes: Buffer, at: number): number {
    const head = this.#head;
    const next = head.read(bytes, at);
    if (head.outcome === "done") this.#endHead();
    else if (head.outcome === "limit") return this.#fail("limit", head.why);
    else if (head.outcome === "no-message") this.#falseHead();
    return next;
  }

  #endHead(): void {
    const { startLine, headers } = this.#head;
    const length = parseContentLength(headers);
    const open = startLine.kind === "response" && startLine.status === 200 && this.expectBodyWithoutLength && length === undefined;
    if (startLine.kind === "response") this.expectBodyWithoutLength = false;
    if (length === "garbage") {
      this.#fail("protocol", "Content-Length is not a number");
    } else if (length !== undefined && length > MESSAGE_LIMITS.bodyBytes) {
      this.#fail("limit", `a body of ${length} bytes`);
    } else if (open) {
      this.#begin("open-body");
    } else if (length === undefined || length === 0) {
      this.#endMessage(NO_BODY);
    } else {
      this.#begin("body");
      this.#body = Buffer.allocUnsafeSlow(length);
      this.#bodyUsed = 0;
    }
  }

  #inBody(bytes: Buffer, at: number): number {
    const body = this.#body;
    const copied = bytes.copy(body, this.#bodyUsed, at);
    this.#bodyUsed += copied;
    if (this.#bodyUsed === body.length) {
      this.#body = NO_BODY;
      this.#endMessage(body);
    }
    return at + copied;
  }

  #inOpenBody(bytes: Buffer, at: number): number {
    const searched = Math.max(this.#used - RESPONSE_START.length, 0);
    const next = this.#carryOn(bytes, at, MESSAGE_LIMITS.bodyBytes + RESPONSE_START.length);
    const text = this.#carry.subarray(0, this.#used);
    for (
      let found = text.indexOf(RESPONSE_START, searched, "latin1");
      found !== -1;
      found = text.indexOf(RESPONSE_START, found + 1, "latin1")
    ) {
      if (found > 0 && text[found - 1] !== LINE_FEED) continue;
      const rest = Buffer.from(text.subarray(found));
      this.#endOpenBody(found);
      this.#run(rest);
      return next;
    }
    if (this.#used > MESSAGE_LIMITS.bodyBytes) return this.#fail("limit", "a body without an end");
    return next;
  }

  #endOpenBody(length: number): void {
    this.#endMessage(Buffer.from(this.#carry.subarray(0, length)));
  }

  #endMessage(body: Buffer): void {
    const { startLine, headers } = this.#head;
    this.#begin("start");
    this.#found();
    if (startLine.kind === "request") this.#handler.onRequest({ method: startLine.method, url: startLine.url, headers, body });
    else this.#handler.onResponse({ status: startLine.status, reason: startLine.reason, headers, body });
  }

  /** What looked like a message is none: its first byte is garbage, and the search goes on behind it. */
  #falseHead(): void {
    if (!this.#established) {
      this.#fail("protocol", this.#head.why);
      return;
    }
    if (++this.#falseSyncs > MAX_FALSE_SYNCS) {
      this.#fail("protocol", "garbage in the stream");
      return;
    }
    const rest = Buffer.from(this.#head.seen.subarray(1));
    this.#begin("resync");
    if (this.#drop(1)) this.#run(rest);
  }

  #inGarbage(bytes: Buffer, at: number): number {
    if (!this.#established) return this.#fail("protocol", "no RTSP message");
    if (this.#used > 0) return this.#inCarriedGarbage(bytes, at);
    const end = bytes.length;
    const search = findSync(bytes, at, end, false, this.#isKnownChannel);
    if (!this.#drop(search.at - at)) return end;
    if (search.confirmed) {
      this.#state = "start";
      this.#countResync();
      return search.at;
    }
    this.#windowAtLineStart = search.at > at && bytes[search.at - 1] === LINE_FEED;
    this.#searchAtBytes = 0;
    this.#keep(bytes, search.at, end);
    return end;
  }

  /**
   * The search where its undecided part began in an earlier chunk. What is new is searched each time, the whole of a large window only when it
   * has grown by a sixteenth: a peer that sends byte by byte costs no more than others.
   */
  #inCarriedGarbage(bytes: Buffer, at: number): number {
    const newAt = Math.max(this.#used - LONGEST_START_BYTES, 0);
    const next = this.#carryOn(bytes, at, RESYNC_WINDOW_BYTES);
    const carry = this.#carry;
    const from = this.#used >= Math.min(this.#searchAtBytes, RESYNC_WINDOW_BYTES) ? 0 : newAt;
    const atLineStart = from === 0 ? this.#windowAtLineStart : carry[from - 1] === LINE_FEED;
    const search = findSync(carry, from, this.#used, atLineStart, this.#isKnownChannel);
    if (from > 0 && !search.confirmed) return next;
    if (!this.#drop(search.at)) return next;
    if (search.confirmed) {
      const rest = Buffer.from(carry.subarray(search.at, this.#used));
      this.#begin("start");
      this.#countResync();
      this.#run(rest);
      return next;
    }
    if (search.at > 0) this.#windowAtLineStart = carry[search.at - 1] === LINE_FEED;
    carry.copyWithin(0, search.at, this.#used);
    this.#used -= search.at;
    this.#searchAtBytes = this.#used + (this.#used < 4096 ? 1 : this.#used >> 4);
    return next;
  }

  /** Counts garbage; false when it was too much and the splitter stopped. */
  #drop(garbageBytes: number): boolean {
    this.skippedBytes += garbageBytes;
    this.#garbageBytes += garbageBytes;
    if (this.#garbageBytes <= MAX_GARBAGE_BYTES) return true;
    this.#fail("protocol", "garbage in the stream");
    return false;
  }

  #countResync(): void {
    this.resyncs++;
    this.#handler.onResync?.();
  }

  /** A frame or message: a stretch of garbage, if there was one, is over. */
  #found(): void {
    this.#established = true;
    this.#garbageBytes = 0;
    this.#falseSyncs = 0;
  }

  #begin(state: State): void {
    this.#state = state;
    this.#used = 0;
    if (state === "head") this.#head.begin();
  }

  /** Copies to the carry buffer until it holds `wantedBytes`, or all there is; returns where it ended. */
  #carryOn(bytes: Buffer, at: number, wantedBytes: number): number {
    const end = Math.min(bytes.length, at + Math.max(wantedBytes - this.#used, 0));
    this.#keep(bytes, at, end);
    return end;
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const needed = this.#used + end - start;
    if (needed > this.#carry.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#carry.length * 2, 2048));
      this.#carry.copy(larger, 0, 0, this.#used);
      this.#carry = larger;
    }
    bytes.copy(this.#carry, this.#used, start, end);
    this.#used = needed;
  }

  /** Stops; returns where no caller reads on. */
  #fail(code: PeerFaultCode, message: string): number {
    this.stop();
    this.#handler.onFault(new PeerFault(code, message));
    return Number.MAX_SAFE_INTEGER;
  }
}
