import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { PathSource } from "#relay/path-options.ts";
import type { Stream } from "#relay/stream.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { PublishedPath } from "#testing/published-path.ts";
import { playOverTcp, RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { type SiteOptions, startSite } from "#testing/rtsp-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { makeSelfSigned, writeSelfSigned } from "#testing/self-signed.ts";
import { readOf } from "#testing/stream-read.ts";
import { frameNumberOfPacket, syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import { RtspPush, type RtspPushOptions } from "./push.ts";

/** A stream of one site, and another site to publish it to. */
async function setUp(t: TestContext, options: SiteOptions = {}) {
  const [from, to] = [await startSite(), await startSite(options)];
  t.after(() => Promise.all([from.close(), to.close()]));
  const camera = await PublishedPath.open(from.registry, "cam", { tracks: [syntheticTrack(), syntheticAudioTrack()] });
  const description = await from.registry.describe({
    action: "read",
    path: "cam",
    protocol: "",
    remote: { address: "", port: 0 },
    query: "",
    id: "",
    credentials: { kind: "none" },
  });
  assert.ok("stream" in description);
  return { from, to, camera, stream: description.stream };
}

function push(
  t: TestContext,
  stream: Stream,
  url: string,
  transport: "tcp" | "udp" = "tcp",
  fingerprint = "",
  more: Partial<RtspPushOptions> = {},
) {
  const abort = new AbortController();
  const one = new RtspPush({
    fingerprint,
    fingerprintSetting: "destFingerprint",
    url,
    transport,
    udpPortRange: [32_768, 60_999],
    writeTimeoutMs: 10_000,
    clock: new FakeClock(),
    random: Math.random,
    ...more,
  });
  const ended = one.run(readOf(stream), abort.signal).then(
    () => undefined,
    (fault: { code: string }) => fault.code,
  );
  t.after(() => abort.abort());
  return { one, abort, ended };
}

test("over TCP and over UDP: what goes in here comes out there", async (t) => {
  for (const transport of ["tcp", "udp"] as const) {
    const { to, camera, stream } = await setUp(t);
    camera.frame(2);
    const { one, abort, ended } = push(t, stream, to.url("copy"), transport);
    await until("the copy", () => to.registry.get("copy")?.state === "available");
    const reader = await RawRtspClient.connect(to.port);
    t.after(() => reader.close());
    await playOverTcp(reader, to.url("copy"));
    await until("a live frame", () => {
      camera.frame();
      return reader.on(0).some((packet) => (frameNumberOfPacket(packet) ?? 0) > 2);
    });
    assert.ok(one.outboundBytes > 3000);
    assert.deepEqual(to.sessions.list("rtspSession").find(({ state }) => state === "publish")?.transport, transport.toUpperCase());
    abort.abort();
    assert.equal(await ended, undefined);
    await until("the copy is gone", () => to.registry.get("copy") === undefined);
  }
});

test("over UDP: a push that ends while the open GOP is still leaving sends no more of it", async (t) => {
  const { to, camera, stream } = await setUp(t);
  camera.frame(9);
  const { abort, ended } = push(t, stream, to.url("copy"), "udp");
  await until("attached", () => stream.readers.size > 0);
  abort.abort();
  assert.equal(await ended, undefined);
  assert.equal(stream.readers.size, 0);
});

test("refused, wrong or gone: what the fault says", async (t) => {
  const redirect: PathSource = { kind: "redirect", target: "/x" };
  const { to, camera, stream } = await setUp(t, { paths: { redirect: { source: redirect }, copy: {} } });
  assert.equal(await push(t, stream, to.url("redirect")).ended, "protocol");
  assert.equal(await push(t, stream, "rtsps+ws://127.0.0.1/x").ended, "config");
  const silent = await ScriptedCamera.start({ script: { ANNOUNCE: () => "hang-up" } });
  t.after(() => silent.close());
  assert.ok(["ended", "connect"].includes((await push(t, stream, silent.url()).ended) ?? ""));
  const { ended } = push(t, stream, to.url("copy"));
  await until("the copy", () => to.registry.get("copy")?.state === "available");
  camera.close();
  assert.equal(await ended, "ended");
});

test("over TLS, to the server whose certificate it knows and to no other", async (t) => {
  const pair = await writeSelfSigned(await temporaryFolder(t));
  const certificate = { ...pair, keySetting: "rtspServerKey", certSetting: "rtspServerCert" };
  const { to, camera, stream } = await setUp(t, { server: { certificate, udp: undefined } });
  camera.frame(1);
  const url = to.url("copy").replace("rtsp:", "rtsps:");
  assert.equal(await push(t, stream, url).ended, "connect");
  assert.equal(await push(t, stream, url, "tcp", "0".repeat(64)).ended, "connect");
  assert.equal(await push(t, stream, url, "udp", pair.fingerprint).ended, "config");
  const { one, abort, ended } = push(t, stream, url, "tcp", pair.fingerprint);
  await until("the copy", () => to.registry.get("copy")?.state === "available");
  camera.frame(3);
  await until("bytes", () => one.outboundBytes > 0);
  abort.abort();
  assert.equal(await ended, undefined);
});

test("over TLS, to a server that an authority of ours vouches for; at an address that is forbidden nobody is asked", async (t) => {
  const authority = makeSelfSigned({ name: "authority", isAuthority: true });
  const pair = await writeSelfSigned(await temporaryFolder(t), makeSelfSigned({ issuer: authority }));
  const certificate = { ...pair, keySetting: "rtspServerKey", certSetting: "rtspServerCert" };
  const { to, camera, stream } = await setUp(t, { server: { certificate, udp: undefined } });
  camera.frame(1);
  const url = to.url("copy").replace("rtsp:", "rtsps:");
  const authorities = [authority.cert.toString()];
  const forbidden = push(t, stream, url, "tcp", "", { authorities, addressFault: (address) => `${address} is forbidden` });
  assert.equal(await forbidden.ended, "config");
  assert.equal(stream.readers.size, 0);
  const { abort, ended } = push(t, stream, url, "tcp", "", { authorities, addressFault: () => undefined });
  await until("the copy", () => to.registry.get("copy")?.state === "available");
  abort.abort();
  assert.equal(await ended, undefined);
});

test("ended while the server does not answer: at once", async (t) => {
  const { stream } = await setUp(t);
  const silent = await ScriptedCamera.start({ script: { ANNOUNCE: () => "silent" } });
  t.after(() => silent.close());
  const { abort, ended } = push(t, stream, silent.url());
  await until("it was asked", () => silent.requests.some(({ method }) => method === "ANNOUNCE"));
  abort.abort();
  assert.equal(await ended, "aborted");
});
