// Chromium plays over the bare WHEP API: what a page of anybody's does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemClock } from "#base/clock.ts";
import { ClipMedia } from "#testing/clip-media.ts";
import { DatagramRelay } from "#testing/datagram-relay.ts";
import { chromium, runInChromium } from "#testing/peers/chromium.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { until } from "#testing/peers/until.ts";
import { pulled } from "#testing/rtsp-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { startWebRtcSite } from "#testing/webrtc-site.ts";

interface Played {
  readonly frames: number;
  /** From the offer to the first picture, ms. */
  readonly firstMs: number;
  readonly streams: readonly string[];
  readonly audioPackets: number;
  readonly lost: number;
  readonly freezes: number;
  readonly answer: string;
  /** The longest that one picture stood, ms. */
  readonly longestMs: number;
  readonly nacks: number;
  /** The camera's time of what is shown less the time of the clock here, ms. */
  readonly clockMs: number;
}

/** Plays until so many pictures were shown. `relay`: the port that media comes from, in the place of the server's. */
function playScript(url: string, frames: number, relay?: { readonly port: number; readonly serverPort: number }): string {
  const candidates = relay === undefined ? "answer" : `answer.replaceAll(" ${relay.serverPort} typ", " ${relay.port} typ")`;
  return `
  const pc = new RTCPeerConnection();
  for (const kind of ["video", "audio"]) pc.addTransceiver(kind, { direction: "recvonly" });
  const video = document.createElement("video");
  Object.assign(video, { muted: true, autoplay: true });
  document.body.append(video);
  const streams = new Set();
  pc.ontrack = (event) => { streams.add(event.streams[0].id); video.srcObject = event.streams[0]; };
  await pc.setLocalDescription(await pc.createOffer());
  const startMs = performance.now();
  const headers = { "Content-Type": "application/sdp" };
  const response = await fetch(${JSON.stringify(url)}, { method: "POST", headers, body: pc.localDescription.sdp });
  const answer = await response.text();
  if (response.status !== 201) throw new Error(response.status + " " + answer);
  await pc.setRemoteDescription({ type: "answer", sdp: ${candidates} });
  let shown = 0;
  let firstMs = 0;
  let lastMs = 0;
  let longestMs = 0;
  await new Promise((resolve) => {
    const onFrame = (nowMs) => {
      firstMs ||= performance.now() - startMs;
      if (lastMs > 0) longestMs = Math.max(longestMs, nowMs - lastMs);
      lastMs = nowMs;
      if (++shown >= ${frames}) resolve();
      else video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
  });
  const inbound = [...(await pc.getStats()).values()].filter(({ type }) => type === "inbound-rtp");
  const [video_, audio] = ["video", "audio"].map((kind) => inbound.find((one) => one.kind === kind));
  const clockMs = video_.estimatedPlayoutTimestamp - 2208988800000 - Date.now();
  pc.close();
  return {
    frames: video_.framesDecoded, firstMs, streams: [...streams], audioPackets: audio?.packetsReceived ?? 0, lost: video_.packetsLost,
    freezes: video_.freezeCount, answer, clockMs, longestMs, nacks: video_.nackCount,
  };`;
}

test("H.264 and G.711 of a camera, with its time; a closed page is noticed", { skip: missingOf(chromium) }, async (t) => {
  const clock = new SystemClock();
  const camera = await ScriptedCamera.start({ frameMs: 40, media: () => new ClipMedia({ clock, audio: true }) });
  t.after(() => camera.close());
  const site = await startWebRtcSite({ paths: { gate: { source: pulled(camera.url()) } } });
  t.after(() => site.close());
  await until("the path is available", () => site.registry.get("gate")?.state === "available");
  const played = await runInChromium<Played>(t, { script: playScript(site.whep("gate"), 50) });
  assert.ok(played.frames >= 50 && played.audioPackets > 20, JSON.stringify(played));
  assert.deepEqual(played.streams, ["camgate"]);
  assert.ok(Math.abs(played.clockMs) < 1000, `${played.clockMs} ms`);
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
  const script = playScript(site.whep("gate"), 250, { port: relay.port, serverPort });
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
  const played = await runInChromium<Played>(t, { script: playScript(site.whep("gate"), 30) });
  assert.ok(played.frames >= 30);
  assert.match(
    played.answer,
    new RegExp(`a=candidate:\\S+ 1 tcp \\d+ 127\\.0\\.0\\.1 ${site.webrtc.tcpPort} typ host tcptype passive\r\n`),
  );
  await until("the session ends", () => site.sessions.list("webRTCSession").length === 0);
});
