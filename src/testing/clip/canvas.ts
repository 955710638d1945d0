// A picture in RGB that knows how to fill shapes: all that the demo clip's scene is drawn with.

export type Color = readonly [red: number, green: number, blue: number];
export type Point = readonly [x: number, y: number];

/** 8 bits a channel, rows from top to bottom, no padding: ffmpeg's `rgb24`. Whatever lies outside is left out. */
export class Canvas {
  readonly width: number;
  readonly height: number;
  readonly bytes: Buffer;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.bytes = Buffer.alloc(width * height * 3);
  }

  copyFrom(other: Canvas): void {
    other.bytes.copy(this.bytes);
  }

  rectangle(x: number, y: number, width: number, height: number, color: Color): void {
    const bottom = Math.min(this.height, Math.round(y + height));
    for (let row = Math.max(0, Math.round(y)); row < bottom; row += 1) this.#span(row, x, x + width, color);
  }

  /** A filled ellipse around (x, y). */
  ellipse(x: number, y: number, radiusX: number, radiusY: number, color: Color): void {
    const bottom = Math.min(this.height - 1, Math.floor(y + radiusY));
    for (let row = Math.max(0, Math.ceil(y - radiusY)); row <= bottom; row += 1) {
      const half = radiusX * Math.sqrt(Math.max(0, 1 - ((row - y) / radiusY) ** 2));
      this.#span(row, x - half, x + half, color);
    }
  }

  /** A filled polygon, even-odd rule. */
  polygon(points: readonly Point[], color: Color): void {
    const rows = points.map(([, y]) => y);
    const bottom = Math.min(this.height - 1, Math.floor(Math.max(...rows)));
    for (let row = Math.max(0, Math.ceil(Math.min(...rows))); row <= bottom; row += 1) {
      const crossings: number[] = [];
      for (const [i, [x1, y1]] of points.entries()) {
        const [x2, y2] = points[(i + 1) % points.length]!;
        if (y1 <= row !== y2 <= row) crossings.push(x1 + ((row - y1) / (y2 - y1)) * (x2 - x1));
      }
      crossings.sort((a, b) => a - b);
      for (let i = 0; i + 1 < crossings.length; i += 2) this.#span(row, crossings[i]!, crossings[i + 1]!, color);
    }
  }

  #span(row: number, left: number, right: number, [red, green, blue]: Color): void {
    const end = (row * this.width + Math.min(this.width, Math.round(right))) * 3;
    for (let at = (row * this.width + Math.max(0, Math.round(left))) * 3; at < end; at += 3) {
      this.bytes[at] = red;
      this.bytes[at + 1] = green;
      this.bytes[at + 2] = blue;
    }
  }
}

/** The colour between `from` (share 0) and `to` (share 1). */
export function mix(from: Color, to: Color, share: number): Color {
  const channel = (i: 0 | 1 | 2) => Math.round(from[i] + (to[i] - from[i]) * share);
  return [channel(0), channel(1), channel(2)];
}
