// Hooks as guides write them: ffmpeg as command, through the relay and over RTSP.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { clipFile } from "#testing/bitstreams/clip-read.ts";
import { ffmpeg, ffmpegPacketHashes, ffmpegPublish } from "#testing/peers/ffmpeg.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";
import { RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { type Site, startSite } from "#testing/rtsp-site.ts";
import { HookRunner } from "./hook-runner.ts";
import { NO_PATH_HOOKS, type PathHookSettings } from "./hook-settings.ts";

/** Paths `cam1` … `cam9` with these hooks; every other name is a path without. */
async function startHookSite(
  t: TestScope,
  hooks: Partial<PathHookSettings>,
  startTimeoutMs = 20_000,
): Promise<{ readonly site: Site; readonly log: AwaitedLog }> {
  const log = new AwaitedLog();
  const onDemand = { startTimeoutMs, closeAfterMs: 200, start: (path: string, query: string) => runner.demand(path, query) };
  const isOnDemand = hooks.runOnDemand !== undefined;
  const source = { kind: "publisher", overridePublisher: true, ...(isOnDemand && { onDemand }) } as const;
  const site = await startSite({ paths: { "~^cam(\\d)$": { source }, all_others: {} } });
  const runner = new HookRunner({
    registry: site.registry,
    sessions: site.sessions,
    settingsOf: ({ conf }) => (conf.name === "all_others" ? NO_PATH_HOOKS : { ...NO_PATH_HOOKS, ...hooks }),
    connections: () => ({ runOnConnect: "", runOnConnectRestart: false, runOnDisconnect: "" }),
    rtspPort: () => site.port,
    log,
    commands: { environment: { ...process.env, CLIP: clipFile } },
  });
  t.after(async () => {
    await site.close();
    await runner.close();
  });
  return { site, log };
}

test("ffmpeg is started for the first reader, and interrupted after the last one", { skip: ffmpeg.missing }, async (t) => {
  const { site, log } = await startHookSite(t, {
    runOnDemand: `ffmpeg -v error -re -stream_loop -1 -i $CLIP -c copy -f rtsp -rtsp_transport tcp "rtsp://127.0.0.1:$RTSP_PORT/$MTX_PATH"`,
    runOnUnDemand: "echo nobody reads $MTX_PATH",
  });
  for (let visit = 1; visit <= 2; visit++) {
    const reader = { input: site.url("cam1"), transport: "tcp" } as const;
    const both = await Promise.all([1, 2].map(() => ffmpegPacketHashes(t, reader, "v", { frames: 20 })));
    assert.deepEqual(
      both.map(({ length }) => length),
      [20, 20],
    );
    await log.line(/runOnDemand command stopped/, visit);
    await log.line(/\[path cam1\] \[runOnUnDemand\] nobody reads cam1/, visit);
  }
  assert.equal(log.lines.filter((line) => line.includes("runOnDemand command started")).length, 2, "one for both readers");
  await until("the path is gone", () => site.registry.get("cam1") === undefined);
});

test("a command that does not publish in time is interrupted, and who waits is refused", async (t) => {
  const { site, log } = await startHookSite(t, { runOnDemand: "sleep 1000", runOnUnDemand: "echo nobody reads $MTX_PATH" }, 300);
  const client = await RawRtspClient.connect(site.port);
  t.after(() => client.close());
  assert.equal((await client.request("DESCRIBE", site.url("cam2"))).status, 400, "as MediaMTX answers");
  await log.line(/runOnDemand command stopped/);
  await log.line(/nobody reads cam2/);
  assert.equal(site.registry.get("cam2"), undefined);
});

test("a stream that is there is published again by ffmpeg, until it ends", { skip: ffmpeg.missing }, async (t) => {
  const line = "ffmpeg -v error -i rtsp://127.0.0.1:$RTSP_PORT/$MTX_PATH -c copy -f rtsp rtsp://127.0.0.1:$RTSP_PORT/copy-of-";
  const { site, log } = await startHookSite(t, { runOnAvailable: `${line}$G1`, runOnAvailableRestart: true });
  const publisher = ffmpegPublish(t, { url: site.url("cam3"), files: [{ file: clipFile }], transport: "tcp", loop: true });
  await until("the copy", () => site.registry.get("copy-of-3")?.state === "available");
  await publisher.interrupt();
  await log.line(/runOnAvailable command stopped/);
  await until("the end of the copy", () => site.registry.get("copy-of-3") === undefined);
});
