// Damaged bytes through every parser of this room and of the codecs: they return, in time, and never throw.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parseAdts } from "#codecs/aac/adts.ts";
import { readAudioMuxElement } from "#codecs/aac/audio-mux-element.ts";
import { parseAacConfig } from "#codecs/aac/config.ts";
import { parseStreamMuxConfig } from "#codecs/aac/stream-mux-config.ts";
import { MAX_AC3_FRAME_BYTES, parseAc3Syncframe } from "#codecs/ac3/syncframe.ts";
import { splitAnnexB } from "#codecs/annex-b.ts";
import { joinObus, splitObus } from "#codecs/av1/obu.ts";
import { parseAv1SequenceHeader } from "#codecs/av1/sequence-header.ts";
import type { AacParameters, Parameters } from "#codecs/codec.ts";
import { DtsClock } from "#codecs/dts-clock.ts";
import { frameTicks } from "#codecs/frame-ticks.ts";
import { h264PpsId, parseH264Sps } from "#codecs/h264/sps.ts";
import { h265PpsId, h265VpsId, parseH265Sps } from "#codecs/h265/sps.ts";
import { MAX_FRAME_BYTES, MAX_NALS_PER_FRAME } from "#codecs/limits.ts";
import { parseJpeg } from "#codecs/mjpeg/jpeg.ts";
import { MAX_MP3_FRAME_BYTES, parseMp3Header } from "#codecs/mp3/header.ts";
import { mpegVideoConfig, parseMpegVideoSequence } from "#codecs/mpeg1-video/headers.ts";
import { mpeg4VideoConfig, parseMpeg4VideoConfig } from "#codecs/mpeg4-video/headers.ts";
import { opusSamples } from "#codecs/opus/packet.ts";
import { codecProperties } from "#codecs/properties.ts";
import { reorderFramesOf } from "#codecs/reorder.ts";
import { parseVp8Picture } from "#codecs/vp8/header.ts";
import { parseVp9Picture } from "#codecs/vp9/header.ts";
import { BurstBuilder, payloadEnd, payloadStart } from "#rtp/burst.ts";
import { readCodedClip } from "#testing/coded-clip.ts";
import {
  readAc3File,
  readIvfFile,
  readLoasFile,
  readMp3File,
  readMpeg4File,
  readMpegVideoFile,
  readObuFile,
} from "#testing/elementary-streams.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { burstOf, readRtpCapture } from "#testing/rtp-capture.ts";
import { parametersFromSdp, payloadFormatOf } from "./formats.ts";

const CLIPS = new URL("../../codecs/testdata/", import.meta.url);
const CAPTURES = new URL("testdata/", import.meta.url);
const clip = (name: string) => readCodedClip(new URL(name, CLIPS));

const AAC: AacParameters = {
  codec: "aac",
  config: Buffer.from("1190", "hex"),
  sampleRateHz: 48_000,
  channelCount: 2,
  sizeLength: 13,
  indexLength: 3,
  indexDeltaLength: 3,
};
const latm = (fmtp: string) => parametersFromSdp("audio", { payloadType: undefined, rtpmap: "MP4A-LATM/48000/2", fmtp })!;
const PARAMETERS: readonly (readonly [part: string, parameters: Parameters])[] = [
  ["h264", { codec: "h264", sps: [], pps: [] }],
  ["h265", { codec: "h265", vps: [], sps: [], pps: [] }],
  ["h265", { codec: "h265", vps: [], sps: [], pps: [], maxDonDiff: 1 }],
  ["jpeg", { codec: "mjpeg" }],
  ["aac", AAC],
  ["opus", { codec: "opus", channelCount: 2 }],
  ["pcm", { codec: "g711", muLaw: true, sampleRateHz: 8000, channelCount: 1 }],
  ["l24", { codec: "lpcm", bitDepth: 24, sampleRateHz: 48_000, channelCount: 2 }],
  ["av1", { codec: "av1" }],
  ["vp9", { codec: "vp9" }],
  ["mpeg4", { codec: "mpeg4-video" }],
  ["mpeg2", { codec: "mpeg1-video" }],
  ["mp3", { codec: "mp3" }],
  ["mp2", { codec: "mp3" }],
  ["ac3", { codec: "ac3", sampleRateHz: 48_000, channelCount: 2 }],
  ["latm", latm("cpresent=0;config=400023203fc0")],
  ["latm", latm("cpresent=1")],
  ["g726", { codec: "g726", bitRate: 24_000, aal2: false }],
  ["klv", { codec: "klv" }],
  ["vp8", { codec: "vp8" }],
  ["g722", { codec: "g722" }],
  ["vp8", { codec: "generic", rtpmap: "H266/90000", fmtp: undefined, payloadType: 96 }],
];

