// Cameras second by second: what is told of them, and when.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayEvent } from "#control/event-bus.ts";
import { CameraEvents, type CameraPicture, type CameraSight } from "./camera-events.ts";

const PICTURE: CameraPicture = { codec: "h264", w: 1920, h: 1080, profile: "High" };

class Site {
  readonly events: GatewayEvent[] = [];
  readonly watch = new CameraEvents({ emit: (event) => this.events.push(event), utcMs: (atUs) => 1000 + atUs / 1000 });
  second = 0;
  sight: CameraSight = { name: "gate", isWanted: true, isLive: true, lastFrameUs: 0, error: undefined, attempts: 0, picture: PICTURE };

  /** So many seconds, with the camera like this. */
  pass(seconds: number, change: Partial<CameraSight> = {}): void {
    this.sight = { ...this.sight, ...change };
    for (let i = 0; i < seconds; i++) {
      this.second++;
      if (this.sight.isLive) this.sight = { ...this.sight, lastFrameUs: this.second * 1e6 };
      this.watch.look([this.sight], this.second * 1e6);
    }
  }

  get told(): string[] {
    return this.events.map(({ type, phase, atUs }) => `${type} ${phase} ${atUs / 1e6}`);
  }
}

test("lost after ten seconds without a picture, and back with the first", () => {
  const site = new Site();
  site.pass(5);
  site.pass(9, { isLive: false });
  assert.deepEqual(site.told, []);
  site.pass(30, { error: "timeout", attempts: 2 });
  site.pass(3, { isLive: true });
  assert.deepEqual(site.told, ["cam.lost new 15", "cam.back end 45"]);
  const [lost, back] = site.events;
  assert.deepEqual(lost!.data, { last_frame_ts: 6000, err: "timeout", attempts: 2 });
  assert.deepEqual(back!.data, { down_ms: 40_000 });
  assert.deepEqual([lost!.condition, back!.condition, lost!.camera, lost!.severity], ["cam.lost gate", "cam.lost gate", "gate", "warn"]);
});

test("a break of nine seconds is none; a camera that never came is lost from when it was looked for", () => {
  const short = new Site();
  short.pass(5);
  short.pass(9, { isLive: false });
  short.pass(5, { isLive: true });
  assert.deepEqual(short.told, []);
  const never = new Site();
  never.pass(20, { isLive: false, lastFrameUs: undefined, picture: undefined });
  assert.deepEqual(never.told, ["cam.lost new 11"]);
  assert.equal(never.events[0]!.data["last_frame_ts"], null);
});

test("three losses in five minutes are one flapping camera, until it was quiet for five minutes", () => {
  const site = new Site();
  for (let i = 0; i < 6; i++) {
    site.pass(10, { isLive: true });
    site.pass(20, { isLive: false });
  }
  site.pass(400, { isLive: true });
  assert.deepEqual(site.told, [
    "cam.lost new 20",
    "cam.back end 31",
    "cam.lost new 50",
    "cam.back end 61",
    "cam.flap new 80",
    "cam.flap end 470",
  ]);
  assert.deepEqual(site.events.at(-1)!.data, { losses: 6, down_ms: 84_000 });
  site.pass(20, { isLive: false });
  assert.equal(site.told.at(-1), `cam.lost new ${site.second - 10}`);
});

test("a camera that flapped and then stays away is lost", () => {
  const site = new Site();
  for (let i = 0; i < 3; i++) {
    site.pass(10, { isLive: true });
    site.pass(20, { isLive: false });
  }
  site.pass(400);
  assert.deepEqual(site.told.slice(-3), ["cam.flap new 80", "cam.flap end 380", "cam.lost new 380"]);
});

test("one that nobody wants is neither lost nor there; what was told of it ends", () => {
  const idle = new Site();
  idle.pass(60, { isWanted: false, isLive: false });
  assert.deepEqual(idle.told, []);
  const unwanted = new Site();
  unwanted.pass(30, { isLive: false });
  unwanted.pass(5, { isWanted: false });
  assert.deepEqual(unwanted.told, ["cam.lost new 10", "cam.lost end 31"]);
  const removed = new Site();
  removed.pass(30, { isLive: false });
  removed.watch.look([], 31e6);
  assert.deepEqual(removed.told, ["cam.lost new 10", "cam.lost end 31"]);
});

test("other pictures than before", () => {
  const site = new Site();
  site.pass(5);
  site.pass(5, { picture: undefined });
  site.pass(5, { picture: { ...PICTURE } });
  assert.deepEqual(site.told, []);
  site.pass(5, { picture: { ...PICTURE, w: 1280, h: 720 } });
  assert.deepEqual(site.told, ["cam.params new 16"]);
  assert.deepEqual(site.events[0]!.data, { old: PICTURE, new: { ...PICTURE, w: 1280, h: 720 } });
});
