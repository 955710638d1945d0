// The synchronization and bit stream information of an AC-3 frame, ETSI TS 102 366 §4.3 and §4.4.
import { BitReader } from "#base/bit-reader.ts";
import type { Ac3Parameters } from "../codec.ts";

export interface Ac3Syncframe {
  /** Header and frame. */
  readonly frameBytes: number;
  readonly bitRate: number;
  readonly sampleRateHz: number;
  /** The low frequency channel counts. */
  readonly channelCount: number;
  readonly syncInfo: NonNullable<Ac3Parameters["syncInfo"]>;
}

/** Samples of every syncframe, a channel: six blocks of 256. */
export const AC3_SAMPLES_PER_FRAME = 1536;
export const MAX_AC3_FRAME_BYTES = 3840;

/** §4.4.1.3, by fscod */
const SAMPLE_RATES_HZ: readonly number[] = [48_000, 44_100, 32_000];
/** Table 4.13, kbit/s by frmsizecod >> 1 */
const KBPS: readonly number[] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
/** Table 4.3: full bandwidth channels by acmod; 0 is two programmes of one channel. */
const CHANNELS: readonly number[] = [2, 1, 2, 3, 3, 4, 4, 5];
/** Above is E-AC-3 and what has no meaning yet, §4.4.2.1. */
const MAX_BSID = 8;

/** The frame at `at`, which may not be whole in `bytes`; undefined when none is there. */
export function parseAc3Syncframe(bytes: Buffer, at = 0): Ac3Syncframe | undefined {
  if (at + 7 > bytes.length || bytes[at] !== 0x0b || bytes[at + 1] !== 0x77) return undefined; // syncword
  const reader = new BitReader(bytes, at + 4);
  const fscod = reader.bits(2);
  const frmsizecod = reader.bits(6);
  const bsid = reader.bits(5);
  const bsmod = reader.bits(3);
  const acmod = reader.bits(3);
  if ((acmod & 1) !== 0 && acmod !== 1) reader.skip(2); // cmixlev
  if ((acmod & 4) !== 0) reader.skip(2); // surmixlev
  if (acmod === 2) reader.skip(2); // dsurmod
  const lfeOn = reader.flag();
  const sampleRateHz = SAMPLE_RATES_HZ[fscod];
  const bitRateCode = frmsizecod >> 1;
  const kbps = KBPS[bitRateCode];
  if (sampleRateHz === undefined || kbps === undefined || bsid > MAX_BSID) return undefined;
  const words = Math.floor((kbps * 1000 * AC3_SAMPLES_PER_FRAME) / sampleRateHz / 16) + (fscod === 1 ? frmsizecod & 1 : 0);
  return {
    frameBytes: words * 2,
    bitRate: kbps * 1000,
    sampleRateHz,
    channelCount: CHANNELS[acmod]! + (lfeOn ? 1 : 0),
    syncInfo: { fscod, bsid, bsmod, acmod, lfeOn, bitRateCode },
  };
}
