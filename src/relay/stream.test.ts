import assert from "node:assert/strict";
import { test } from "node:test";
import type { Parameters } from "#codecs/codec.ts";
import { BurstBuilder, type PacketBurst } from "#rtp/burst.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { SYNTHETIC_SETS, SyntheticVideo, syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import { frameUnit, packetUnit, rtpOf, sequencesOf, UnitTap } from "#testing/unit-tap.ts";
import { GopMemory } from "./gop-cache.ts";
import { Stream } from "./stream.ts";
import type { Track } from "./track.ts";
import type { Face, Unit } from "./unit.ts";

const FRAME_US = 40_000;
const video = syntheticTrack();
const audio = syntheticAudioTrack();

interface SetUp {
  readonly tracks?: readonly Track[];
  readonly native?: Face;
  readonly udpMaxPayloadBytes?: number;
  readonly gop?: boolean;
}

function setUp({ tracks = [video], native = "packets", udpMaxPayloadBytes = 1452, gop = false }: SetUp = {}) {
  const clock = new FakeClock();
  const budget = new GopMemory();
  const stream = new Stream(tracks, native, { clock, udpMaxPayloadBytes, gopMemory: budget });
  stream.cacheGop(gop);
  const publish = stream.begin(tracks, native);
  return { clock, budget, stream, publish };
}

/** `count` frames, one after the other, as the clock goes. */
function feed({ clock, publish }: ReturnType<typeof setUp>, camera: SyntheticVideo, count: number, make = packetUnit): void {
  for (let i = 0; i < count; i++) {
    clock.us += FRAME_US;
    publish(make(camera, video, clock.us));
  }
}

const framesOnly = (): Face => "frame";
const sequenceAt = (packet: Buffer): number => packet.readUInt16BE(2);
const timestampAt = (packet: Buffer): number => packet.readUInt32BE(4);
const isRun = (numbers: readonly number[]): boolean => numbers.every((number, i) => i === 0 || number === ((numbers[i - 1]! + 1) & 0xffff));

function audioUnit(captureUs: number, ticks: number, sequence: number): Unit {
  const builder = new BurstBuilder(2, 256);
  const at = builder.add(160, false) - 12;
  const packets = builder.finish();
  packets.bytes.writeUInt16BE(sequence, at + 2);
  return { track: audio, ptsTicks: ticks, captureUs, keyframe: true, damaged: false, packets };
}

test("the missing face is made once, and only if a reader wants it", () => {
  const site = setUp();
  const camera = new SyntheticVideo();
  const given = new Set<Unit>();
  const onUnit = (unit: Unit): void => void given.add(unit);
  const packets = new UnitTap({ onUnit });
  site.stream.addReader(packets);
  feed(site, camera, 1);
  assert.equal(packets.units[0]!.frame, undefined);
  given.clear();
  const [one, two] = [new UnitTap({ wants: framesOnly, onUnit }), new UnitTap({ wants: framesOnly, onUnit })];
  site.stream.addReader(one);
  site.stream.addReader(two);
  feed(site, camera, 1);
  assert.deepEqual([packets.units.length, one.units.length, two.units.length, given.size], [2, 1, 1, 1]);
  assert.deepEqual(one.numbers, [1]);
  site.stream.removeReader(one);
  site.stream.removeReader(two);
  feed(site, camera, 1);
  assert.equal(packets.units[2]!.frame, undefined);
});

test("a source of frames gets packets when a reader of packets is there, numbered without a gap", () => {
  const site = setUp({ native: "frame" });
  const camera = new SyntheticVideo();
  const frames = new UnitTap({ wants: framesOnly });
  site.stream.addReader(frames);
  feed(site, camera, 2, frameUnit);
  assert.equal(frames.units[1]!.packets, undefined);
  const packets = new UnitTap();
  site.stream.addReader(packets);
  feed(site, camera, 3, frameUnit);
  assert.deepEqual(packets.numbers, [2, 3, 4]);
  assert.ok(isRun(packets.packets.map(sequenceAt)));
  assert.equal(packets.packets.at(-1)![1]! >> 7, 1, "marker");
});

