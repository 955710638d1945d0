// Damaged packets through the whole of a received track, and damaged session descriptions: nothing throws, grows or is counted twice.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { Parameters } from "#codecs/codec.ts";
import { codecProperties } from "#codecs/properties.ts";
import { fuzzRandom, fuzzRounds, mutate, type Random } from "#testing/mutate.ts";
import { repetitiveTexts } from "#testing/repetitive-texts.ts";
import { readRtpCapture } from "#testing/rtp-capture.ts";
import { FRAMING_BYTES } from "./burst.ts";
import { clockRateOf, describeFormat, kindOf, parametersFromSdp, payloadFormatOf } from "./payload/formats.ts";
import { REORDER_TCP, REORDER_UDP, ReorderBuffer } from "./reorder.ts";
import { parseRtcp, writePictureLoss, writeReceiverReport, writeSenderReport } from "./rtcp.ts";
import { parseSdp, SDP_LIMITS, writeSdp } from "./sdp.ts";
import { type ReceivedFrame, TrackReceiver } from "./track-receiver.ts";
import { TrackTiming } from "./track-timing.ts";

const CAPTURES = new URL("payload/testdata/", import.meta.url);
const DESCRIPTIONS = new URL("testdata/", import.meta.url);

/** 4 MiB and the packet that crossed the line. */
const MAX_FRAME_BYTES = (4 << 20) + 0xffff + FRAMING_BYTES;
const MAX_FRAME_PACKETS = 4096;
/** Headers and tables that are put before the pieces of a frame: JPEG's (RFC 2435 §3.1) are the largest. */
const MADE_BYTES_PER_FRAME = 1024;

/** A network and a camera at their worst: each packet comes as it was, damaged, twice, too late, or not at all. */
function* disturbed(packets: readonly Buffer[], count: number, random: Random): Generator<Buffer> {
  let delayed: Buffer | undefined;
  for (let i = 0; i < count; i++) {
    const packet = packets[i % packets.length]!;
    switch (random(24)) {
      case 0:
        break;
      case 1:
        yield mutate(packet, random);
        break;
      case 2:
        yield packet;
        yield random(2) === 0 ? packet : mutate(packet, random);
        break;
      case 3:
        if (delayed !== undefined) yield delayed;
        delayed = packet;
        break;
      default:
        yield packet;
    }
  }
}

const RTCP = [
  writeSenderReport({ ssrc: 1, utcUs: 1.7e15, timestamp: 90_000, packets: 10, octets: 1000 }),
  writeReceiverReport(1, {
    ssrc: 2,
    fractionLost: 3,
    cumulativeLost: -4,
    highestSequence: 5,
    jitter: 6,
    lastSenderReport: 7,
    delaySinceLast: 8,
  }),
  Buffer.concat([writeReceiverReport(1, undefined), writePictureLoss(1, 2), Buffer.from("81cb000100000001", "hex")]),
];

interface Sums {
  packets: number;
  bytes: number;
  frames: number;
  frameBytes: number;
}

/** Checks one frame and takes it apart as readers do; returns what is known of the track from then on. */
function takeFrame(frame: ReceivedFrame, parameters: Parameters, sums: Sums): Parameters {
  const { burst } = frame;
  sums.frames++;
  sums.packets += burst.count;
  sums.bytes += burst.bytes.length;
  assert.ok(burst.count > 0 && burst.count <= MAX_FRAME_PACKETS && burst.bytes.length <= MAX_FRAME_BYTES);
  assert.equal(burst.offsets[burst.count], burst.bytes.length);
  const format = payloadFormatOf(parameters.codec);
  const told = format.readBurst?.(burst, parameters) ?? parameters;
  const units = format.depacketize(burst, told);
  if (units === undefined) return told;
  const unitBytes = units.reduce((sum, unit) => sum + unit.length, 0);
  assert.ok(unitBytes <= burst.bytes.length + MADE_BYTES_PER_FRAME, `${unitBytes} bytes out of ${burst.bytes.length}`);
  sums.frameBytes += unitBytes;
  return format.readParameters?.(units, told) ?? told;
}

