// Publishers and readers of other makes: GStreamer's rtspclientsink, gortsplib, and MediaMTX on either side.
import { test } from "node:test";
import { assertFfmpegReadsClip, assertGortsplibReadsClip, clipFile } from "#testing/bitstreams/clip-read.ts";
import { ffmpeg, ffmpegPublish, type RtspTransport } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { gortsplib, gortsplibPublish, mediamtx, startMediamtx } from "#testing/peers/go-peers.ts";
import { gstLaunch, gstPublish } from "#testing/peers/gst.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";
import { pulled, type Site, type SiteOptions, startSite } from "#testing/rtsp-site.ts";

for (const transport of ["tcp", "udp"] as const) {
  test(`rtspclientsink publishes over ${transport}, ffmpeg reads the same bytes`, { skip: missingOf(ffmpeg, gstLaunch) }, async (t) => {
    const site = await openSite(t);
    gstPublish(t, { url: site.url("cam"), file: clipFile, transport });
    await streamOf(site);
    await assertFfmpegReadsClip(t, site.url("cam"), transport);
  });

  test(`gortsplib publishes over ${transport}, gortsplib and ffmpeg read the same bytes`, {
    skip: missingOf(ffmpeg, gortsplib),
  }, async (t) => {
    const site = await openSite(t);
    gortsplibPublish(t, { url: site.url("cam"), file: clipFile, transport, fps: 25, loop: true });
    await streamOf(site);
    await Promise.all([assertGortsplibReadsClip(t, site.url("cam"), transport), assertFfmpegReadsClip(t, site.url("cam"), transport)]);
  });

  test(`ffmpeg publishes over ${transport}, gortsplib reads the same bytes`, { skip: missingOf(ffmpeg, gortsplib) }, async (t) => {
    const site = await openSite(t);
    publishClip(t, site.url("cam"), transport);
    await streamOf(site);
    await assertGortsplibReadsClip(t, site.url("cam"), transport);
  });

  test(`pulled from MediaMTX over ${transport}, ffmpeg reads the same bytes`, { skip: missingOf(ffmpeg, mediamtx) }, async (t) => {
    const server = await startMediamtx(t);
    publishClip(t, server.url("cam"), "tcp");
    await server.process.match(/is publishing to path 'cam'/);
    const site = await openSite(t, { paths: { cam: { source: pulled(server.url("cam"), { transport }) } } });
    await streamOf(site);
    await assertFfmpegReadsClip(t, site.url("cam"), transport);
  });

  test(`MediaMTX pulls from us over ${transport}, ffmpeg reads the same bytes from it`, {
    skip: missingOf(ffmpeg, mediamtx),
  }, async (t) => {
    const site = await openSite(t);
    publishClip(t, site.url("cam"), "tcp");
    await streamOf(site);
    const server = await startMediamtx(t, `paths:\n  cam:\n    source: ${site.url("cam")}\n    rtspTransport: ${transport}\n`);
    await server.process.match(/\[path cam\] stream is available/);
    await assertFfmpegReadsClip(t, server.url("cam"), "tcp");
  });
}

async function openSite(scope: TestScope, options: SiteOptions = {}): Promise<Site> {
  const site = await startSite(options);
  scope.after(() => site.close());
  return site;
}

function publishClip(scope: TestScope, url: string, transport: RtspTransport): void {
  ffmpegPublish(scope, { url, files: [{ file: clipFile }], transport, loop: true });
}

async function streamOf(site: Site): Promise<void> {
  await until("a stream on path cam", () => site.registry.get("cam")?.state === "available");
}
