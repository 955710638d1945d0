// The frame number as black and white blocks along the top edge of the demo clip: written into the picture, read back from it.
// A test that has decoded a picture knows by it which frame it looks at, whatever the picture went through.

/** 16 blocks of 24 by 24 pixels from the top left corner, when the picture is 640 pixels wide. */
const BLOCKS = 16;
const BLOCK_PIXELS = 24;
const NOMINAL_WIDTH = 640;

// White, black, 10 bits of the number (most significant first), 4 bits of check sum.
const NUMBER_BITS = 10;
const CHECK_BITS = 4;
/** A prime: no single wrong bit keeps the remainder. */
const CHECK_PRIME = 13;

/** Numbers from 0 up to here, exclusive. */
export const FRAME_COUNTER_LIMIT = 2 ** NUMBER_BITS;

// Luma: encoders blur edges, so a block is judged by its middle, and neither black nor white is nothing.
const BLACK_AT_MOST = 90;
const WHITE_AT_LEAST = 160;

/** The blocks from left to right, true for white. */
export function frameCounterBlocks(frameNumber: number): boolean[] {
  const bits = (value: number, count: number) => Array.from({ length: count }, (_, i) => ((value >> (count - 1 - i)) & 1) === 1);
  return [true, false, ...bits(frameNumber, NUMBER_BITS), ...bits(checkOf(frameNumber), CHECK_BITS)];
}

/** Where block `index` lies in a picture of this width, in pixels; it is as high as wide. */
export function frameCounterBlock(index: number, width: number): { x: number; size: number } {
  const size = (BLOCK_PIXELS * width) / NOMINAL_WIDTH;
  return { x: index * size, size };
}

/**
 * Reads the number from one frame of 8-bit luma without padding (ffmpeg: `-f rawvideo -pix_fmt gray`; the first plane of I420).
 * Undefined where there is no strip or the check sum does not fit. The picture may have been scaled, with its shape kept.
 */
export function readFrameCounter(gray: Uint8Array, width: number, height: number): number | undefined {
  if (gray.length < width * height) return undefined;
  const bits: number[] = [];
  for (let index = 0; index < BLOCKS; index += 1) {
    const luma = middleOf(gray, width, height, index);
    if (luma === undefined || (luma > BLACK_AT_MOST && luma < WHITE_AT_LEAST)) return undefined;
    bits.push(luma >= WHITE_AT_LEAST ? 1 : 0);
  }
  if (bits[0] !== 1 || bits[1] !== 0) return undefined;
  const numberOf = (from: number, count: number) => bits.slice(from, from + count).reduce((value, bit) => value * 2 + bit, 0);
  const frameNumber = numberOf(2, NUMBER_BITS);
  return numberOf(2 + NUMBER_BITS, CHECK_BITS) === checkOf(frameNumber) ? frameNumber : undefined;
}

function checkOf(frameNumber: number): number {
  return (frameNumber % CHECK_PRIME) + 1;
}

/** The mean of the middle half of a block. */
function middleOf(gray: Uint8Array, width: number, height: number, index: number): number | undefined {
  const { x, size } = frameCounterBlock(index, width);
  const [left, right] = [Math.floor(x + size / 4), Math.ceil(x + (size * 3) / 4)];
  const [top, bottom] = [Math.floor(size / 4), Math.ceil((size * 3) / 4)];
  if (bottom > height || right > width || right <= left) return undefined;
  let sum = 0;
  for (let y = top; y < bottom; y += 1) for (let column = left; column < right; column += 1) sum += gray[y * width + column]!;
  return sum / ((bottom - top) * (right - left));
}
