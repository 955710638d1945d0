// What a source sends reaches readers packet for packet, whether its codec is read or not, and at once, whatever is known of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { GopMemory } from "#relay/gop-cache.ts";
import { RtpIngest } from "#relay/rtp-ingest.ts";
import { Stream } from "#relay/stream.ts";
import { REORDER_TCP } from "#rtp/reorder.ts";
import { parseSdp } from "#rtp/sdp.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { readRtpCapture } from "#testing/rtp-capture.ts";
import { UnitTap } from "#testing/unit-tap.ts";
import { describeStream, tracksOf } from "./sdp-tracks.ts";

const LATM_CONFIG = "profile-level-id=41;cpresent=0;config=400023203fc0";

const SOURCES: readonly (readonly [capture: string, kind: string, codec: string, payloadType: number, rtpmap?: string, fmtp?: string])[] = [
  ["gortsplib-av1", "video", "av1", 96, "AV1/90000"],
  ["gst-vp9", "video", "vp9", 96, "VP9/90000"],
  ["ffmpeg-mpeg4", "video", "mpeg4-video", 96, "MP4V-ES/90000", "profile-level-id=1"],
  ["gst-mpeg2", "video", "mpeg1-video", 32],
  ["ffmpeg-mp3", "audio", "mp3", 14],
  ["gst-ac3-cut", "audio", "ac3", 97, "AC3/48000"],
  ["gst-latm-cut", "audio", "aac", 97, "MP4A-LATM/48000/2", LATM_CONFIG],
  ["gst-latm-cut", "audio", "aac", 97, "MP4A-LATM/48000/2", "cpresent=1"],
  ["ffmpeg-g726", "audio", "g726", 97, "AAL2-G726-32/8000"],
  ["gst-klv", "application", "klv", 98, "SMPTE336M/90000"],
  ["gst-vp9", "video", "generic", 96, "VP9/12345"],
  ["ffmpeg-vp8", "video", "vp8", 96, "VP8/90000"],
  ["ffmpeg-g722", "audio", "g722", 9],
  ["ffmpeg-g722", "audio", "generic", 96, "G722/16000"],
];

/** Marker and payload: what the stream's own header leaves as it was. */
const carried = (packet: Buffer): string => `${packet[1]! >> 7} ${packet.toString("hex", 12)}`;

function receive(kind: string, payloadType: number, rtpmap: string | undefined, fmtp: string | undefined) {
  const lines = ["v=0", "s=-", `m=${kind} 0 RTP/AVP ${payloadType}`];
  if (rtpmap !== undefined) lines.push(`a=rtpmap:${payloadType} ${rtpmap}`);
  if (fmtp !== undefined) lines.push(`a=fmtp:${payloadType} ${fmtp}`);
  const tracks = tracksOf(parseSdp(Buffer.from([...lines, ""].join("\r\n")))!).usable.map(({ track }) => track);
  const clock = new FakeClock();
  const stream = new Stream(tracks, "packets", { clock, udpMaxPayloadBytes: 1452, gopMemory: new GopMemory() });
  stream.cacheGop(true);
  const tap = new UnitTap();
  stream.addReader(tap);
  let ready = false;
  const ingest = new RtpIngest({
    tracks,
    sink: {
      ready: (known) => {
        ready = true;
        return stream.begin(known, "packets");
      },
    },
    reorder: REORDER_TCP,
    repairTime: false,
    senderClocks: () => ({ last: undefined }),
    nowUs: () => clock.nowUs(),
  });
  ingest.start();
  return { tracks, stream, tap, ingest, isReady: () => ready };
}

for (const [capture, kind, codec, payloadType, rtpmap, fmtp] of SOURCES) {
  test(`${capture} as ${rtpmap ?? payloadType} ${fmtp ?? ""}`, () => {
    const { tracks, stream, tap, ingest, isReady } = receive(kind, payloadType, rtpmap, fmtp);
    assert.deepEqual(
      tracks.map((track) => track.codec),
      [codec],
    );
    assert.ok(isReady(), "before the first packet");
    const described = () => tracksOf(parseSdp(Buffer.from(describeStream(stream)))!).usable.map(({ track }) => track);
    assert.deepEqual(described(), tracks, "readers are told what the source said");
    const packets = readRtpCapture(new URL(`../../rtp/payload/testdata/${capture}.rtp`, import.meta.url));
    for (const packet of packets) ingest.onPacket(0, false, packet, 0, packet.length);
    ingest.stop();
    assert.deepEqual(tap.packets.map(carried), packets.map(carried));
    assert.ok(stream.accepts(tracks), "after a reconnect, with what is known by then");
    assert.deepEqual(
      described().map((track) => track.codec),
      [codec],
    );
  });
}
