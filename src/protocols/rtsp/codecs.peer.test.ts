// Codecs that FFmpeg cannot send or read over RTP, or not both: GStreamer codes, publishes, reads and decodes them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Codec } from "#codecs/codec.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { gstLaunch, gstRunToEnd } from "#testing/peers/gst.ts";
import { startPeer } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";
import { startSite } from "#testing/rtsp-site.ts";

const PICTURE = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=160,height=96,framerate=25/1";
const sound = (rateHz: number, channelCount: number) =>
  `audiotestsrc is-live=true samplesperbuffer=1024 ! audio/x-raw,rate=${rateHz},channels=${channelCount}`;

interface Case {
  readonly codec: Codec;
  readonly source: string;
  readonly reader: string;
  readonly complete: (parameters: object) => boolean;
}

const CASES: readonly Case[] = [
  {
    codec: "vp9",
    source: `${PICTURE} ! vp9enc deadline=1 cpu-used=8 keyframe-max-dist=25 ! vp9parse`,
    reader: "rtpvp9depay ! vp9dec",
    complete: (parameters) => "picture" in parameters,
  },
  {
    codec: "vp8",
    source: `${PICTURE} ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=25 ! video/x-vp8,profile=(string)0`,
    reader: "rtpvp8depay ! vp8dec",
    complete: (parameters) => "picture" in parameters,
  },
  {
    codec: "g722",
    source: `${sound(16_000, 1)} ! audioconvert ! avenc_g722`,
    reader: "rtpg722depay ! avdec_g722",
    complete: () => true,
  },
  {
    codec: "ac3",
    source: `${sound(48_000, 2)} ! audioconvert ! avenc_ac3 bitrate=192000 ! ac3parse`,
    reader: "rtpac3depay ! ac3parse ! avdec_ac3",
    complete: (parameters) => "syncInfo" in parameters,
  },
  {
    codec: "mp3",
    source: `${sound(44_100, 2)} ! lamemp3enc target=bitrate bitrate=128 cbr=true ! mpegaudioparse`,
    reader: "rtpmpadepay ! mpegaudioparse ! avdec_mp3",
    complete: (parameters) => "sampleRateHz" in parameters,
  },
  {
    codec: "g726",
    source: `${sound(8000, 1)} ! audioconvert ! avenc_g726`,
    reader: "rtpg726depay ! avdec_g726",
    complete: () => true,
  },
];

for (const { codec, source, reader, complete } of CASES) {
  test(`${codec} from GStreamer to GStreamer`, { skip: missingOf(gstLaunch) }, async (t) => {
    const site = await startSite();
    t.after(() => site.close());
    startPeer(t, gstLaunch, ["-q", ...`${source} ! rtspclientsink location=${site.url("cam")} protocols=tcp latency=0`.split(" ")]);
    await until("a stream on path cam", () => site.registry.get("cam")?.state === "available");
    const read = `rtspsrc location=${site.url("cam")} protocols=tcp latency=100 ! ${reader} ! identity eos-after=10 ! fakesink sync=false`;
    await gstRunToEnd(t, read);
    const [track] = site.registry.get("cam")!.snapshot().tracks;
    assert.equal(track!.codec, codec);
    assert.ok(complete(track!.parameters), JSON.stringify(track!.parameters));
  });
}