for (const [part, parameters] of PARAMETERS) {
  const inBand = parameters.codec === "aac" && parameters.latm?.inBand === true;
  const name = "maxDonDiff" in parameters ? `${part} with order numbers` : inBand ? `${part} in band` : part;
  test(`${name}: damaged packets`, () => {
    const files = readdirSync(CAPTURES).filter((file) => file.endsWith(".rtp") && file.includes(part));
    const packets = files.flatMap((file) => readRtpCapture(new URL(file, CAPTURES)));
    assert.ok(packets.length > 0);
    const format = payloadFormatOf(parameters.codec);
    const random = fuzzRandom(1);
    let whole = 0;
    for (let round = fuzzRounds(2000); round > 0; round--) {
      const from = random(packets.length);
      const some = packets.slice(from, from + 1 + random(6)).map((packet) => (random(2) === 0 ? packet : mutate(packet, random)));
      // What is shorter than a header never reaches a burst.
      const burst = burstOf(some.filter((packet) => packet.length >= 12));
      for (let i = 0; i < burst.count; i++) {
        const [start, end] = [burst.offsets[i]! + 4, burst.offsets[i + 1]!];
        format.inspect(burst.bytes, payloadStart(burst.bytes, start, end), payloadEnd(burst.bytes, start, end));
      }
      format.readBurst?.(burst, parameters);
      const frame = format.depacketize(burst, parameters);
      if (frame === undefined) continue;
      whole++;
      assert.ok(frame.length > 0 && frame.length <= MAX_NALS_PER_FRAME, `${frame.length} parts`);
      assert.ok(frame.reduce((sum, unit) => sum + unit.length, 0) <= MAX_FRAME_BYTES);
      assert.ok(frame.every((unit) => unit.length > 0));
      const read = format.readParameters?.(frame, parameters) ?? parameters;
      codecProperties(read);
      format.packetize(frame, read, 20 + random(1500), new BurstBuilder(0, 0));
    }
    assert.equal(whole > 0, parameters.codec !== "generic" && !inBand);
  });
}

test("damaged parameter sets", () => {
  const h264 = clip("h264-high-interlaced.h264").parameters;
  const h265 = clip("h265-main-open-gop.h265").parameters;
  assert.ok(h264.codec === "h264" && h265.codec === "h265");
  const seeds = [...h264.sps, ...h264.pps, ...h265.vps, ...h265.sps, ...h265.pps, AAC.config, Buffer.from("eb8a0800", "hex")];
  const random = fuzzRandom(2);
  let read = 0;
  const rounds = fuzzRounds(10_000);
  for (let round = rounds; round > 0; round--) {
    const bytes = mutate(seeds[random(seeds.length)]!, random);
    for (const sps of [parseH264Sps(bytes), parseH265Sps(bytes)]) {
      if (sps === undefined) continue;
      read++;
      assert.ok(sps.width > 0 && sps.width <= 16_384 && sps.height > 0 && sps.height <= 16_384);
      assert.ok(sps.maxReorderFrames <= 16 && (sps.fps === undefined || sps.fps > 0));
    }
    h264PpsId(bytes);
    h265VpsId(bytes);
    h265PpsId(bytes);
    parseAacConfig(bytes);
    parseAdts(bytes);
    opusSamples(bytes);
    frameTicks({ ...AAC, config: bytes }, bytes);
    splitAnnexB(bytes);
  }
  assert.ok(read > rounds / 10, "some damage is harmless");
});

