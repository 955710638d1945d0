// Keeps H.264 and H.265 parameter sets by their id: a set replaces the one with its id, a new id is added.
import type { H264Parameters, H265Parameters, Parameters } from "./codec.ts";
import { H264NalType, h264NalType, isH264Keyframe } from "./h264/nal.ts";
import { h264PpsId, parseH264Sps } from "./h264/sps.ts";
import { H265NalType, h265NalType, isH265Keyframe } from "./h265/nal.ts";
import { h265PpsId, h265VpsId, parseH265Sps } from "./h265/sps.ts";
import { MAX_PARAMETER_SETS } from "./limits.ts";

type Sets = readonly Buffer[];
type IdOf = (nalUnit: Buffer) => number | undefined;

const h264SpsId: IdOf = (nalUnit) => parseH264Sps(nalUnit)?.id;
const h265SpsId: IdOf = (nalUnit) => parseH265Sps(nalUnit)?.id;

/** `known` itself when the set is in it byte for byte, is broken, or finds no room. The set is copied: it may be a view into a frame. */
function merge(known: Sets, nalUnit: Buffer, idOf: IdOf): Sets {
  for (const set of known) if (set.equals(nalUnit)) return known;
  const id = idOf(nalUnit);
  if (id === undefined) return known;
  const place = known.findIndex((set) => idOf(set) === id);
  if (place < 0) return known.length < MAX_PARAMETER_SETS ? [...known, Buffer.from(nalUnit)] : known;
  return known.with(place, Buffer.from(nalUnit));
}

/** `known` with the sets among these NAL units; `known` itself when nothing changed. Broken sets are ignored. */
export function mergeH264Sets(known: H264Parameters, nalUnits: Iterable<Buffer>): H264Parameters {
  let { sps, pps } = known;
  for (const nalUnit of nalUnits) {
    if (nalUnit.length === 0) continue;
    const type = h264NalType(nalUnit[0]!);
    if (type === H264NalType.sps) sps = merge(sps, nalUnit, h264SpsId);
    else if (type === H264NalType.pps) pps = merge(pps, nalUnit, h264PpsId);
  }
  return sps === known.sps && pps === known.pps ? known : { ...known, sps, pps };
}

/** As `mergeH264Sets`. */
export function mergeH265Sets(known: H265Parameters, nalUnits: Iterable<Buffer>): H265Parameters {
  let { vps, sps, pps } = known;
  for (const nalUnit of nalUnits) {
    if (nalUnit.length === 0) continue;
    const type = h265NalType(nalUnit[0]!);
    if (type === H265NalType.vps) vps = merge(vps, nalUnit, h265VpsId);
    else if (type === H265NalType.sps) sps = merge(sps, nalUnit, h265SpsId);
    else if (type === H265NalType.pps) pps = merge(pps, nalUnit, h265PpsId);
  }
  return vps === known.vps && sps === known.sps && pps === known.pps ? known : { ...known, vps, sps, pps };
}

/** A keyframe with the sets it is decoded with, in front of its slices: all known ones where it brings none. Anything else as it is. */
export function withParameterSets(frame: readonly Buffer[], parameters: Parameters): readonly Buffer[] {
  if (parameters.codec === "h264") {
    const brings = (type: number): boolean => frame.some((nalUnit) => h264NalType(nalUnit[0]!) === type);
    if (!isH264Keyframe(frame) || (brings(H264NalType.sps) && brings(H264NalType.pps))) return frame;
    return behindDelimiter(frame, h264NalType(frame[0]![0]!) === H264NalType.accessUnitDelimiter, [...parameters.sps, ...parameters.pps]);
  }
  if (parameters.codec === "h265") {
    const brings = (type: number): boolean => frame.some((nalUnit) => h265NalType(nalUnit[0]!) === type);
    if (!isH265Keyframe(frame) || (brings(H265NalType.sps) && brings(H265NalType.pps))) return frame;
    const sets = [...parameters.vps, ...parameters.sps, ...parameters.pps];
    return behindDelimiter(frame, h265NalType(frame[0]![0]!) === H265NalType.accessUnitDelimiter, sets);
  }
  return frame;
}

/** An access unit delimiter stays the first (H.264 §7.4.1.2.3, H.265 §7.4.2.4.4). */
function behindDelimiter(frame: readonly Buffer[], hasDelimiter: boolean, sets: Sets): readonly Buffer[] {
  return hasDelimiter ? [frame[0]!, ...sets, ...frame.slice(1)] : [...sets, ...frame];
}
