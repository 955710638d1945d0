// MediaMTX, which is pion, as the other side: a stream is published to it over WHIP and pulled from it over WHEP, plain and over TLS.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { SystemClock } from "#base/clock.ts";
import type { PeerFault } from "#base/errors.ts";
import { ClipMedia } from "#testing/clip-media.ts";
import { mediamtx, startMediamtxWebRtc } from "#testing/peers/go-peers.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { pulled, type Site, startSite } from "#testing/rtsp-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { writeSelfSigned } from "#testing/self-signed.ts";
import { watchFrames } from "#testing/watched-frames.ts";
import { type WhepPullOptions, whepPulled, whepSource } from "#testing/whep-pull.ts";
import { whipPush } from "#testing/whip-push.ts";

/** A camera with picture and sound at a site of ours. */
async function startCamera(t: TestContext): Promise<Site> {
  const camera = await ScriptedCamera.start({ frameMs: 40, media: () => new ClipMedia({ clock: new SystemClock(), audio: true }) });
  t.after(() => camera.close());
  const site = await startSite({ paths: { gate: { source: pulled(camera.url()) } } });
  t.after(() => site.close());
  await until("the camera is there", () => site.registry.get("gate")?.state === "available");
  return site;
}

async function publish(t: TestContext, site: Site, url: string, fingerprint = ""): Promise<void> {
  const abort = new AbortController();
  const ended = whipPush(url, { fingerprint })
    .run((reader) => site.registry.openForOwn("gate", reader, { type: "push", id: "1" }), abort.signal)
    .catch(() => {});
  t.after(async () => {
    abort.abort();
    await ended;
  });
}

async function pullCopy(t: TestContext, url: string, options: WhepPullOptions = {}): Promise<Site> {
  const copy = await startSite({ paths: { copy: { source: whepPulled(url, options) } } });
  t.after(() => copy.close());
  await until("the copy", () => copy.registry.get("copy")?.state === "available");
  return copy;
}

for (const encryption of [false, true]) {
  test(`published to MediaMTX and pulled from it${encryption ? " over TLS" : ""}`, { skip: mediamtx.missing }, async (t) => {
    const site = await startCamera(t);
    const { certFile, keyFile, fingerprint } = await writeSelfSigned(await temporaryFolder(t));
    const settings = encryption ? `webrtcEncryption: yes\nwebrtcServerCert: ${certFile}\nwebrtcServerKey: ${keyFile}\n` : "";
    const peer = await startMediamtxWebRtc(t, undefined, settings);
    const [whip, whep] = encryption ? ["whips", "wheps"] : ["whip", "whep"];
    await publish(t, site, `${whip}://${peer.http("gate/whip")}`, encryption ? fingerprint : "");
    await peer.process.match(/is publishing to path 'gate'/);
    const copy = await pullCopy(t, `${whep}://${peer.http("gate/whep")}`, { fingerprint: encryption ? fingerprint : "" });
    const [there, here] = await Promise.all([watchFrames(site, "gate"), watchFrames(copy, "copy")]);
    for (const kind of ["video", "audio"]) {
      const common = await until(`30 frames of ${kind} that came`, () => here.runIn(there, kind, 30));
      assert.deepEqual(common.ours, common.theirs, kind);
    }
    const { tracks } = copy.registry.get("copy")!.snapshot();
    assert.deepEqual(
      tracks.map(({ codec }) => codec),
      ["h264", "g711"],
    );
  });
}

const USERS = `authInternalUsers:
- user: any
  permissions:
  - action: publish
- user: viewer
  pass: s3c@r#t
  permissions:
  - action: read
`;

test("credentials of MediaMTX: those of the URL are used, wrong ones are a fault of their own", { skip: mediamtx.missing }, async (t) => {
  const site = await startCamera(t);
  const peer = await startMediamtxWebRtc(t, `${USERS}paths:\n  all_others:\n`);
  await publish(t, site, `whip://${peer.http("gate/whip")}`);
  await peer.process.match(/is publishing to path 'gate'/);
  await pullCopy(t, `whep://viewer:s3c@r#t@${peer.http("gate/whep")}`);
  for (const [url, code] of [
    [`whep://viewer:wrong@${peer.http("gate/whep")}`, "auth"],
    [`whep://${peer.http("gate/whep")}`, "auth"],
    [`whep://viewer:s3c@r#t@${peer.http("nothing/whep")}`, "not-found"],
  ] as const) {
    const attempt = whepSource(url).run({ ready: () => () => {} }, new AbortController().signal);
    await assert.rejects(attempt, (fault: PeerFault) => fault.code === code, url);
  }
});

test("MediaMTX ends: the source ends, and its fault says so", { skip: mediamtx.missing }, async (t) => {
  const site = await startCamera(t);
  const peer = await startMediamtxWebRtc(t);
  await publish(t, site, `whip://${peer.http("gate/whip")}`);
  await peer.process.match(/is publishing to path 'gate'/);
  let live: () => void = () => {};
  const isLive = new Promise<void>((resolve) => {
    live = resolve;
  });
  const sink = { ready: () => () => live() };
  const attempt = whepSource(`whep://${peer.http("gate/whep")}`, { readTimeoutMs: 2000 }).run(sink, new AbortController().signal);
  attempt.catch(() => {});
  await isLive;
  await peer.process.kill();
  await assert.rejects(attempt, (fault: PeerFault) => fault.code === "ended" || fault.code === "stalled");
});
