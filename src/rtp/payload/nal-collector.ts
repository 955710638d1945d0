// Collects the NAL units of one frame out of RTP payloads, within the limits of one access unit.
import { splitAnnexB } from "#codecs/annex-b.ts";
import { MAX_FRAME_BYTES, MAX_NAL_BYTES, MAX_NALS_PER_FRAME } from "#codecs/limits.ts";

const START_CODE = Buffer.from([0, 0, 1]);

export class NalCollector {
  readonly #bytes: Buffer;
  /** Where NAL units that came in fragments are put together; those of a frame are never more than its packets. */
  #memory: Buffer | undefined;
  readonly #nalUnits: Buffer[] = [];
  #frameBytes = 0;
  /** Filled by NAL units that are complete, and up to where the open one is. */
  #usedBytes = 0;
  #openEnd = -1;

  /** `bytes` is what every range of the other methods lies in; `memory`, where it is given, is at least as long. */
  constructor(bytes: Buffer, memory?: Buffer) {
    this.#bytes = bytes;
    this.#memory = memory;
  }

  /** One whole NAL unit, as a view. It ends an open one, which stays incomplete. */
  addWhole(start: number, end: number): void {
    this.drop();
    if (end > start) this.#keep(this.#bytes.subarray(start, end));
  }

  /** The first fragment of a NAL unit whose header is not beside its body; in its packet stand more bytes before the body than the header has. */
  begin(header: readonly number[], start: number, end: number): void {
    this.#memory ??= Buffer.allocUnsafeSlow(this.#bytes.length);
    let at = this.#usedBytes;
    for (const byte of header) this.#memory[at++] = byte;
    this.#openEnd = at + this.#bytes.copy(this.#memory, at, start, end);
  }

  /** A later fragment; ignored when none is open. */
  add(start: number, end: number): void {
    if (this.#openEnd < 0) return;
    if (this.#openEnd - this.#usedBytes + end - start > MAX_NAL_BYTES) this.drop();
    else this.#openEnd += this.#bytes.copy(this.#memory!, this.#openEnd, start, end);
  }

  /** The open NAL unit is complete. */
  finish(): void {
    if (this.#openEnd < 0) return;
    const nalUnit = this.#memory!.subarray(this.#usedBytes, this.#openEnd);
    this.#usedBytes = this.#openEnd;
    this.drop();
    this.#keep(nalUnit);
  }

  /** Forgets the open NAL unit: a piece of it is missing. */
  drop(): void {
    this.#openEnd = -1;
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
