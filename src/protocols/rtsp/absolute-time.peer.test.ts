// What gortsplib reads back as the time of each frame (PacketNTP) through a path with useAbsoluteTimestamp: the camera's own, to a millisecond.
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { CameraClock, type CameraClockOptions, ClockedMedia, type SentElement } from "#testing/clocked-media.ts";
import { gortsplib, goUnits, startGortsplibRead } from "#testing/peers/go-peers.ts";
import type { RunningPeer } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";
import { pulled, startSite } from "#testing/rtsp-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";

const FRAME_MS = 20;
const TOLERANCE_US = 1000;
/** Of a frame before the first report of a session: its time is that of its arrival. */
const ARRIVAL_TOLERANCE_US = 100_000;
const HOUR_US = 3600e6;
/** Tracks are drawn together no faster than this. */
const MAX_SLEW = 500e-6;
/** Unlike ours beyond doubt. */
const AN_HOUR_BEHIND_US = Date.now() * 1000 - HOUR_US;

interface Reading extends SentElement {
  readonly pts: number | undefined;
  /** undefined before the reader had a report. */
  readonly readUtcUs: number | undefined;
}

class Setup {
  readonly camera: ScriptedCamera;
  readonly clock: CameraClock;
  readonly sent: SentElement[];
  readonly reader: RunningPeer;

  private constructor(camera: ScriptedCamera, clock: CameraClock, sent: SentElement[], reader: RunningPeer) {
    this.camera = camera;
    this.clock = clock;
    this.sent = sent;
    this.reader = reader;
  }

