// The scene of the demo clip: a site's gate at dusk. A car comes, the barrier lets it in. It ends as it began: the clip is a loop.
import { Canvas, type Color, mix, type Point } from "./canvas.ts";

/** The picture is drawn at twice the clip's size and scaled down: smooth edges for nothing. */
export const SCENE_WIDTH = 1280;
export const SCENE_HEIGHT = 720;

const HORIZON_Y = 300;
const MIDDLE_X = 640;
/** Ground that is `distance` away lies this many pixels, divided by the distance, below the horizon. */
const GROUND_DEPTH = 880;
const BARRIER_DISTANCE = 4;
const ROAD_HALF_WIDTH = 1080;

const SKY_TOP: Color = [24, 44, 82];
const SKY_LOW: Color = [240, 158, 92];
const CLOUD: Color = [206, 140, 118];
const HILLS: Color = [58, 66, 92];
const GRASS_FAR: Color = [82, 96, 66];
const GRASS_NEAR: Color = [46, 66, 44];
const ROAD: Color = [62, 64, 70];
const LINE: Color = [206, 200, 180];
const WALL: Color = [176, 160, 140];
const ROOF: Color = [96, 54, 46];
const LAMPLIGHT: Color = [255, 224, 140];
const STEEL: Color = [120, 126, 134];
const RED: Color = [204, 44, 44];
const WHITE: Color = [240, 240, 236];
const GREEN: Color = [60, 200, 90];
const CAR: Color = [32, 108, 168];
const CAR_DARK: Color = [18, 56, 92];
const GLASS: Color = [150, 186, 206];
const TYRE: Color = [22, 22, 24];

/** Draws the scene at `second` of a loop of `loopSeconds`. */
export class GateScene {
  readonly #background = new Canvas(SCENE_WIDTH, SCENE_HEIGHT);
  readonly #canvas = new Canvas(SCENE_WIDTH, SCENE_HEIGHT);
  readonly #loopSeconds: number;

