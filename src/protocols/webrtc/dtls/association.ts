// What both sides of a DTLS handshake do alike: records in, messages out, the transcript, alerts, and the end.
import { Alert, type DtlsOptions } from "./endpoint.ts";
import { Flights } from "./flight.ts";
import { type HandshakeMessage, HandshakeReassembly, writeHandshake } from "./handshake-message.ts";
import { ContentType, type DtlsRecord, openFragment, parseRecords, ReplayWindow } from "./record.ts";

export interface AssociationOptions extends Pick<DtlsOptions, "send" | "onEnd"> {
  readonly peer: "client" | "server";
  /** The next message of the handshake, whole and in order. Returns why the handshake fails, if it does. */
  step(message: HandshakeMessage): string | undefined;
  /** The peer says again what was heard: it may have missed the newest flight. */
  onRepeat?(): void;
}

/** Nothing here throws on what a peer sends. */
export class Association {
  readonly flights: Flights;
  readonly #options: AssociationOptions;
  readonly #reassembly = new HandshakeReassembly();
  readonly #replay = new ReplayWindow();
  readonly #transcript: Buffer[] = [];
  #state: "handshake" | "connected" | "ended" = "handshake";
  #ownSequence = 0;
  #readKey: { readonly key: Buffer; readonly salt: Buffer } | undefined;
  /** What the peer complained of, in the clear: a hint for the log, no proof. */
  complaint: number | undefined;

  constructor(options: AssociationOptions) {
    this.#options = options;
    this.flights = new Flights(options.send);
  }

  get connected(): boolean {
    return this.#state === "connected";
  }

  /** All messages so far, of both sides, that count (RFC 5246 §7.4.9). */
  get transcript(): Buffer {
    return Buffer.concat(this.#transcript);
  }

  /** One datagram of the peer. */
  receive(datagram: Buffer): void {
    for (const record of parseRecords(datagram)) {
      if (this.#state === "ended") return;
      this.#take(record);
    }
  }

  /** What the peer encrypts with. */
  setReadKey(key: Buffer, salt: Buffer): void {
    this.#readKey = { key, salt };
  }

  addToTranscript(bytes: Buffer): void {
    this.#transcript.push(bytes);
  }

  /** What was said so far does not count. */
  clearTranscript(): void {
    this.#transcript.length = 0;
  }

  /** The next message of our own; it is sent, and put into the transcript, by whoever asks for it. */
  write(type: number, body: Buffer): Buffer {
    return writeHandshake(type, this.#ownSequence++, body).bytes;
  }

  /** The handshake is over. */
  connect(): void {
    this.#state = "connected";
    this.clearTranscript();
  }

  /** Says goodbye, where there is somebody to hear it. */
  close(): void {
    if (this.connected) this.flights.sendAlert(1, Alert.warning, Alert.closeNotify);
    this.#stop();
  }

  #take(record: DtlsRecord): void {
    const { type, epoch } = record;
    let { fragment } = record;
    if (epoch > 1 || (epoch === 1 && this.#readKey === undefined)) return; // came before what it needs: it will be repeated
    if (epoch === 1) {
      const { key, salt } = this.#readKey!;
      const plain = openFragment(key, salt, record);
      if (plain === undefined || !this.#replay.accept(record.sequence.readUIntBE(2, 6))) return;
      fragment = plain;
    }
    if (type === ContentType.handshake) this.#takeHandshake(fragment, epoch === 1);
    else if (type === ContentType.alert) this.#takeAlert(fragment, epoch === 1);
  }

  #takeHandshake(fragment: Buffer, isEncrypted: boolean): void {
    if (this.#reassembly.push(fragment, isEncrypted)) this.#options.onRepeat?.();
    for (let message = this.#reassembly.shift(); message !== undefined && this.#state !== "ended"; message = this.#reassembly.shift()) {
      const fault = this.#options.step(message);
      if (fault !== undefined) this.#fail(fault);
    }
  }

  /** In the clear anybody may have sent it. */
  #takeAlert(fragment: Buffer, isEncrypted: boolean): void {
    const [level = 0, description = 0] = fragment;
    if (!isEncrypted) this.complaint = description;
    else if (description === Alert.closeNotify || level === Alert.fatal) {
      const isGoodbye = description === Alert.closeNotify && this.connected;
      this.#stop();
      this.#options.onEnd(isGoodbye ? undefined : `the ${this.#options.peer} ended DTLS with alert ${description}`);
    }
  }

  #fail(fault: string): void {
    this.flights.sendAlert(0, Alert.fatal, Alert.handshakeFailure);
    this.#stop();
    this.#options.onEnd(fault);
  }

  #stop(): void {
    this.#state = "ended";
    this.flights.stop();
  }
}
