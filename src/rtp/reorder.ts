// Puts the RTP packets of one sender back in order (RFC 3550 §5.1 sequence numbers), counting what is lost, late or doubled.

/** How many packets, and for how long, a gap may hold back what came after it. */
export interface ReorderLimits {
  /** 0: every packet is delivered at once (TCP keeps the order). At most 256. */
  readonly packets: number;
  readonly waitUs: number;
}

export const REORDER_TCP: ReorderLimits = { packets: 0, waitUs: 0 };
export const REORDER_UDP: ReorderLimits = { packets: 64, waitUs: 100_000 };

/** A jump farther than this, either way, is a new numbering, not a loss (RFC 3550 A.1 MAX_DROPOUT). */
const MAX_DROPOUT = 3000;
const SLOTS = 512;

interface Held {
  readonly bytes: Buffer;
  readonly arrivalUs: number;
}

/** Takes packets as they come and hands them to `deliver` in order; `lostBefore` says how many are missing just before. */
export class ReorderBuffer {
  /** Packets that never came. */
  lost = 0;
  duplicates = 0;
  /** Packets that came after the gap had been given up. */
  late = 0;
  /** Times the numbering started anew. */
  restarts = 0;
  /** Extended highest sequence number (RFC 3550 A.1), for receiver reports. */
  highestExtended = -1;
  readonly #limits: ReorderLimits;
  readonly #deliver: (bytes: Buffer, start: number, end: number, arrivalUs: number, lostBefore: number) => void;
  #expected = -1;
  #held: (Held | undefined)[] | undefined;
  #heldCount = 0;
  #probe = -1;

  constructor(limits: ReorderLimits, deliver: (bytes: Buffer, start: number, end: number, arrivalUs: number, lostBefore: number) => void) {
    this.#limits = limits;
    this.#deliver = deliver;
  }

  /** True while packets are held back: call `expire` when their wait is over. */
  get waiting(): boolean {
    return this.#heldCount > 0;
  }

  /** One RTP packet at bytes[start … end); the bytes are copied only if the packet has to wait. */
  push(bytes: Buffer, start: number, end: number, arrivalUs: number): void {
    const sequence = (bytes[start + 2]! << 8) | bytes[start + 3]!;
    if (this.#expected < 0) {
      this.#expected = sequence;
      this.highestExtended = sequence - 1;
    }
    const ahead = ((sequence - this.#expected) << 16) >> 16;
    if (ahead === 0) {
      this.#probe = -1;
      this.#hand(bytes, start, end, arrivalUs, 0);
      if (this.#heldCount > 0) this.#drain(arrivalUs, false);
      return;
    }
    if (ahead > MAX_DROPOUT || ahead < -MAX_DROPOUT) {
      this.#restart(sequence, bytes, start, end, arrivalUs);
      return;
    }
    this.#probe = -1;
    if (ahead < 0) {
      this.late++;
      return;
    }
    if (this.#limits.packets === 0) {
      this.lost += ahead;
      this.#skipTo(sequence);
      this.#hand(bytes, start, end, arrivalUs, ahead);
      return;
    }
    this.#hold(sequence, bytes, start, end, arrivalUs);
    this.#drain(arrivalUs, false);
  }

  /** Gives up on gaps that have waited long enough. */
  expire(nowUs: number): void {
    if (this.#heldCount > 0) this.#drain(nowUs, false);
  }

  /** Gives up on every gap: the sender is gone. */
  flush(nowUs: number): void {
    if (this.#heldCount > 0) this.#drain(nowUs, true);
  }

  /** Two consecutive packets of the new numbering are believed; one alone is a stray (RFC 3550 A.1). */
  #restart(sequence: number, bytes: Buffer, start: number, end: number, arrivalUs: number): void {
    if (this.#probe !== sequence) {
      this.#probe = (sequence + 1) & 0xffff;
      this.late++;
      return;
    }
    this.flush(arrivalUs);
    this.restarts++;
    this.#probe = -1;
    this.#expected = sequence;
    this.highestExtended = this.highestExtended - (this.highestExtended & 0xffff) + 0x10000 + sequence - 1;
    this.#hand(bytes, start, end, arrivalUs, 1);
  }

  #hand(bytes: Buffer, start: number, end: number, arrivalUs: number, lostBefore: number): void {
    this.#expected = (this.#expected + 1) & 0xffff;
    this.highestExtended++;
    this.#deliver(bytes, start, end, arrivalUs, lostBefore);
  }

  #skipTo(sequence: number): void {
    this.highestExtended += (sequence - this.#expected) & 0xffff;
    this.#expected = sequence;
  }

  #hold(sequence: number, bytes: Buffer, start: number, end: number, arrivalUs: number): void {
    this.#held ??= new Array<Held | undefined>(SLOTS).fill(undefined);
    const ahead = (sequence - this.#expected) & 0xffff;
    if (ahead >= SLOTS) {
      // Farther ahead than can be held: what is missing is lost. Deliver the held ones, then go on from here.
      this.flush(arrivalUs);
      const lost = (sequence - this.#expected) & 0xffff;
      this.lost += lost;
      this.#skipTo(sequence);
      this.#hand(bytes, start, end, arrivalUs, lost);
      return;
    }
    const slot = sequence % SLOTS;
    if (this.#held[slot] !== undefined) {
      this.duplicates++;
      return;
    }
    this.#held[slot] = { bytes: Buffer.from(bytes.subarray(start, end)), arrivalUs };
    this.#heldCount++;
  }

  /** Hands out what is in order; gives up on a gap when its wait is over: the next packet behind it came long ago, or too many wait. */
  #drain(nowUs: number, force: boolean): void {
    const held = this.#held!;
    while (this.#heldCount > 0) {
      let missing = 0;
      while (held[(this.#expected + missing) % SLOTS] === undefined) missing++;
      const slot = (this.#expected + missing) % SLOTS;
      const next = held[slot]!;
      if (missing > 0) {
        const patient = this.#heldCount <= this.#limits.packets && nowUs - next.arrivalUs < this.#limits.waitUs;
        if (patient && !force) return;
        this.lost += missing;
        this.#skipTo((this.#expected + missing) & 0xffff);
      }
      held[slot] = undefined;
      this.#heldCount--;
      this.#hand(next.bytes, 0, next.bytes.length, next.arrivalUs, missing);
    }
  }
}
