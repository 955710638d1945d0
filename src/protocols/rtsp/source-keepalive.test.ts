import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { parseRtcp } from "#rtp/rtcp.ts";
import { live, mockTimers, seen } from "#testing/pulled-source.ts";
import type { Script, ScriptedCamera } from "#testing/scripted-camera.ts";

test("C10: a keepalive at two fifths of the session's timeout, not more often than each 2 s", async (t) => {
  mockTimers(t);
  for (const [session, everyMs] of [
    ["1;timeout=10", 4000],
    ["1;timeout=2", 2000],
    ["1;timeout=0", 24_000],
    ["1", 24_000],
    ['1;timeout="30"', 12_000],
  ] as const) {
    const script: Script = {
      PLAY: (request, connection) => {
        connection.answer(request, { headers: { Session: session } });
        connection.playing = true;
        return "silent";
      },
      SETUP: (request, connection) => {
        void connection
          .setUp(request)
          .then((transport) => connection.answer(request, { headers: { Session: session, Transport: transport } }));
        return "silent";
      },
    };
    const { camera, pass, abort, fault } = await live(t, { script });
    const keepalives = (): number => camera.of("GET_PARAMETER").length;
    for (let ms = 0; ms < everyMs - 1000; ms += 1000) {
      pass(1000);
      camera.sendFrame();
      for (let i = 0; i < 5; i++) await setImmediate();
    }
    assert.equal(keepalives(), 0, session);
    pass(1000);
    await seen(`a keepalive for ${session}`, () => keepalives() === 1);
    assert.equal(camera.of("GET_PARAMETER")[0]?.headers.get("Session"), "1");
    abort.abort();
    await fault();
  }
});

test("C30, C32: a camera without GET_PARAMETER is asked for OPTIONS, with its session", async (t) => {
  mockTimers(t);
  const asked = (camera: ScriptedCamera): string[] => camera.requests.slice(4).map(({ method }) => method);
  const { camera, pass } = await live(t, { script: { OPTIONS: () => ({ headers: { Public: "DESCRIBE, SETUP, PLAY" } }) } });
  pass(24_000);
  await seen("a keepalive", () => asked(camera).length > 0);
  assert.equal(asked(camera)[0], "OPTIONS");
  assert.equal(camera.of("OPTIONS")[1]?.headers.get("Session"), "12345678");
});

test("C31: a keepalive that is refused, or never answered, ends nothing: the other method is used", async (t) => {
  mockTimers(t);
  for (const answer of [{ status: 501 }, "silent"] as const) {
    const { camera, pass, memory, isOver, abort, fault } = await live(
      t,
      { script: { GET_PARAMETER: () => answer } },
      { stallMs: { tcp: 1e9, udp: 1e9 } },
    );
    pass(24_000);
    await seen("GET_PARAMETER", () => camera.of("GET_PARAMETER").length === 1);
    for (let i = 0; i < 20; i++) await setImmediate();
    pass(5000);
    await seen("it is remembered", () => memory.keepaliveMethod === "OPTIONS");
    pass(19_000);
    await seen("OPTIONS", () => camera.of("OPTIONS").length === 2);
    assert.equal(isOver(), false);
    abort.abort();
    await fault();
  }
});

test("a keepalive answered 454 ends the session: the camera has forgotten it", async (t) => {
  mockTimers(t);
  const { camera, pass, fault } = await live(
    t,
    { script: { GET_PARAMETER: () => ({ status: 454 }) } },
    { stallMs: { tcp: 1e9, udp: 1e9 } },
  );
  pass(24_000);
  assert.equal((await fault()).code, "ended");
  await seen("the connection is closed", () => camera.connections[0]!.socket.destroyed);
});

test("a late answer to a request that was given up is not taken for the next one's", async (t) => {
  mockTimers(t);
  let late: (() => void) | undefined;
  const { camera, pass, isOver } = await live(
    t,
    {
      script: {
        GET_PARAMETER: (request, connection) => {
          late = () => connection.answer(request, { status: 454 });
          return "silent";
        },
        OPTIONS: (_request, { playing }) => (playing ? "silent" : undefined),
      },
    },
    { stallMs: { tcp: 1e9, udp: 1e9 } },
  );
  pass(24_000);
  await seen("GET_PARAMETER", () => late !== undefined);
  pass(5000);
  for (let i = 0; i < 20; i++) await setImmediate();
  pass(19_000);
  await seen("OPTIONS", () => camera.of("OPTIONS").length === 2);
  late!();
  for (let i = 0; i < 50; i++) await setImmediate();
  assert.equal(isOver(), false);
});

test("C33: a receiver report each 5 s over TCP", async (t) => {
  mockTimers(t);
  const { camera, pass } = await live(t, {}, { stallMs: { tcp: 1e9, udp: 1e9 } });
  pass(5000);
  const { rtcp, video } = camera.connections[0]!;
  await seen("a report", () => rtcp.length === 1);
  const [report] = parseRtcp(rtcp[0]!, 0, rtcp[0]!.length);
  assert.equal(report?.kind === "receiver-report" && report.reports[0]?.ssrc, video.ssrc);
});

test("C81: BYE ends nothing, silence does", async (t) => {
  mockTimers(t);
  const { camera, units, isOver } = await live(t);
  camera.connections[0]!.socket.write(Buffer.from([0x24, 1, 0, 8, 0x81, 203, 0, 1, 1, 2, 3, 4]));
  camera.sendFrame();
  await seen("the frame behind it", () => units.length === 2);
  assert.equal(isOver(), false);
});
