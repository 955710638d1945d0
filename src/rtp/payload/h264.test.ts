import assert from "node:assert/strict";
import { test } from "node:test";
import { BitWriter } from "#base/bit-writer.ts";
import type { H264Parameters } from "#codecs/codec.ts";
import { MAX_NALS_PER_FRAME, MAX_PARAMETER_SETS } from "#codecs/limits.ts";
import { BurstBuilder } from "#rtp/burst.ts";
import { readCodedClip } from "#testing/coded-clip.ts";
import { burstOf, packetsOf, rtpPacket } from "#testing/rtp-capture.ts";
import { describeH264, h264FromSdp, h264Payload } from "./h264.ts";
import { PacketHas } from "./payload-format.ts";

const NONE: H264Parameters = { codec: "h264", sps: [], pps: [] };
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const depacketize = (packets: readonly Buffer[]) =>
  h264Payload.depacketize(burstOf(packets), NONE)?.map((nalUnit) => nalUnit.toString("hex"));
/** Payloads with sequence numbers from 65534 on. */
const fromPayloads = (...payloads: string[]) => depacketize(payloads.map((payload, i) => rtpPacket(hex(payload), 65_534 + i)));
const inspect = (payload: string) => h264Payload.inspect(hex(payload), 0, hex(payload).length);
const fmtp = (text: string | undefined) => h264FromSdp({ payloadType: undefined, rtpmap: "H264/90000", fmtp: text });

test("single NAL units, STAP-A and FU-A in one frame, over the wrap of the sequence numbers", () => {
  assert.deepEqual(fromPayloads("09f0", "78 0003 674200 0002 68ce", "7c85 aa", "7c05 bb", "7c45 cc"), [
    "09f0",
    "674200",
    "68ce",
    "65aabbcc",
  ]);
});

test("a fragment that is lost takes its NAL unit along and no other", () => {
  const frame = ["06aa", "7c85 aa", "7c05 bb", "7c05 cc", "7c45 dd", "41ee"].map((payload, i) => rtpPacket(hex(payload), i));
  assert.deepEqual(depacketize(frame), ["06aa", "65aabbccdd", "41ee"]);
  for (const lost of [1, 2, 3, 4]) assert.deepEqual(depacketize(frame.toSpliced(lost, 1)), ["06aa", "41ee"], `without ${lost}`);
  assert.equal(depacketize(frame.slice(2, 5)), undefined);
});

test("a start without end does not run into the next NAL unit", () => {
  assert.deepEqual(fromPayloads("7c85 aa", "7c85 bb", "7c45 cc"), ["65bbcc"]);
  assert.deepEqual(fromPayloads("7c85 aa", "41ee", "7c45 cc"), ["41ee"]);
});

test("a whole NAL unit in one fragment, as some cameras send it", () => {
  assert.deepEqual(fromPayloads("5cc1 aabb"), ["41aabb"]);
});

test("an aggregate that is cut short gives what is whole", () => {
  assert.deepEqual(fromPayloads("78 0002 68ce 0009 65aa"), ["68ce"]);
  assert.equal(fromPayloads("78", "78 00", "78 0000"), undefined);
  assert.equal(fromPayloads("78 0000 0000 0000"), undefined);
});

test("the interleaved mode's types, empty payloads and fragments of one byte are ignored", () => {
  assert.deepEqual(fromPayloads("79 0001 0003 65aabb", "7a 0001", "7b 0001", "7d85 0001 aa", "7c", "41aa", ""), ["41aa"]);
});

test("a byte stream inside a payload is split at its start codes", () => {
  assert.deepEqual(fromPayloads("00000001 6742 000001 68ce 00000001 65aabb"), ["6742", "68ce", "65aabb"]);
  assert.deepEqual(fromPayloads("7c87 42 000001 68", "7c47 ce 000001 65aa"), ["6742", "68ce", "65aa"]);
  assert.equal(inspect("00000001 6742 000001 68ce 00000001 65aabb"), PacketHas.parameters | PacketHas.slice | PacketHas.keyframe);
});

test("padding, CSRCs, extension headers and zero-length payloads", () => {
  const padded = Buffer.concat([rtpPacket(hex("41aabb"), 1), hex("000003")]);
  padded[0]! |= 0x20;
  const extended = Buffer.concat([rtpPacket(Buffer.alloc(0), 2), hex("01020304 bede0001 10000000 41cc")]);
  extended[0] = 0x91;
  const onlyPadding = Buffer.concat([rtpPacket(Buffer.alloc(0), 3), hex("00000004")]);
  onlyPadding[0]! |= 0x20;
  const tooMuchPadding = Buffer.concat([rtpPacket(hex("41dd"), 4), hex("ff")]);
  tooMuchPadding[0]! |= 0x20;
  const packets = [padded, extended, onlyPadding, tooMuchPadding, rtpPacket(hex("7c85aa"), 5), onlyPadding, rtpPacket(hex("7c45bb"), 7)];
  packets[5] = Buffer.from(onlyPadding);
  packets[5].writeUInt16BE(6, 2);
  assert.deepEqual(depacketize(packets), ["41aabb", "41cc", "65aabb"]);
});

