// WHEP pulled from our own server over real sockets: what is there comes whole, and every way it can fail has its fault.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { SystemClock } from "#base/clock.ts";
import { ClipMedia } from "#testing/clip-media.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { until } from "#testing/peers/until.ts";
import { pulled, startSite } from "#testing/rtsp-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { watchFrames } from "#testing/watched-frames.ts";
import { startWebRtcSite, type WebRtcSiteOptions } from "#testing/webrtc-site.ts";
import { type WhepPullOptions, whepPulled } from "#testing/whep-pull.ts";

/** A camera at one site, its path pulled from there by another. */
async function setUp(t: TestContext, server: WebRtcSiteOptions = {}, pull: WhepPullOptions = {}) {
  const clock = new SystemClock();
  const log = collectedLog();
  const camera = await ScriptedCamera.start({ frameMs: 20, media: () => new ClipMedia({ clock, audio: true }) });
  t.after(() => camera.close());
  const origin = await startWebRtcSite({ paths: { gate: { source: pulled(camera.url()) } }, ...server });
  t.after(() => origin.close());
  await until("the camera is there", () => origin.registry.get("gate")?.state === "available");
  const url = origin.whep("gate").replace("http:", "whep:");
  const copy = await startSite({ log, paths: { copy: { source: whepPulled(url, { log, ...pull }) } } });
  t.after(() => copy.close());
  const path = () => copy.registry.get("copy")!;
  return { camera, origin, copy, log, path };
}

test("picture and sound of a path come as they are there", async (t) => {
  const { origin, copy, path } = await setUp(t);
  await until("the copy is there", () => path().state === "available");
  assert.deepEqual(
    path()
      .snapshot()
      .tracks.map(({ codec }) => codec),
    ["h264", "g711"],
  );
  const [there, here] = await Promise.all([watchFrames(origin, "gate"), watchFrames(copy, "copy")]);
  for (const kind of ["video", "audio"]) {
    const common = await until(`30 frames of ${kind} that came here and there`, () => here.runIn(there, kind, 30));
    assert.deepEqual(common.ours, common.theirs, kind);
  }
  assert.ok(!here.units.some(({ damaged }) => damaged));
  const link = path().snapshot().sourceLink!;
  assert.equal(link.transport, "UDP");
  assert.ok(link.remote!.port === origin.webrtc.udpPort && link.counters()["inboundRTPPackets"]! > 50, JSON.stringify(link.counters()));
  const [session] = origin.sessions.list("webRTCSession");
  assert.equal(session!.state, "read");
});
