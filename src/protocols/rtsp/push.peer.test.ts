// A stream of ours published to another server: read back from there, it is still the same bytes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemClock } from "#base/clock.ts";
import type { Stream } from "#relay/stream.ts";
import { assertFfmpegReadsClip, clipFile } from "#testing/bitstreams/clip-read.ts";
import { makeCodedFile } from "#testing/bitstreams/coded-file.ts";
import { ffmpeg, ffmpegPublish, ffprobe, ffprobeStreams, type RtspTransport } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { mediamtx, startMediamtx } from "#testing/peers/go-peers.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { type Site, startSite } from "#testing/rtsp-site.ts";
import { readOf } from "#testing/stream-read.ts";
import { RtspPush } from "./push.ts";

const TRANSPORTS = ["tcp", "udp"] as const;

for (const transport of TRANSPORTS) {
  test(`pushed to MediaMTX over ${transport}`, { skip: missingOf(ffmpeg, mediamtx) }, async (t) => {
    const stream = await publishedClip(t);
    const server = await startMediamtx(t);
    const pushing = startPush(t, stream, server.url("copy"), transport);
    await server.process.match(/is publishing to path 'copy'/);
    await assertFfmpegReadsClip(t, server.url("copy"), "tcp");
    await pushing.stop();
    await server.process.match(/\[path copy\] stream is not available anymore|\[RTSP\] \[session \w+\] (closed|destroyed)/);
  });

  test(`pushed to another site over ${transport}`, { skip: ffmpeg.missing }, async (t) => {
    const stream = await publishedClip(t);
    const other = await openSite(t);
    const pushing = startPush(t, stream, other.url("copy"), transport);
    await until("the pushed stream", () => other.registry.get("copy")?.state === "available");
    await assertFfmpegReadsClip(t, other.url("copy"), "tcp");
    await pushing.stop();
    await until("the end of the pushed stream", () => other.sessions.list("rtspSession").length === 0);
    assert.equal(stream.readers.size, 0);
  });
}

test("picture and sound are pushed together", { skip: missingOf(ffmpeg, ffprobe) }, async (t) => {
  const folder = await temporaryFolder(t);
  const files = await Promise.all((["h265", "opus"] as const).map((codec) => makeCodedFile(t, { codec, folder, seconds: 30 })));
  const stream = await published(t, files);
  const other = await openSite(t);
  startPush(t, stream, other.url("copy"), "udp");
  await until("the pushed stream", () => other.registry.get("copy")?.state === "available");
  const streams = await ffprobeStreams(t, { input: other.url("copy"), transport: "tcp", timeoutMs: 10_000 });
  assert.deepEqual(
    streams.map(({ codec_name }) => codec_name),
    ["hevc", "opus"],
  );
});

function publishedClip(scope: TestScope): Promise<Stream> {
  return published(scope, [{ file: clipFile }]);
}

/** The stream of a site of its own that ffmpeg publishes to. */
async function published(scope: TestScope, files: Parameters<typeof ffmpegPublish>[1]["files"]): Promise<Stream> {
  const site = await openSite(scope);
  ffmpegPublish(scope, { url: site.url("cam"), files, transport: "tcp", loop: true });
  await until("a stream on path cam", () => site.registry.get("cam")?.state === "available");
  const description = await site.registry.describe({
    action: "read",
    path: "cam",
    protocol: "rtsp",
    remote: { address: "127.0.0.1", port: 0 },
    query: "",
    id: "",
    credentials: { kind: "none" },
  });
  assert.ok("stream" in description);
  return description.stream;
}

/** `stop` ends it and resolves when it has said goodbye. */
function startPush(scope: TestScope, stream: Stream, url: string, transport: RtspTransport): { stop(): Promise<void> } {
  const abort = new AbortController();
  const push = new RtspPush({
    fingerprint: "",
    fingerprintSetting: "destFingerprint",
    url,
    transport,
    udpPortRange: [32_768, 60_999],
    writeTimeoutMs: 10_000,
    clock: new SystemClock(),
    random: Math.random,
  });
  const running = push.run(readOf(stream), abort.signal);
  const stop = async () => {
    abort.abort();
    await running;
  };
  running.catch(() => {}); // whoever waits for it sees it
  scope.after(() => stop().catch(() => {}));
  return { stop };
}

async function openSite(scope: TestScope): Promise<Site> {
  const site = await startSite();
  scope.after(() => site.close());
  return site;
}
