// The decoded picture buffer of ITU-T H.264, annex A: the most frames a stream of a level may hold back.

/** MaxDpbMbs by level_idc, table A-1. */
const MAX_DPB_MACROBLOCKS: ReadonlyMap<number, number> = new Map([
  [9, 396], // level 1b
  [10, 396],
  [11, 900],
  [12, 2376],
  [13, 2376],
  [20, 2376],
  [21, 4752],
  [22, 8100],
  [30, 8100],
  [31, 18_000],
  [32, 20_480],
  [40, 32_768],
  [41, 32_768],
  [42, 34_816],
  [50, 110_400],
  [51, 184_320],
  [52, 184_320],
  [60, 696_320],
  [61, 696_320],
  [62, 696_320],
]);
/** §A.3.1 h: MaxDpbFrames is never larger. */
export const MAX_DPB_FRAMES = 16;

/** MaxDpbFrames for a picture of so many macroblocks; 16 for a level unknown to table A-1. */
export function maxDpbFrames(levelIdc: number, macroblocks: number): number {
  const limit = MAX_DPB_MACROBLOCKS.get(levelIdc);
  if (limit === undefined || macroblocks <= 0) return MAX_DPB_FRAMES;
  return Math.min(Math.floor(limit / macroblocks), MAX_DPB_FRAMES);
}