  constructor(loopSeconds: number) {
    this.#loopSeconds = loopSeconds;
    drawSky(this.#background);
  }

  /** The canvas is used again for the next frame. */
  draw(second: number): Canvas {
    const canvas = this.#canvas;
    const opening = ramp(second, 6, 8) - ramp(second, 11, 13);
    const carDistance = carDistanceAt(second);
    canvas.copyFrom(this.#background);
    drawClouds(canvas, second / this.#loopSeconds);
    drawLand(canvas);
    drawGatehouse(canvas);
    if (carDistance !== undefined && carDistance >= BARRIER_DISTANCE) drawCar(canvas, carDistance);
    drawBarrier(canvas, opening);
    if (carDistance !== undefined && carDistance < BARRIER_DISTANCE) drawCar(canvas, carDistance);
    return canvas;
  }
}

/** 0 before `from`, 1 after `to`, smooth between. */
function ramp(second: number, from: number, to: number): number {
  const share = Math.min(1, Math.max(0, (second - from) / (to - from)));
  return share * share * (3 - 2 * share);
}

/** The car comes from afar, waits before the barrier and passes the camera; undefined while there is none. */
function carDistanceAt(second: number): number | undefined {
  const [far, waiting, gone] = [70, 4.7, 0.7];
  if (second < 1 || second > 10.5) return undefined;
  if (second < 5.5) return far * (waiting / far) ** (1 - (1 - (second - 1) / 4.5) ** 1.6);
  if (second < 7.6) return waiting;
  return waiting * (gone / waiting) ** (((second - 7.6) / 2.9) ** 1.6);
}

function groundY(distance: number): number {
  return HORIZON_Y + GROUND_DEPTH / distance;
}

function drawSky(canvas: Canvas): void {
  for (let y = 0; y <= HORIZON_Y; y += 1) canvas.rectangle(0, y, SCENE_WIDTH, 1, mix(SKY_TOP, SKY_LOW, (y / HORIZON_Y) ** 1.4));
  canvas.ellipse(980, 270, 46, 46, [255, 214, 150]);
}

function drawClouds(canvas: Canvas, share: number): void {
  const span = SCENE_WIDTH + 400;
  for (const [start, y, size] of [
    [0, 120, 1.2],
    [600, 170, 0.9],
    [1150, 100, 1],
  ] as const) {
    const x = ((start + share * span) % span) - 200;
    const color = mix(SKY_TOP, CLOUD, 0.45 + y / 500);
    canvas.ellipse(x, y, 120 * size, 16 * size, color);
    canvas.ellipse(x - 36 * size, y - 12 * size, 52 * size, 18 * size, color);
    canvas.ellipse(x + 34 * size, y - 10 * size, 44 * size, 15 * size, color);
  }
}

function drawLand(canvas: Canvas): void {
  const hills: Point[] = [[0, HORIZON_Y + 2]];
  for (let x = 0; x <= SCENE_WIDTH; x += 16) hills.push([x, 262 - 22 * Math.sin(x / 170) - 12 * Math.sin(x / 67 + 1)]);
  hills.push([SCENE_WIDTH, HORIZON_Y + 2]);
  canvas.polygon(hills, HILLS);
  for (let y = HORIZON_Y; y < SCENE_HEIGHT; y += 1) {
    canvas.rectangle(0, y, SCENE_WIDTH, 1, mix(GRASS_FAR, GRASS_NEAR, (y - HORIZON_Y) / (SCENE_HEIGHT - HORIZON_Y)));
  }
  drawTrees(canvas);
  drawFence(canvas);

  const near = GROUND_DEPTH / (SCENE_HEIGHT - HORIZON_Y);
  const halfRoad = ROAD_HALF_WIDTH / near;
  canvas.polygon(
    [
      [MIDDLE_X - 2, HORIZON_Y],
      [MIDDLE_X + 2, HORIZON_Y],
      [MIDDLE_X + halfRoad, SCENE_HEIGHT],
      [MIDDLE_X - halfRoad, SCENE_HEIGHT],
    ],
    ROAD,
  );
  for (const side of [-1, 1]) drawRoadMark(canvas, near, 60, side * 0.93, 0.02);
  for (let distance = near; distance < 30; distance *= 1.5) drawRoadMark(canvas, distance, distance * 1.22, 0, 0.015);
}

/** A mark on the road from one distance to another; place and width as shares of half the road. */
function drawRoadMark(canvas: Canvas, from: number, to: number, place: number, halfWidth: number): void {
  const x = (distance: number, share: number) => MIDDLE_X + (share * ROAD_HALF_WIDTH) / distance;
  const left = place - halfWidth;
  const right = place + halfWidth;
  canvas.polygon(
    [
      [x(from, left), groundY(from)],
      [x(from, right), groundY(from)],
      [x(to, right), groundY(to)],
      [x(to, left), groundY(to)],
    ],
    LINE,
  );
}

function drawTrees(canvas: Canvas): void {
  for (const [x, size] of [
    [60, 1],
    [1080, 0.9],
    [1160, 1.25],
    [1240, 1],
  ] as const) {
    canvas.rectangle(x - 5, 350 - 8 * size, 10, 40 * size, [58, 44, 36]);
    for (const [up, half] of [
      [0, 46],
      [34, 36],
      [64, 26],
    ] as const) {
      const base = 356 - up * size;
      canvas.polygon(
        [
          [x - half * size, base],
          [x + half * size, base],
          [x, base - 62 * size],
        ],
        [34, 58 + up / 6, 50],
      );
    }
  }
}

function drawFence(canvas: Canvas): void {
  for (const [from, to] of [
    [0, 340],
    [960, SCENE_WIDTH],
  ] as const) {
    for (let x = from; x < to; x += 26) canvas.rectangle(x, 404, 5, 92, STEEL);
    canvas.rectangle(from, 416, to - from, 4, STEEL);
    canvas.rectangle(from, 478, to - from, 4, STEEL);
  }
}

function drawGatehouse(canvas: Canvas): void {
  canvas.rectangle(110, 368, 190, 150, WALL);
  canvas.polygon(
    [
      [90, 370],
      [320, 370],
      [290, 330],
      [120, 330],
    ],
    ROOF,
  );
  canvas.rectangle(132, 396, 84, 60, LAMPLIGHT);
  canvas.rectangle(172, 396, 4, 60, ROOF);
  canvas.rectangle(240, 410, 42, 108, ROOF);
  canvas.ellipse(273, 466, 4, 4, LAMPLIGHT);
}

function drawBarrier(canvas: Canvas, opening: number): void {
  const pivot: Point = [352, 452];
  canvas.rectangle(334, 436, 36, 86, [214, 150, 40]);
  canvas.rectangle(928, 452, 12, 70, STEEL);
  const angle = -opening * 1.35;
  const along = (length: number, off: number): Point => [
    pivot[0] + length * Math.cos(angle) - off * Math.sin(angle),
    pivot[1] + length * Math.sin(angle) + off * Math.cos(angle),
  ];
  for (let part = 0; part < 12; part += 1) {
    const [from, to] = [part * 48, part * 48 + 48];
    canvas.polygon([along(from, -8), along(to, -8), along(to, 8), along(from, 8)], part % 2 === 0 ? RED : WHITE);
  }
  canvas.ellipse(pivot[0], pivot[1], 13, 13, STEEL);
  canvas.ellipse(352, 424, 10, 10, opening > 0.95 ? GREEN : RED);
}

function drawCar(canvas: Canvas, distance: number): void {
  const scale = BARRIER_DISTANCE / distance;
  const x = (units: number) => MIDDLE_X + units * scale;
  const y = (units: number) => groundY(distance) - units * scale;
  const box = (left: number, top: number, width: number, height: number, color: Color) =>
    canvas.rectangle(x(left), y(top), width * scale, height * scale, color);
  canvas.ellipse(x(0), y(2), 122 * scale, 12 * scale, [34, 36, 40]);
  box(-100, 34, 34, 36, TYRE);
  box(66, 34, 34, 36, TYRE);
  canvas.polygon(
    [
      [x(-86), y(84)],
      [x(86), y(84)],
      [x(62), y(140)],
      [x(-62), y(140)],
    ],
    CAR_DARK,
  );
  canvas.polygon(
    [
      [x(-74), y(88)],
      [x(74), y(88)],
      [x(56), y(133)],
      [x(-56), y(133)],
    ],
    GLASS,
  );
  box(-108, 86, 216, 62, CAR);
  box(-108, 40, 216, 8, CAR_DARK);
  box(-40, 70, 80, 22, CAR_DARK);
  box(-30, 36, 60, 14, WHITE);
  canvas.ellipse(x(-80), y(62), 19 * scale, 13 * scale, LAMPLIGHT);
  canvas.ellipse(x(80), y(62), 19 * scale, 13 * scale, LAMPLIGHT);
}
