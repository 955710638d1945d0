// Chromium plays over the bare WHEP API: what a page of anybody's does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemClock } from "#base/clock.ts";
import { ClipMedia } from "#testing/clip-media.ts";
import { DatagramRelay } from "#testing/datagram-relay.ts";
import { chromium, runInChromium } from "#testing/peers/chromium.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { until } from "#testing/peers/until.ts";
import { type Played, whepScript } from "#testing/peers/whep-page.ts";
import { pulled } from "#testing/rtsp-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { startWebRtcSite } from "#testing/webrtc-site.ts";

test("H.264 and G.711 of a camera, with its time; a closed page is noticed", { skip: missingOf(chromium) }, async (t) => {
  const clock = new SystemClock();
  const camera = await ScriptedCamera.start({ frameMs: 40, media: () => new ClipMedia({ clock, audio: true }) });
  t.after(() => camera.close());
  const site = await startWebRtcSite({ paths: { gate: { source: pulled(camera.url()) } } });
  t.after(() => site.close());
  await until("the path is available", () => site.registry.get("gate")?.state === "available");
  const played = await runInChromium<Played>(t, { script: whepScript(site.whep("gate"), { frames: 50, audioPackets: 20 }) });
  assert.ok(played.frames >= 50 && played.audioPackets >= 20, JSON.stringify(played));
  assert.deepEqual(played.streams, ["camgate"]);
  assert.ok(Math.abs(played.clockMs) < 60_000, `${played.clockMs} ms`); // a browser that gets no time has none, or 1900
  await until("the session ends", () => site.sessions.list("webRTCSession").length === 0);
});

test("1 % of the packets lost and 50 ms of jitter: no picture stands for a second", { skip: missingOf(chromium) }, async (t) => {
  const clock = new SystemClock();
  const media = () => new ClipMedia({ clock, maxPacketBytes: 600 });
  const camera = await ScriptedCamera.start({ frameMs: 40, media });
  t.after(() => camera.close());
  const site = await startWebRtcSite({ paths: { gate: { source: pulled(camera.url()) } } });
  t.after(() => site.close());
  await until("the path is available", () => site.registry.get("gate")?.state === "available");
  const serverPort = site.webrtc.udpPort!;
  const relay = await DatagramRelay.start(serverPort, { loss: 0.01, jitterMs: 50 });
  t.after(() => relay.close());
  const script = whepScript(site.whep("gate"), { frames: 250, relay: { port: relay.port, serverPort } });
  const played = await runInChromium<Played>(t, { script });
  assert.ok(relay.counts.lost > 2, JSON.stringify(relay.counts));
  assert.ok(played.nacks > 0 && played.frames >= 250, JSON.stringify(played));
  assert.ok(played.longestMs < 1000, `${played.longestMs} ms`);
});

test("over TCP, where there is no UDP", { skip: missingOf(chromium) }, async (t) => {
  const clock = new SystemClock();
  const camera = await ScriptedCamera.start({ frameMs: 40, media: () => new ClipMedia({ clock }) });
  t.after(() => camera.close());
  const webrtc = { udp: undefined, tcp: { host: "127.0.0.1", port: 0 } };
  const site = await startWebRtcSite({ paths: { gate: { source: pulled(camera.url()) } }, webrtc });
  t.after(() => site.close());
  await until("the path is available", () => site.registry.get("gate")?.state === "available");
  const played = await runInChromium<Played>(t, { script: whepScript(site.whep("gate"), { frames: 30 }) });
  assert.ok(played.frames >= 30);
  assert.match(
    played.answer,
    new RegExp(`a=candidate:\\S+ 1 tcp \\d+ 127\\.0\\.0\\.1 ${site.webrtc.tcpPort} typ host tcptype passive\r\n`),
  );
  await until("the session ends", () => site.sessions.list("webRTCSession").length === 0);
});