test("nothing is made for tracks that nobody reads", () => {
  const site = setUp({ tracks: [video, audio] });
  const tap = new UnitTap({ wants: (track) => (track.kind === "audio" ? "packets" : undefined) });
  site.stream.addReader(tap);
  feed(site, new SyntheticVideo(), 1);
  site.publish(audioUnit(site.clock.us, 0, 7));
  assert.deepEqual(
    tap.units.map((unit) => unit.track),
    [audio],
  );
});

test("readers that leave while a unit is handed round take nobody with them", () => {
  const site = setUp();
  const { stream } = site;
  const last = new UnitTap();
  const second = new UnitTap({ onUnit: (_unit, self) => stream.removeReader(self) });
  const first = new UnitTap({ onUnit: (_unit, self) => stream.removeReader(self) });
  for (const tap of [first, second, last]) stream.addReader(tap);
  feed(site, new SyntheticVideo(), 2);
  assert.deepEqual(
    [first, second, last].map((tap) => tap.units.length),
    [1, 1, 2],
  );
});

test("a reader that joins while a unit is handed round gets the next one", () => {
  const site = setUp();
  const late = new UnitTap();
  const first = new UnitTap({ onUnit: () => site.stream.addReader(late) });
  site.stream.addReader(first);
  const camera = new SyntheticVideo();
  feed(site, camera, 1);
  site.stream.removeReader(first);
  feed(site, camera, 1);
  assert.deepEqual(late.numbers, [1]);
});

test("headers are the stream's own: payload type, SSRC, sequence and timestamp; marker, payload and padding stay", () => {
  const site = setUp();
  const tap = new UnitTap();
  site.stream.addReader(tap);
  const camera = new SyntheticVideo({ payloadType: 111, ssrc: 42 });
  const twin = new SyntheticVideo({ payloadType: 111, ssrc: 42 });
  feed(site, camera, 3);
  const { ssrc, payloadType } = site.stream.output(0);
  assert.equal(payloadType, 96);
  const sent = [0, 1, 2].flatMap(() => rtpOf(twin.nextBurst()));
  assert.equal(tap.packets.length, sent.length);
  for (const [i, packet] of tap.packets.entries()) {
    assert.equal(packet[0], 0x80);
    assert.equal(packet[1]! & 0x7f, payloadType);
    assert.equal(packet[1]! & 0x80, sent[i]![1]! & 0x80);
    assert.equal(packet.readUInt32BE(8), ssrc);
    assert.deepEqual(packet.subarray(12), sent[i]!.subarray(12));
  }
  assert.ok(isRun(tap.packets.map(sequenceAt)));
  const times = tap.units.map((unit) => timestampAt(rtpOf(unit.packets!)[0]!));
  assert.deepEqual(
    [times[1]! - times[0]!, times[2]! - times[1]!].map((step) => step >>> 0),
    [3600, 3600],
  );
});

test("a static payload type is kept, a dynamic one is 96 and the track's index", () => {
  const { stream } = setUp({ tracks: [audio, { ...video, index: 1 }] });
  assert.equal(stream.output(0).payloadType, 8);
  assert.equal(stream.output(1).payloadType, 97);
});

test("losses of the source stay visible; a new numbering and a new SSRC do not make one", () => {
  const site = setUp();
  const tap = new UnitTap();
  site.stream.addReader(tap);
  const camera = new SyntheticVideo();
  feed(site, camera, 1);
  camera.nextSequence = (camera.nextSequence + 5) & 0xffff;
  feed(site, camera, 1);
  camera.nextSequence = (camera.nextSequence - 20_000) & 0xffff;
  feed(site, camera, 1);
  const other = new SyntheticVideo({ ssrc: 99, firstSequence: 3, inBandSets: false });
  feed(site, other, 1);
  const [a, b, c, d] = tap.units.map((unit) => sequencesOf(unit.packets!));
  assert.equal((b![0]! - a!.at(-1)!) & 0xffff, 6);
  assert.equal((c![0]! - b!.at(-1)!) & 0xffff, 1);
  assert.equal((d![0]! - c!.at(-1)!) & 0xffff, 1);
  assert.equal(new Set(tap.packets.map((packet) => packet.readUInt32BE(8))).size, 1);
});

