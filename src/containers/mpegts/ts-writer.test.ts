import assert from "node:assert/strict";
import { test } from "node:test";
import { writeAacConfig } from "#codecs/aac/config.ts";
import type { Parameters } from "#codecs/codec.ts";
import { fuzzRandom, fuzzRounds, type Random } from "#testing/mutate.ts";
import type { ContainerTrack, Sample } from "../sample.ts";
import { PCR_LEAD_MS, START_MS, TsWriter } from "./ts-writer.ts";

const WRAP = 2 ** 33;

interface Packet {
  readonly pid: number;
  readonly start: boolean;
  readonly continuityCounter: number;
  readonly randomAccess: boolean;
  readonly pcr: number | undefined;
  readonly payload: Buffer;
}

interface Pes {
  readonly pid: number;
  readonly streamId: number;
  readonly pts: number;
  readonly dts: number;
  readonly randomAccess: boolean;
  readonly payload: Buffer;
}

/** Reads packets and asserts what holds for every one of them. */
function packetsOf(stream: Buffer): Packet[] {
  assert.equal(stream.length % 188, 0);
  const packets: Packet[] = [];
  for (let at = 0; at < stream.length; at += 188) {
    const packet = stream.subarray(at, at + 188);
    assert.equal(packet[0], 0x47);
    assert.equal(packet[1]! & 0xa0, 0); // no error, no priority
    assert.equal(packet[3]! & 0xc0, 0); // not scrambled
    const control = (packet[3]! >> 4) & 3;
    assert.notEqual(control, 0);
    const fieldBytes = control >= 2 ? 1 + packet[4]! : 0;
    assert.ok(control === 2 ? fieldBytes === 184 : fieldBytes < 184);
    const flags = fieldBytes > 1 ? packet[5]! : 0;
    const used = fieldBytes <= 1 ? fieldBytes : flags & 0x10 ? 8 : 2;
    assert.ok(packet.subarray(4 + used, 4 + fieldBytes).every((byte) => byte === 0xff));
    packets.push({
      pid: packet.readUInt16BE(1) & 0x1fff,
      start: (packet[1]! & 0x40) !== 0,
      continuityCounter: packet[3]! & 15,
      randomAccess: (flags & 0x40) !== 0,
      pcr: flags & 0x10 ? packet.readUInt32BE(6) * 2 + (packet[10]! >> 7) : undefined,
      payload: packet.subarray(4 + fieldBytes),
    });
  }
  return packets;
}

function assertContinuous(packets: readonly Packet[]): void {
  const counters = new Map<number, number>();
  for (const { pid, continuityCounter, payload } of packets) {
    const last = counters.get(pid) ?? 15;
    assert.equal(continuityCounter, payload.length > 0 ? (last + 1) & 15 : last);
    counters.set(pid, continuityCounter);
  }
}

function timestampOf(bytes: Buffer, at: number): number {
  return ((bytes[at]! >> 1) & 7) * 2 ** 30 + (bytes.readUInt16BE(at + 1) >> 1) * 2 ** 15 + (bytes.readUInt16BE(at + 3) >> 1);
}

function pesOf(packets: readonly Packet[]): Pes[] {
  const open = new Map<number, Packet[]>();
  const runs: Packet[][] = [];
  for (const packet of packets.filter(({ pid, payload }) => pid >= 0x100 && pid < 0x1000 && payload.length > 0)) {
    if (packet.start) {
      const run: Packet[] = [];
      runs.push(run);
      open.set(packet.pid, run);
    }
    open.get(packet.pid)!.push(packet);
  }
  return runs.map((run) => {
    const bytes = Buffer.concat(run.map(({ payload }) => payload));
    assert.equal(bytes.readUIntBE(0, 3), 1);
    const lengthBytes = bytes.readUInt16BE(4);
    if (lengthBytes === 0) assert.ok(bytes[3] === 0xe0 && bytes.length - 6 > 0xffff);
    else assert.equal(lengthBytes, bytes.length - 6);
    assert.equal(bytes[6], 0x84);
    const withDts = bytes[7] === 0xc0;
    assert.equal(bytes[9]! >> 4, withDts ? 3 : 2);
    const pts = timestampOf(bytes, 9);
    return {
      pid: run[0]!.pid,
      streamId: bytes[3]!,
      pts,
      dts: withDts ? timestampOf(bytes, 14) : pts,
      randomAccess: run[0]!.randomAccess,
      payload: bytes.subarray(9 + bytes[8]!),
    };
  });
}

