import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { isPlaying, live, mockTimers, pull, seen, startCamera } from "#testing/pulled-source.ts";
import { interleaved, type Script } from "#testing/scripted-camera.ts";
import { SYNTHETIC_SETS, syntheticSdp } from "#testing/synthetic-track.ts";
import { frameNumberOfUnit } from "#testing/unit-tap.ts";
import { newCameraMemory } from "./camera-memory.ts";

test("from DESCRIBE to live: requests in order, states, the first frame", async (t) => {
  const { camera, states, links, units, ready, memory } = await live(t);
  assert.deepEqual(
    camera.requests.map(({ method }) => method),
    ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"],
  );
  assert.equal(camera.of("SETUP")[0]?.url, `${camera.url()}/trackID=0`);
  assert.match(camera.of("SETUP")[0]?.headers.get("Transport") ?? "", /^RTP\/AVP\/TCP;unicast;interleaved=0-1/);
  assert.equal(camera.of("PLAY")[0]?.headers.get("Session"), "12345678");
  assert.deepEqual(states, ["probing", "live"]);
  assert.equal(ready.length, 1);
  assert.deepEqual([frameNumberOfUnit(units[0]!), units[0]!.keyframe], [0, true]);
  assert.equal(memory.transport, "tcp");
  assert.equal(links.length, 1);
  const { remote, transport, counters } = links[0]!;
  assert.deepEqual([remote, transport], [{ address: "127.0.0.1", port: camera.port }, "TCP"]);
  const { inboundRTPPackets, inboundBytes, inboundRTPPacketsLate } = counters();
  assert.ok(inboundRTPPackets! > 0 && inboundBytes! > inboundRTPPackets!);
  assert.equal(inboundRTPPacketsLate, 0);
});

test("a first frame that is one packet is not lost", async (t) => {
  const { units } = await live(t, { video: { frameBytes: 300, inBandSets: false } });
  assert.equal(frameNumberOfUnit(units[0]!), 0);
});

test("C01, C02, C03: without usable sets in the SDP it is ready once they came in the stream", async (t) => {
  for (const sprop of [undefined, "", `${SYNTHETIC_SETS.sps.toString("base64")},`, "bm90IGEgU1BT"]) {
    const camera = await startCamera(t, { sdp: syntheticSdp({ sprop }) });
    const { units, ready, abort } = pull(t, camera.url());
    await seen("PLAY", () => isPlaying(camera));
    assert.equal(ready.length, 0);
    camera.sendFrame();
    await seen("the first frame", () => units.length > 0);
    const parameters = { codec: "h264", sps: [SYNTHETIC_SETS.sps], pps: [SYNTHETIC_SETS.pps] };
    assert.deepEqual(ready[0]?.[0]?.parameters, parameters);
    assert.equal(ready[0]?.[0], units[0]!.track);
    abort.abort();
  }
});

test("C40, C44: RTP before the answer to PLAY, channels that nobody asked for", async (t) => {
  const script: Script = {
    SETUP: (request, connection) => {
      void connection.setUp(request, 8).then((transport) => {
        connection.answer(request, { headers: { Session: connection.sessionId, Transport: transport } });
      });
      return "silent";
    },
    PLAY: (_request, connection) => {
      connection.playing = true;
      connection.socket.write(Buffer.from([0x24, 5, 0, 3, 1, 2, 3])); // a channel that nobody set up
      connection.sendFrame();
      return undefined;
    },
  };
  const { units } = await live(t, { script });
  await seen("both frames", () => units.length === 2);
  assert.deepEqual(units.map(frameNumberOfUnit), [0, 1]);
});

test("garbage in frames before the media makes no stream", async (t) => {
  const camera = await startCamera(t);
  const { units, ready, states } = pull(t, camera.url());
  await seen("PLAY", () => isPlaying(camera));
  camera.connections[0]!.socket.write(
    Buffer.concat([interleaved(0, 40), Buffer.alloc(40, 0x12), interleaved(1, 8), Buffer.from("80c9000100000001", "hex")]),
  );
  await seen("it was read", () => states.length === 1);
  for (let i = 0; i < 20; i++) await setImmediate();
  assert.deepEqual([ready.length, states], [0, ["probing"]]);
  camera.sendFrame();
  await seen("the first frame", () => units.length === 1);
  assert.deepEqual([ready.length, frameNumberOfUnit(units[0]!)], [1, 0]);
});

test("C07: the control URL's readings are tried in order", async (t) => {
  const wanted = "/media/track1";
  const camera = await startCamera(t, {
    sdp: syntheticSdp().replace("a=control:trackID=0", "a=control:media/track1"),
    script: { SETUP: ({ url }) => (url.endsWith(wanted) && !url.includes("/stream/") ? undefined : { status: 404 }) },
  });
  pull(t, camera.url("live/stream"));
  await seen("PLAY or a fault", () => isPlaying(camera) || camera.of("SETUP").length > 4);
  assert.ok(isPlaying(camera));
});