test("over a reconnect numbers go on, time goes on by capture, and what the old session still sends is ignored", () => {
  const site = setUp();
  const { stream, clock } = site;
  const tap = new UnitTap();
  stream.addReader(tap);
  feed(site, new SyntheticVideo(), 2);
  stream.pause();
  site.publish(packetUnit(new SyntheticVideo(), video, clock.us));
  clock.us += 10_000_000;
  const again = stream.begin([video], "packets");
  site.publish(packetUnit(new SyntheticVideo(), video, clock.us));
  again(packetUnit(new SyntheticVideo({ ssrc: 5, firstSequence: 100, firstTimestamp: 77 }), video, clock.us));
  assert.equal(tap.units.length, 3);
  assert.ok(isRun(tap.packets.map(sequenceAt)));
  const [, before, after] = tap.units;
  assert.equal(after!.ptsTicks - before!.ptsTicks, 900_000);
  assert.equal((timestampAt(rtpOf(after!.packets!)[0]!) - timestampAt(rtpOf(before!.packets!)[0]!)) >>> 0, 900_000);
  assert.deepEqual(tap.ends, []);
});

test("all tracks count from one epoch: the first unit of the stream", () => {
  const site = setUp({ tracks: [video, audio] });
  const tap = new UnitTap();
  site.stream.addReader(tap);
  feed(site, new SyntheticVideo({ firstTimestamp: 5 }), 1);
  site.publish(audioUnit(site.clock.us + 500_000, 123_456, 1));
  assert.deepEqual(
    tap.units.map((unit) => unit.ptsTicks),
    [0, 4000],
  );
});

test("the first packet that is too large for a datagram switches the track to packets of our own", () => {
  const site = setUp({ udpMaxPayloadBytes: 600 });
  const tap = new UnitTap();
  site.stream.addReader(tap);
  const small = new SyntheticVideo({ maxPacketBytes: 600 });
  feed(site, small, 1);
  const large = new SyntheticVideo({ maxPacketBytes: 60_000, frameBytes: 20_000 });
  feed(site, large, 2);
  const fine = new SyntheticVideo({ maxPacketBytes: 400 });
  feed(site, fine, 1);
  assert.deepEqual(tap.numbers, [0, 0, 1, 0]);
  assert.ok(tap.packets.every((packet) => packet.length <= 600));
  assert.ok(
    tap.units.at(-1)!.packets!.count < new SyntheticVideo({ maxPacketBytes: 400 }).nextBurst().count,
    "once switched, always switched",
  );
  assert.ok(isRun(tap.packets.map(sequenceAt)));
});

test("repacketised, a damaged frame leaves a gap, and so does one of which nothing is left", () => {
  const site = setUp({ udpMaxPayloadBytes: 600 });
  const tap = new UnitTap();
  site.stream.addReader(tap);
  const camera = new SyntheticVideo({ maxPacketBytes: 2000, frameBytes: 3000 });
  feed(site, camera, 1);
  const first = packetUnit(camera, video, site.clock.us);
  const half: PacketBurst = { ...first.packets!, count: 1 };
  site.publish({ ...first, damaged: true, packets: half });
  feed(site, camera, 1);
  assert.deepEqual(tap.numbers, [0, 2]);
  const [a, b] = tap.units.map((unit) => sequencesOf(unit.packets!));
  assert.equal((b![0]! - a!.at(-1)!) & 0xffff, 2);
  assert.equal(site.stream.framesInError, 1);
});

