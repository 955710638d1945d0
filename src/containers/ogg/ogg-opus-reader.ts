// Opus out of Ogg, RFC 7845: packets, and which of the encoder's samples each begins with.
import { opusSamples } from "#codecs/opus/packet.ts";
import { type OggPage, OggReader } from "./ogg-reader.ts";

export interface OggOpusPacket {
  readonly bytes: Buffer;
  /** At 48 kHz, by the first sample that the encoder was given; negative for what is there to warm the decoder up (§4.2). */
  readonly startSamples: number;
  readonly durationSamples: number;
}

interface OpusHead {
  readonly serial: number;
  readonly preSkipSamples: number;
}

/** Of the first Opus stream in the Ogg stream; the others are left out. */
export class OggOpusReader {
  readonly #pages = new OggReader();
  #head: OpusHead | undefined;
  /** The comments have not come yet. */
  #wantsTags = true;
  /** Where the page before ended. */
  #nextSamples: number | undefined;

  push(chunk: Buffer): readonly OggOpusPacket[] {
    return this.#pages.push(chunk).flatMap((page) => this.#take(page));
  }

  #take(page: OggPage): readonly OggOpusPacket[] {
    if (page.isFirst && this.#head === undefined) {
      this.#head = parseHead(page);
      return [];
    }
    if (this.#head === undefined || page.serial !== this.#head.serial || page.packets.length === 0) return [];
    if (this.#wantsTags) {
      this.#wantsTags = false; // §3: they end on a page of their own
      return [];
    }
    const durations = page.packets.map((packet) => opusSamples(packet) ?? 0);
    let at = this.#startOf(page, durations, this.#head.preSkipSamples);
    const packets = page.packets.map((bytes, i) => {
      const durationSamples = durations[i]!;
      const packet = { bytes, startSamples: at, durationSamples };
      at += durationSamples;
      return packet;
    });
    this.#nextSamples = at;
    return packets.filter(({ durationSamples }) => durationSamples > 0);
  }

  /** §4: the granule position counts the samples up to the page's end, those that are skipped among them; that of the last page may leave some out. */
  #startOf({ granule, isLast }: OggPage, durations: readonly number[], preSkipSamples: number): number {
    if (this.#nextSamples !== undefined && (isLast || granule === undefined)) return this.#nextSamples;
    return (granule ?? 0) - durations.reduce((sum, one) => sum + one, 0) - preSkipSamples;
  }
}

/** §5.1; versions with another upper half are not known. */
function parseHead({ serial, packets }: OggPage): OpusHead | undefined {
  const head = packets[0];
  if (head === undefined || head.length < 19 || head.toString("latin1", 0, 8) !== "OpusHead" || head[8]! > 15) return undefined;
  return { serial, preSkipSamples: head.readUInt16LE(10) };
}