  /** A camera whose clock is accepted, a site that pulls it, and a reader that has a report of it. */
  static async start(
    t: TestContext,
    options: Partial<CameraClockOptions> & { readonly framesPerReport?: number; readonly audioLateFrames?: number } = {},
  ): Promise<Setup> {
    const { framesPerReport = 25, audioLateFrames, ...rates } = options;
    const clock = new CameraClock({ startUtcUs: AN_HOUR_BEHIND_US, ...rates });
    const sent: SentElement[] = [];
    const sound = audioLateFrames === undefined ? {} : { audioLateFrames };
    const camera = await ScriptedCamera.start({
      frameMs: FRAME_MS,
      media: () => new ClockedMedia({ clock, sent, framesPerReport, ...sound }),
    });
    t.after(() => camera.close());
    const site = await startSite({ paths: { cam: { source: pulled(camera.url(), { transport: "tcp" }), absoluteTime: true } } });
    t.after(() => site.close());
    const accepted = (): boolean => [0, ...(audioLateFrames === undefined ? [] : [1])].every((track) => reportsOf(sent, track) >= 2);
    await until("the camera's clock is accepted", () => site.registry.get("cam")?.state === "available" && accepted());
    const reader = startGortsplibRead(t, { url: site.url("cam"), transport: "tcp", seconds: 60 });
    await reader.match(/"ntp":"/);
    return new Setup(camera, clock, sent, reader);
  }

  /** Waits until the reader has an element that the camera sends once it has sent `count` more on a track. */
  async read(count: number, track = 0): Promise<void> {
    const from = this.sent.length;
    const element = await until(`${count} more elements`, () => this.sent.slice(from).filter((one) => one.track === track)[count - 1]);
    await this.reader.match(new RegExp(element.md5));
  }

  /** What the reader made of each element of a track, as far as it has come. Fails when one is missing or comes twice. */
  readings(track = 0): readonly Reading[] {
    const sent = this.sent.filter((element) => element.track === track);
    const units = goUnits(this.reader).filter((unit) => unit.track === track);
    const first = sent.findIndex(({ md5 }) => md5 === units[0]?.md5);
    const expected = sent.slice(first, first + units.length);
    assert.deepEqual(
      units.map(({ md5 }) => md5),
      expected.map(({ md5 }) => md5),
      "an element was dropped",
    );
    return expected.map((element, i) => ({
      ...element,
      pts: units[i]!.pts,
      readUtcUs: units[i]!.ntp === null ? undefined : utcUsOf(units[i]!.ntp),
    }));
  }

  /** What the reader has read with a time. The open GOP is sent ahead of the first report; nothing behind it is without one. */
  timed(track = 0): readonly (Reading & { readonly readUtcUs: number })[] {
    const readings = this.readings(track);
    const first = readings.findIndex(({ readUtcUs }) => readUtcUs !== undefined);
    assert.ok(first >= 0, `nothing of track ${track} has a time`);
    return readings.slice(first).map((reading) => {
      assert.ok(reading.readUtcUs !== undefined, `frame ${reading.frame} has no time`);
      return { ...reading, readUtcUs: reading.readUtcUs };
    });
  }
}

function reportsOf(sent: readonly SentElement[], track: number): number {
  return sent.findLast((element) => element.track === track)?.reports ?? 0;
}

/** µs since 1970 of RFC 3339 text with up to nine decimals. */
function utcUsOf(text: string): number {
  const [, seconds, decimals = ""] = /^([^.Z]+)(?:\.(\d+))?Z$/.exec(text)!;
  return Date.parse(`${seconds}Z`) * 1000 + Number(decimals.padEnd(9, "0")) / 1000;
}

function assertTime(
  { frame, track, readUtcUs }: { frame: number; track: number; readUtcUs: number },
  utcUs: number,
  toleranceUs = TOLERANCE_US,
) {
  const errorUs = readUtcUs - utcUs;
  assert.ok(Math.abs(errorUs) <= toleranceUs, `track ${track}, frame ${frame}: ${errorUs / 1000} ms off`);
}

describe("gortsplib reads the camera's time", { concurrency: true }, () => {
  test("steady, for longer than the distance of two periodic reports", { skip: gortsplib.missing }, async (t) => {
    const setup = await Setup.start(t);
    await setup.read(11_000 / FRAME_MS);
    for (const reading of setup.timed()) assertTime(reading, reading.utcUs);
  });

  test("through a reconnect, the reader attached, all numbers new", { skip: gortsplib.missing }, async (t) => {
    const setup = await Setup.start(t);
    await setup.read(50);
    setup.camera.muted = true; // what is on its way when the connection ends is lost, and no fault
    await setup.reader.match(new RegExp(setup.sent.at(-1)!.md5));
    const before = setup.sent.length;
    setup.camera.drop();
    await until("the connection is over", () => setup.camera.connections.every(({ playing }) => !playing));
    setup.camera.muted = false;
    await until(
      "the next session's third report",
      () => setup.sent.length > before && reportsOf(setup.sent, 0) === 3 && setup.camera.connections.length === 2,
    );
    await setup.read(50);
    const readings = setup.timed();
    assert.ok(
      readings.some(({ reports }, i) => i > 0 && reports === 0),
      "no frame of the new session was read",
    );
    for (const reading of readings) assertTime(reading, reading.utcUs, reading.reports === 0 ? ARRIVAL_TOLERANCE_US : TOLERANCE_US);
  });

  test("through a step of its clock: the old time until a second report says the new one", { skip: gortsplib.missing }, async (t) => {
    const setup = await Setup.start(t);
    await setup.read(50);
    const reports = reportsOf(setup.sent, 0);
    setup.clock.stepUs = -HOUR_US;
    const steppedAt = setup.sent.length;
    await until("reports of the new time", () => reportsOf(setup.sent, 0) >= reports + 3);
    await setup.read(50);
    const readings = setup.timed();
    const stepFrame = setup.sent[steppedAt]!.frame;
    assert.ok(readings[0]!.frame < stepFrame - 25);
    for (const reading of readings) {
      const isHeld = reading.frame >= stepFrame && reading.reports < reports + 2;
      assertTime(reading, reading.utcUs + (isHeld ? HOUR_US : 0));
    }
  });

  test("with 300 ppm between its RTP and wall clock, and between that and ours, for a minute of its time", {
    skip: gortsplib.missing,
  }, async (t) => {
    const speed = 10;
    const setup = await Setup.start(t, { speed, rtpPpm: 300, wallPpm: 300, framesPerReport: 5000 / FRAME_MS / speed });
    await setup.read(60_000 / FRAME_MS / speed);
    for (const reading of setup.timed()) assertTime(reading, reading.utcUs);
  });

  test("of sound and picture alike, while they are drawn together without a step", { skip: gortsplib.missing }, async (t) => {
    const setup = await Setup.start(t, { audioLateFrames: 6 });
    await setup.read(200, 1);
    const [pictures, sounds] = [setup.timed(0), setup.timed(1)];
    for (const reading of [...pictures, ...sounds]) assertTime(reading, reading.utcUs);
    const pictureAt = new Map(pictures.map(({ frame, readUtcUs }) => [frame, readUtcUs]));
    const together = sounds.filter(({ frame }) => pictureAt.has(frame));
    assert.ok(together.length > 150);
    for (const sound of together) assertTime(sound, pictureAt.get(sound.frame)!);
    let lastTicks = 0;
    for (const [i, sound] of sounds.slice(1).entries()) {
      const before = sounds[i]!;
      const distanceTicks = (sound.timestamp - before.timestamp) | 0;
      const stepTicks = sound.pts! - before.pts! - distanceTicks;
      // What is drawn by the time since the last sound shows in the next one.
      assert.ok(Math.abs(stepTicks) <= 1 + Math.max(lastTicks, distanceTicks) * MAX_SLEW, `a step of ${stepTicks} ticks`);
      lastTicks = distanceTicks;
    }
  });
});