test("repacketised, a frame that cannot be read goes out as it came, without a step back in the numbers", () => {
  const site = setUp({ udpMaxPayloadBytes: 600 });
  const tap = new UnitTap();
  site.stream.addReader(tap);
  const camera = new SyntheticVideo({ maxPacketBytes: 2000, frameBytes: 3000 });
  feed(site, camera, 2);
  const strange = packetUnit(camera, video, site.clock.us);
  for (const packet of rtpOf(strange.packets!)) packet[12] = 30; // a NAL unit type that RFC 6184 does not have
  site.publish(strange);
  feed(site, camera, 2);
  assert.equal(tap.units.length, 5);
  assert.deepEqual(tap.packets.filter((packet) => packet.length > 600).length > 0, true);
  assert.ok(isRun(tap.packets.map(sequenceAt)));
  assert.ok(
    rtpOf(tap.units.at(-1)!.packets!).every((packet) => packet.length <= 600),
    "the track is still repacketised",
  );
});

test("a format that nobody knows is never repacketised", () => {
  const parameters: Parameters = { codec: "generic", rtpmap: "H266/90000", fmtp: undefined, payloadType: 98 };
  const track: Track = { ...video, codec: "generic", parameters };
  const site = setUp({ tracks: [track], udpMaxPayloadBytes: 600 });
  const tap = new UnitTap();
  site.stream.addReader(tap);
  const camera = new SyntheticVideo({ maxPacketBytes: 3000 });
  for (let i = 0; i < 2; i++) site.publish(packetUnit(camera, track, site.clock.us));
  assert.equal(tap.units.length, 2);
  assert.ok(tap.packets.some((packet) => packet.length > 600));
});

test("new parameters make a new Track with the same index, which readers see by identity", () => {
  const site = setUp();
  const tap = new UnitTap();
  site.stream.addReader(tap);
  feed(site, new SyntheticVideo(), 1);
  const parameters = { codec: "h264", sps: [SYNTHETIC_SETS.otherSps], pps: [SYNTHETIC_SETS.pps] } as const;
  const changed: Track = { ...video, parameters };
  site.publish(packetUnit(new SyntheticVideo(), changed, site.clock.us));
  assert.equal(tap.units[0]!.track, video);
  assert.equal(tap.units[1]!.track, changed);
  assert.equal(site.stream.tracks[0], changed);
});

test("readers can go on where what they told their clients still holds", () => {
  const g711 = { codec: "g711", muLaw: false, sampleRateHz: 8000, channelCount: 1 } as const;
  const lpcm = { codec: "lpcm", bitDepth: 16, sampleRateHz: 8000, channelCount: 1 } as const;
  const aac = {
    codec: "aac",
    config: Buffer.from([0x12, 0x10]),
    sampleRateHz: 44_100,
    channelCount: 2,
    sizeLength: 13,
    indexLength: 3,
    indexDeltaLength: 3,
  } as const;
  const h265 = { codec: "h265", vps: [], sps: [], pps: [] } as const;
  const generic = { codec: "generic", rtpmap: "H266/90000", fmtp: undefined, payloadType: 98 } as const;
  const of = (parameters: Parameters, changes: Partial<Track> = {}): Track => ({
    ...video,
    codec: parameters.codec,
    parameters,
    ...changes,
  });
  const cases: readonly (readonly [Track, Track, boolean])[] = [
    [video, syntheticTrack({ described: false }), true],
    [video, { ...video, clockRateHz: 8000 }, false],
    [video, { ...video, kind: "data" }, false],
    [video, of(h265), false],
    [of(h265), of({ ...h265, maxDonDiff: 0 }), true],
    [of(h265), of({ ...h265, maxDonDiff: 2 }), false],
    [of(g711), of({ ...g711 }), true],
    [of(g711), of({ ...g711, muLaw: true }), false],
    [of(g711), of({ ...g711, channelCount: 2 }), false],
    [of(lpcm), of({ ...lpcm, bitDepth: 24 }), false],
    [of(aac), of({ ...aac, config: Buffer.from(aac.config) }), true],
    [of(aac), of({ ...aac, config: Buffer.from([0x11, 0x90]) }), false],
    [of(aac), of({ ...aac, sizeLength: 6 }), false],
    [of(generic), of({ ...generic, payloadType: 100 }), true],
    [of(generic), of({ ...generic, rtpmap: "EVC/90000" }), false],
    [of({ codec: "mjpeg" }), of({ codec: "mjpeg" }), true],
  ];
  for (const [before, after, expected] of cases)
    assert.equal(setUp({ tracks: [before] }).stream.accepts([after]), expected, JSON.stringify([before, after]));
  assert.equal(setUp().stream.accepts([video, audio]), false);
});

