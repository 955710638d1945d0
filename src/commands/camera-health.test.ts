import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "#base/log.ts";
import { PathRegistry } from "#relay/path-registry.ts";
import { SessionRegistry } from "#relay/session-registry.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { scriptedSource } from "#testing/scripted-source.ts";
import { syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import { CameraWatch } from "./camera-health.ts";

function setUp() {
  const clock = new FakeClock();
  const camera = scriptedSource();
  const registry = new PathRegistry({
    clock,
    log: silentLog,
    udpMaxPayloadBytes: 1452,
    authorize: () => Promise.resolve({ allowed: true, user: "" }),
    confs: [
      pathConf("gate", { source: camera.source }),
      pathConf("there", { source: { kind: "redirect", target: "/gate" } }),
      pathConf("yard"),
    ],
    nameFault: () => undefined,
    random: () => 0.5,
  });
  const sessions = new SessionRegistry();
  const watch = new CameraWatch({ registry, sessions, clock });
  /** So many frames, 40 ms apart. */
  const frames = (count: number): void => {
    for (; count > 0; count--) {
      clock.passMs(40);
      camera.last.frame(clock.nowUs());
    }
  };
  return { clock, camera, registry, sessions, watch, frames };
}

test("a camera that is not there yet, and one that refuses us", () => {
  const { clock, camera, watch, registry } = setUp();
  const { gate, ...others } = watch.read();
  assert.deepEqual(others, {}, "nobody publishes to the others, nor is anything pulled there");
  assert.deepEqual(
    [gate!.st, gate!.since, gate!.fps, gate!.kbps, gate!.codec],
    ["connecting", clock.utcOf(clock.nowUs()).utcUs / 1000, null, null, null],
  );
  clock.passMs(5000);
  camera.last.sink.state!("auth");
  assert.equal(watch.read()["gate"]!.st, "auth");
  registry.close();
});

test("rates count since the stream is there, then since the sample before", () => {
  const { clock, camera, watch, frames, registry } = setUp();
  camera.last.ready([syntheticTrack(), syntheticAudioTrack(1)]);
  camera.last.sink.state!("live");
  frames(125);
  const { gate } = watch.read();
  assert.deepEqual([gate!.st, gate!.fps, gate!.age_ms, gate!.codec, gate!.audio], ["live", 25, 0, "h264", "pcma"]);
  assert.deepEqual([gate!.w, gate!.h], [1920, 1080]);
  const { kbps } = gate!;
  assert.ok(kbps! > 100);
  clock.passMs(4000);
  assert.equal(watch.read()["gate"], gate, "one sample serves everybody for five seconds");
  clock.passMs(6000);
  const silent = watch.read()["gate"]!;
  assert.deepEqual([silent.fps, silent.kbps, silent.age_ms], [0, 0, 10_000]);
  frames(250);
  assert.deepEqual([watch.read()["gate"]!.fps, watch.read()["gate"]!.kbps], [25, kbps]);
  registry.close();
});

test("a sample of long ago, and one of a stream that has ended, are no beginning of a rate", () => {
  const { clock, camera, watch, frames, registry } = setUp();
  camera.last.ready();
  frames(50);
  watch.read();
  clock.passMs(98_000);
  frames(2450);
  assert.equal(watch.read()["gate"]!.fps, Number((2500 / 198).toFixed(1)), "since the stream is there");
  registry.reload([pathConf("gate", { source: camera.source, maxReaders: 7 })]);
  clock.passMs(5000);
  camera.last.ready();
  frames(25);
  assert.equal(watch.read()["gate"]!.fps, 25);
  registry.close();
});

test("what the source's session counts, the camera's clock, and other parameter sets", () => {
  const { clock, camera, watch, registry } = setUp();
  const counters = { inboundRTPPacketsLost: 7, inboundRTPPacketsLate: 2, inboundRTPPacketsDuplicated: 1 };
  camera.last.sink.linked!({ remote: undefined, transport: "UDP", counters: () => counters });
  const track = syntheticTrack();
  const publish = camera.last.sink.ready([track], "frame");
  const unit = { ptsTicks: 0, captureUs: clock.nowUs(), keyframe: true, damaged: false, frame: [Buffer.alloc(9)] };
  publish({ ...unit, track, senderUtcUs: clock.utcOf(clock.nowUs()).utcUs - 120_000 });
  const first = watch.read()["gate"]!;
  assert.deepEqual([first.proto, first.rtp_lost, first.rtp_late, first.dup], ["rtsp/udp", 7, 2, 1]);
  assert.deepEqual([first.cam_clk_off_ms, first.ps_changes, first.gop_s], [-120, 0, null]);
  clock.passMs(5000);
  publish({ ...unit, track: { ...track }, ptsTicks: 450_000, captureUs: clock.nowUs() });
  const second = watch.read()["gate"]!;
  assert.deepEqual([second.cam_clk_off_ms, second.ps_changes, second.gop_s], [null, 1, 5]);
  registry.close();
});

test("a client that publishes is a camera while it does; who reads is counted by protocol", async () => {
  const { clock, watch, sessions, registry } = setUp();
  const permit = await registry.permitPublish({
    action: "publish",
    path: "yard",
    protocol: "rtsp",
    remote: { address: "", port: 0 },
    query: "",
    id: "",
    credentials: { kind: "none" },
  });
  sessions.add({
    id: "p",
    kind: "rtspSession",
    created: new Date(),
    remote: undefined,
    state: "publish",
    path: "yard",
    query: "",
    user: "",
    userAgent: "",
    transport: "TCP",
    counters: () => ({ inboundRTPPacketsLost: 3 }),
    close: () => {},
  });
  const lease = registry.openForPublish(permit, { type: "rtspSession", id: "p", onEnd: () => {} });
  lease.sink.ready([syntheticTrack()], "packets");
  for (const type of ["webRTCSession", "webRTCSession", "rtspsSession", "srtConn", "hlsSession", "moqSession"]) {
    const reader = { name: type, wants: () => undefined, onUnit: () => {}, onEnd: () => {} };
    await registry.get("yard")!.read(reader, { type, id: type }, "");
  }
  const { yard } = watch.read();
  assert.deepEqual([yard!.st, yard!.proto, yard!.rtp_lost, yard!.reconn], ["live", "rtsp/tcp", 3, 0]);
  assert.deepEqual(yard!.readers, { rtsp: 1, whep: 2, hls: 1, srt: 1, moq: 1 });
  lease.close();
  clock.passMs(5000);
  assert.equal(watch.read()["yard"], undefined);
  registry.close();
});
