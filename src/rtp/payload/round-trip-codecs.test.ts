// As round-trip.test.ts, for the codecs beside H.264, H.265, JPEG, AAC, Opus and plain samples.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isAv1Keyframe } from "#codecs/av1/obu.ts";
import type { AacParameters, Parameters } from "#codecs/codec.ts";
import { isMpegVideoKeyframe } from "#codecs/mpeg1-video/headers.ts";
import { isMpeg4VideoKeyframe } from "#codecs/mpeg4-video/headers.ts";
import { isVp8Keyframe } from "#codecs/vp8/header.ts";
import { isVp9Keyframe } from "#codecs/vp9/header.ts";
import { BurstBuilder } from "#rtp/burst.ts";
import { readAdtsFrames } from "#testing/coded-clip.ts";
import { readAc3File, readIvfFile, readMp3File, readMpeg4File, readMpegVideoFile, readObuFile } from "#testing/elementary-streams.ts";
import { roundTrip } from "#testing/payload-trip.ts";
import { burstOf, packetsOf } from "#testing/rtp-capture.ts";
import { parametersFromSdp, payloadFormatOf } from "./formats.ts";
import { PacketHas } from "./payload-format.ts";

const PAYLOAD_BYTES = [100, 500, 1440, 60_000];
const clipFile = (name: string) => new URL(`../../codecs/testdata/${name}`, import.meta.url);
const singly = (frames: readonly Buffer[]): Buffer[][] => frames.map((frame) => [frame]);

interface Video {
  readonly name: string;
  readonly parameters: Parameters;
  readonly frames: () => Buffer[][];
  readonly isKeyframe: (frame: readonly Buffer[]) => boolean;
}

const VIDEO: readonly Video[] = [
  ...["av1-main.obu", "av1-svt.obu"].map((name) => ({
    name,
    parameters: { codec: "av1" } as const,
    frames: () => readObuFile(clipFile(name)),
    isKeyframe: isAv1Keyframe,
  })),
  ...["vp9-altref.ivf", "vp9-profile3.ivf"].map((name) => ({
    name,
    parameters: { codec: "vp9" } as const,
    frames: () => singly(readIvfFile(clipFile(name))),
    isKeyframe: ([frame]: readonly Buffer[]) => isVp9Keyframe(frame!),
  })),
  {
    name: "vp8.ivf",
    parameters: { codec: "vp8" },
    frames: () => singly(readIvfFile(clipFile("vp8.ivf"))),
    isKeyframe: ([frame]: readonly Buffer[]) => isVp8Keyframe(frame!),
  },
  ...["mpeg4-b2.m4v", "mpeg4-xvid.m4v"].map((name) => ({
    name,
    parameters: { codec: "mpeg4-video" } as const,
    frames: () => singly(readMpeg4File(clipFile(name))),
    isKeyframe: ([frame]: readonly Buffer[]) => isMpeg4VideoKeyframe(frame!),
  })),
  ...["mpeg2-b2.m2v", "mpeg1-b2.m1v"].map((name) => ({
    name,
    parameters: { codec: "mpeg1-video" } as const,
    frames: () => singly(readMpegVideoFile(clipFile(name))),
    isKeyframe: ([frame]: readonly Buffer[]) => isMpegVideoKeyframe(frame!),
  })),
];

for (const { name, parameters, frames, isKeyframe } of VIDEO) {
  test(`${name}: frames come back as they were, at every packet size`, () => {
    for (const maxPayloadBytes of PAYLOAD_BYTES) {
      for (const frame of frames()) {
        const trip = roundTrip(frame, parameters, maxPayloadBytes);
        assert.deepEqual(trip.frame, frame);
        assert.equal(trip.markers.indexOf(true), trip.markers.length - 1, "the marker is on the last packet only");
        assert.equal((trip.has & PacketHas.slice) !== 0, true);
        assert.equal((trip.has & PacketHas.keyframe) !== 0, isKeyframe(frame));
        if (maxPayloadBytes === 60_000) assert.equal(trip.payloads.length, 1);
      }
    }
  });

  test(`${name}: a frame that lacks a packet is left out, not cut`, () => {
    const format = payloadFormatOf(parameters.codec);
    for (const frame of frames()) {
      const builder = new BurstBuilder(0, 0);
      format.packetize(frame, parameters, 100, builder);
      const packets = packetsOf(builder.finish(), 65_530);
      for (let missing = 0; missing < packets.length; missing++) {
        const got = format.depacketize(burstOf(packets.toSpliced(missing, 1)), parameters);
        for (const part of got ?? []) assert.ok(frame.some((whole) => whole.equals(part)));
        assert.ok((got?.length ?? 0) < frame.length, `packet ${missing} of ${packets.length}`);
      }
    }
  });
}