test("a new reader gets the open GOP: numbers end before the next packet, times end at the live edge, the live units follow", () => {
  const site = setUp({ gop: true });
  const camera = new SyntheticVideo({ gopFrames: 10 });
  feed(site, camera, 17);
  const { output } = { output: site.stream.output(0) };
  const [start] = site.stream.startOfPlay();
  const tap = new UnitTap();
  site.stream.addReader(tap);
  assert.equal(tap.backlogCount, 7);
  feed(site, camera, 2);
  assert.deepEqual(tap.numbers, [10, 11, 12, 13, 14, 15, 16, 17, 18]);
  assert.ok(isRun(tap.packets.map(sequenceAt)));
  const pts = tap.units.map((unit) => unit.ptsTicks);
  assert.equal(pts[6], 16 * 3600, "the last one of the GOP keeps its time");
  for (let i = 1; i < 7; i++) assert.equal(pts[i]! - pts[i - 1]!, 1, "one tick apart");
  assert.deepEqual(pts.slice(7), [17 * 3600, 18 * 3600]);
  for (const unit of tap.units) assert.equal(timestampAt(rtpOf(unit.packets!)[0]!), output.rtpTimestamp(unit.ptsTicks));
  assert.equal(start!.sequence, sequenceAt(tap.packets[0]!));
  assert.equal(start!.timestamp, timestampAt(tap.packets[0]!));
});

test("readers that join between two units share one backlog; the cached units are not touched", () => {
  const site = setUp({ gop: true });
  const early = new UnitTap();
  site.stream.addReader(early);
  feed(site, new SyntheticVideo(), 5);
  const before = early.packets.map((packet) => packet.toString("hex"));
  const [one, two] = [new UnitTap(), new UnitTap()];
  site.stream.addReader(one);
  site.stream.addReader(two);
  assert.ok(one.units.every((unit, i) => unit === two.units[i]));
  assert.deepEqual(
    early.packets.map((packet) => packet.toString("hex")),
    before,
  );
});

test("a backlog of frames from packets, and of packets from frames", () => {
  const fromPackets = setUp({ gop: true });
  feed(fromPackets, new SyntheticVideo(), 3);
  const frames = new UnitTap({ wants: framesOnly });
  fromPackets.stream.addReader(frames);
  assert.deepEqual(frames.numbers, [0, 1, 2]);
  assert.equal(frames.units[0]!.frame!.length, 3);

  const fromFrames = setUp({ gop: true, native: "frame" });
  const camera = new SyntheticVideo();
  feed(fromFrames, camera, 3, frameUnit);
  const first = new UnitTap();
  fromFrames.stream.addReader(first);
  const second = new UnitTap();
  fromFrames.stream.addReader(second);
  feed(fromFrames, camera, 1, frameUnit);
  for (const tap of [first, second]) {
    assert.deepEqual(tap.numbers, [0, 1, 2, 3]);
    assert.ok(isRun(tap.packets.map(sequenceAt)));
  }
});