test("damaged headers of the other codecs", () => {
  const random = fuzzRandom(6);
  const heads = [
    readIvfFile(new URL("vp8.ivf", CLIPS))[0]!,
    ...readObuFile(new URL("av1-main.obu", CLIPS))[0]!,
    ...readObuFile(new URL("av1-high-10bit.obu", CLIPS))[0]!,
    ...readIvfFile(new URL("vp9-profile1.ivf", CLIPS)),
    readMpeg4File(new URL("mpeg4-b2.m4v", CLIPS))[0]!,
    readMpegVideoFile(new URL("mpeg2-b2.m2v", CLIPS))[0]!,
    readMpegVideoFile(new URL("mpeg1-b2.m1v", CLIPS))[0]!,
    readMp3File(new URL("mp3-stereo.mp3", CLIPS))[0]!,
    readAc3File(new URL("ac3-surround.ac3", CLIPS))[0]!,
    ...readLoasFile(new URL("aac-lc.latm", CLIPS)).slice(0, 2),
    Buffer.from("400023203fc0", "hex"),
  ].map((head) => head.subarray(0, 200));
  let read = 0;
  const rounds = fuzzRounds(10_000);
  for (let round = rounds; round > 0; round--) {
    const bytes = mutate(heads[random(heads.length)]!, random);
    for (const size of [
      parseAv1SequenceHeader(bytes),
      parseVp9Picture(bytes),
      parseVp8Picture(bytes),
      parseMpeg4VideoConfig(bytes),
      parseMpegVideoSequence(bytes),
    ]) {
      if (size === undefined) continue;
      read++;
      assert.ok(size.widthPx > 0 && size.widthPx <= 65_536 && size.heightPx > 0 && size.heightPx <= 65_536);
    }
    assert.ok((splitObus(bytes) ?? []).reduce((sum, obu) => sum + obu.length, 0) <= bytes.length);
    joinObus([bytes]);
    mpeg4VideoConfig(bytes);
    mpegVideoConfig(bytes);
    reorderFramesOf({ codec: "mpeg4-video", config: bytes });
    reorderFramesOf({ codec: "mpeg1-video", config: bytes });
    const mp3 = parseMp3Header(bytes);
    assert.ok(mp3 === undefined || (mp3.frameBytes >= 24 && mp3.frameBytes <= MAX_MP3_FRAME_BYTES), `${mp3?.frameBytes}`);
    const ac3 = parseAc3Syncframe(bytes);
    assert.ok(ac3 === undefined || (ac3.frameBytes >= 128 && ac3.frameBytes <= MAX_AC3_FRAME_BYTES), `${ac3?.frameBytes}`);
    const known = parseStreamMuxConfig(bytes);
    for (const inBand of [true, false]) {
      const element = readAudioMuxElement(bytes, 0, inBand, known);
      if (element === undefined) continue;
      assert.ok(element.end <= bytes.length && element.frames.reduce((sum, { length }) => sum + length, 0) <= bytes.length);
    }
  }
  assert.ok(read > rounds / 10, "some damage is harmless");
});

test("damaged images", () => {
  const seeds = readdirSync(CLIPS).filter((file) => file.endsWith(".jpg"));
  const images = seeds.map((file) => readFileSync(new URL(file, CLIPS)).subarray(0, 900)); // mostly header
  const random = fuzzRandom(3);
  for (let round = fuzzRounds(2000); round > 0; round--) {
    const bytes = mutate(images[random(images.length)]!, random);
    parseJpeg(bytes);
    payloadFormatOf("mjpeg").packetize([bytes], { codec: "mjpeg" }, 300, new BurstBuilder(0, 0));
  }
});

test("damaged slices and times leave the decoding times increasing", () => {
  const random = fuzzRandom(4);
  for (const name of ["h264-main-b3.h264", "h265-main-open-gop.h265"]) {
    const { frames, parameters } = clip(name);
    for (let round = fuzzRounds(20); round > 0; round--) {
      const set =
        parameters.codec === "h264" || parameters.codec === "h265"
          ? { ...parameters, sps: parameters.sps.map((sps) => mutate(sps, random)) }
          : parameters;
      const clock = new DtsClock(set, 90_000);
      let last: number | undefined;
      for (const frame of frames) {
        const dts = clock.next(
          frame.map((nalUnit) => mutate(nalUnit, random)),
          random(2) === 0 ? random(1_000_000) : (last ?? 0) + 3600,
        );
        assert.ok(last === undefined || dts > last);
        last = dts;
      }
    }
  }
});

test("damaged SDP values", () => {
  const random = fuzzRandom(5);
  const seeds = readdirSync(CAPTURES)
    .filter((file) => file.endsWith(".sdp"))
    .flatMap((file) => readFileSync(new URL(file, CAPTURES), "latin1").match(/(?<=a=(rtpmap|fmtp):\d+ ).*/g) ?? []);
  for (let round = fuzzRounds(3000); round > 0; round--) {
    const text = () => mutate(Buffer.from(seeds[random(seeds.length)]!, "latin1"), random).toString("latin1");
    for (const name of [text(), "H264/90000", "H265/90000", "mpeg4-generic/48000", "opus/48000/2", "MP4V-ES/90000", "MP4A-LATM/48000"]) {
      parametersFromSdp("video", { payloadType: random(128), rtpmap: name, fmtp: text() });
    }
  }
});
