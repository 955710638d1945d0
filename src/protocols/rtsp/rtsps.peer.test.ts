// RTSP in TLS with other makes: ffmpeg and GStreamer publish and read, openssl looks at the handshake, MediaMTX stands on either side.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { clipFile } from "#testing/bitstreams/clip-read.ts";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { ffmpeg, ffmpegPacketHashes, ffmpegPublish } from "#testing/peers/ffmpeg.ts";
import { findPeer, missingOf } from "#testing/peers/find-peer.ts";
import { mediamtx, startMediamtx } from "#testing/peers/go-peers.ts";
import { gstLaunch } from "#testing/peers/gst.ts";
import { startPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { pulled, type SiteOptions, startSite } from "#testing/rtsp-site.ts";
import { writeSelfSigned } from "#testing/self-signed.ts";

const openssl = findPeer("openssl");

interface SrtpSession {
  readonly transport: string | undefined;
  readonly profile?: string | undefined;
}

async function startSecureSite(scope: TestScope, options: SiteOptions = {}) {
  const pair = await writeSelfSigned(await temporaryFolder(scope));
  const certificate = { ...pair, keySetting: "rtspServerKey", certSetting: "rtspServerCert" };
  const site = await startSite({ ...options, server: { certificate, ...options.server } });
  scope.after(() => site.close());
  return { site, pair, url: (path: string) => `rtsps://127.0.0.1:${site.port}/${path}` };
}

/** Until the test ends. */
function publish(scope: TestScope, url: string): void {
  ffmpegPublish(scope, { url, files: [{ file: clipFile }], transport: "tcp", loop: true, muxerOptions: ["-tls_verify", "0"] });
}

async function availableIn(site: { registry: { get(name: string): { state: string } | undefined } }): Promise<void> {
  await until("a stream on path cam", () => site.registry.get("cam")?.state === "available");
}

test("ffmpeg publishes over TLS; ffmpeg and GStreamer read it over TLS", { skip: missingOf(ffmpeg, gstLaunch) }, async (t) => {
  const { site, url } = await startSecureSite(t);
  publish(t, url("cam"));
  await availableIn(site);
  const hashes = await ffmpegPacketHashes(t, { input: url("cam"), transport: "tcp" }, "v", { frames: 10 });
  assert.equal(hashes.length, 10);
  const folder = await temporaryFolder(t);
  for (const protocols of ["udp", "tcp"]) {
    const source = `rtspsrc location=${url("cam")} tls-validation-flags=0 latency=100 protocols=${protocols}`;
    const read = `${source} ! application/x-rtp,media=video ! rtph264depay ! h264parse ! avdec_h264 ! multifilesink sync=false location=${join(folder, protocols)}-%d`;
    const reading = startPeer(t, gstLaunch, read.split(" "), { timeoutMs: 60_000 });
    await until(`ten pictures over ${protocols}`, () => existsSync(join(folder, `${protocols}-9`)));
    const readers = site.sessions.list("rtspsSession").filter(({ state }) => state === "read");
    const reader = readers.find(({ transport }) => transport === protocols.toUpperCase()) as SrtpSession | undefined;
    assert.equal(reader?.profile, "SAVP");
    await reading.kill();
  }
  assert.ok(site.sessions.list("rtspsSession").some(({ state, transport }) => state === "publish" && transport === "TCP"));
});

test("openssl: TLS 1.2 and 1.3, and a request through it", { skip: missingOf(openssl) }, async (t) => {
  const { site, pair } = await startSecureSite(t);
  for (const version of ["-tls1_2", "-tls1_3"]) {
    const args = ["s_client", "-connect", `127.0.0.1:${site.port}`, "-CAfile", pair.certFile, "-verify_return_error", "-quiet", version];
    const client = startPeer(t, openssl, args);
    client.write("OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n");
    await client.match(/^RTSP\/1\.0 200 OK\r\nCSeq: 7\r\n/);
    await client.kill();
  }
});

for (const transport of ["tcp", "udp"] as const)
  test(`pulled from MediaMTX over TLS, media over ${transport}`, { skip: missingOf(ffmpeg, mediamtx) }, async (t) => {
    const pair = await writeSelfSigned(await temporaryFolder(t));
    const [port, srtp] = [await freeTcpPort(0), await freeUdpPortPair(0)];
    const tls = `rtspEncryption: optional\nrtspsAddress: 127.0.0.1:${port}\nsrtpAddress: 127.0.0.1:${srtp}\nsrtcpAddress: 127.0.0.1:${srtp + 1}\nrtspServerKey: ${pair.keyFile}\nrtspServerCert: ${pair.certFile}\n`;
    await startMediamtx(t, `${tls}paths: {all_others: {}}\n`);
    publish(t, `rtsps://127.0.0.1:${port}/cam`);
    const source = pulled(`rtsps://127.0.0.1:${port}/cam`, { fingerprint: pair.fingerprint, transport });
    const site = await startSite({ paths: { cam: { source } } });
    t.after(() => site.close());
    await availableIn(site);
  });

for (const transport of ["tcp", "udp"] as const)
  test(`MediaMTX pulls from us over TLS, media over ${transport}`, { skip: missingOf(ffmpeg, mediamtx) }, async (t) => {
    const { site, pair, url } = await startSecureSite(t);
    publish(t, url("cam"));
    await availableIn(site);
    const server = await startMediamtx(
      t,
      `paths:\n  cam:\n    source: ${url("cam")}\n    sourceFingerprint: ${pair.fingerprint}\n    rtspTransport: ${transport}\n`,
    );
    await server.process.match(/\[path cam\] stream is available/);
    const reader = (await until("the reader", () =>
      site.sessions.list("rtspsSession").find(({ state }) => state === "read"),
    )) as SrtpSession;
    assert.deepEqual([reader.transport, reader.profile], [transport.toUpperCase(), "SAVP"]);
  });