const TRACKS: readonly (readonly [capture: string, kind: string, rtpmap: string, fmtp?: string])[] = [
  ["ffmpeg-h264.rtp", "video", "H264/90000"],
  ["gst-h264-stap.rtp", "video", "H264/90000"],
  ["ffmpeg-h265.rtp", "video", "H265/90000"],
  ["gst-h265-ap.rtp", "video", "H265/90000", "sprop-max-don-diff=1"],
  ["gst-jpeg-420.rtp", "video", "JPEG/90000"],
  ["ffmpeg-aac.rtp", "audio", "mpeg4-generic/48000/2", "mode=AAC-hbr;config=1190;sizelength=13;indexlength=3;indexdeltalength=3"],
  ["gst-aac-fragmented.rtp", "audio", "mpeg4-generic/48000/2", "mode=AAC-hbr;config=1190;sizelength=13;indexlength=3;indexdeltalength=3"],
  ["gst-opus.rtp", "audio", "opus/48000/2"],
  ["gst-pcmu.rtp", "audio", "PCMU/8000"],
  ["gst-l24.rtp", "audio", "L24/48000/2"],
  ["gortsplib-av1.rtp", "video", "AV1/90000"],
  ["gst-vp9.rtp", "video", "VP9/90000"],
  ["gst-mpeg4.rtp", "video", "MP4V-ES/90000"],
  ["ffmpeg-mpeg2.rtp", "video", "MPV/90000"],
  ["ffmpeg-mp3.rtp", "audio", "MPA/90000"],
  ["gst-mp2-cut.rtp", "audio", "MPA/90000"],
  ["gst-ac3-cut.rtp", "audio", "AC3/48000"],
  ["gst-latm-cut.rtp", "audio", "MP4A-LATM/48000/2", "cpresent=0;config=400023203fc0"],
  ["ffmpeg-g726.rtp", "audio", "AAL2-G726-32/8000"],
  ["gst-klv.rtp", "application", "SMPTE336M/90000"],
  ["gst-vp8.rtp", "video", "VP8/90000"],
  ["ffmpeg-g722.rtp", "audio", "G722/8000"],
  ["ffmpeg-vp8.rtp", "video", "H266/90000"],
];