const H264 = { codec: "h264" as const, sps: [Buffer.from("674d", "hex")], pps: [Buffer.from("68ee", "hex")] };
const AAC: Parameters = {
  codec: "aac",
  config: writeAacConfig({
    objectType: 2,
    sampleRateHz: 48_000,
    channelCount: 2,
    sbrSampleRateHz: undefined,
    parametricStereo: false,
    samplesPerFrame: 1024,
  })!,
  sampleRateHz: 48_000,
  channelCount: 2,
  sizeLength: 13,
  indexLength: 3,
  indexDeltaLength: 3,
};
const VIDEO: ContainerTrack = { kind: "video", clockRateHz: 90_000, parameters: H264 };
const AUDIO: ContainerTrack = { kind: "audio", clockRateHz: 48_000, parameters: AAC };
const MP3: ContainerTrack = { kind: "audio", clockRateHz: 90_000, parameters: { codec: "mp3" } };

function sampleAt(dtsTicks: number, changes: Partial<Sample> = {}): Sample {
  return { dtsTicks, ptsOffsetTicks: 0, durationTicks: 1, keyframe: false, frame: [Buffer.from("4188", "hex")], ...changes };
}

const isTable = ({ pid }: Packet) => pid === 0 || pid === 0x1000;
const mod = (value: number) => ((value % WRAP) + WRAP) % WRAP;

function randomBytes(random: Random, sizeBytes: number): Buffer {
  return Buffer.from(Array.from({ length: sizeBytes }, () => 1 + random(255)));
}

interface Written {
  readonly pid: number;
  readonly pts: number;
  readonly dts: number;
  readonly keyframe: boolean;
  readonly media: Buffer;
}

/** A live stream: video of a random rate and size, sound a little late; starting anywhere in the 33 bits. */
function writeRandomStream(random: Random): { stream: Buffer; written: Written[] } {
  const origin = random(4) === 0 ? WRAP - random(90_000 * 8) : random(2 ** 30) * 8;
  const fps = [1, 5, 10, 25, 60][random(5)]!;
  const writer = new TsWriter([MP3, VIDEO]); // the sound comes first and does not lead
  const samples: { trackIndex: number; sample: Sample }[] = [];
  for (let i = 0; i < fps * 2 + 4; i++) {
    const sizeBytes = random(8) === 0 ? random(70_000) : random(600);
    const sample = {
      dtsTicks: origin + Math.round((i * 90_000) / fps),
      ptsOffsetTicks: random(3) * Math.round(90_000 / fps),
      keyframe: random(10) === 0,
      frame: [Buffer.from("0910", "hex"), Buffer.concat([Buffer.of(0x41), randomBytes(random, 1 + sizeBytes)])],
    };
    samples.push({ trackIndex: 1, sample: sampleAt(0, sample) });
  }
  for (let at = 0; at < 180_000; at += 2160) {
    const sample = { dtsTicks: origin + at, keyframe: true, frame: [randomBytes(random, 1 + random(400))] };
    samples.push({ trackIndex: 0, sample: sampleAt(0, sample) });
  }
  const lateTicks = random((PCR_LEAD_MS - 1) * 90); // the sound
  const turnOf = ({ trackIndex, sample }: (typeof samples)[number]) => sample.dtsTicks + (trackIndex === 0 ? lateTicks : 0);
  samples.sort((a, b) => turnOf(a) - turnOf(b));
  const written: Written[] = [];
  const buffers = samples.map(({ trackIndex, sample }) => {
    const dts = sample.dtsTicks + START_MS * 90;
    const sets = sample.keyframe ? [...H264.sps, ...H264.pps] : [];
    const [delimiter, ...slices] = sample.frame;
    const media = trackIndex === 0 ? sample.frame : [delimiter!, ...sets, ...slices].flatMap((nal) => [Buffer.of(0, 0, 0, 1), nal]);
    written.push({
      pid: 0x100 + trackIndex,
      pts: mod(dts + sample.ptsOffsetTicks),
      dts: mod(dts),
      keyframe: sample.keyframe,
      media: Buffer.concat(media),
    });
    return writer.write(trackIndex, sample);
  });
  return { stream: Buffer.concat(buffers), written };
}

