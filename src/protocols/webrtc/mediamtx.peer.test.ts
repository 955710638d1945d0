// MediaMTX pulls from us over WHEP and publishes to us over WHIP. Runs where CAMGATE_PEER_MEDIAMTX names its binary.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemClock } from "#base/clock.ts";
import { ClipMedia } from "#testing/clip-media.ts";
import { ffmpeg } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { mediamtx, startMediamtx } from "#testing/peers/go-peers.ts";
import { startPeer } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";
import { watchUnits } from "#testing/peers/watch-units.ts";
import { pulled } from "#testing/rtsp-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { startWebRtcSite } from "#testing/webrtc-site.ts";

test("a camera's way through MediaMTX and back: read from us, published to us", { skip: mediamtx.missing }, async (t) => {
  const clock = new SystemClock();
  const camera = await ScriptedCamera.start({ frameMs: 40, media: () => new ClipMedia({ clock, audio: true }) });
  t.after(() => camera.close());
  const site = await startWebRtcSite({ paths: { gate: { source: pulled(camera.url()) }, back: {} } });
  t.after(() => site.close());
  const [whep, whip] = [site.whep("gate"), site.whip("back")].map((url) => url.replace("http://", ""));
  const config = `paths:\n  gate:\n    source: whep://${whep}\n    forward: [{dest: 'whip://${whip}'}]\n`;
  await until("the path is available", () => site.registry.get("gate")?.state === "available");
  await startMediamtx(t, config);
  await until("it comes back", () => site.registry.get("back")?.state === "available");
  const there = await watchUnits(site, "back");
  await until(
    "two seconds of it",
    () => there.filter(({ track }) => track.kind === "video").length >= 50 && there.some(({ track }) => track.kind === "audio"),
  );
  assert.deepEqual(
    site.registry
      .get("back")!
      .snapshot()
      .tracks.map(({ codec }) => codec)
      .sort(),
    ["g711", "h264"],
  );
  assert.ok(there.every(({ damaged }) => !damaged));
});

test("H.265 and Opus, which no browser here plays, there and back", { skip: missingOf(mediamtx, ffmpeg) }, async (t) => {
  const site = await startWebRtcSite({ paths: { cam: {}, back: {} } });
  t.after(() => site.close());
  const picture = ["-re", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25", "-re", "-f", "lavfi", "-i", "sine=sample_rate=48000"];
  const h265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "bframes=0:keyint=25:log-level=error", "-pix_fmt", "yuv420p"];
  const output = ["-c:a", "libopus", "-f", "rtsp", "-rtsp_transport", "tcp", site.url("cam")];
  startPeer(t, ffmpeg, ["-v", "error", "-nostdin", ...picture, ...h265, ...output], { timeoutMs: 60_000 });
  await until("the path is available", () => site.registry.get("cam")?.state === "available");
  const [whep, whip] = [site.whep("cam"), site.whip("back")].map((url) => url.replace("http://", ""));
  await startMediamtx(t, `paths:\n  cam:\n    source: whep://${whep}\n    forward: [{dest: 'whip://${whip}'}]\n`);
  await until("it comes back", () => site.registry.get("back")?.state === "available");
  const there = await watchUnits(site, "back");
  const count = (kind: string): number => there.filter(({ track }) => track.kind === kind).length;
  await until("two seconds of it", () => count("video") >= 50 && count("audio") >= 50);
  const codecs = site.registry
    .get("back")!
    .snapshot()
    .tracks.map(({ codec }) => codec);
  assert.deepEqual(codecs.sort(), ["h265", "opus"]);
});
