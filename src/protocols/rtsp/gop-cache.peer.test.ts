// A new reader of a stream with few keyframes: it has a picture at once, and soon shows what is live.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { clipFile } from "#testing/bitstreams/clip-read.ts";
import { CLIP_FORMAT } from "#testing/clip/clip.ts";
import { type CounterPlayer, ffmpegPlayer, gstPlayer } from "#testing/peers/counter-player.ts";
import { ffmpeg, ffmpegPublish } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { gstLaunch } from "#testing/peers/gst.ts";
import { runPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { watchUnits } from "#testing/peers/watch-units.ts";
import { startSite } from "#testing/rtsp-site.ts";

const { framesPerSecond, frameCount } = CLIP_FORMAT;
const GOP_FRAMES = 10 * framesPerSecond;
/** Readers join in the middle of a GOP. */
const JOIN_AT = GOP_FRAMES / 2;
const LATENCY_MS = 200;
/** What a player holds back, and what passes until its picture is seen here: 0.6 s. */
const BEHIND_AT_MOST = 15;

const PLAYERS: readonly { readonly name: string; play(scope: TestScope, url: string): CounterPlayer }[] = [
  { name: "ffmpeg over tcp", play: (scope, url) => ffmpegPlayer(scope, { url, transport: "tcp" }) },
  { name: "ffmpeg over udp", play: (scope, url) => ffmpegPlayer(scope, { url, transport: "udp" }) },
  { name: "gstreamer over tcp", play: (scope, url) => gstPlayer(scope, { url, transport: "tcp", latencyMs: LATENCY_MS }) },
  { name: "gstreamer over udp", play: (scope, url) => gstPlayer(scope, { url, transport: "udp", latencyMs: LATENCY_MS }) },
];

test("a reader that joins within a GOP of 10 s", { skip: missingOf(ffmpeg, gstLaunch), concurrency: true }, async (t) => {
  const site = await startSite();
  t.after(() => site.close());
  ffmpegPublish(t, { url: site.url("cam"), files: [{ file: await longGopClip(t) }], transport: "tcp" });
  await until("a stream on path cam", () => site.registry.get("cam")?.state === "available");
  const units = await watchUnits(site, "cam");
  const live = (): number => units.length - 1;
  await until("the middle of a GOP", () => live() >= JOIN_AT);

  await Promise.all(
    PLAYERS.map(({ name, play }) =>
      t.test(name, async (one) => {
        const player = play(one, site.url("cam"));
        const first = await until(
          "the first picture",
          () => player.counters().length > 0 && { live: live(), number: player.counters()[0]! },
        );
        assert.equal(first.number % GOP_FRAMES, 0, "it is a keyframe");
        assert.ok(first.live - first.number >= JOIN_AT, `the first picture is ${first.number} when ${first.live} is live`);

        await until("one second more", () => live() >= first.live + framesPerSecond);
        await until(`at most ${BEHIND_AT_MOST} frames behind`, () => live() - player.counters().at(-1)! <= BEHIND_AT_MOST);
        const counters = player.counters();
        assert.deepEqual(
          counters,
          counters.map((_, i) => first.number + i),
        );
      }),
    ),
  );
});

/** The clip with a keyframe every 10 s only, at half its size. */
async function longGopClip(scope: TestScope): Promise<string> {
  const file = join(await temporaryFolder(scope), "long-gop.mp4");
  const coded = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", String(GOP_FRAMES), "-sc_threshold", "0"];
  const size = `${CLIP_FORMAT.width / 2}x${CLIP_FORMAT.height / 2}`;
  const input = ["-r", String(framesPerSecond), "-i", clipFile, "-frames:v", String(frameCount)];
  await runPeer(scope, ffmpeg, ["-v", "error", "-nostdin", ...input, "-s", size, ...coded, file]);
  return file;
}
