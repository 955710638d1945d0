// Finding the next frame or message in a byte stream that lost its place: garbage, a frame cut short, a wrong length (RFC 2326 §10.12).
// Seen from cameras that write part of a frame when their send buffer is full (live555) or put foreign bytes between frames (Canon VB-H47).
import { RTSP_METHODS } from "./message.ts";

/** The longest undecided piece: a frame of the largest size and the start of what follows it. */
export const RESYNC_WINDOW_BYTES = 64 * 1024 + 64;

const DOLLAR = 0x24;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** The smallest RTCP packet with an SSRC; RTP has 12 (RFC 3550 §5.1, §6.4.2). */
const MIN_PACKET_BYTES = 8;

/** What a response begins with, up to its status code. */
const RESPONSE_START = Buffer.from("RTSP/1.0 ", "latin1");
/** What a request begins with: the method and the first letter of `rtsp://`, of `*` or of a path. */
const REQUEST_STARTS: readonly Buffer[] = RTSP_METHODS.flatMap((method) =>
  ["rtsp", "*", "/"].map((url) => Buffer.from(`${method} ${url}`, "latin1")),
);
/** No beginning of a message is longer. */
export const LONGEST_START_BYTES = Math.max(RESPONSE_START.length, ...REQUEST_STARTS.map((start) => start.length));

type Verdict = "yes" | "no" | "undecided";

export interface SyncSearch {
  /** Where to go on: the place that is confirmed, else the first one that more bytes may confirm, else the end. */
  readonly at: number;
  readonly confirmed: boolean;
}

/**
 * Looks in bytes[start … end) for the first place to go on from: a frame on a known channel with a possible length and RTP version 2 that is
 * followed by another such frame or by a message; `RTSP/1.0` and a space anywhere; or a request at the start of a line.
 * `atLineStart` says whether `start` is one.
 */
export function findSync(
  bytes: Buffer,
  start: number,
  end: number,
  atLineStart: boolean,
  isKnownChannel: (channel: number) => boolean,
): SyncSearch {
  let undecided = end;
  for (let at = start; at < end; at++) {
    const lineStart = at === start ? atLineStart : bytes[at - 1] === LINE_FEED;
    const verdict = bytes[at] === DOLLAR ? judgePair(bytes, at, end, isKnownChannel) : judgeMessage(bytes, at, end, lineStart);
    if (verdict === "yes") return { at, confirmed: true };
    if (verdict === "undecided" && undecided === end) undecided = at;
  }
  return { at: undecided, confirmed: false };
}

/**
 * Whether the frame bytes[start … next) was cut short and what follows it was taken for its end: no frame and no message is at `next`, but inside
 * of it one may begin. `end` is that of what has come; `next` lies before it.
 */
export function isCutFrame(bytes: Buffer, start: number, next: number, end: number, isKnownChannel: (channel: number) => boolean): boolean {
  const first = bytes[next]!;
  if (first === CARRIAGE_RETURN || first === LINE_FEED) return false;
  const goesOn = first === DOLLAR ? judgeFrame(bytes, next, end, isKnownChannel) : judgeMessage(bytes, next, end, true);
  return goesOn === "no" && findSync(bytes, start + 1, end, false, isKnownChannel).at < next;
}

function judgePair(bytes: Buffer, at: number, end: number, isKnownChannel: (channel: number) => boolean): Verdict {
  const first = judgeFrame(bytes, at, end, isKnownChannel);
  if (first !== "yes") return first;
  const next = at + 4 + bytes.readUInt16BE(at + 2);
  if (next >= end) return "undecided";
  return bytes[next] === DOLLAR ? judgeFrame(bytes, next, end, isKnownChannel) : judgeMessage(bytes, next, end, true);
}

function judgeFrame(bytes: Buffer, at: number, end: number, isKnownChannel: (channel: number) => boolean): Verdict {
  if (at + 1 >= end) return "undecided";
  if (!isKnownChannel(bytes[at + 1]!)) return "no";
  if (at + 4 >= end) return "undecided";
  if (bytes.readUInt16BE(at + 2) < MIN_PACKET_BYTES) return "no";
  return bytes[at + 4]! >> 6 === 2 ? "yes" : "no"; // RFC 3550 §5.1 version
}

function judgeMessage(bytes: Buffer, at: number, end: number, lineStart: boolean): Verdict {
  const first = bytes[at]!;
  if (first < 0x41 || first > 0x5a) return "no"; // A … Z
  const response = judgeText(bytes, at, end, RESPONSE_START);
  if (response !== "no" || !lineStart) return response;
  let verdict: Verdict = "no";
  for (const text of REQUEST_STARTS) {
    const one = judgeText(bytes, at, end, text);
    if (one === "yes") return "yes";
    if (one === "undecided") verdict = "undecided";
  }
  return verdict;
}

function judgeText(bytes: Buffer, at: number, end: number, text: Buffer): Verdict {
  const available = Math.min(end - at, text.length);
  for (let i = 0; i < available; i++) if (bytes[at + i] !== text[i]) return "no";
  return available === text.length ? "yes" : "undecided";
}
