// Collects the head of one RTSP message, start line to empty line, from a byte stream cut anywhere: RFC 2326 §4.
import { NO_BODY, RtspHeaders } from "./message.ts";
import { MESSAGE_LIMITS, parseHeaders, parseStartLine, type StartLine } from "./message-parser.ts";

/** `no-message`: what was read cannot be a message. `limit`: it is too long. `why` has the reason of both. */
export type HeadOutcome = "more" | "done" | "no-message" | "limit";

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** Longer than every method and than `RTSP/1.0`. */
const MAX_FIRST_WORD_BYTES = 32;
const NO_HEADERS = new RtspHeaders();

export class HeadReader {
  /** Valid when the outcome is `done`. */
  startLine: StartLine = { kind: "response", status: 0, reason: "" };
  /** Valid when the outcome is `done`. */
  headers = NO_HEADERS;
  outcome: HeadOutcome = "more";
  why = "";

  #bytes: Buffer = NO_BODY;
  #used = 0;
  #hasStartLine = false;
  #lines: string[] = [];
  #lineAt = 0;
  /** Where the header begins that folded lines belong to. */
  #headerAt = 0;
  #headerCount = 0;

  /** What was read since `begin`; a view that the next `read` may write over. */
  get seen(): Buffer {
    return this.#bytes.subarray(0, this.#used);
  }

  begin(): void {
    this.outcome = "more";
    this.#used = 0;
    this.#hasStartLine = false;
    this.#lines = [];
    this.#lineAt = 0;
    this.#headerAt = 0;
    this.#headerCount = 0;
  }

  /** Takes one line from bytes[at …], or the part of it that is there; returns where it ended, and sets `outcome`. */
  read(bytes: Buffer, at: number): number {
    if (this.#used === this.#lineAt && !isFold(bytes[at]!)) this.#headerAt = this.#used;
    const lineFeed = bytes.indexOf(LINE_FEED, at);
    const end = lineFeed === -1 ? bytes.length : lineFeed + 1;
    const limitBytes = this.#hasStartLine ? MESSAGE_LIMITS.headerLineBytes : MESSAGE_LIMITS.startLineBytes;
    const limitEnd = at + this.#headerAt + limitBytes + 2 - this.#used; // + 2: the line's own end
    for (let i = at; i < end && i < limitEnd; i++) {
      if (!isControl(bytes[i]!)) continue;
      this.#keep(bytes, at, i + 1);
      this.#stop("no-message", "a control character in a message head");
      return i + 1;
    }
    if (end > limitEnd) this.#stop("limit", this.#hasStartLine ? "header too long" : "start line too long");
    else if (this.#used + end - at > MESSAGE_LIMITS.headBytes) this.#stop("limit", "message head too long");
    else {
      this.#keep(bytes, at, end);
      if (!this.#hasStartLine && !firstWordFits(this.#bytes, this.#used)) this.#stop("no-message", "no RTSP message");
      else if (lineFeed !== -1) this.#endLine();
    }
    return end;
  }

  #endLine(): void {
    const line = this.#bytes.toString("utf8", this.#lineAt, this.#used - 1).replace(/\r$/, "");
    this.#lineAt = this.#used;
    if (!this.#hasStartLine) {
      const startLine = parseStartLine(line);
      if (startLine === undefined) {
        this.#stop("no-message", "no RTSP start line");
        return;
      }
      this.startLine = startLine;
      this.#hasStartLine = true;
    } else if (line === "") {
      this.headers = parseHeaders(this.#lines);
      this.outcome = "done";
    } else {
      if (this.#lines.push(line) === 1 || !isFold(line.charCodeAt(0))) this.#headerCount++;
      if (this.#headerCount > MESSAGE_LIMITS.headers) this.#stop("limit", "too many headers");
    }
  }

  #stop(outcome: HeadOutcome, why: string): void {
    this.outcome = outcome;
    this.why = why;
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const needed = this.#used + end - start;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2, 1024));
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
    }
    bytes.copy(this.#bytes, this.#used, start, end);
    this.#used = needed;
  }
}

/** Every method begins so, and `RTSP/1.0`. */
export function canBeginMessage(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a; // A … Z
}

/** A line that continues the header before it (§4.2). */
function isFold(byte: number): boolean {
  return byte === 0x20 || byte === TAB;
}

/** What no message head holds: frames that a server wrote into the middle of one do. */
function isControl(byte: number): boolean {
  return byte < 0x20 && byte !== TAB && byte !== CARRIAGE_RETURN && byte !== LINE_FEED;
}

/** Whether bytes[0 … end) begin with a method and a space, or `RTSP/`, or may go on to. */
function firstWordFits(bytes: Buffer, end: number): boolean {
  for (let i = 0; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === 0x20 || byte === TAB || byte === 0x2f) return i > 0; // space or `/`
    if ((!canBeginMessage(byte) && byte !== 0x5f) || i >= MAX_FIRST_WORD_BYTES) return false; // `_`
  }
  return true;
}
