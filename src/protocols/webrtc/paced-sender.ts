// Lets a large frame, or the open GOP, leave in steps that a receive buffer of ordinary size keeps up with.
import type { PacketBurst } from "#rtp/burst.ts";

/** About 190 Mbit/s. */
const PACKETS_PER_MS = 20;
/** As many leave at once, after a pause. */
const UNPACED_PACKETS = 40;

/** Sends packets first … end − 1 of a burst of a track. */
type Send = (trackIndex: number, burst: PacketBurst, first: number, end: number) => void;

export class PacedSender {
  readonly #send: Send;
  /** What has not left yet, in order. */
  #waiting: { readonly trackIndex: number; readonly burst: PacketBurst; first: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Packets that the peer's buffer may still hold, and when that was reckoned. */
  #level = 0;
  #levelMs = 0;

  constructor(send: Send) {
    this.#send = send;
  }

  /** Of what has not left yet. */
  get pendingBytes(): number {
    let sizeBytes = 0;
    for (const { burst, first } of this.#waiting) sizeBytes += burst.offsets[burst.count]! - burst.offsets[first]!;
    return sizeBytes;
  }

  push(trackIndex: number, burst: PacketBurst): void {
    const nowMs = performance.now();
    this.#level = Math.max(0, this.#level - (nowMs - this.#levelMs) * PACKETS_PER_MS);
    this.#levelMs = nowMs;
    if (this.#timer === undefined && this.#level + burst.count <= UNPACED_PACKETS) {
      this.#level += burst.count;
      this.#send(trackIndex, burst, 0, burst.count);
      return;
    }
    this.#waiting.push({ trackIndex, burst, first: 0 });
    if (this.#timer !== undefined) return;
    if (this.#level < PACKETS_PER_MS) this.#step();
    else this.#timer = setTimeout(() => this.#step(), 1);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
  }

  #step(): void {
    this.#timer = undefined;
    let sent = 0;
    let done = 0;
    for (const one of this.#waiting) {
      const end = Math.min(one.burst.count, one.first + PACKETS_PER_MS - sent);
      this.#send(one.trackIndex, one.burst, one.first, end);
      sent += end - one.first;
      one.first = end;
      if (end < one.burst.count) break;
      done++;
      if (sent >= PACKETS_PER_MS) break;
    }
    this.#waiting.splice(0, done);
    this.#level += sent;
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#step(), 1);
  }
}
