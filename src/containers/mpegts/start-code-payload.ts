// MPEG-1, MPEG-2 and MPEG-4 part 2 video in PES packets: frames have start codes already; keyframes get the headers a reader begins with.
import { nextStartCode } from "#codecs/annex-b.ts";
import type { Mpeg1VideoParameters, Mpeg4VideoParameters } from "#codecs/codec.ts";
import type { PicturePieces } from "./frame-payload.ts";

/** ISO/IEC 14496-2 table 6-3: video_object_layer_start_code before vop_start_code. */
export function mpeg4VideoPayload({ config }: Mpeg4VideoParameters): PicturePieces {
  const isLayer = (code: number) => code >= 0x20 && code <= 0x2f;
  return payloadOf(config, isLayer, 0xb6);
}

/** ISO/IEC 13818-2 table 6-1: sequence_header_code before picture_start_code. */
export function mpeg1VideoPayload({ config }: Mpeg1VideoParameters): PicturePieces {
  return payloadOf(config, (code) => code === 0xb3, 0x00);
}

function payloadOf(config: Buffer | undefined, isHeader: (code: number) => boolean, pictureCode: number): PicturePieces {
  return ({ frame, keyframe }) => {
    const pieces = frame.filter((bytes) => bytes.length > 0);
    if (keyframe && config !== undefined && pieces.length > 0 && !hasHeader(pieces[0]!, isHeader, pictureCode)) pieces.unshift(config);
    return pieces;
  };
}

function hasHeader(bytes: Buffer, isHeader: (code: number) => boolean, pictureCode: number): boolean {
  for (let at = nextStartCode(bytes, 0, bytes.length); at + 3 < bytes.length; at = nextStartCode(bytes, at + 3, bytes.length)) {
    const code = bytes[at + 3]!;
    if (isHeader(code)) return true;
    if (code === pictureCode) return false;
  }
  return false;
}
