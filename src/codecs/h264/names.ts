// What people call H.264 profiles (§A.2) and levels (§A.3).

const PROFILES: ReadonlyMap<number, string> = new Map([
  [66, "Baseline"],
  [77, "Main"],
  [88, "Extended"],
  [100, "High"],
  [110, "High 10"],
  [122, "High 4:2:2"],
  [244, "High 4:4:4 Predictive"],
]);

/** The number itself for a profile without a name here. */
export function h264ProfileName(profileIdc: number): string {
  return PROFILES.get(profileIdc) ?? String(profileIdc);
}

/** `4` for level_idc 40, `4.1` for 41. */
export function h264LevelName(levelIdc: number): string {
  return String(levelIdc / 10);
}
