// Collects the NAL units of one frame out of RTP payloads, within the limits of one access unit.
import { splitAnnexB } from "#codecs/annex-b.ts";
import { MAX_FRAME_BYTES, MAX_NAL_BYTES, MAX_NALS_PER_FRAME } from "#codecs/limits.ts";

const START_CODE = Buffer.from([0, 0, 1]);

export class NalCollector {
  readonly #bytes: Buffer;
  readonly #nalUnits: Buffer[] = [];
  #frameBytes = 0;
  /** Start and end of each fragment of the open NAL unit, in pairs. */
  #fragments: number[] = [];
  #header: readonly number[] | undefined;
  #openBytes = 0;

  /** `bytes` is what every range of the other methods lies in. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** One whole NAL unit, as a view. It ends an open one, which stays incomplete. */
  addWhole(start: number, end: number): void {
    this.drop();
    if (end > start) this.#keep(this.#bytes.subarray(start, end));
  }

  /** The first fragment of a NAL unit whose header is not beside its body. */
  begin(header: readonly number[], start: number, end: number): void {
    this.#header = header;
    this.#fragments = [start, end];
    this.#openBytes = header.length + end - start;
  }

  /** A later fragment; ignored when none is open. */
  add(start: number, end: number): void {
    if (this.#header === undefined) return;
    this.#openBytes += end - start;
    if (this.#openBytes > MAX_NAL_BYTES) this.drop();
    else this.#fragments.push(start, end);
  }

  /** The open NAL unit is complete: it is put together in a buffer of its own. */
  finish(): void {
    const header = this.#header;
    if (header === undefined) return;
    const nalUnit = Buffer.allocUnsafeSlow(this.#openBytes);
    let at = 0;
    for (const byte of header) nalUnit[at++] = byte;
    for (let i = 0; i < this.#fragments.length; i += 2) at += this.#bytes.copy(nalUnit, at, this.#fragments[i]!, this.#fragments[i + 1]!);
    this.drop();
    this.#keep(nalUnit);
  }

  /** Forgets the open NAL unit: a piece of it is missing. */
  drop(): void {
    this.#header = undefined;
    this.#fragments = [];
    this.#openBytes = 0;
  }

  /** undefined when nothing complete was found. */
  get frame(): readonly Buffer[] | undefined {
    return this.#nalUnits.length > 0 ? this.#nalUnits : undefined;
  }

  #keep(nalUnit: Buffer): void {
    // A NAL unit never holds a start code; cameras that pack a byte stream (CostarHD and others) put several into one.
    if (nalUnit.indexOf(START_CODE) < 0) this.#push(nalUnit);
    else for (const part of splitAnnexB(nalUnit, MAX_NALS_PER_FRAME)) this.#push(part);
  }

  #push(nalUnit: Buffer): void {
    if (this.#nalUnits.length >= MAX_NALS_PER_FRAME || this.#frameBytes + nalUnit.length > MAX_FRAME_BYTES) return;
    this.#frameBytes += nalUnit.length;
    this.#nalUnits.push(nalUnit);
  }
}
