import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { SystemClock } from "#base/clock.ts";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { ScriptedCamera, type ScriptedCameraOptions } from "#testing/scripted-camera.ts";
import { type RtspPathOptions, RtspSourceFactory } from "./source-factory.ts";

const DEFAULTS: RtspPathOptions = {
  fingerprint: "",
  transport: "automatic",
  anyPort: false,
  udpPortRange: [32_768, 60_999],
  udpReadBufferBytes: 0,
  rangeType: "",
  rangeStart: 0,
  scale: "",
};

async function setUp(t: TestContext, cameraOptions: ScriptedCameraOptions = {}, readTimeout = { ms: 10_000, explicit: false }) {
  const camera = await ScriptedCamera.start(cameraOptions);
  t.after(() => camera.close());
  const factory = new RtspSourceFactory({ readTimeout, clock: new SystemClock(), log: silentLog, random: Math.random });
  /** Runs a source until its first frame. */
  const play = async (options: Partial<RtspPathOptions> = {}, path = "cam"): Promise<void> => {
    const abort = new AbortController();
    const source = factory.open(camera.url(), path, { ...DEFAULTS, ...options });
    await source.run({ ready: () => () => abort.abort() }, abort.signal).catch(() => {});
  };
  return { camera, factory, play };
}

test("where to start, in each form; how fast", async (t) => {
  const { camera, play } = await setUp(t);
  await play();
  await play({ rangeType: "clock", rangeStart: "20230812T120000Z" });
  await play({ rangeType: "npt", rangeStart: 123_500 });
  await play({ rangeType: "smpte", rangeStart: 3_723_000, scale: "2.0" });
  const plays = camera.of("PLAY").map(({ headers }) => [headers.get("Range"), headers.get("Scale")]);
  assert.deepEqual(plays.slice(0, 2), [
    ["npt=0.000-", undefined],
    ["clock=20230812T120000Z-", undefined],
  ]);
  assert.match(plays[2]![0]!, /^npt=123\.5/);
  assert.match(plays[3]![0]!, /^smpte[^=]*=0?1:02:03/);
  assert.equal(plays[3]![1], "2.0");
});

test("what a camera taught us is kept for its next session, by path and URL", async (t) => {
  const { camera, play } = await setUp(t, {
    script: { SETUP: (request) => (request.headers.get("Transport")?.includes("TCP") ? { status: 461 } : undefined) },
  });
  await play();
  assert.equal(camera.of("SETUP").length, 2);
  await play();
  assert.equal(camera.of("SETUP").length, 3, "over UDP at once");
  await play({}, "other");
  assert.equal(camera.of("SETUP").length, 5);
});

/** What a source says that hears nothing after its first frame. */
async function stallOf(t: TestContext, transport: "tcp" | "udp", readTimeout: { ms: number; explicit: boolean }): Promise<string> {
  const camera = await ScriptedCamera.start({ frameMs: 0 });
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const clock = new FakeClock();
  const factory = new RtspSourceFactory({ readTimeout, clock, log: silentLog, random: Math.random });
  const states: string[] = [];
  const sink = { ready: () => () => {}, state: (state: string) => states.push(state) };
  let message = "";
  const ended = factory
    .open(camera.url(), "cam", { ...DEFAULTS, transport })
    .run(sink, new AbortController().signal)
    .catch((error: Error) => {
      message = error.message;
    });
  while (!states.includes("live")) {
    camera.sendFrame();
    await setImmediate();
  }
  while (message === "") {
    clock.passMs(1000);
    t.mock.timers.tick(1000);
    for (let i = 0; i < 20; i++) await setImmediate();
  }
  await ended;
  t.mock.timers.reset();
  await camera.close();
  return message;
}

test("silence is a stall after 5 s over TCP, 3 s over UDP, or after the readTimeout that the config names", async (t) => {
  assert.equal(await stallOf(t, "tcp", { ms: 10_000, explicit: false }), "no media for 5 s");
  assert.equal(await stallOf(t, "udp", { ms: 10_000, explicit: false }), "no media for 3 s");
  assert.equal(await stallOf(t, "tcp", { ms: 20_000, explicit: true }), "no media for 20 s");
  assert.equal(await stallOf(t, "udp", { ms: 2000, explicit: false }), "no media for 2 s");
});
