// Short-term reference picture sets of ITU-T H.265 (§7.3.7, §7.4.8): they must be read to get past them.
import type { BitReader } from "#base/bit-reader.ts";

/** §7.4.8: sps_max_dec_pic_buffering_minus1 is at most 15, and no list is longer. */
const MAX_PICTURES = 16;

/** Picture order differences of the set: the preceding pictures first, nearest first, then the following ones. */
type RefPicSet = readonly number[];

function readPredicted(reader: BitReader, reference: RefPicSet): RefPicSet {
  const negative = reader.flag();
  const distance = reader.ue() + 1;
  const delta = negative ? -distance : distance;
  const kept: number[] = [];
  for (let j = 0; j <= reference.length; j++) {
    const usedByCurrent = reader.flag();
    if (!usedByCurrent && !reader.flag()) continue; // use_delta_flag
    const difference = (reference[j] ?? 0) + delta; // (7-61), (7-62)
    if (difference !== 0) kept.push(difference);
  }
  const before = kept.filter((difference) => difference < 0).sort((a, b) => b - a);
  const after = kept.filter((difference) => difference > 0).sort((a, b) => a - b);
  return [...before, ...after];
}

function readExplicit(reader: BitReader): RefPicSet | undefined {
  const beforeCount = reader.ue();
  const afterCount = reader.ue();
  if (beforeCount > MAX_PICTURES || afterCount > MAX_PICTURES) return undefined;
  const set: number[] = [];
  for (const [count, sign] of [[beforeCount, -1] as const, [afterCount, 1] as const]) {
    let difference = 0;
    for (let i = 0; i < count; i++) {
      difference += sign * (reader.ue() + 1);
      reader.skip(1); // used_by_curr_pic
      set.push(difference);
    }
  }
  return set;
}

/** Reads `count` sets of an SPS; false when they are broken. */
export function skipRefPicSets(reader: BitReader, count: number): boolean {
  let previous: RefPicSet = [];
  for (let index = 0; index < count; index++) {
    const predicted = index > 0 && reader.flag(); // inter_ref_pic_set_prediction_flag
    const set = predicted ? readPredicted(reader, previous) : readExplicit(reader);
    if (set === undefined || set.length > MAX_PICTURES || reader.overrun) return false;
    previous = set;
  }
  return true;
}
