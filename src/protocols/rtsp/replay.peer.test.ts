// Players of other makes replay a recording: every frame, the recorded time, and a clean end.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { splitAnnexB } from "#codecs/annex-b.ts";
import { h264NalType, isH264Slice } from "#codecs/h264/nal.ts";
import { loadClip } from "#testing/clip/clip.ts";
import { CLIP_FRAME_US, ClipRecording } from "#testing/clip-replay.ts";
import { ffmpeg, ffmpegPacketHashes, type RtspTransport } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { gortsplib, gortsplibRead } from "#testing/peers/go-peers.ts";
import { gstLaunch, gstRunToEnd } from "#testing/peers/gst.ts";
import { runPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { startSite } from "#testing/rtsp-site.ts";

const NOON_US = Date.UTC(2026, 7, 1, 12) * 1000;
const FRAME_COUNT = 100;
const { frames } = loadClip();

/** Four seconds with picture and sound, at normal speed. */
async function openSite(scope: TestScope): Promise<(query: string) => string> {
  const recording = new ClipRecording({
    spans: [{ startUtcUs: NOON_US, firstFrame: 0, frameCount: FRAME_COUNT }],
    pace: "normal",
    audio: true,
  });
  const site = await startSite({ server: { openReplay: recording.open } });
  scope.after(() => site.close());
  return (query) => site.url(`gate?${query}`);
}

function slicesOf(annexB: Buffer): readonly Buffer[] {
  return splitAnnexB(annexB, Number.POSITIVE_INFINITY).filter((nal) => isH264Slice(h264NalType(nal[0]!)));
}

/** From a frame of the footage on. */
function clipSlices(from: number): readonly Buffer[] {
  return frames.slice(from, FRAME_COUNT).map(({ nals }) => nals.at(-1)!);
}

async function copyWithFfmpeg(scope: TestScope, url: string, transport: RtspTransport, ...options: readonly string[]): Promise<Buffer> {
  const input = ["-rtsp_transport", transport, "-analyzeduration", "500000", ...options, "-i", url];
  const { stdout } = await runPeer(scope, ffmpeg, [
    "-v",
    "error",
    "-nostdin",
    ...input,
    "-map",
    "0:v",
    "-c",
    "copy",
    "-f",
    "h264",
    "pipe:1",
  ]);
  return stdout;
}

describe("a replay", { concurrency: true }, () => {
  for (const transport of ["tcp", "udp"] as const) {
    test(`ffmpeg over ${transport}: every frame from the start on, then it ends by itself`, { skip: missingOf(ffmpeg) }, async (t) => {
      const url = await openSite(t);
      const copied = await copyWithFfmpeg(t, url("start=2026-08-01T14:00:02%2B02:00"), transport);
      assert.deepEqual(slicesOf(copied), clipSlices(50));
    });

    test(`ffmpeg over ${transport}: it seeks before it reads`, { skip: missingOf(ffmpeg) }, async (t) => {
      const url = await openSite(t);
      const copied = slicesOf(await copyWithFfmpeg(t, url("start=2026-08-01T12:00:00Z"), transport, "-ss", "2"));
      assert.deepEqual(copied.slice(-50), clipSlices(50));
      assert.ok(copied.length < FRAME_COUNT);
    });

    test(`GStreamer over ${transport}: every frame, then it ends by itself`, { skip: missingOf(gstLaunch) }, async (t) => {
      const url = await openSite(t);
      const file = join(await temporaryFolder(t), "copy.h264");
      const source = `rtspsrc name=s location=${url("start=2026-08-01T12:00:00Z&duration=4")} protocols=${transport} latency=200`;
      const picture = `s. ! application/x-rtp,media=video ! rtph264depay ! video/x-h264,stream-format=byte-stream ! filesink location=${file}`;
      const sound = "s. ! application/x-rtp,media=audio ! rtppcmadepay ! fakesink sync=true";
      await gstRunToEnd(t, `${source} ${picture} ${sound}`);
      assert.deepEqual(slicesOf(await readFile(file)), clipSlices(0));
    });

    test(`gortsplib over ${transport}: it reads back when each frame was recorded`, { skip: missingOf(gortsplib) }, async (t) => {
      const url = await openSite(t);
      const { units } = await gortsplibRead(t, { url: url("start=2026-08-01T12:00:00Z"), transport, seconds: 5, units: true });
      const times = units.filter(({ track }) => track === 0).map(({ ntp }) => ntp);
      assert.equal(times.length, FRAME_COUNT);
      // It takes no report before its first packet, and over UDP a report may come to it after the packet that it was sent before.
      const known = times.findIndex((ntp) => ntp !== null);
      assert.ok(known >= 0 && known <= (transport === "tcp" ? 1 : 3), `no time up to frame ${known}`);
      for (const [i, ntp] of times.entries()) {
        if (i < known) continue;
        assert.ok(Math.abs(Date.parse(ntp!) - (NOON_US + i * CLIP_FRAME_US) / 1000) <= 1, `frame ${i}: ${ntp}`);
      }
    });
  }

  test("ffmpeg hears all of the sound", { skip: missingOf(ffmpeg) }, async (t) => {
    const url = await openSite(t);
    const packets = await ffmpegPacketHashes(t, { input: url("start=2026-08-01T12:00:01Z"), transport: "tcp" }, "a", { seconds: 60 });
    assert.equal(packets.length, FRAME_COUNT - 25);
  });
});
