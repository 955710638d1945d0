// Handshake messages of DTLS and their fragments (RFC 6347 §4.2.2, §4.2.3).

export const HandshakeType = {
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const;

const HEADER_BYTES = 12;
/** A chain of certificates is the longest thing a client sends. */
const MAX_MESSAGE_BYTES = 16_384;
/** Messages that may come before the one that is waited for. */
const MAX_AHEAD = 8;

export interface HandshakeMessage {
  readonly type: number;
  readonly sequence: number;
  readonly body: Buffer;
  /** As the transcript has it: in one piece, with its header. */
  readonly bytes: Buffer;
}

/** One message in one piece. */
export function writeHandshake(type: number, sequence: number, body: Buffer): HandshakeMessage {
  const bytes = Buffer.alloc(HEADER_BYTES + body.length);
  bytes[0] = type;
  bytes.writeUIntBE(body.length, 1, 3);
  bytes.writeUInt16BE(sequence, 4);
  bytes.writeUIntBE(body.length, 9, 3);
  body.copy(bytes, HEADER_BYTES);
  return { type, sequence, body: bytes.subarray(HEADER_BYTES), bytes };
}

interface Incoming {
  readonly type: number;
  readonly body: Buffer;
  /** Bytes that came, one flag each. */
  readonly come: Uint8Array;
  missing: number;
}

/** Puts the client's messages together, in order. */
export class HandshakeReassembly {
  #next = 0;
  readonly #partials = new Map<number, Incoming>();

  /**
   * The fragments of one record; Finished is what comes encrypted, and nothing else does. True: one was of a message that was taken before, so
   * the peer has not heard from us.
   */
  push(fragments: Buffer, isEncrypted: boolean): boolean {
    let repeats = false;
    for (let at = 0; at + HEADER_BYTES <= fragments.length; ) {
      const type = fragments[at]!;
      const length = fragments.readUIntBE(at + 1, 3);
      const sequence = fragments.readUInt16BE(at + 4);
      const offset = fragments.readUIntBE(at + 6, 3);
      const from = at + HEADER_BYTES;
      const to = from + fragments.readUIntBE(at + 9, 3);
      if (to > fragments.length || offset + (to - from) > length || length > MAX_MESSAGE_BYTES) break;
      at = to;
      if ((type === HandshakeType.finished) !== isEncrypted) continue;
      if (sequence < this.#next) repeats = true;
      else if (sequence < this.#next + MAX_AHEAD) this.#add(type, length, sequence, offset, fragments.subarray(from, to));
    }
    return repeats;
  }

  /** The next message in order, if it is whole. */
  shift(): HandshakeMessage | undefined {
    const partial = this.#partials.get(this.#next);
    if (partial === undefined || partial.missing > 0) return undefined;
    this.#partials.delete(this.#next);
    return writeHandshake(partial.type, this.#next++, partial.body);
  }

  #add(type: number, length: number, sequence: number, offset: number, bytes: Buffer): void {
    let partial = this.#partials.get(sequence);
    if (partial === undefined) {
      partial = { type, body: Buffer.alloc(length), come: new Uint8Array(length), missing: length };
      this.#partials.set(sequence, partial);
    }
    if (partial.type !== type || partial.body.length !== length) return;
    for (let i = 0; i < bytes.length; i++) {
      if (partial.come[offset + i] !== 0) continue;
      partial.come[offset + i] = 1;
      partial.body[offset + i] = bytes[i]!;
      partial.missing--;
    }
  }
}