test("AV1: the aggregation header counts up to three elements and says where a sequence begins", () => {
  const obu = (size: number, type = 6) => Buffer.concat([Buffer.from([type << 3, 0x30]), Buffer.alloc(size, 1)]);
  const header = readObuFile(clipFile("av1-main.obu"))[0]!;
  const first = (frame: readonly Buffer[], max = 1000) => roundTrip(frame, { codec: "av1" }, max).payloads.map((payload) => payload[0]);
  assert.deepEqual(first([obu(20)]), [0x10]);
  assert.deepEqual(first([obu(20), obu(20)]), [0x20]);
  assert.deepEqual(first([obu(20), obu(20), obu(20)]), [0x30]);
  assert.deepEqual(first([obu(20), obu(20), obu(20), obu(20)]), [0x00]);
  assert.deepEqual(first([obu(150)], 100), [0x50, 0x90]);
  assert.deepEqual(first([obu(60), obu(60)], 100), [0x60, 0x90]);
  assert.deepEqual(
    first(header, 1000).map((byte) => byte! & 0x08),
    [0x08, 0],
  );
});

test("AV1: size fields, temporal delimiters and lengths of every element, as some senders write them", () => {
  const format = payloadFormatOf("av1");
  const packet = (hex: string, marker = true) => {
    const bytes = Buffer.concat([Buffer.alloc(12), Buffer.from(hex, "hex")]);
    bytes[0] = 0x80;
    bytes[1] = marker ? 0x80 : 0;
    return bytes;
  };
  const obus = (...hex: readonly string[]) => hex.map((text) => Buffer.from(text, "hex"));
  const read = (...hex: readonly string[]) => format.depacketize(burstOf(hex.map((text) => packet(text))), { codec: "av1" });
  assert.deepEqual(read("0002120003300102" + "0332010a"), obus("300102", "300a"));
  assert.deepEqual(read("203205aabbccddee"), undefined, "an element longer than the packet");
  assert.deepEqual(read("10b0010203"), undefined, "the forbidden bit");
  assert.deepEqual(read("9030010203"), undefined, "the end of something that began elsewhere");
  assert.deepEqual(read("20033001023001"), obus("300102", "3001"));
  assert.deepEqual(read("00"), undefined);
});

test("VP9: descriptors of flexible and non-flexible mode with layers", () => {
  const format = payloadFormatOf("vp9");
  const key = readIvfFile(clipFile("vp9-altref.ivf"))[0]!;
  const delta = readIvfFile(clipFile("vp9-altref.ivf"))[1]!;
  const has = (descriptor: string, frame: Buffer) => {
    const payload = Buffer.concat([Buffer.from(descriptor, "hex"), frame]);
    const rtp = Buffer.concat([Buffer.from("80800000000000000000000000", "hex").subarray(0, 12), payload]);
    assert.deepEqual(format.depacketize(burstOf([rtp]), { codec: "vp9" }), [frame], descriptor);
    return format.inspect(payload, 0, payload.length);
  };
  const keyframe = PacketHas.slice | PacketHas.keyframe | PacketHas.parameters;
  assert.equal(has("0c", key), keyframe);
  assert.equal(has("8c05", key), keyframe, "picture id of seven bits");
  assert.equal(has("8c8123", key), keyframe, "of fifteen bits");
  assert.equal(has("ac05" + "0007", key), keyframe, "layers with TL0PICIDX");
  assert.equal(has("ac05" + "0207", key), PacketHas.slice, "the second spatial layer is no beginning");
  assert.equal(has("bc05" + "00", key), keyframe, "layers in flexible mode");
  assert.equal(has("dc05" + "0302", delta), PacketHas.slice, "two references");
  assert.equal(has("dc05" + "030304", delta), PacketHas.slice, "three");
  assert.equal(has("0e" + "18" + "00b00060" + "02" + "0401" + "0802" + "03", key), keyframe, "scalability structure");
  assert.equal(format.inspect(Buffer.from("8e05", "hex"), 0, 2), 0, "nothing behind the descriptor");
});

test("VP9: the layers of one picture make one frame", () => {
  const packets = ["0c8001", "0c8002"].map((hex, i) => {
    const bytes = Buffer.concat([Buffer.alloc(12), Buffer.from(hex, "hex")]);
    bytes[0] = 0x80;
    bytes[3] = i;
    return bytes;
  });
  assert.deepEqual(payloadFormatOf("vp9").depacketize(burstOf(packets), { codec: "vp9" }), [Buffer.from("80018002", "hex")]);
});

