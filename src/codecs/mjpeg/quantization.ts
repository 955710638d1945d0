// Quantization tables by quality factor, RFC 2435 §4.2: those of ITU-T T.81 annex K, scaled as the Independent JPEG Group does.

/** Table K.1 in zig-zag order. */
const LUMA: readonly number[] = [
  16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51, 56, 55,
  64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];
/** Table K.2 in zig-zag order; 99 from here on. */
const CHROMA: readonly number[] = [17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66];

function scale(base: number, percent: number): number {
  return Math.min(255, Math.max(1, Math.floor((base * percent + 50) / 100)));
}

/** Tables of 64 bytes in zig-zag order for a quality of 1 to 99. */
export function quantizationTables(quality: number): { luma: Buffer; chroma: Buffer } {
  const percent = quality < 50 ? Math.floor(5000 / quality) : 200 - quality * 2;
  const luma = Buffer.alloc(64);
  const chroma = Buffer.alloc(64);
  for (let i = 0; i < 64; i++) {
    luma[i] = scale(LUMA[i]!, percent);
    chroma[i] = scale(CHROMA[i] ?? 99, percent);
  }
  return { luma, chroma };
}
