// A camera of another make: its credentials, and how its readers fare when it goes and comes back.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { PathOptions } from "#relay/path-options.ts";
import type { Unit } from "#relay/unit.ts";
import { sequenceOf } from "#rtp/burst.ts";
import { assertFfmpegReadsClip, clipFile } from "#testing/bitstreams/clip-read.ts";
import { ffmpegPlayer } from "#testing/peers/counter-player.ts";
import { ffmpeg } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { gstRtspServer, startGstCamera } from "#testing/peers/gst.ts";
import { runPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { watchUnits } from "#testing/peers/watch-units.ts";
import { type PullOptions, pulled, type Site, startSite } from "#testing/rtsp-site.ts";

const CREDENTIALS = { user: "viewer", password: "p@ss w/rd:1" } as const;

for (const method of ["digest", "basic"] as const) {
  for (const transport of ["tcp", "udp"] as const) {
    test(`a camera that asks for ${method} credentials is pulled over ${transport}`, {
      skip: missingOf(ffmpeg, gstRtspServer),
    }, async (t) => {
      const camera = await startGstCamera(t, { video: "h264", videoFile: clipFile, auth: { method, ...CREDENTIALS } });
      const site = await siteThatPulls(t, camera.urlWithCredentials, { transport });
      await until("the stream", () => site.registry.get("cam")!.state === "available");
      await assertFfmpegReadsClip(t, site.url("cam"), "tcp");
    });
  }

  test(`a wrong password is told from a camera that is away: ${method}`, { skip: gstRtspServer.missing }, async (t) => {
    const camera = await startGstCamera(t, { video: "h264", auth: { method, ...CREDENTIALS } });
    const site = await siteThatPulls(t, camera.urlWithCredentials.replace("%401", "").replace("p%40ss", "wrong"));
    const refused = await until("the refusal", () => {
      const snapshot = site.registry.get("cam")!.snapshot();
      return snapshot.sourceState === "auth" && snapshot;
    });
    assert.equal(refused.state, "empty");
    assert.equal(refused.lastError, "the credentials were refused");
  });
}

test("a camera that asks for credentials the URL does not have", { skip: gstRtspServer.missing }, async (t) => {
  const camera = await startGstCamera(t, { video: "h264", auth: { method: "digest", ...CREDENTIALS } });
  const site = await siteThatPulls(t, camera.url);
  await until("the refusal", () => site.registry.get("cam")!.snapshot().sourceState === "auth");
  assert.equal(site.registry.get("cam")!.snapshot().lastError, "the peer asks for credentials and the URL has none");
});

for (const transport of ["tcp", "udp"] as const) {
  test(`readers stay while a camera pulled over ${transport} restarts`, { skip: missingOf(ffmpeg, gstRtspServer) }, async (t) => {
    const folder = await temporaryFolder(t);
    const videoFile = join(folder, "clip.mp4"); // with times: GStreamer gives the first frames of a raw stream all the same
    await runPeer(t, ffmpeg, ["-v", "error", "-i", clipFile, "-c", "copy", videoFile]);
    const first = await startGstCamera(t, { video: "h264", videoFile });
    // Without the open GOP: its times are drawn together, and ffmpeg, which guesses the first one, says so.
    const site = await siteThatPulls(t, first.url, { transport }, { gopCache: false });
    const path = site.registry.get("cam")!;
    await until("the stream", () => path.state === "available");
    const units = await watchUnits(site, "cam");
    const player = ffmpegPlayer(t, { url: site.url("cam"), transport: "tcp", copyTo: join(folder, "copy.mkv") });
    await until("a second of pictures", () => player.counters().length >= 25);
    const saidAtJoin = player.process.stderr;

    await first.process.kill();
    await until("the loss of the camera", () => path.state !== "available");
    assert.equal(path.state, "grace");
    await startGstCamera(t, { video: "h264", videoFile, port: first.port });
    // The camera plays its file from the start.
    const seam = () => player.counters().lastIndexOf(0);
    await until("a second of pictures after the gap", () => seam() > 0 && player.counters().length >= seam() + 25);
    await player.process.interrupt();

    const counters = player.counters();
    assert.deepEqual(counters.slice(0, seam()), numbers(counters[0]!, seam()));
    assert.deepEqual(counters.slice(seam()), numbers(0, counters.length - seam()));
    assert.equal(player.process.stderr, saidAtJoin);
    assertContinuous(units);
  });
}

function numbers(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

async function siteThatPulls(scope: TestScope, url: string, options: PullOptions = {}, path: Partial<PathOptions> = {}): Promise<Site> {
  const site = await startSite({ paths: { cam: { ...path, source: pulled(url, options) } } });
  scope.after(() => site.close());
  return site;
}

/** No gap in the numbers and no step back in time: what readers of packets get. */
function assertContinuous(units: readonly Unit[]): void {
  let next = sequenceOf(units[0]!.packets!, 0);
  for (const [i, { packets, ptsTicks }] of units.entries()) {
    assert.equal(sequenceOf(packets!, 0), next, `sequence number of unit ${i}`);
    next = (next + packets!.count) & 0xffff;
    assert.ok(i === 0 || ptsTicks > units[i - 1]!.ptsTicks, `time of unit ${i}`);
  }
}