test("MPEG-2 video: packets end where slices do, and their headers say so", () => {
  const frames = readMpegVideoFile(clipFile("mpeg2-b2.m2v"));
  const { payloads } = roundTrip([frames[0]!], { codec: "mpeg1-video" }, 700);
  assert.ok(payloads.length > 2);
  for (const [i, payload] of payloads.entries()) {
    const header = payload.readUInt32BE(0);
    assert.equal((header >> 8) & 7, 1, "an I-picture");
    assert.equal((header >> 13) & 1, i === 0 ? 1 : 0, "sequence header");
    assert.equal((header >> 11) & 3, 3, "whole slices");
    assert.equal(payload.readUIntBE(4, 3), 1, "a start code");
  }
  const [p] = roundTrip([frames[1]!], { codec: "mpeg1-video" }, 60_000).payloads;
  assert.deepEqual([p!.readUInt16BE(0), p![2]! & 7, p![3]], [3, 2, 0x07], "temporal reference, type, forward_f_code");
  const cut = roundTrip([frames[0]!], { codec: "mpeg1-video" }, 100).payloads.map((payload) => (payload[2]! >> 3) & 3);
  assert.deepEqual(cut.slice(0, 2), [2, 0], "begins, and goes on");
  assert.ok(cut.includes(1), "ends");
});

test("MPEG-2 video: four more bytes of header are skipped", () => {
  const format = payloadFormatOf("mpeg1-video");
  const picture = readMpegVideoFile(clipFile("mpeg2-b2.m2v"))[0]!;
  const payload = Buffer.concat([Buffer.from("0400380000000000", "hex"), picture]);
  assert.equal(format.inspect(payload, 0, payload.length), PacketHas.slice | PacketHas.keyframe | PacketHas.parameters);
  const rtp = Buffer.concat([Buffer.from("808000000000000000000000", "hex"), payload]);
  assert.deepEqual(format.depacketize(burstOf([rtp]), { codec: "mpeg1-video" }), [picture]);
});

interface Audio {
  readonly name: string;
  readonly parameters: Parameters;
  readonly frames: () => Buffer[];
  readonly frameTicks: number;
}

const latm = (fmtp: string) => parametersFromSdp("audio", { payloadType: undefined, rtpmap: "MP4A-LATM/48000/2", fmtp }) as AacParameters;
const SDP_LATM = latm("cpresent=0;config=400023203fc0");
const IN_BAND: AacParameters = { ...SDP_LATM, latm: { ...SDP_LATM.latm!, inBand: true } };

const AUDIO: readonly Audio[] = [
  { name: "mp3", parameters: { codec: "mp3" }, frames: () => readMp3File(clipFile("mp3-stereo.mp3")), frameTicks: 2351 },
  { name: "mp2", parameters: { codec: "mp3" }, frames: () => readMp3File(clipFile("mp2-stereo.mp2")), frameTicks: 2160 },
  {
    name: "ac3",
    parameters: { codec: "ac3", sampleRateHz: 44_100, channelCount: 6 },
    frames: () => readAc3File(clipFile("ac3-surround.ac3")),
    frameTicks: 1536,
  },
  { name: "latm", parameters: SDP_LATM, frames: () => readAdtsFrames(clipFile("aac-lc.aac")), frameTicks: 1024 },
  { name: "latm in band", parameters: IN_BAND, frames: () => readAdtsFrames(clipFile("aac-lc.aac")), frameTicks: 1024 },
];

for (const { name, parameters, frames, frameTicks } of AUDIO) {
  test(`${name}: frames come back as they were, at every packet size, each packet with its time`, () => {
    const all = frames();
    for (const maxPayloadBytes of PAYLOAD_BYTES) {
      for (const count of [1, 2, all.length]) {
        const trip = roundTrip(all.slice(0, count), parameters, maxPayloadBytes);
        assert.deepEqual(trip.frame, all.slice(0, count));
        assert.equal(trip.ticks[0], 0);
        assert.ok(trip.ticks.every((ticks, i) => ticks % frameTicks === 0 && ticks >= (trip.ticks[i - 1] ?? 0)));
        assert.equal(trip.has & ~PacketHas.end, PacketHas.slice | PacketHas.keyframe);
      }
    }
  });
}

