// WHEP pulled from our own server over real sockets: what is there comes whole, and every way it can fail has its fault.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { SystemClock } from "#base/clock.ts";
import { ClipMedia } from "#testing/clip-media.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { startHttpService } from "#testing/http-service.ts";
import { until } from "#testing/peers/until.ts";
import { pulled, startSite } from "#testing/rtsp-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { UdpFaultProxy } from "#testing/udp-fault-proxy.ts";
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

test("through 3 % of loss and datagrams that overtake each other: every frame comes whole, by repetition", async (t) => {
  const { origin } = await setUp(t);
  let proxy: UdpFaultProxy | undefined;
  t.after(() => proxy?.close());
  // What an answer says of the server's port is changed to the proxy's.
  const post = async (offer: string): Promise<string> => {
    const clientPort = Number(/a=candidate:\S+ 1 udp \d+ \S+ (\d+)/.exec(offer)![1]);
    const [address, server] = ["127.0.0.1", origin.webrtc.udpPort!];
    const faults = { loss: 0.03, jitterMs: 8, delayMs: 2 };
    proxy = await UdpFaultProxy.open({
      client: { address, ports: [clientPort, clientPort] },
      server: { address, ports: [server, server] },
      faults,
    });
    const answer = await fetch(origin.whep("gate"), { method: "POST", headers: { "Content-Type": "application/sdp" }, body: offer });
    return (await answer.text()).replaceAll(`127.0.0.1 ${server}`, `127.0.0.1 ${proxy.ports[0]}`);
  };
  const middle = await startHttpService((call, response) => {
    if (call.method !== "POST") response.writeHead(204).end();
    else void post(call.body).then((sdp) => response.writeHead(201, { "Content-Type": "application/sdp", Location: "/x" }).end(sdp));
  });
  t.after(() => middle.close());
  const copy = await startSite({ paths: { copy: { source: whepPulled(`${middle.url.replace("http", "whep")}/gate/whep`) } } });
  t.after(() => copy.close());
  await until("the copy is there", () => copy.registry.get("copy")?.state === "available");
  const [there, here] = await Promise.all([watchFrames(origin, "gate"), watchFrames(copy, "copy")]);
  const common = await until("100 frames of video that came here and there", () => here.runIn(there, "video", 100), 60_000);
  assert.deepEqual(common.ours, common.theirs);
  assert.ok(proxy!.counts.lost > 5, `${proxy!.counts.lost} datagrams were lost`);
  const counters = copy.registry.get("copy")!.snapshot().sourceLink!.counters();
  assert.ok(counters["inboundRTPPacketsLost"]! <= 2, JSON.stringify(counters));
});

test("the time of the server's reports is the time of the frames", async (t) => {
  const { copy, path } = await setUp(t);
  await until("the copy is there", () => path().state === "available");
  const here = await watchFrames(copy, "copy");
  const errorMs = await until("a frame with a time", () => {
    const { senderUtcUs } = here.units.at(-1) ?? {};
    return senderUtcUs === undefined ? undefined : Math.abs(senderUtcUs / 1000 - Date.now()) + 1e-9;
  });
  // This camera's frames are 40 ms apart and come every 20: its time runs ahead for as long as this machine makes them wait.
  assert.ok(errorMs < 20_000, `${errorMs} ms`);
});