test("whatever is written can be taken apart again", () => {
  const random = fuzzRandom(7);
  for (let round = fuzzRounds(60); round > 0; round--) {
    const { stream, written } = writeRandomStream(random);
    const packets = packetsOf(stream);
    assertContinuous(packets);
    const found = pesOf(packets).map(({ pid, pts, dts, randomAccess, payload }) => ({
      pid,
      pts,
      dts,
      keyframe: randomAccess,
      media: payload,
    }));
    assert.equal(found.length, written.length);
    for (const [i, pes] of found.entries()) assert.deepEqual(pes, written[i]);
  }
});

test("the PCR grows, and is never behind a decoding time that follows it", () => {
  const random = fuzzRandom(8);
  for (let round = fuzzRounds(60); round > 0; round--) {
    const packets = packetsOf(writeRandomStream(random).stream);
    let last: number | undefined;
    for (const [i, { pid, pcr, start, payload }] of packets.entries()) {
      if (pcr !== undefined) {
        assert.equal(pid, 0x101);
        if (last !== undefined) assert.ok(mod(pcr - last) > 0 && mod(pcr - last) < WRAP / 2, `PCR ${last} then ${pcr}`);
        last = pcr;
      }
      if (!start || isTable(packets[i]!) || last === undefined) continue;
      const withDts = payload[7] === 0xc0;
      const dts = timestampOf(payload, withDts ? 14 : 9);
      assert.ok(mod(dts - last) < WRAP / 2, `PCR ${last} before DTS ${dts}`);
    }
    assert.notEqual(last, undefined);
  }
});

test("tables stand at the start and before each keyframe of the leading track", () => {
  const writer = new TsWriter([VIDEO, AUDIO]);
  const tablesBefore = (trackIndex: number, sample: Sample) => packetsOf(writer.write(trackIndex, sample)).filter(isTable).length;
  assert.equal(tablesBefore(0, sampleAt(0, { keyframe: true })), 2);
  assert.equal(tablesBefore(0, sampleAt(3600)), 0);
  assert.equal(tablesBefore(1, sampleAt(1024, { keyframe: true })), 0);
  assert.equal(tablesBefore(0, sampleAt(7200, { keyframe: true })), 2);
  writer.beginSegment();
  assert.equal(tablesBefore(1, sampleAt(4000, { keyframe: true })), 2);
  assert.equal(tablesBefore(0, sampleAt(10_800)), 0);
});

test("tables come again in time, with sound alone as well", () => {
  for (const track of [VIDEO, AUDIO]) {
    const writer = new TsWriter([track]);
    const at: number[] = [];
    for (let ms = 0; ms < 4000; ms += 20) {
      const sample = sampleAt((ms * track.clockRateHz) / 1000, { keyframe: track === AUDIO });
      if (packetsOf(writer.write(0, sample)).some(isTable)) at.push(ms);
    }
    assert.deepEqual(at, [0, 400, 800, 1200, 1600, 2000, 2400, 2800, 3200, 3600]);
  }
});

