// What every message of a gateway begins with: which session, which number in it, and when what it tells happened.
import type { BootClock, TimeQuality } from "#base/clock.ts";

export interface Envelope {
  /** Major version of the payload's schema. */
  readonly v: 1;
  /** Boot and connection, in hexadecimal: grows with every connection. */
  readonly sid: string;
  /** Of this session's messages with QoS 1; the birth is 0. */
  readonly seq: number;
  /** UTC of what is told, ms since 1970, as well as it is known. */
  readonly ts: number;
  readonly tq: TimeQuality;
  /** CLOCK_MONOTONIC of what is told, ms, of boot `boot`. */
  readonly mono: number;
  readonly boot: number;
}

/** When something happened: a stamp of this boot or an earlier one. */
export interface Happened {
  readonly bootCounter: number;
  readonly monoUs: number;
}

/** `0000002a-0003`: strictly rising over boots and connections. Past the last number of a boot it stands still. */
export function sessionId(bootCounter: number, connection: number): string {
  return `${hex(bootCounter, 8)}-${hex(Math.min(connection, 0xffff), 4)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** Counts the messages of one connection. */
export class SessionStamps {
  readonly sid: string;
  readonly #clock: Pick<BootClock, "utcOfStamp">;
  #next = 0;

  constructor(sid: string, clock: Pick<BootClock, "utcOfStamp">) {
    this.sid = sid;
    this.#clock = clock;
  }

  /** For a message with QoS 1. */
  counted(happened: Happened): Envelope {
    return this.#envelope(happened, this.#next++);
  }

  /** For a message with QoS 1 that holds several: all have its number. */
  batch(): (happened: Happened) => Envelope {
    const seq = this.#next++;
    return (happened) => this.#envelope(happened, seq);
  }

  /** For one with QoS 0: the number is that of the counted message before it. */
  uncounted(happened: Happened): Envelope {
    return this.#envelope(happened, Math.max(0, this.#next - 1));
  }

  #envelope({ bootCounter, monoUs }: Happened, seq: number): Envelope {
    const { utcUs, quality } = this.#clock.utcOfStamp({ bootCounter, monoUs });
    return { v: 1, sid: this.sid, seq, ts: Math.round(utcUs / 1000), tq: quality, mono: Math.round(monoUs / 1000), boot: bootCounter };
  }
}
