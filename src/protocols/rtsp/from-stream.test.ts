import assert from "node:assert/strict";
import { test } from "node:test";
import { GopMemory } from "#relay/gop-cache.ts";
import type { EndReason } from "#relay/reader.ts";
import { Stream } from "#relay/stream.ts";
import { type PacketBurst, RTP_HEADER_BYTES } from "#rtp/burst.ts";
import { ntpToUtcUs, parseRtcp } from "#rtp/rtcp.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { SyntheticVideo, syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import { packetUnit, rtpOf } from "#testing/unit-tap.ts";
import { RtspReader } from "./from-stream.ts";
import type { MediaWriter } from "./media-writer.ts";

const video = syntheticTrack();

function setUp({ gop = false, tracks = [video], absoluteTime = false } = {}) {
  const clock = new FakeClock();
  const stream = new Stream(tracks, "packets", { clock, udpMaxPayloadBytes: 1452, gopMemory: new GopMemory(), absoluteTime });
  stream.cacheGop(gop);
  let publish = stream.begin(tracks, "packets");
  const events: string[] = [];
  const written: PacketBurst[] = [];
  const reports: Buffer[] = [];
  const peer = { pending: 0, takes: true };
  const writer: MediaWriter = {
    pendingBytes: () => peer.pending,
    writeBurst: (_track, burst) => {
      events.push("frame");
      written.push(burst);
      if (!peer.takes) peer.pending += burst.bytes.length;
    },
    writeRtcp: (_track, bytes) => {
      events.push("report");
      reports.push(bytes);
    },
    onceDrained: () => {},
    beginBacklog: () => events.push("begin"),
    endBacklog: () => events.push("end"),
    finish: () => {},
    close: () => {},
  };
  const ends: EndReason[] = [];
  const reader = new RtspReader({ name: "test", clock, writeTimeoutMs: 10_000, onEnd: (reason) => ends.push(reason) });
  const camera = new SyntheticVideo({ gopFrames: 5 });
  /** `senderUtcUs`: what the camera's clock says of it, where that is accepted. */
  const frame = (senderUtcUs?: number, afterMs = 40): void => {
    clock.passMs(afterMs);
    publish({ ...packetUnit(camera, video, clock.us), ...(senderUtcUs !== undefined && { senderUtcUs }) });
  };
  const reconnect = (awayMs: number): void => {
    stream.pause();
    clock.passMs(awayMs);
    publish = stream.begin(tracks, "packets");
  };
  /** UTC of the newest frame as the client computes it from the newest report, µs. */
  const readUtcUs = (): number => {
    const [report] = parseRtcp(reports.at(-1)!, 0, reports.at(-1)!.length);
    assert.ok(report?.kind === "sender-report");
    const ticks = (rtpOf(written.at(-1)!)[0]!.readUInt32BE(4) - report.timestamp) | 0;
    return ntpToUtcUs(report.ntpSeconds, report.ntpFraction) + (ticks * 1e6) / video.clockRateHz;
  };
  return { reconnect, readUtcUs, clock, stream, events, written, reports, peer, writer, ends, reader, frame };
}

test("the open GOP comes between begin and end, without reports; a report comes with the first live frame", () => {
  const { stream, reader, writer, events, frame } = setUp({ gop: true });
  frame();
  frame();
  reader.prepare(stream, [0], writer);
  stream.addReader(reader);
  assert.deepEqual(events, ["begin", "frame", "frame", "end"]);
  frame();
  frame();
  assert.deepEqual(events.slice(4), ["report", "frame", "frame"]);
});

test("before the first keyframe nothing is written, and nothing counts as discarded", () => {
  const { stream, reader, writer, written, frame } = setUp();
  frame();
  reader.prepare(stream, [0], writer);
  stream.addReader(reader);
  for (let i = 1; i < 5; i++) frame();
  assert.deepEqual([written.length, reader.outboundPacketsDiscarded], [0, 0]);
  frame();
  assert.equal(written.length, 1);
});

