// WHIP to our own server over real sockets: what goes in here comes out there, and every way it can fail has its fault.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { SystemClock } from "#base/clock.ts";
import { PeerFault } from "#base/errors.ts";
import type { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import { ClipMedia } from "#testing/clip-media.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { until } from "#testing/peers/until.ts";
import { PublishedPath } from "#testing/published-path.ts";
import { pulled, type Site, startSite } from "#testing/rtsp-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { readOf } from "#testing/stream-read.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { watchFrames } from "#testing/watched-frames.ts";
import { startWebRtcSite } from "#testing/webrtc-site.ts";
import { whipPush } from "#testing/whip-push.ts";
import type { WhipPushOptions } from "./push.ts";
import { pushOffer } from "./push-offer.ts";

async function streamOf(site: Site, path: string): Promise<Stream> {
  const request = { action: "read", path, protocol: "", query: "", id: "", credentials: { kind: "none" } } as const;
  const description = await site.registry.describe({ ...request, remote: { address: "", port: 0 } });
  assert.ok("stream" in description);
  return description.stream;
}

function push(t: TestContext, stream: Stream, url: string, options: Partial<WhipPushOptions> = {}) {
  const log = collectedLog();
  const abort = new AbortController();
  const one = whipPush(url.replace("http:", "whip:"), { log, ...options });
  const ended = one.run(readOf(stream), abort.signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  t.after(async () => {
    abort.abort();
    await ended;
  });
  const fault = async (): Promise<PeerFault> => {
    const error = await ended;
    assert.ok(error instanceof PeerFault, String(error));
    return error;
  };
  return { one, log, abort, ended, fault };
}

test("what goes in here comes out there, until it is ended", async (t) => {
  const camera = await ScriptedCamera.start({ frameMs: 20, media: () => new ClipMedia({ clock: new SystemClock(), audio: true }) });
  t.after(() => camera.close());
  const from = await startSite({ paths: { gate: { source: pulled(camera.url()) } } });
  t.after(() => from.close());
  await until("the camera is there", () => from.registry.get("gate")?.state === "available");
  const to = await startWebRtcSite();
  t.after(() => to.close());
  const { one, abort, ended } = push(t, await streamOf(from, "gate"), to.whip("copy"));
  await until("the copy", () => to.registry.get("copy")?.state === "available");
  const [there, here] = await Promise.all([watchFrames(to, "copy"), watchFrames(from, "gate")]);
  for (const kind of ["video", "audio"]) {
    const common = await until(`30 frames of ${kind} that went and came`, () => there.runIn(here, kind, 30));
    assert.deepEqual(common.ours, common.theirs, kind);
  }
  assert.ok(one.outboundBytes > 10_000);
  assert.equal(to.sessions.list("webRTCSession")[0]!.state, "publish");
  abort.abort();
  assert.equal(await ended, undefined);
  await until("the server was told", () => to.sessions.list("webRTCSession").length === 0);
});

test("the server ends it: it is ended here", async (t) => {
  const from = await startSite();
  t.after(() => from.close());
  const path = await PublishedPath.open(from.registry, "cam");
  path.frame();
  const to = await startWebRtcSite();
  t.after(() => to.close());
  const { fault } = push(t, await streamOf(from, "cam"), to.whip("copy"));
  await until("the session", () => to.sessions.list("webRTCSession")[0]?.counters()["inboundBytes"] !== undefined);
  await until("media", () => {
    path.frame();
    return to.registry.get("copy")?.state === "available";
  });
  to.sessions.list("webRTCSession")[0]!.close();
  assert.equal((await fault()).code, "ended");
});

test("the stream ends: the push ends", async (t) => {
  const from = await startSite();
  t.after(() => from.close());
  const path = await PublishedPath.open(from.registry, "cam");
  path.frame();
  const to = await startWebRtcSite();
  t.after(() => to.close());
  const { fault } = push(t, await streamOf(from, "cam"), to.whip("copy"));
  await until("media", () => {
    path.frame();
    return to.registry.get("copy")?.state === "available";
  });
  path.close();
  assert.deepEqual({ ...(await fault()) }.code, "ended");
});

test("refused: a stream that WebRTC cannot carry, before anybody is asked", async (t) => {
  const from = await startSite();
  t.after(() => from.close());
  const aac = { codec: "aac", config: Buffer.from("1190", "hex"), sampleRateHz: 48_000, channelCount: 2 } as const;
  const parameters = { ...aac, sizeLength: 13, indexLength: 3, indexDeltaLength: 3 };
  const sound: Track = { ...syntheticTrack(), kind: "audio", codec: "aac", clockRateHz: 48_000, parameters };
  await PublishedPath.open(from.registry, "cam", { tracks: [sound] });
  const { fault } = push(t, await streamOf(from, "cam"), "http://127.0.0.1:1/copy/whip");
  const { code, message } = await fault();
  assert.equal(code, "unsupported");
  assert.match(message, /audio is not sent: WebRTC cannot carry MPEG-4 Audio/);
});

test("refused: what is no WHIP URL", async (t) => {
  const from = await startSite();
  t.after(() => from.close());
  await PublishedPath.open(from.registry, "cam");
  const { fault } = push(t, await streamOf(from, "cam"), "rtsp://127.0.0.1/copy");
  assert.deepEqual({ ...(await fault()) }.code, "config");
});

test("one video and one audio track are offered, each in its one format", () => {
  const video = syntheticTrack();
  const g711 = { codec: "g711", muLaw: true, sampleRateHz: 8000, channelCount: 1 } as const;
  const sound: Track = { ...video, index: 1, kind: "audio", codec: "g711", clockRateHz: 8000, parameters: g711 };
  const data: Track = { ...video, index: 2, kind: "data", codec: "klv", parameters: { codec: "klv" } };
  const { offer, offered, unsent } = pushOffer([video, sound, data, { ...video, index: 3 }]);
  assert.deepEqual(
    offer.map(({ kind, direction, formats }) => [kind, direction, formats.map(({ payloadType, rtpmap }) => `${payloadType} ${rtpmap}`)]),
    [
      ["video", "sendonly", ["96 H264/90000"]],
      ["audio", "sendonly", ["0 PCMU/8000"]],
    ],
  );
  assert.deepEqual(
    offered.map(({ trackIndex }) => trackIndex),
    [0, 1],
  );
  assert.equal(unsent.length, 2);
});