test("sound brings the PCR of slow video along, but not past the video", () => {
  const writer = new TsWriter([VIDEO, AUDIO]);
  const found: (readonly [number, number])[] = [];
  for (let ms = 0; ms < 2000; ms += 20) {
    const buffers = [
      ...(ms % 1000 === 0 ? [writer.write(0, sampleAt(ms * 90, { keyframe: true }))] : []),
      writer.write(1, sampleAt(ms * 48, { keyframe: true })),
    ];
    for (const { pcr, pid } of packetsOf(Buffer.concat(buffers))) {
      if (pcr !== undefined) found.push([ms, pcr / 90 - START_MS]);
      if (pcr !== undefined) assert.equal(pid, 0x100);
    }
  }
  const times = [0, 80, 160, 240, 1000, 1080, 1160, 1240];
  assert.deepEqual(
    found,
    times.map((ms) => [ms, ms - PCR_LEAD_MS]),
  );
});

test("tick 0 has a timestamp from which reordering can count back", () => {
  const writer = new TsWriter([VIDEO]);
  const [pes] = pesOf(packetsOf(writer.write(0, sampleAt(-90 * 1500, { ptsOffsetTicks: 90 * 1500 }))));
  assert.equal(pes!.pts, START_MS * 90);
  assert.equal(pes!.dts, 500 * 90);
});

test("several frames of sound are one PES packet, and a sample without any is nothing", () => {
  const writer = new TsWriter([AUDIO]);
  assert.equal(writer.write(0, sampleAt(0, { frame: [] })).length, 0);
  const stream = writer.write(0, sampleAt(1024, { keyframe: true, frame: [Buffer.of(1, 2, 3), Buffer.of(4)] }));
  const [pes, ...others] = pesOf(packetsOf(stream));
  assert.equal(others.length, 0);
  assert.equal(pes!.pts, START_MS * 90 + 1920);
  assert.equal(pes!.payload.toString("hex"), "fff14c80015ffc010203fff14c80011ffc04");
});

test("every length of a frame ends in a whole packet", () => {
  const writer = new TsWriter([MP3]);
  for (let sizeBytes = 1; sizeBytes < 400; sizeBytes++) {
    const frame = [Buffer.alloc(sizeBytes, sizeBytes)];
    const [pes] = pesOf(packetsOf(writer.write(0, sampleAt(sizeBytes, { frame }))));
    assert.deepEqual(pes!.payload, frame[0]);
  }
});

test("new parameter sets are sent with the next keyframe; what the tables do not say is refused", () => {
  const writer = new TsWriter([VIDEO, { ...AUDIO, parameters: { codec: "opus", channelCount: 2 } }]);
  const keyframe = sampleAt(0, { keyframe: true, frame: [Buffer.from("6588", "hex")] });
  const sent = () => pesOf(packetsOf(writer.write(0, keyframe)))[0]!.payload.toString("hex");
  assert.equal(sent(), "0000000109f000000001674d0000000168ee000000016588");
  assert.equal(writer.setParameters(0, { codec: "h264", sps: [Buffer.from("674e", "hex")], pps: [Buffer.from("68ef", "hex")] }), true);
  assert.equal(sent(), "0000000109f000000001674e0000000168ef000000016588");
  assert.equal(writer.setParameters(0, { codec: "h265", vps: [], sps: [], pps: [] }), false);
  assert.equal(writer.setParameters(0, { codec: "av1" }), false);
  assert.equal(writer.setParameters(1, { codec: "opus", channelCount: 1 }), false);
  assert.equal(sent(), "0000000109f000000001674e0000000168ef000000016588");
});

test("tracks that cannot be written are refused at once", () => {
  assert.throws(() => new TsWriter([]), /0 tracks/);
  assert.throws(() => new TsWriter(Array.from({ length: 17 }, () => AUDIO)), /17 tracks/);
  assert.throws(() => new TsWriter([VIDEO, { ...AUDIO, parameters: { codec: "vp9" } }]), /track 2: MPEG-TS does not carry vp9/);
  const writer = new TsWriter(
    Array.from({ length: 16 }, (): ContainerTrack => ({ kind: "data", clockRateHz: 90_000, parameters: { codec: "klv" } })),
  );
  assertContinuous(packetsOf(writer.write(15, sampleAt(0))));
});
