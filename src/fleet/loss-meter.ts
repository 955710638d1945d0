// How many packets to the broker were lost on their way, of the last hour: what the kernel had to send again of what it sent.

/** Of one connection, since it began. */
export interface SegmentCounts {
  /** Another object for another connection. */
  readonly connection: object;
  readonly sent: number;
  /** Of those. */
  readonly resent: number;
}

const WINDOW_MS = 3_600_000;
/** Looks within such a time are one entry. */
const GRAIN_MS = 60_000;
/** Of fewer nothing can be said. */
const LEAST_SENT = 20;

interface Entry {
  readonly atMs: number;
  sent: number;
  resent: number;
}

export class LossMeter {
  readonly #entries: Entry[] = [];
  #last: SegmentCounts | undefined;

  note(counts: SegmentCounts, nowMs: number): void {
    const before = this.#last?.connection === counts.connection ? this.#last : { sent: 0, resent: 0 };
    this.#last = counts;
    const sent = Math.max(0, counts.sent - before.sent);
    const resent = Math.max(0, counts.resent - before.resent);
    const newest = this.#entries.at(-1);
    if (newest !== undefined && nowMs - newest.atMs < GRAIN_MS) {
      newest.sent += sent;
      newest.resent += resent;
    } else this.#entries.push({ atMs: nowMs, sent, resent });
    while ((this.#entries[0]?.atMs ?? nowMs) <= nowMs - WINDOW_MS) this.#entries.shift();
  }

  /** Percent, one decimal. Undefined: too little was sent. */
  percent(): number | undefined {
    let [sent, resent] = [0, 0];
    for (const entry of this.#entries) {
      sent += entry.sent;
      resent += entry.resent;
    }
    return sent < LEAST_SENT ? undefined : Number(Math.min(100, (resent * 100) / sent).toFixed(1));
  }
}
