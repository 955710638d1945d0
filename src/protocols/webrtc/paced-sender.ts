// Lets a large frame, or the open GOP, leave in steps that a receive buffer of ordinary size keeps up with.
import type { PacketBurst } from "#rtp/burst.ts";

/** About 380 Mbit/s, for a live keyframe: the picture waits for it. */
const PACKETS_PER_MS = 40;
/** When more than these wait, it is an open GOP or the keyframe of a large picture: half as fast, for the buffers of switches on the way. */
const LONG_PACKETS = 128;
const LONG_PACKETS_PER_MS = 20;
/** As many leave at once, after a pause. Browsers ask for a receive buffer of 64 KiB, which holds some 52. */
const MAX_LEVEL = 48;
/** No step is smaller, but the last one: each is a system call. */
const MIN_STEP = 16;
/** The shortest that timers can do. */
const STEP_MS = 1;

/** Sends packets first … end − 1 of a burst of a track. */
type Send = (trackIndex: number, burst: PacketBurst, first: number, end: number) => void;

export class PacedSender {
  readonly #send: Send;
  readonly #nowMs: () => number;
  /** What has not left yet, in order. */
  #waiting: { readonly trackIndex: number; readonly burst: PacketBurst; first: number }[] = [];
  #waitingPackets = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Packets that the peer's buffer may still hold, and when that was reckoned. */
  #level = 0;
  #levelMs = 0;

  constructor(send: Send, nowMs = (): number => performance.now()) {
    this.#send = send;
    this.#nowMs = nowMs;
  }

  /** Of what has not left yet. */
  get pendingBytes(): number {
    let sizeBytes = 0;
    for (const { burst, first } of this.#waiting) sizeBytes += burst.offsets[burst.count]! - burst.offsets[first]!;
    return sizeBytes;
  }

  push(trackIndex: number, burst: PacketBurst): void {
    if (this.#timer === undefined && burst.count <= this.#room()) {
      this.#level += burst.count;
      this.#send(trackIndex, burst, 0, burst.count);
      return;
    }
    this.#waiting.push({ trackIndex, burst, first: 0 });
    this.#waitingPackets += burst.count;
    if (this.#timer === undefined) this.#step();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
    this.#waitingPackets = 0;
  }

  /** How many may leave now. A timer that was late has not cost anything by it. */
  #room(): number {
    const nowMs = this.#nowMs();
    const perMs = this.#waitingPackets > LONG_PACKETS ? LONG_PACKETS_PER_MS : PACKETS_PER_MS;
    this.#level = Math.max(0, this.#level - (nowMs - this.#levelMs) * perMs);
    this.#levelMs = nowMs;
    return Math.floor(MAX_LEVEL - this.#level);
  }

  #step(): void {
    this.#timer = undefined;
    const room = this.#room();
    if (room >= MIN_STEP) this.#sendWaiting(room);
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#step(), STEP_MS);
  }

  #sendWaiting(room: number): void {
    let sent = 0;
    let done = 0;
    for (const one of this.#waiting) {
      const end = Math.min(one.burst.count, one.first + room - sent);
      this.#send(one.trackIndex, one.burst, one.first, end);
      sent += end - one.first;
      one.first = end;
      if (end < one.burst.count) break;
      done++;
      if (sent >= room) break;
    }
    this.#waiting.splice(0, done);
    this.#waitingPackets -= sent;
    this.#level += sent;
  }
}
