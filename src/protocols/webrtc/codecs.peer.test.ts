// Codecs from other programs to browsers: ffmpeg and GStreamer publish over RTSP, Chromium plays over WHEP.
import assert from "node:assert/strict";
import { test } from "node:test";
import { collectedLog } from "#testing/collected-log.ts";
import { chromium, runInChromium } from "#testing/peers/chromium.ts";
import { ffmpeg } from "#testing/peers/ffmpeg.ts";
import { missingOf, type Peer } from "#testing/peers/find-peer.ts";
import { gstLaunch } from "#testing/peers/gst.ts";
import { startPeer } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";
import { type Played, whepScript } from "#testing/peers/whep-page.ts";
import { startWebRtcSite } from "#testing/webrtc-site.ts";

const PICTURE = ["-re", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25"];
const SOUND = ["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
const GST_PICTURE = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=25/1";
const VP9 = "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=25 ! vp9parse";

interface Case {
  readonly name: string;
  readonly peer: Peer;
  publish(url: string): readonly string[];
  readonly mimeTypes: readonly string[];
  readonly said?: RegExp;
}

const ffmpegTo = (url: string, ...coders: readonly string[]): readonly string[] => {
  return ["-v", "error", "-nostdin", ...PICTURE, ...SOUND, "-g", "25", ...coders, "-f", "rtsp", "-rtsp_transport", "tcp", url];
};
const H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"];

const CASES: readonly Case[] = [
  {
    name: "VP8 and Opus",
    peer: ffmpeg,
    publish: (url) => ffmpegTo(url, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"),
    mimeTypes: ["audio/opus", "video/VP8"],
  },
  {
    name: "VP9 alone",
    peer: gstLaunch,
    publish: (url) => ["-q", ...`${GST_PICTURE} ! ${VP9} ! rtspclientsink location=${url} protocols=tcp latency=0`.split(" ")],
    mimeTypes: ["video/VP9"],
  },
  {
    name: "H.264 and G.722",
    peer: ffmpeg,
    publish: (url) => ffmpegTo(url, ...H264, "-c:a", "g722", "-ar", "16000", "-ac", "1"),
    mimeTypes: ["audio/G722", "video/H264"],
  },
  {
    name: "H.264 High and G.711 µ-law",
    peer: ffmpeg,
    publish: (url) => ffmpegTo(url, ...H264, "-profile:v", "high", "-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1"),
    mimeTypes: ["audio/PCMU", "video/H264"],
  },
  {
    name: "H.264 without its AAC",
    peer: ffmpeg,
    publish: (url) => ffmpegTo(url, ...H264, "-c:a", "aac"),
    mimeTypes: ["video/H264"],
    said: /path 'cam': audio is not sent: WebRTC cannot carry MPEG-4 Audio/,
  },
];

for (const { name, peer, publish, mimeTypes, said } of CASES) {
  test(name, { skip: missingOf(chromium, peer) }, async (t) => {
    const log = collectedLog();
    const site = await startWebRtcSite({ log });
    t.after(() => site.close());
    startPeer(t, peer, publish(site.url("cam")), { timeoutMs: 60_000 });
    await until("a stream on path cam", () => site.registry.get("cam")?.state === "available");
    const audioPackets = mimeTypes.some((type) => type.startsWith("audio")) ? 20 : 0;
    const played = await runInChromium<Played>(t, { script: whepScript(site.whep("cam"), { frames: 30, audioPackets }) });
    assert.deepEqual(played.mimeTypes, mimeTypes);
    assert.ok(played.frames >= 30, JSON.stringify(played));
    if (said !== undefined) assert.equal(log.lines.filter((line) => said.test(line)).length, 1);
  });
}