test("what a slow client does not get is counted in packets", () => {
  const { stream, reader, writer, written, peer, frame } = setUp();
  reader.prepare(stream, [0], writer);
  stream.addReader(reader);
  frame();
  const sent = reader.outboundPackets;
  peer.pending = 2 << 20;
  frame();
  frame();
  assert.equal(written.length, 1);
  assert.equal(reader.outboundPackets, sent);
  assert.equal(reader.outboundPacketsDiscarded, 6);
  peer.pending = 0;
  frame();
  assert.equal(written.length, 1, "not before a keyframe");
  frame();
  frame();
  assert.equal(written.length, 2);
});

test("a client that takes nothing for the write timeout is given up, once", () => {
  const { stream, reader, writer, peer, frame, clock, ends } = setUp();
  reader.prepare(stream, [0], writer);
  stream.addReader(reader);
  peer.takes = false;
  for (let i = 0; i < 40; i++) {
    clock.passMs(1000);
    frame();
  }
  assert.deepEqual(ends, ["too-slow"]);
});

test("only the tracks that were set up are wanted", () => {
  const { stream, reader, writer } = setUp({ tracks: [video, syntheticAudioTrack()] });
  reader.prepare(stream, [1], writer);
  assert.deepEqual(
    stream.tracks.map((track) => reader.wants(track)),
    [undefined, "packets"],
  );
});

test("reports count what was sent: packets, and octets without headers", () => {
  const { stream, reader, writer, written, reports, frame } = setUp();
  reader.prepare(stream, [0], writer);
  stream.addReader(reader);
  reader.sendReports();
  assert.equal(reports.length, 0, "nothing was sent yet");
  frame();
  frame();
  reader.sendReports();
  const [last] = parseRtcp(reports.at(-1)!, 0, reports.at(-1)!.length);
  const packets = written.flatMap(rtpOf);
  assert.ok(last?.kind === "sender-report");
  assert.deepEqual([last.packets, last.octets], [packets.length, packets.reduce((sum, one) => sum + one.length - RTP_HEADER_BYTES, 0)]);
  assert.equal(last.ssrc, stream.output(0).ssrc);
});

test("without a backlog the first report comes twice: some clients ignore one before the first packet", () => {
  const { stream, reader, writer, events, frame } = setUp();
  reader.prepare(stream, [0], writer);
  stream.addReader(reader);
  for (let i = 0; i < 4; i++) frame();
  assert.deepEqual(events.slice(2), ["report", "frame", "report", "frame", "frame", "frame"]);
});

test("the source's clock is held where a frame comes without one, also in a report that is due then", () => {
  const { stream, reader, writer, reports, frame, readUtcUs, clock } = setUp({ absoluteTime: true });
  const behindUs = 3600e6;
  const cameraUs = (): number => clock.utcOf(clock.us).utcUs + 40_000 - behindUs; // of the next frame
  reader.prepare(stream, [0], writer);
  stream.addReader(reader);
  for (let i = 0; i < 3; i++) frame(cameraUs());
  const before = reports.length;
  frame(); // one whose own timestamp was not believed
  reader.sendReports();
  assert.ok(Math.abs(readUtcUs() - (cameraUs() - 40_000)) < 100);
  frame(cameraUs());
  assert.ok(Math.abs(readUtcUs() - (cameraUs() - 40_000)) < 100);
  assert.equal(reports.length, before + 1, "none but the one that was due");
});

test("over a reconnect the source's clock goes on by what passed, though the timeline could not", () => {
  const { stream, reader, writer, events, frame, reconnect, readUtcUs, clock } = setUp({ absoluteTime: true });
  const cameraUs = (afterMs = 40): number => clock.utcOf(clock.us).utcUs + afterMs * 1000 - 3600e6;
  reader.prepare(stream, [0], writer);
  stream.addReader(reader);
  for (let i = 0; i < 10; i++) frame(cameraUs(20), 20); // an RTP clock that is fast: the timeline is ahead
  reconnect(10);
  frame();
  assert.deepEqual(events.slice(-2), ["report", "frame"]);
  assert.ok(Math.abs(readUtcUs() - (cameraUs() - 40_000)) < 100);
  frame();
  assert.equal(events.at(-2), "frame", "no report of what is only held");
  frame(cameraUs() + 3000);
  assert.equal(events.at(-2), "report");
  assert.ok(Math.abs(readUtcUs() - (cameraUs() + 3000 - 40_000)) < 100);
});