test("a DESCRIBE answer without a length", async (t) => {
  mockTimers(t);
  const camera = await startCamera(t, {
    script: { DESCRIBE: (request) => ({ raw: `RTSP/1.0 200 OK\r\nCSeq: ${request.headers.get("CSeq")}\r\n\r\n${syntheticSdp()}` }) },
  });
  const { pass } = pull(t, camera.url());
  await seen("DESCRIBE", () => camera.of("DESCRIBE").length === 1);
  for (let i = 0; i < 50; i++) await setImmediate();
  pass(2000);
  await seen("PLAY", () => isPlaying(camera));
});

test("461 over TCP: UDP it is, and that is remembered", async (t) => {
  const script: Script = {
    SETUP: (request) => (request.headers.get("Transport")?.includes("TCP") ? { status: 461 } : undefined),
  };
  const camera = await startCamera(t, { script });
  const { units, memory } = pull(t, camera.url());
  await seen("PLAY", () => isPlaying(camera));
  camera.sendFrame();
  await seen("a frame", () => units.length > 0);
  assert.equal(memory.transport, "udp");
  assert.deepEqual(
    camera.of("SETUP").map(({ headers }) => headers.get("Transport")?.split(";")[0]),
    ["RTP/AVP/TCP", "RTP/AVP"],
  );

  const fixed = pull(t, camera.url(), { transport: "tcp" });
  assert.equal((await fixed.fault()).code, "unsupported", "a transport that was chosen is not changed");
});

test("nothing comes over TCP: UDP is tried, with a datagram that opens the way; nothing there either is a stall", async (t) => {
  mockTimers(t);
  const camera = await startCamera(t);
  const { pass, fault, states, memory } = pull(t, camera.url());
  await seen("PLAY", () => isPlaying(camera));
  await setImmediate();
  pass(5000);
  await seen("PLAY over UDP", () => camera.of("PLAY").length === 2);
  await seen("a hole punch", () => camera.connections[1]!.rtcp.length > 0);
  assert.equal(camera.of("TEARDOWN").length, 1);
  await setImmediate();
  pass(5000);
  const error = await fault();
  assert.deepEqual([error.code, error.message], ["stalled", "no media within 3 s"]);
  assert.deepEqual(states, ["probing", "stalled", "probing", "stalled"]);
  assert.equal(memory.transport, undefined);
});

test("C90: nothing comes over UDP, which worked before: TCP is tried", async (t) => {
  mockTimers(t);
  const camera = await startCamera(t);
  const memory = { ...newCameraMemory(), transport: "udp" as const };
  const { pass, units } = pull(t, camera.url(), { memory });
  await seen("PLAY over UDP", () => isPlaying(camera));
  await setImmediate();
  pass(5000);
  await seen("PLAY over TCP", () => camera.connections[1]?.playing === true);
  camera.sendFrame();
  await seen("a frame", () => units.length > 0);
  assert.equal(memory.transport, "tcp");
});

test("silence while live is a stall: TEARDOWN, and an answer is not waited for", async (t) => {
  mockTimers(t);
  const { camera, pass, fault, states } = await live(t, { script: { TEARDOWN: () => "silent" } });
  pass(4999);
  camera.sendFrame();
  await setImmediate();
  pass(1);
  await setImmediate();
  assert.equal(states.at(-1), "live");
  pass(5000);
  await seen("TEARDOWN", () => camera.of("TEARDOWN").length === 1);
  assert.equal(states.at(-1), "stalled");
  pass(1000);
  assert.deepEqual([(await fault()).code, (await fault()).message], ["stalled", "no media for 5 s"]);
});

test("what still comes behind a stall does not make a stream of it", async (t) => {
  mockTimers(t);
  const { camera, pass, fault, ready, units } = await live(t, { script: { TEARDOWN: () => "silent" } });
  pass(5000);
  await seen("TEARDOWN", () => camera.of("TEARDOWN").length === 1);
  camera.sendFrame();
  for (let i = 0; i < 20; i++) await setImmediate();
  pass(1000);
  await fault();
  assert.deepEqual([ready.length, units.length], [1, 1]);
});

test("C46, C47: a camera that takes the connection and never answers", async (t) => {
  mockTimers(t);
  const camera = await startCamera(t, { script: { OPTIONS: () => "silent" } });
  const { pass, fault } = pull(t, camera.url());
  await seen("OPTIONS", () => camera.requests.length === 1);
  pass(5000);
  assert.deepEqual([(await fault()).code, (await fault()).message], ["timeout", "no answer to OPTIONS within 5 s"]);
  await seen("the connection is closed", () => camera.connections[0]!.socket.destroyed);
});

test("15 s for all of the set-up, however quick each answer", async (t) => {
  mockTimers(t);
  const camera = await startCamera(t);
  let pass: (ms: number) => void = () => {};
  for (const method of ["OPTIONS", "DESCRIBE", "SETUP"])
    camera.script[method] = (request, connection) => {
      pass(4900);
      if (method !== "SETUP") return undefined;
      connection.answer(request, { status: 404 });
      return "silent";
    };
  const pulled = pull(t, camera.url());
  pass = pulled.pass;
  camera.sdp = syntheticSdp().replace("a=control:trackID=0", "a=control:/a/b");
  assert.deepEqual([(await pulled.fault()).code, (await pulled.fault()).message], ["timeout", "not set up within 15 s"]);
});

