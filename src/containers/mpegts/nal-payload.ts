// H.264 and H.265 in PES packets, ISO/IEC 13818-1 §2.14.1 and §2.17.1: a byte stream with delimiters, and parameter sets at keyframes.
import type { H264Parameters, H265Parameters } from "#codecs/codec.ts";
import { H264NalType, h264NalType, isH264Slice } from "#codecs/h264/nal.ts";
import { H265NalType, h265NalType, isH265Slice } from "#codecs/h265/nal.ts";
import type { PicturePieces } from "./frame-payload.ts";

/** What the two codecs call the same things by. */
interface NalSyntax {
  typeOf(headerByte: number): number;
  isSlice(type: number): boolean;
  readonly delimiterType: number;
  /** One that allows every kind of slice. */
  readonly delimiter: Buffer;
  /** In the order a decoder wants them. */
  readonly sets: readonly { readonly type: number; readonly known: readonly Buffer[] }[];
}

const START_CODE = Buffer.of(0, 0, 0, 1);

export function h264Payload({ sps, pps }: H264Parameters): PicturePieces {
  return payloadOf({
    typeOf: h264NalType,
    isSlice: isH264Slice,
    delimiterType: H264NalType.accessUnitDelimiter,
    delimiter: Buffer.of(0x09, 0xf0), // §7.3.2.4: primary_pic_type 7
    sets: [
      { type: H264NalType.sps, known: sps },
      { type: H264NalType.pps, known: pps },
    ],
  });
}

export function h265Payload({ vps, sps, pps }: H265Parameters): PicturePieces {
  return payloadOf({
    typeOf: h265NalType,
    isSlice: isH265Slice,
    delimiterType: H265NalType.accessUnitDelimiter,
    delimiter: Buffer.of(0x46, 0x01, 0x50), // §7.3.2.5: pic_type 2
    sets: [
      { type: H265NalType.vps, known: vps },
      { type: H265NalType.sps, known: sps },
      { type: H265NalType.pps, known: pps },
    ],
  });
}

function payloadOf(syntax: NalSyntax): PicturePieces {
  const { typeOf, isSlice, delimiterType, delimiter } = syntax;
  return ({ frame, keyframe }) => {
    const nalUnits = frame.filter((nalUnit) => nalUnit.length > 0);
    const first = nalUnits[0];
    if (first === undefined) return [];
    const pieces = [START_CODE, typeOf(first[0]!) === delimiterType ? first : delimiter];
    let sliceSeen = false;
    for (const nalUnit of keyframe ? withSets(syntax, nalUnits) : nalUnits) {
      const type = typeOf(nalUnit[0]!);
      sliceSeen ||= isSlice(type);
      // A delimiter behind a slice begins the second field and stays.
      if (type !== delimiterType || sliceSeen) pieces.push(START_CODE, nalUnit);
    }
    return pieces;
  };
}

/** With the known sets of the kinds that the frame lacks. Its own then come first, too: a PPS has to stand behind its SPS. */
function withSets({ typeOf, sets }: NalSyntax, nalUnits: readonly Buffer[]): readonly Buffer[] {
  const ofType = (type: number) => nalUnits.filter((nalUnit) => typeOf(nalUnit[0]!) === type);
  const inBand = sets.map(({ type }) => ofType(type));
  if (inBand.every((found) => found.length > 0)) return nalUnits;
  const others = nalUnits.filter((nalUnit) => !sets.some(({ type }) => type === typeOf(nalUnit[0]!)));
  return [...sets.flatMap(({ known }, i) => (inBand[i]!.length > 0 ? inBand[i]! : known)), ...others];
}