test("MPEG audio and AC-3: whole frames share a packet, and say that they end with it; pieces do not", () => {
  const mp3 = readMp3File(clipFile("mp3-stereo.mp3"));
  const whole = roundTrip(mp3, { codec: "mp3" }, 1440);
  assert.ok(whole.payloads.length === 3 && (whole.has & PacketHas.end) !== 0);
  const pieces = roundTrip([mp3[0]!], { codec: "mp3" }, 100);
  assert.deepEqual([pieces.has & PacketHas.end, pieces.payloads.map((payload) => payload.readUInt32BE(0))], [0, [0, 96, 192]]);
  const ac3 = readAc3File(clipFile("ac3-stereo.ac3"));
  assert.deepEqual(
    roundTrip(ac3, { codec: "ac3", sampleRateHz: 48_000, channelCount: 2 }, 1440).payloads.map((payload) => payload.readUInt16BE(0)),
    [3, 3, 1],
  );
  const cut = (max: number) =>
    roundTrip([ac3[0]!], { codec: "ac3", sampleRateHz: 48_000, channelCount: 2 }, max).payloads.map((payload) => payload.readUInt16BE(0));
  assert.deepEqual(
    [cut(300), cut(150)],
    [
      [0x0102, 0x0302],
      [0x0203, 0x0303, 0x0303],
    ],
  );
});

test("LATM: a stream that brings its configuration is read once it came, and told once", () => {
  const format = payloadFormatOf("aac");
  const frames = readAdtsFrames(clipFile("aac-lc.aac")).slice(0, 1);
  const builder = new BurstBuilder(0, 0);
  format.packetize(frames, IN_BAND, 1440, builder);
  const burst = builder.finish();
  const unknown = latm("cpresent=1");
  const learned = format.readBurst!(burst, unknown) as AacParameters;
  assert.deepEqual([learned.config, learned.channelCount, learned.sampleRateHz], [Buffer.from("1190", "hex"), 2, 48_000]);
  assert.deepEqual(format.depacketize(burst, learned), frames);
  assert.equal(format.readBurst!(burst, learned), undefined);
  assert.equal(format.readBurst!(burst, SDP_LATM), undefined, "SDP has said it");
  const out = new BurstBuilder(0, 0);
  format.packetize(frames, unknown, 1440, out);
  assert.equal(out.count, 0, "nothing can be sent before");
});

test("G.726: packets end with whole samples, each with its time", () => {
  const samples = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 0xff));
  for (const [bitRate, block] of [
    [16_000, 2],
    [24_000, 3],
    [32_000, 4],
    [40_000, 5],
  ] as const) {
    const trip = roundTrip([samples], { codec: "g726", bitRate, aal2: false }, 100);
    assert.deepEqual(Buffer.concat(trip.frame ?? []), samples.subarray(0, 1000 - (1000 % block)));
    let before = 0;
    for (const [i, payload] of trip.payloads.entries()) {
      assert.equal(payload.length % block, 0);
      assert.equal(trip.ticks[i], (before * 8000 * 8) / bitRate);
      before += payload.length;
    }
  }
});

test("KLV: a unit in pieces, the marker on the last", () => {
  const unit = readFileSync(clipFile("two-units.klv")).subarray(77);
  const trip = roundTrip([unit], { codec: "klv" }, 300);
  assert.deepEqual(trip.frame, [unit]);
  assert.deepEqual(trip.markers, [false, false, true]);
});

test("JPEG: the packets tell the size of the picture as the image does", () => {
  const format = payloadFormatOf("mjpeg");
  const image = readFileSync(clipFile("mjpeg-420-gst.jpg"));
  const builder = new BurstBuilder(0, 0);
  format.packetize([image], { codec: "mjpeg" }, 1200, builder);
  const known: Parameters = { codec: "mjpeg", picture: { widthPx: 160, heightPx: 96 } };
  const burst = builder.finish();
  assert.deepEqual(format.readBurst!(burst, { codec: "mjpeg" }), known);
  assert.deepEqual(format.readParameters!([image], { codec: "mjpeg" }), known);
  assert.equal(format.readBurst!(burst, known), undefined);
  assert.equal(format.readParameters!([image], known), undefined);
});

test("nothing is sent where nothing fits", () => {
  const frame = [Buffer.alloc(50, 0x47)];
  const cases: readonly Parameters[] = [
    { codec: "av1" },
    { codec: "vp9" },
    { codec: "mpeg1-video" },
    { codec: "mp3" },
    { codec: "ac3", sampleRateHz: 48_000, channelCount: 2 },
    { codec: "g726", bitRate: 16_000, aal2: false },
  ];
  for (const parameters of cases) assert.equal(roundTrip(frame, parameters, 1).payloads.length, 0, parameters.codec);
  for (const codec of ["vp9", "mpeg4-video", "mpeg1-video", "klv"] as const) assert.equal(roundTrip([], { codec }, 100).payloads.length, 0);
});