for (const [capture, kind, rtpmap, fmtp] of TRACKS) {
  for (const [transport, reorder] of [
    ["TCP", REORDER_TCP],
    ["UDP", REORDER_UDP],
  ] as const) {
    test(`${capture} over bad ${transport}`, () => {
      const random = fuzzRandom(capture.length);
      const packets = readRtpCapture(new URL(capture, CAPTURES));
      let parameters = parametersFromSdp(kind, { payloadType: 96, rtpmap, fmtp })!;
      const clockRateHz = clockRateOf(parameters);
      const timings = [true, false].map((repair) => new TrackTiming({ clockRateHz, repair, memory: { last: undefined } }));
      const sums: Sums = { packets: 0, bytes: 0, frames: 0, frameBytes: 0 };
      /** The newest frames, held as the relay holds them. */
      const held: ReceivedFrame[] = [];
      const receiver = new TrackReceiver({
        format: payloadFormatOf(parameters.codec),
        channel: 0,
        clockRateHz,
        reorder,
        onFrame: (frame) => {
          parameters = takeFrame(frame, parameters, sums);
          if (held.push(frame) > 100) held.shift();
          for (const timing of timings) {
            const { ptsTicks, captureUs, senderUtcUs = 0 } = timing.next(frame.ticks, frame.arrivalUs, random(2) === 0);
            assert.ok([ptsTicks, captureUs, senderUtcUs].every(Number.isFinite), `${ptsTicks} ${captureUs} ${senderUtcUs}`);
          }
        },
        onSenderReport: ({ ntpSeconds, ntpFraction, arrivalUs }, ticks) => {
          for (const { sender } of timings) sender.report(ntpSeconds, ntpFraction, ticks, arrivalUs);
        },
      });
      const buffersBefore = process.memoryUsage().arrayBuffers;
      let sentPackets = 0;
      let sentBytes = 0;
      let nowUs = 0;
      for (const packet of disturbed(packets, fuzzRounds(5000), random)) {
        sentPackets++;
        sentBytes += packet.length;
        nowUs += random(20_000);
        receiver.onRtp(packet, 0, packet.length, nowUs);
        if (random(20) === 0) {
          const report = mutate(RTCP[random(RTCP.length)]!, random);
          receiver.onRtcp(report, 0, report.length, nowUs);
          assert.ok(parseRtcp(receiver.writeReport(random(2 ** 32), nowUs), 0, 32).length > 0);
        }
        if (random(20) === 0) receiver.expire(nowUs + random(300_000));
      }
      receiver.flush(nowUs);
      assert.ok(!receiver.pending);
      assert.ok(sums.frames > 0 && sums.packets <= receiver.counters.packets, `${sums.packets} of ${receiver.counters.packets}`);
      assert.equal(receiver.counters.packets + receiver.counters.inError, sentPackets);
      assert.ok(sums.bytes <= sentBytes + FRAMING_BYTES * sentPackets);
      assert.equal(sums.frameBytes > 0, parameters.codec !== "generic");
      assert.ok(sums.frameBytes <= sums.bytes + MADE_BYTES_PER_FRAME * sums.frames);
      const slabBytes = held.reduce((sum, { burst }) => sum + burst.bytes.buffer.byteLength, 0);
      const largest = Math.max(...held.map(({ burst }) => burst.bytes.length));
      assert.ok(slabBytes <= held.length * Math.max(2048, 2 * largest), `${slabBytes} bytes held in ${held.length} frames`);
      assert.ok(process.memoryUsage().arrayBuffers - buffersBefore < 256 << 20);
    });
  }
}

test("a frame without an end is cut at its limits", () => {
  for (const packetBytes of [12, 13, 1400, 0xffff]) {
    let largestSlab = 0;
    const sums: Sums = { packets: 0, bytes: 0, frames: 0, frameBytes: 0 };
    const receiver = new TrackReceiver({
      format: payloadFormatOf("h264"),
      channel: 0,
      clockRateHz: 90_000,
      reorder: REORDER_TCP,
      onFrame: (frame) => {
        takeFrame(frame, { codec: "h264", sps: [], pps: [] }, sums);
        largestSlab = Math.max(largestSlab, frame.burst.bytes.buffer.byteLength);
      },
    });
    const packet = Buffer.alloc(packetBytes);
    packet[0] = 0x80;
    for (let sequence = 0; sequence < 10_000; sequence++) {
      packet.writeUInt16BE(sequence, 2);
      if (packetBytes > 12) packet[12] = sequence % 2 === 0 ? 0x7c : 0; // RFC 6184 §5.8 FU-A, and what is no NAL unit
      receiver.onRtp(packet, 0, packetBytes, sequence);
    }
    receiver.flush(10_000);
    assert.deepEqual([sums.packets, sums.bytes], [10_000, 10_000 * (packetBytes + FRAMING_BYTES)]);
    assert.ok(largestSlab <= 2 * MAX_FRAME_BYTES, `${largestSlab}`);
  }
});

