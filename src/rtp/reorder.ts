// Puts the RTP packets of one sender back in order (RFC 3550 §5.1 sequence numbers), counting what is lost, late or doubled.

/** How many packets, and for how long, a gap may hold back what came after it. */
export interface ReorderLimits {
  /** 0: nothing waits for a missing packet (TCP keeps the order). At most 128. */
  readonly packets: number;
  readonly waitUs: number;
}

export const REORDER_TCP: ReorderLimits = { packets: 0, waitUs: 0 };
export const REORDER_UDP: ReorderLimits = { packets: 64, waitUs: 100_000 };

/** A jump farther than this, either way, is a new numbering, not a loss (RFC 3550 A.1 MAX_DROPOUT). */
const MAX_DROPOUT = 3000;
/** A packet no farther back than this is late, and nothing else (A.1 MAX_MISORDER). */
const MAX_MISORDER = 100;
/** Packets that agree on a leap: one alone is a stray (A.1 MIN_SEQUENTIAL). */
const CONFIRMING_PACKETS = 2;
/** How far from the first of them the others may be. */
const LEAP_SPREAD = 128;
const SLOTS = 512;

interface Held {
  readonly bytes: Buffer;
  readonly arrivalUs: number;
}

/** Packets far from the expected one and near each other; they count once there are enough of them in a row. */
interface Leap {
  readonly first: number;
  readonly packets: Map<number, Held>;
}

type Deliver = (bytes: Buffer, start: number, end: number, arrivalUs: number, lostBefore: number) => void;

/** Takes packets as they come and hands them to `deliver` in order; `lostBefore` says how many are missing just before. */
export class ReorderBuffer {
  /** Packets that never came. */
  lost = 0;
  duplicates = 0;
  /** Packets that came after the gap had been given up, and strays. */
  late = 0;
  /** Times the numbering started anew. */
  restarts = 0;
  /** Extended highest sequence number (RFC 3550 A.1), for receiver reports. */
  highestExtended = -1;
  readonly #limits: ReorderLimits;
  readonly #deliver: Deliver;
  #expected = -1;
  #held: (Held | undefined)[] | undefined;
  #heldCount = 0;
  #leap: Leap | undefined;
  /** A packet no farther ahead waits for those before it; one that is has to be confirmed, and so has any that leaves a gap over TCP. */
  readonly #near: number;

  constructor(limits: ReorderLimits, deliver: Deliver) {
    this.#limits = limits;
    this.#near = 2 * limits.packets;
    this.#deliver = deliver;
  }

  /** True while packets are held back: call `expire` when their wait is over. */
  get waiting(): boolean {
    return this.#heldCount > 0;
  }

  /** One RTP packet at bytes[start … end); the bytes are copied only if the packet has to wait. */
  push(bytes: Buffer, start: number, end: number, arrivalUs: number): void {
    const sequence = (bytes[start + 2]! << 8) | bytes[start + 3]!;
    if (this.#expected < 0) this.#begin(sequence);
    const ahead = distance(this.#expected, sequence);
    if (ahead === 0) {
      this.#forgetLeap();
      this.#hand(bytes, start, end, arrivalUs, 0);
      if (this.#heldCount > 0) this.#drain(arrivalUs, false);
    } else if (ahead < 0 && ahead >= -MAX_MISORDER) {
      this.late++;
    } else if (ahead < 0 || ahead > this.#near) {
      this.#doubt(sequence, ahead, bytes, start, end, arrivalUs);
    } else {
      this.#forgetLeap();
      this.#hold(sequence, bytes, start, end, arrivalUs);
      this.#drain(arrivalUs, false);
    }
  }

  /** Gives up on gaps that have waited long enough. */
  expire(nowUs: number): void {
    if (this.#heldCount > 0) this.#drain(nowUs, false);
  }

  /** Gives up on every gap: the sender is gone. */
  flush(nowUs: number): void {
    this.#forgetLeap();
    if (this.#heldCount > 0) this.#drain(nowUs, true);
  }

  /** Another sender's packets come from now on: any number may be the first. */
  restart(nowUs: number): void {
    this.flush(nowUs);
    this.restarts++;
    this.#expected = -1;
  }

  #begin(sequence: number): void {
    this.#expected = sequence;
    const cycle = this.highestExtended < 0 ? 0 : this.highestExtended - (this.highestExtended & 0xffff) + 0x10000;
    this.highestExtended = cycle + sequence - 1;
  }

  /**
   * A packet far from the expected one: kept until others agree. Those a little behind us take more, over UDP, than can be late all together:
   * they may be a part of the past that went the long way.
   */
  #doubt(sequence: number, ahead: number, bytes: Buffer, start: number, end: number, arrivalUs: number): void {
    if (this.#leap !== undefined && Math.abs(distance(this.#leap.first, sequence)) > LEAP_SPREAD) this.#forgetLeap();
    this.#leap ??= { first: sequence, packets: new Map() };
    const { packets } = this.#leap;
    if (packets.has(sequence)) {
      this.duplicates++;
      return;
    }
    packets.set(sequence, { bytes: Buffer.from(bytes.subarray(start, end)), arrivalUs });
    const isPast = ahead < 0 && ahead >= -MAX_DROPOUT;
    if (packets.size < CONFIRMING_PACKETS + (isPast ? this.#limits.packets : 0)) return;
    this.#takeLeap(packets, ahead, arrivalUs);
  }

  #takeLeap(packets: ReadonlyMap<number, Held>, ahead: number, arrivalUs: number): void {
    const [any] = packets.keys();
    const inOrder = [...packets].sort(([a], [b]) => distance(any!, a) - distance(any!, b));
    const [first] = inOrder[0]!;
    this.#leap = undefined;
    if (this.#heldCount > 0) this.#drain(arrivalUs, true);
    let lost = 0;
    if (ahead > 0 && ahead <= MAX_DROPOUT) {
      lost = Math.max(0, distance(this.#expected, first));
      this.lost += lost;
      this.#skipTo(first);
    } else {
      this.restarts++;
      this.#begin(first);
    }
    for (const [sequence, held] of inOrder) {
      if (sequence === first) this.#hand(held.bytes, 0, held.bytes.length, held.arrivalUs, lost);
      else this.push(held.bytes, 0, held.bytes.length, held.arrivalUs);
    }
  }

  #forgetLeap(): void {
    if (this.#leap === undefined) return;
    this.late += this.#leap.packets.size;
    this.#leap = undefined;
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

/** From −32,768 to 32,767: how far `to` is ahead of `from`. */
function distance(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}