test("inspect sees slices, keyframes and parameter sets in every kind of packet", () => {
  const { slice, keyframe, parameters } = PacketHas;
  const cases: readonly (readonly [payload: string, has: number])[] = [
    ["41aa", slice],
    ["65aa", slice | keyframe],
    ["6742", parameters],
    ["68ce", parameters],
    ["06aa", 0],
    ["09f0", 0],
    ["7c85aa", slice | keyframe],
    ["7c05aa", slice | keyframe],
    ["7c45aa", slice | keyframe],
    ["5c81aa", slice],
    ["7c", 0],
    ["78 0002 6742 0002 68ce 0002 65aa", slice | keyframe | parameters],
    ["78 0002 41aa", slice],
    ["78 ffff 41aa", slice],
    ["", 0],
  ];
  for (const [payload, has] of cases) assert.equal(inspect(payload), has, payload);
});

test("an aggregate carries the highest importance of its parts", () => {
  const builder = new BurstBuilder(0, 0);
  h264Payload.packetize([hex("09f0"), hex("6742"), hex("06aa")], NONE, 100, builder);
  assert.equal(packetsOf(builder.finish())[0]!.toString("hex", 12), "78000209f00002674200 0206aa".replace(" ", ""));
});

test("the list of NAL units is bounded", () => {
  const many = Array.from({ length: MAX_NALS_PER_FRAME + 50 }, (_, i) => rtpPacket(hex("41aa"), i));
  assert.equal(depacketize(many)?.length, MAX_NALS_PER_FRAME);
});

test("parameter sets in the stream replace those of their id; the same ones change nothing", () => {
  const clip = readCodedClip(new URL("../../codecs/testdata/h264-main-b3.h264", import.meta.url));
  const other = readCodedClip(new URL("../../codecs/testdata/h264-baseline-slices.h264", import.meta.url));
  const known = h264Payload.readParameters!(clip.frames[0]!, NONE);
  assert.ok(known?.codec === "h264");
  assert.deepEqual(known, clip.parameters);
  assert.equal(h264Payload.readParameters!(clip.frames[0]!, known), undefined);
  assert.deepEqual(h264Payload.readParameters!(other.frames[0]!, known), other.parameters);
  assert.equal(h264Payload.readParameters!([hex("67ff"), hex("68"), Buffer.alloc(5000, 0x67)], known), undefined);
  let parameters = known;
  for (let id = 0; id < 256; id++) {
    const pps = new BitWriter().bits(0x68, 8).ue(id).ue(0).bits(1, 1).finish();
    const changed = h264Payload.readParameters!([pps], parameters);
    if (changed?.codec === "h264") parameters = changed;
  }
  assert.equal(parameters.pps.length, MAX_PARAMETER_SETS);
});

test("sprop-parameter-sets: real, missing, empty, cut short and garbage", () => {
  const { parameters } = readCodedClip(new URL("../../codecs/testdata/h264-main-b3.h264", import.meta.url));
  assert.equal(parameters.codec, "h264");
  const [sps, pps] = [parameters.sps[0]!.toString("base64"), parameters.pps[0]!.toString("base64")];
  assert.deepEqual(fmtp(`packetization-mode=1;profile-level-id=4D400B; sprop-parameter-sets=${sps},${pps}`), parameters);
  assert.deepEqual(fmtp(`SPROP-Parameter-Sets = ${sps}, ${pps},`), parameters);
  assert.deepEqual(fmtp(`sprop-parameter-sets=${sps},`), { ...NONE, sps: parameters.sps });
  const annexB = Buffer.concat([hex("00000001"), parameters.sps[0]!, hex("00000001"), parameters.pps[0]!]).toString("base64");
  assert.deepEqual(fmtp(`sprop-parameter-sets=${annexB}`), parameters);
  for (const text of [undefined, "", "sprop-parameter-sets=", "sprop-parameter-sets=,,", "sprop-parameter-sets=bm90IGEgU1BT,%%", ";;=;x"]) {
    assert.deepEqual(fmtp(text), NONE);
  }
});

test("the description leads back to the parameters", () => {
  const { parameters } = readCodedClip(new URL("../../codecs/testdata/h264-high-big.h264", import.meta.url));
  assert.equal(parameters.codec, "h264");
  const description = describeH264(parameters);
  assert.match(description.fmtp!, /^packetization-mode=1; profile-level-id=64000B; sprop-parameter-sets=Z2Q[^,]+,aO[^,]+$/);
  assert.deepEqual(h264FromSdp(description), parameters);
  assert.deepEqual(describeH264(NONE), { payloadType: undefined, rtpmap: "H264/90000", fmtp: "packetization-mode=1" });
});