test("audio is not part of the backlog; without video there is none", () => {
  const site = setUp({ tracks: [video, audio], gop: true });
  feed(site, new SyntheticVideo(), 2);
  site.publish(audioUnit(site.clock.us, 0, 1));
  const tap = new UnitTap();
  site.stream.addReader(tap);
  assert.deepEqual(
    tap.units.map((unit) => unit.track.kind),
    ["video", "video"],
  );
  const soundOnly = new UnitTap({ wants: (track) => (track.kind === "audio" ? "packets" : undefined) });
  site.stream.addReader(soundOnly);
  assert.equal(soundOnly.backlogCount, 0);

  const withoutVideo = setUp({ tracks: [{ ...audio, index: 0 }], gop: true });
  withoutVideo.publish({ ...audioUnit(withoutVideo.clock.us, 0, 1), track: { ...audio, index: 0 } });
  const listener = new UnitTap();
  withoutVideo.stream.addReader(listener);
  assert.equal(listener.backlogCount, 0);
});

test("startOfPlay without a GOP: the next packet, and this instant", () => {
  const site = setUp({ tracks: [video, audio] });
  feed(site, new SyntheticVideo(), 1);
  site.clock.us += 2_000_000;
  const [first, second] = site.stream.startOfPlay();
  assert.equal(first!.sequence, site.stream.output(0).nextSequence);
  assert.equal(first!.timestamp, site.stream.output(0).rtpTimestamp(180_000));
  assert.equal(second!.sequence, site.stream.output(1).nextSequence);
  assert.equal(second!.timestamp, site.stream.output(1).rtpTimestamp(16_000));
});

test("a keyframe is asked for at most once a second, by a PLI and by a reader that starts without a picture", () => {
  const site = setUp();
  let asked = 0;
  site.stream.onKeyframeWanted = () => asked++;
  site.stream.addReader(new UnitTap());
  assert.equal(asked, 1);
  site.stream.requestKeyframe();
  site.clock.us += 999_999;
  site.stream.requestKeyframe();
  assert.equal(asked, 1);
  site.clock.us += 1;
  site.stream.requestKeyframe();
  assert.equal(asked, 2);
  site.clock.us += 5_000_000;
  site.stream.addReader(new UnitTap({ wants: (track) => (track.kind === "audio" ? "packets" : undefined) }));
  assert.equal(asked, 2, "a reader of sound needs none");
});

test("the cache is emptied by a pause, switched off and on while it runs, and its bytes are given back", () => {
  const site = setUp({ gop: true });
  const camera = new SyntheticVideo({ gopFrames: 4 });
  feed(site, camera, 2);
  assert.ok(site.budget.usedBytes > 6000);
  site.stream.cacheGop(false);
  assert.equal(site.budget.usedBytes, 0);
  site.stream.cacheGop(true);
  feed(site, camera, 2);
  assert.equal(site.budget.usedBytes, 0, "it begins at a keyframe");
  feed(site, camera, 1);
  assert.ok(site.budget.usedBytes > 0);
  site.stream.pause();
  assert.equal(site.budget.usedBytes, 0);
  const tap = new UnitTap();
  site.stream.addReader(tap);
  assert.equal(tap.backlogCount, 0);
});

test("the end reaches every reader once, also those that end others", () => {
  const site = setUp({ gop: true });
  const second = new UnitTap();
  const first = new UnitTap({ onEnd: () => site.stream.removeReader(second) });
  site.stream.addReader(first);
  site.stream.addReader(second);
  feed(site, new SyntheticVideo(), 1);
  site.stream.end("path-removed");
  site.stream.end("closed");
  assert.deepEqual([first.ends, second.ends], [["path-removed"], ["path-removed"]]);
  assert.equal(site.stream.readers.size, 0);
  assert.equal(site.budget.usedBytes, 0);
});

test("bytes are counted, those of readers that are gone included", () => {
  const site = setUp();
  const camera = new SyntheticVideo();
  const tap = new UnitTap();
  site.stream.addReader(tap);
  feed(site, camera, 1);
  const { bytes, count } = tap.units[0]!.packets!;
  assert.equal(site.stream.inboundBytes, bytes.length - count * 4, "of the packets, without their framing");
  tap.outboundBytes = 500;
  assert.equal(site.stream.outboundBytes, 500);
  site.stream.removeReader(tap);
  assert.equal(site.stream.outboundBytes, 500);
});