test("every packet is delivered once, or counted once as late or doubled", () => {
  const random = fuzzRandom(11);
  for (const limits of [REORDER_TCP, REORDER_UDP]) {
    let delivered = 0;
    let highest = -1;
    let restarts = 0;
    const buffer = new ReorderBuffer(limits, (bytes, start, end, _arrivalUs, lostBefore) => {
      delivered++;
      assert.ok(end - start === 12 && lostBefore >= 0 && lostBefore <= 0xffff);
      const sequence = bytes.readUInt16BE(start + 2);
      const ahead = ((sequence - highest) << 16) >> 16;
      if (highest >= 0 && buffer.restarts === restarts) assert.equal(ahead, 1 + lostBefore);
      restarts = buffer.restarts;
      highest = sequence;
    });
    const packet = Buffer.alloc(12);
    const rounds = fuzzRounds(10_000);
    const heldNow = (round: number): number => round + 1 - delivered - buffer.late - buffer.duplicates;
    let sequence = 65_000;
    let lastExtended = -1;
    for (let round = 0; round < rounds; round++) {
      sequence += [1, 1, 1, 1, 1, 2, -1, 0, random(100) - 50, random(700), random(0x10000), 1][random(random(20) === 0 ? 12 : 9)]!;
      packet.writeUInt16BE(sequence & 0xffff, 2);
      buffer.push(packet, 0, 12, round * 1000);
      if (random(10) === 0) buffer.expire(round * 1000 + random(200_000));
      const held = heldNow(round);
      const mostInDoubt = limits.packets + 1;
      assert.ok(held >= 0 && held <= limits.packets + mostInDoubt && (!buffer.waiting || held > 0), `${held} held`);
      assert.ok(buffer.highestExtended >= lastExtended, "the highest sequence number never falls");
      lastExtended = buffer.highestExtended;
    }
    buffer.flush(rounds * 1000);
    assert.equal(heldNow(rounds - 1), 0);
    assert.ok(delivered > rounds / 10 && buffer.restarts > 0);
  }
});

test("damaged RTCP", () => {
  const random = fuzzRandom(12);
  let read = 0;
  for (let round = fuzzRounds(5000); round > 0; round--) {
    const bytes = mutate(Buffer.concat(RTCP.slice(random(RTCP.length))), random);
    const packets = parseRtcp(bytes, 0, bytes.length);
    read += packets.length;
    assert.ok(packets.length * 8 <= bytes.length);
    const blocks = packets.flatMap((packet) => ("reports" in packet ? packet.reports : []));
    assert.ok(blocks.length * 24 <= bytes.length);
    for (const block of blocks) writeReceiverReport(1, block);
  }
  assert.ok(read > 0);
});

test("what a damaged description says of a track can be used", () => {
  const random = fuzzRandom(13);
  const use = (bytes: Buffer): number => {
    const sdp = parseSdp(bytes);
    if (sdp === undefined) return 0;
    writeSdp(sdp);
    assert.ok(sdp.medias.length <= SDP_LIMITS.medias);
    for (const { kind, formats } of sdp.medias) {
      for (const format of formats) {
        const parameters = parametersFromSdp(kind, format);
        if (parameters === undefined) continue;
        const clockRateHz = clockRateOf(parameters);
        assert.ok(Number.isSafeInteger(clockRateHz) && clockRateHz > 0, `${clockRateHz} Hz`);
        kindOf(parameters, kind);
        codecProperties(parameters);
        const { rtpmap, fmtp } = describeFormat(parameters);
        assert.deepEqual(parametersFromSdp(kind, { ...format, rtpmap, fmtp })?.codec, parameters.codec);
      }
    }
    return sdp.medias.length;
  };
  let read = 0;
  for (const name of readdirSync(DESCRIPTIONS)) {
    const bytes = readFileSync(new URL(name, DESCRIPTIONS));
    for (let round = fuzzRounds(300); round > 0; round--) read += use(mutate(bytes, random));
  }
  assert.ok(read > 0);
  for (const text of repetitiveTexts(128 * 1024)) {
    use(Buffer.from(`v=0\r\n${text}`));
    use(Buffer.from(`v=0\r\nm=${text}`));
    use(Buffer.from(`v=0\r\nm=video 0 RTP/AVP 96\r\na=${text}`));
    use(Buffer.from(`v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 ${text}`));
    use(Buffer.from(`v=0\r\nm=audio 0 RTP/AVP 96\r\na=rtpmap:96 mpeg4-generic/48000\r\na=fmtp:96 config=1190;${text}`));
  }
});
