// A camera with H.265, made H.264 for browsers by ffmpeg, watched in one: the API says who watches.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCodedFile } from "../bitstreams/coded-file.ts";
import { freeTcpPort, freeUdpPortPair } from "../free-ports.ts";
import { startCamgate } from "../peers/camgate.ts";
import { chromium, runInChromium } from "../peers/chromium.ts";
import { ffmpeg, ffmpegPublish } from "../peers/ffmpeg.ts";
import { missingOf } from "../peers/find-peer.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { until } from "../peers/until.ts";
import { startSite } from "../rtsp-site.ts";
import { assertEndsCleanly, THREE_LINES } from "./guide-program.ts";

interface Seen {
  readonly subscribers: unknown;
  readonly width: number;
}

/** Plays by WHEP until pictures are shown, and asks the API who watches. */
function watchScript(whep: string, api: string): string {
  return `
  const pc = new RTCPeerConnection();
  pc.addTransceiver("video", { direction: "recvonly" });
  const video = document.createElement("video");
  Object.assign(video, { muted: true, autoplay: true });
  document.body.append(video);
  pc.ontrack = (event) => { video.srcObject = event.streams[0]; };
  await pc.setLocalDescription(await pc.createOffer());
  const headers = { "Content-Type": "application/sdp" };
  const response = await fetch(${JSON.stringify(whep)}, { method: "POST", headers, body: pc.localDescription.sdp });
  if (response.status !== 201) throw new Error(response.status + " " + await response.text());
  await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
  for (let shown = 0; shown < 25; shown++) await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  const { subscribers } = await (await fetch(${JSON.stringify(api)})).json();
  return { subscribers, width: video.videoWidth };`;
}

test("H.265 is watched as H.264", { skip: missingOf(chromium, ffmpeg) }, async (t) => {
  const folder = await temporaryFolder(t);
  const files = [await makeCodedFile(t, { codec: "h265", folder, seconds: 5 })];
  const camera = await startSite();
  t.after(() => camera.close());
  ffmpegPublish(t, { url: camera.url("cam"), files, transport: "tcp", loop: true });
  await until("the camera", () => camera.registry.get("cam")?.state === "available");
  const whepPort = await freeTcpPort(0);
  const program = await startCamgate(t, {
    config: `${THREE_LINES}paths:
  my_stream:
    source: ffmpeg://${camera.url("cam")} -c:v libx264 -preset ultrafast -tune zerolatency -f rtsp
`,
    env: {
      MTX_WEBRTC: "yes",
      MTX_WEBRTCADDRESS: `127.0.0.1:${whepPort}`,
      MTX_WEBRTCLOCALUDPADDRESS: `127.0.0.1:${await freeUdpPortPair(0)}`,
    },
  });
  await program.process.match(/\[path my_stream\] stream is available/);
  const script = watchScript(`http://127.0.0.1:${whepPort}/my_stream/whep`, `${program.apiOrigin}/v3/paths/get/my_stream`);
  const seen = await runInChromium<Seen>(t, { script });
  assert.deepEqual(seen, { subscribers: [{ protocol: "WebRTC", clientIP: "127.0.0.1" }], width: 160 });
  await assertEndsCleanly(program);
});
