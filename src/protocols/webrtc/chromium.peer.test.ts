// Chromium plays over the bare WHEP API: what a page of anybody's does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemClock } from "#base/clock.ts";
import { ClipMedia } from "#testing/clip-media.ts";
import { chromium, runInChromium } from "#testing/peers/chromium.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { until } from "#testing/peers/until.ts";
import { pulled } from "#testing/rtsp-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { startWebRtcSite } from "#testing/webrtc-site.ts";
import { collectedLog } from "#testing/collected-log.ts";

const PLAY = (url: string, frames: number): string => `
  const pc = new RTCPeerConnection();
  pc.addTransceiver("video", { direction: "recvonly" });
  pc.addTransceiver("audio", { direction: "recvonly" });
  const video = document.createElement("video");
  video.muted = true;
  video.autoplay = true;
  document.body.append(video);
  const streams = new Set();
  pc.ontrack = (event) => { streams.add(event.streams[0]?.id); video.srcObject = event.streams[0]; };
  await pc.setLocalDescription(await pc.createOffer());
  const t0 = performance.now();
  const response = await fetch(${JSON.stringify(url)}, { method: "POST", headers: { "Content-Type": "application/sdp" }, body: pc.localDescription.sdp });
  const answer = await response.text();
  if (response.status !== 201) throw new Error(response.status + " " + answer);
  await pc.setRemoteDescription({ type: "answer", sdp: answer });
  const shown = [];
  let firstMs;
  await new Promise((resolve) => {
    const onFrame = (now, data) => {
      firstMs ??= performance.now() - t0;
      shown.push(data.presentedFrames);
      if (shown.length >= ${frames}) resolve(); else video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
    setTimeout(resolve, 15000);
  });
  const stats = [...(await pc.getStats()).values()];
  const inbound = stats.filter(({ type }) => type === "inbound-rtp");
  pc.close();
  return { shown: shown.length, firstMs, streams: [...streams], answer, location: response.headers.get("Location"), inbound, state: pc.connectionState };
`;

test("H.264 and G.711 of a camera", { skip: missingOf(chromium) }, async (t) => {
  const clock = new SystemClock();
  const camera = await ScriptedCamera.start({ frameMs: 40, media: () => new ClipMedia({ clock, audio: true }) });
  t.after(() => camera.close());
  const log = collectedLog();
  const site = await startWebRtcSite({ paths: { gate: { source: pulled(camera.url()) } }, log });
  t.after(() => site.close());
  await until("the path is available", () => site.registry.get("gate")?.state === "available");
  let result;
  try { result = await runInChromium<any>(t, { script: PLAY(site.whep("gate"), 50) }); }
  finally { console.log(log.lines); }
  console.log(JSON.stringify(result, null, 1));
  await until("the session ends", () => site.sessions.list("webRTCSession").length === 0);
  console.log(log.lines);
  assert.equal(result.shown, 50);
});
