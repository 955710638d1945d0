// What people call H.265 profiles (§A.3) and levels (§A.4).

const PROFILES: ReadonlyMap<number, string> = new Map([
  [1, "Main"],
  [2, "Main 10"],
  [3, "Main Still Picture"],
  [4, "Range Extensions"],
  [5, "High Throughput"],
  [6, "Multiview Main"],
  [7, "Scalable Main"],
  [8, "3D Main"],
  [9, "Screen Content Coding Extensions"],
  [10, "Scalable Range Extensions"],
]);

/** The number itself for a profile without a name here. */
export function h265ProfileName(profileIdc: number): string {
  return PROFILES.get(profileIdc) ?? String(profileIdc);
}

/** `4` for general_level_idc 120, `4.1` for 123. */
export function h265LevelName(levelIdc: number): string {
  const level = levelIdc / 30;
  return Number.isInteger(level) ? String(level) : level.toFixed(1);
}
