// pion reads and publishes: every frame that went in has to come out, byte for byte. Runs where CAMGATE_PEER_PION names a client (testing/peers/pion.ts).
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { collectedLog } from "#testing/collected-log.ts";
import { DatagramRelay } from "#testing/datagram-relay.ts";
import { ffmpeg } from "#testing/peers/ffmpeg.ts";
import { missingOf, type Peer } from "#testing/peers/find-peer.ts";
import { gstLaunch } from "#testing/peers/gst.ts";
import { PionClient, type PionTrack, pion, pionHash } from "#testing/peers/pion.ts";
import { runPeer, startPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { startWebRtcSite, type WebRtcSite, type WebRtcSiteOptions } from "#testing/webrtc-site.ts";

const SLOWLY_MS = 60_000;
const PICTURE = ["-f", "lavfi", "-i", "testsrc2=s=640x360:r=25"];
/** No two packets of it are alike. */
const NOISE = ["-f", "lavfi", "-i", "anoisesrc=r=48000:a=0.3"];
const H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-b:v", "2M"];
const H265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "bframes=0:log-level=error", "-pix_fmt", "yuv420p"];
const VP8 = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "2M"];
const AV1 = ["-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "pred-struct=1:lookahead=0"];
const OPUS = ["-c:a", "libopus"];
const G722 = ["-c:a", "g722", "-ar", "16000", "-ac", "1"];
const PCMA = ["-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"];
const GST_PICTURE = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=640,height=360,framerate=25/1";

/** Starts a publisher of path `cam`. */
type Publish = (t: TestContext, site: WebRtcSite) => Promise<void> | void;

function fromFfmpeg(...coders: readonly string[]): Publish {
  return (t, site) => {
    const inputs = ["-re", ...PICTURE, "-re", ...NOISE];
    const output = ["-f", "rtsp", "-rtsp_transport", "tcp", site.url("cam")];
    startPeer(t, ffmpeg, ["-v", "error", "-nostdin", ...inputs, "-g", "25", ...coders, ...output], { timeoutMs: 115_000 });
  };
}

function fromGst(pipeline: string): Publish {
  return (t, site) => {
    const sink = `rtspclientsink location=${site.url("cam")} protocols=tcp latency=0`;
    startPeer(t, gstLaunch, ["-q", ...`${pipeline} ! ${sink}`.split(" ")], { timeoutMs: 115_000 });
  };
}

/** Files of two seconds, one for picture and one for sound, made by ffmpeg. */
async function files(t: TestContext, picture: { readonly name: string; readonly coder: readonly string[] }): Promise<readonly string[]> {
  const folder = await temporaryFolder(t);
  const [video, audio] = [join(folder, picture.name), join(folder, "sound.ogg")];
  await runPeer(t, ffmpeg, ["-v", "error", "-nostdin", ...PICTURE, "-t", "2", "-g", "25", ...picture.coder, video], {
    timeoutMs: SLOWLY_MS,
  });
  await runPeer(t, ffmpeg, ["-v", "error", "-nostdin", ...NOISE, "-t", "2", ...OPUS, "-page_duration", "1", audio], {
    timeoutMs: SLOWLY_MS,
  });
  return ["--video", video, "--audio", audio];
}

function fromPion(name: string, coder: readonly string[]): Publish {
  return async (t, site) => {
    const publisher = new PionClient(t, "whip", site.whip("cam"), [...(await files(t, { name, coder })), "--loop"]);
    await publisher.event("publishing");
  };
}

/** A site with a publisher of path `cam`, and the hashes of its frames by codec, in pion's words. */
async function publishedSite(
  t: TestContext,
  publish: Publish,
  options: WebRtcSiteOptions = {},
): Promise<{ readonly site: WebRtcSite; readonly published: ReadonlyMap<string, readonly string[]> }> {
  const site = await startWebRtcSite(options);
  t.after(() => site.close());
  await publish(t, site);
  await until("a stream on path cam", () => site.registry.get("cam")?.state === "available", SLOWLY_MS);
  return { site, published: await watchFrames(site, "cam") };
}

async function watchFrames(site: WebRtcSite, path: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const byCodec = new Map<string, string[]>();
  const lease = await site.registry.openForRead(
    { action: "read", path, protocol: "rtsp", query: "", id: "", credentials: { kind: "none" }, remote: { address: "127.0.0.1", port: 0 } },
    {
      name: "watch",
      wants: () => "frame",
      onUnit: (unit) => {
        const { kind, parameters } = unit.track;
        const codec = parameters.codec === "g711" ? "PCMA" : parameters.codec;
        const name = `${kind}/${codec === "opus" ? codec : codec.toUpperCase()}`;
        const hashes = byCodec.get(name) ?? [];
        byCodec.set(name, hashes);
        hashes.push(pionHash(unit));
      },
      onEnd: () => {},
    },
    { type: "rtspSession", id: "watch" },
  );
  lease.start();
  return byCodec;
}

async function reads(client: PionClient, codecs: readonly string[], frames = 60): Promise<void> {
  const counts = () => codecs.map((codec) => client.hashes(codec).length);
  await until(`${frames} frames`, () => counts().every((count) => count >= frames), SLOWLY_MS).catch((error: Error) => {
    throw new Error(`${error.message}: ${counts()} of ${codecs}`);
  });
}

/** Everything that came is what was published, from some frame on, without a gap. */
function assertWhole(came: readonly string[], published: readonly string[], what: string): void {
  const first = published.indexOf(came[0]!);
  assert.ok(first >= 0, `${what}: its first frame is none of the published`);
  const expected = published.slice(first, first + came.length);
  const differs = came.findIndex((hash, i) => hash !== expected[i]);
  assert.equal(differs, -1, `${what}: frame ${differs} of ${came.length}`);
}

function assertSound(tracks: readonly PionTrack[]): void {
  for (const { codec, lost, damaged, faults } of tracks)
    assert.deepEqual({ codec, lost, damaged, faults }, { codec, lost: 0, damaged: 0, faults: 0 });
}

const SOURCES: readonly { readonly name: string; readonly peer: Peer; readonly publish: Publish; readonly codecs: readonly string[] }[] = [
  { name: "H.264 and Opus", peer: ffmpeg, publish: fromFfmpeg(...H264, ...OPUS), codecs: ["video/H264", "audio/opus"] },
  { name: "H.264 and G.722", peer: ffmpeg, publish: fromFfmpeg(...H264, ...G722), codecs: ["video/H264", "audio/G722"] },
  { name: "H.264 and G.711 A-law", peer: ffmpeg, publish: fromFfmpeg(...H264, ...PCMA), codecs: ["video/H264", "audio/PCMA"] },
  { name: "H.265 and Opus", peer: ffmpeg, publish: fromFfmpeg(...H265, ...OPUS), codecs: ["video/H265", "audio/opus"] },
  { name: "VP8 and Opus", peer: ffmpeg, publish: fromFfmpeg(...VP8, ...OPUS), codecs: ["video/VP8", "audio/opus"] },
  {
    name: "VP9",
    peer: gstLaunch,
    publish: fromGst(`${GST_PICTURE} ! vp9enc deadline=1 cpu-used=8 keyframe-max-dist=25 target-bitrate=2000000 ! vp9parse`),
    codecs: ["video/VP9"],
  },
  { name: "AV1 and Opus, which pion publishes", peer: ffmpeg, publish: fromPion("picture.ivf", AV1), codecs: ["video/AV1", "audio/opus"] },
];

for (const { name, peer, publish, codecs } of SOURCES) {
  test(`it reads ${name}`, { skip: missingOf(pion, peer) }, async (t) => {
    const { site, published } = await publishedSite(t, publish);
    const client = new PionClient(t, "whep", site.whep("cam"));
    await reads(client, codecs);
    const { tracks } = await client.stop();
    assertSound(tracks);
    assert.deepEqual(tracks.map(({ codec }) => codec).sort(), [...codecs].sort());
    for (const codec of codecs) assertWhole(client.hashes(codec), published.get(codec)!, codec);
  });
}

test("it trickles its candidates", { skip: missingOf(pion, ffmpeg) }, async (t) => {
  const { site } = await publishedSite(t, fromFfmpeg(...H264, ...OPUS));
  const client = new PionClient(t, "whep", site.whep("cam"), ["--trickle"]);
  await reads(client, ["video/H264", "audio/opus"], 10);
  const trickled = client.named("trickled");
  assert.ok(trickled.length >= 2, "a candidate and the end of them");
  assert.ok(trickled.every(({ status }) => status === 204));
});

test("it reads over TCP where there is no UDP", { skip: missingOf(pion, ffmpeg) }, async (t) => {
  const webrtc = { udp: undefined, tcp: { host: "127.0.0.1", port: 0 } };
  const { site, published } = await publishedSite(t, fromFfmpeg(...H264, ...OPUS), { webrtc });
  const client = new PionClient(t, "whep", site.whep("cam"), ["--network", "tcp"]);
  const { protocol, remotePort } = await client.event("state", ({ state }) => state === "connected");
  assert.deepEqual({ protocol, remotePort }, { protocol: "tcp", remotePort: site.webrtc.tcpPort });
  await reads(client, ["video/H264", "audio/opus"]);
  assertSound((await client.stop()).tracks);
  assertWhole(client.hashes("video/H264"), published.get("video/H264")!, "video");
});

test("of the packets of a picture that are lost on the way none is missing", { skip: missingOf(pion, ffmpeg) }, async (t) => {
  const { site, published } = await publishedSite(t, fromFfmpeg(...H264, ...OPUS));
  const relay = await DatagramRelay.start(site.webrtc.udpPort!, { loss: 0, jitterMs: 0 });
  t.after(() => relay.close());
  const client = new PionClient(t, "whep", site.whep("cam"), ["--kinds", "video", "--via", String(relay.port), "--reorder-ms", "20000"]);
  await reads(client, ["video/H264"], 1); // a handshake under loss is another test's
  relay.faults = { loss: 0.01, jitterMs: 0 };
  await until("15 lost datagrams", () => relay.counts.lost >= 15, SLOWLY_MS);
  relay.faults = { loss: 0, jitterMs: 0 };
  await reads(client, ["video/H264"], client.hashes("video/H264").length + 50);
  const { nacked, tracks } = await client.stop();
  assert.ok(nacked > 0, "it asked for them");
  assertSound(tracks);
  assertWhole(client.hashes("video/H264"), published.get("video/H264")!, "video");
});

for (const [name, coder, file] of [
  ["H.264", H264, "picture.h264"],
  ["VP8", VP8, "picture.ivf"],
] as const) {
  test(`it publishes ${name} and Opus, which ffmpeg reads over RTSP`, { skip: missingOf(pion, ffmpeg) }, async (t) => {
    const site = await startWebRtcSite();
    t.after(() => site.close());
    const publisher = new PionClient(t, "whip", site.whip("cam"), [...(await files(t, { name: file, coder })), "--loop"]);
    await until("a stream on path cam", () => site.registry.get("cam")?.state === "available", SLOWLY_MS);
    const published = await watchFrames(site, "cam");
    const input = ["-rtsp_transport", "tcp", "-i", site.url("cam")];
    const output = ["-frames:v", "60", "-frames:a", "60", "-f", "null", "-"];
    const { stderr } = await runPeer(t, ffmpeg, ["-v", "warning", "-nostdin", ...input, ...output], { timeoutMs: SLOWLY_MS });
    assert.doesNotMatch(stderr, /error|corrupt|concealing|missing/i);
    const videoCodec = `video/${name.replace(".", "")}`;
    for (const codec of [videoCodec, "audio/opus"]) {
      const came = published.get(codec)!;
      assert.ok(came.length >= 60, `${codec}: ${came.length}`);
      // Its files are published over and over: the frames of one round are the same in the next.
      const sent = publisher.sent(codec);
      const last = came.length - 1;
      await until("it told that it sent them", () => publisher.sent(codec).length >= came.length);
      assertLooped(came.slice(0, last), sent, codec);
    }
  });
}

/** Each frame that came is followed by the one that follows it in the round of those that were sent. */
function assertLooped(came: readonly string[], sent: readonly string[], what: string): void {
  const follows = new Map<string, string>();
  for (const [i, hash] of sent.entries()) if (i > 0) follows.set(sent[i - 1]!, hash);
  for (const [i, hash] of came.entries()) if (i > 0) assert.equal(hash, follows.get(came[i - 1]!), `${what}: frame ${i}`);
}

test("it restarts ICE, and loses nothing of the picture by it", { skip: missingOf(pion, ffmpeg) }, async (t) => {
  const { site, published } = await publishedSite(t, fromFfmpeg(...H264, ...OPUS));
  const client = new PionClient(t, "whep", site.whep("cam"), ["--kinds", "video"]);
  await reads(client, ["video/H264"], 10);
  client.say("restart");
  const { ufrag, ufragBefore, etag } = await client.event("restarted");
  assert.notEqual(ufrag, ufragBefore);
  assert.equal(etag, `"${ufrag}"`);
  await until("it is connected again", () => client.named("state").filter(({ state }) => state === "connected").length >= 2, SLOWLY_MS);
  await reads(client, ["video/H264"], client.hashes("video/H264").length + 50);
  assertSound((await client.stop()).tracks);
  assertWhole(client.hashes("video/H264"), published.get("video/H264")!, "video");
});

test("it ends its session by DELETE; one that is ended here is closed there", { skip: missingOf(pion, ffmpeg) }, async (t) => {
  const { site } = await publishedSite(t, fromFfmpeg(...H264, ...OPUS));
  const [leaves, kicked] = [new PionClient(t, "whep", site.whep("cam")), new PionClient(t, "whep", site.whep("cam"))];
  await Promise.all([reads(leaves, ["video/H264"], 5), reads(kicked, ["video/H264"], 5)]);
  leaves.say("delete");
  assert.equal((await leaves.event("deleted"))["status"], 200);
  const sessions = site.sessions.list("webRTCSession");
  const { id } = await kicked.event("answered");
  assert.deepEqual(
    sessions.map((session) => session.id),
    [id],
  );
  sessions[0]!.close();
  await kicked.event("state", ({ state }) => state === "closed");
});

test("a wrong fingerprint, of either side, ends the session, and nobody else's", { skip: missingOf(pion, ffmpeg) }, async (t) => {
  const log = collectedLog();
  const { site } = await publishedSite(t, fromFfmpeg(...H264, ...OPUS), { log });
  const good = new PionClient(t, "whep", site.whep("cam"));
  await reads(good, ["video/H264"], 5);
  for (const [side, reason] of [
    ["offer", /the client's certificate is not the one of its offer/],
    ["answer", /no DTLS handshake within 10 s; the client said alert 42/], // RFC 5246 §7.2 bad_certificate
  ] as const) {
    const bad = new PionClient(t, "whep", site.whep("cam"), ["--spoil", side]);
    await bad.event("state", ({ state }) => state === "failed" || state === "closed");
    const { id } = await bad.event("answered");
    await until("its session is over", () => site.sessions.list("webRTCSession").every((session) => session.id !== id), SLOWLY_MS);
    assert.ok(
      log.lines.some((line) => line.startsWith(`[session ${String(id).slice(0, 8)}]`) && reason.test(line)),
      log.lines.join("\n"),
    );
    assert.deepEqual(bad.named("track"), []);
  }
  await reads(good, ["video/H264"], good.hashes("video/H264").length + 20);
  assertSound((await good.stop()).tracks);
});