test("C12: what an answer means", async (t) => {
  const cases: readonly (readonly [string, number, string])[] = [
    ["DESCRIBE", 403, "auth"],
    ["DESCRIBE", 404, "not-found"],
    ["DESCRIBE", 503, "busy"],
    ["DESCRIBE", 500, "protocol"],
    ["SETUP", 453, "busy"],
    ["PLAY", 454, "ended"],
    ["PLAY", 455, "protocol"],
    ["PLAY", 503, "busy"],
  ];
  for (const [method, status, code] of cases) {
    const camera = await startCamera(t, { script: { [method]: () => ({ status }) } });
    const error = await pull(t, camera.url(), { transport: "tcp" }).fault();
    assert.equal(error.code, code, `${method} ${status}`);
    assert.match(error.message, new RegExp(`${method} was answered ${status}`));
  }
});

test("an SDP that is none, and one without media", async (t) => {
  const camera = await startCamera(t, { sdp: "nonsense" });
  assert.equal((await pull(t, camera.url()).fault()).code, "protocol");
  camera.sdp = syntheticSdp().replace("m=video 0 RTP/AVP", "m=video 0 UDP");
  assert.equal((await pull(t, camera.url()).fault()).code, "unsupported");
  assert.equal(camera.of("SETUP").length, 0);
});

test("closed by us: TEARDOWN with the session, then the connection; closed by the camera: ended", async (t) => {
  const closing = await live(t);
  closing.abort.abort();
  assert.equal((await closing.fault()).code, "aborted");
  assert.equal(closing.camera.of("TEARDOWN")[0]?.headers.get("Session"), "12345678");
  await seen("the connection is closed", () => closing.camera.connections[0]!.socket.destroyed);

  const dropped = await live(t);
  dropped.camera.drop();
  assert.ok(["ended", "connect"].includes((await dropped.fault()).code));
});

test("closed while it is set up, at every step", async (t) => {
  for (const method of ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]) {
    const camera = await startCamera(t, { script: { [method]: () => "silent" } });
    const { abort, fault } = pull(t, camera.url());
    await seen(method, () => camera.of(method).length === 1);
    abort.abort();
    assert.equal((await fault()).code, "aborted", method);
    await seen("the connection is closed", () => camera.connections[0]!.socket.destroyed);
  }
});

test("nobody there, and what cannot be a source", async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  assert.equal((await pull(t, `rtsp://127.0.0.1:${port}/x`).fault()).code, "connect");
  assert.equal((await pull(t, "http://127.0.0.1/x").fault()).code, "config");
  assert.equal((await pull(t, "rtsps+http://127.0.0.1/x").fault()).code, "config");
  assert.equal((await pull(t, "rtsp://127.0.0.1/x", { transport: "multicast" }).fault()).code, "config");
});

test("over UDP: from the camera's ports only, or from any with rtspAnyPort", async (t) => {
  const hidePorts: Script = {
    SETUP: (request, connection) => {
      void connection.setUp(request).then((transport) => {
        connection.answer(request, { headers: { Session: "1", Transport: transport.replace(/server_port=\d+-\d+/, "server_port=0-0") } });
      });
      return "silent";
    },
  };
  const camera = await startCamera(t, { script: hidePorts });
  const strict = await pull(t, camera.url(), { transport: "udp" }).fault();
  assert.equal(strict.code, "config");
  assert.match(strict.message, /rtspAnyPort/);
  const { units } = pull(t, camera.url(), { transport: "udp", anyPort: true });
  await seen("PLAY", () => camera.of("PLAY").length === 1);
  await seen("playing", () => isPlaying(camera));
  camera.sendFrame();
  await seen("a frame", () => units.length > 0);
});

test("over UDP: a source address that is none is not taken for one", async (t) => {
  for (const source of ["0.0.0.0", "camera.local"]) {
    const script: Script = {
      SETUP: (request, connection) => {
        void connection.setUp(request).then((transport) => {
          connection.answer(request, { headers: { Session: "1", Transport: `${transport};source=${source}` } });
        });
        return "silent";
      },
    };
    const camera = await startCamera(t, { script });
    const { units, abort } = pull(t, camera.url(), { transport: "udp" });
    await seen("playing", () => isPlaying(camera));
    camera.sendFrame();
    await seen("a frame", () => units.length > 0);
    abort.abort();
  }
});

test("IPv6: over TCP and over UDP", async (t) => {
  const camera = await startCamera(t, { host: "::1" });
  for (const transport of ["tcp", "udp"] as const) {
    const { units, abort, fault } = pull(t, camera.url(), { transport });
    await seen("playing", () => isPlaying(camera));
    camera.sendFrame();
    await seen("a frame", () => units.length > 0);
    abort.abort();
    await fault();
    await seen("closed", () => !isPlaying(camera));
  }
});
