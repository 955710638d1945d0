// The sending half of a DTLS handshake: records get their numbers, a flight goes out in as few datagrams as it fits in, and again until it was heard (RFC 6347 §4.2.4).
import { ContentType, sealFragment, writeRecord } from "./record.ts";

/** A record before it has a number. */
export interface Outgoing {
  readonly type: number;
  readonly epoch: 0 | 1;
  readonly fragment: Buffer;
}

/** Records of a flight share datagrams up to this size. */
const DATAGRAM_BYTES = 1200;
/** §4.2.4.1 has 1 s; in a local network an answer takes less. */
const FIRST_RETRANSMIT_MS = 400;
const MAX_RETRANSMIT_MS = 4000;
/** A peer that repeats itself is answered no more often. */
const MIN_RESEND_MS = 20;

export class Flights {
  readonly #send: (datagram: Buffer) => void;
  /** Of the next record, by epoch. */
  readonly #numbers: [number, number] = [0, 0];
  #key: Buffer | undefined;
  #salt: Buffer | undefined;
  #flight: readonly Outgoing[] = [];
  #sentMs = Number.NEGATIVE_INFINITY;
  #retransmitMs = FIRST_RETRANSMIT_MS;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (datagram: Buffer) => void) {
    this.#send = send;
  }

  /** What epoch 1 is encrypted with. */
  setKey(key: Buffer, salt: Buffer): void {
    this.#key = key;
    this.#salt = salt;
  }

  /** The next flight. `untilHeard`: again and again, until the next one or `stop`. */
  send(flight: readonly Outgoing[], untilHeard: boolean): void {
    this.stop();
    this.#flight = flight;
    this.#retransmitMs = FIRST_RETRANSMIT_MS;
    this.#transmit(flight);
    if (untilHeard) this.#repeatLater();
  }

  /** The peer has not heard the newest flight. */
  repeat(): void {
    if (performance.now() - this.#sentMs >= MIN_RESEND_MS) this.#transmit(this.#flight);
  }

  /** One record, once. */
  sendAlert(epoch: 0 | 1, level: number, description: number): void {
    this.#transmit([{ type: ContentType.alert, epoch, fragment: Buffer.from([level, description]) }]);
  }

  /** The newest flight was heard. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #repeatLater(): void {
    this.#timer = setTimeout(() => {
      this.#transmit(this.#flight);
      this.#retransmitMs = Math.min(this.#retransmitMs * 2, MAX_RETRANSMIT_MS);
      this.#repeatLater();
    }, this.#retransmitMs);
  }

  #transmit(flight: readonly Outgoing[]): void {
    this.#sentMs = performance.now();
    let datagram: Buffer[] = [];
    let sizeBytes = 0;
    for (const { type, epoch, fragment } of flight) {
      const number = this.#numbers[epoch]++;
      const sealed = epoch === 0 ? fragment : sealFragment(this.#key!, this.#salt!, type, epoch, number, fragment);
      const record = writeRecord(type, epoch, number, sealed);
      if (sizeBytes > 0 && sizeBytes + record.length > DATAGRAM_BYTES) {
        this.#send(Buffer.concat(datagram));
        datagram = [];
        sizeBytes = 0;
      }
      datagram.push(record);
      sizeBytes += record.length;
    }
    this.#send(Buffer.concat(datagram));
  }
}
