import assert from "node:assert/strict";
import { test } from "node:test";
import type { H265Parameters } from "#codecs/codec.ts";
import { readCodedClip } from "#testing/coded-clip.ts";
import { burstOf, rtpPacket } from "#testing/rtp-capture.ts";
import { describeH265, h265FromSdp, h265Payload } from "./h265.ts";
import { PacketHas } from "./payload-format.ts";

const NONE: H265Parameters = { codec: "h265", vps: [], sps: [], pps: [] };
const DONL: H265Parameters = { ...NONE, maxDonDiff: 1 };
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const depacketize = (packets: readonly Buffer[], parameters = NONE) =>
  h265Payload.depacketize(burstOf(packets), parameters)?.map((nalUnit) => nalUnit.toString("hex"));
const fromPayloads = (parameters: H265Parameters, ...payloads: string[]) =>
  depacketize(
    payloads.map((payload, i) => rtpPacket(hex(payload), i)),
    parameters,
  );
const inspect = (payload: string) => h265Payload.inspect(hex(payload), 0, hex(payload).length);

// Headers: VPS 4001, SPS 4201, PPS 4401, TRAIL_R 0201, IDR_W_RADL 2601, CRA 2a01, AP 6001, FU 6201, PACI 6401.

test("single NAL units, aggregation packets and fragmentation units", () => {
  assert.deepEqual(fromPayloads(NONE, "6001 0003 4001aa 0004 4201bbcc", "4401dd", "620193 01", "620113 02", "620153 03", "0201ee"), [
    "4001aa",
    "4201bbcc",
    "4401dd",
    "2601010203",
    "0201ee",
  ]);
});

test("with decoding order numbers in every structure", () => {
  assert.deepEqual(fromPayloads(DONL, "6001 0000 0003 4001aa 00 0003 4201bb", "4401 0002 dd", "620193 0003 01", "620153 02"), [
    "4001aa",
    "4201bb",
    "4401dd",
    "26010102",
  ]);
  assert.equal(fromPayloads(DONL, "4401", "4401 0002", "620193", "620193 00"), undefined);
});

test("a fragment that is lost takes its NAL unit along", () => {
  const packets = ["0201aa", "620193 01", "620113 02", "620153 03"].map((payload, i) => rtpPacket(hex(payload), i));
  for (const lost of [1, 2, 3]) assert.deepEqual(depacketize(packets.toSpliced(lost, 1)), ["0201aa"]);
});

test("PACI packets are unwrapped: NAL unit, aggregation packet, fragments", () => {
  // A and cType in the first byte after the header, PHSsize from its last bit on, then that many bytes.
  assert.deepEqual(fromPayloads(NONE, "6401 0230 aabbcc dd"), ["0201dd"]);
  assert.deepEqual(fromPayloads(NONE, "6401 0200 dd"), ["0201dd"]);
  assert.deepEqual(fromPayloads(NONE, "6401 6000 0003 4001aa 0003 4201bb"), ["4001aa", "4201bb"]);
  assert.deepEqual(fromPayloads(NONE, "6401 6210 ff 9301", "6401 6210 ff 5302"), ["26010102"]);
  assert.equal(fromPayloads(NONE, "6401", "6401 02", "6401 0200", "6401 03f0 aa", "6401 6400 dd"), undefined);
  assert.equal(inspect("6401 2630 aabbcc dd"), PacketHas.slice | PacketHas.keyframe);
  assert.equal(inspect("6401 6210 ff 9301"), PacketHas.slice | PacketHas.keyframe);
});

test("inspect sees slices, random access and parameter sets; aggregates with and without order numbers", () => {
  const { slice, keyframe, parameters } = PacketHas;
  const cases: readonly (readonly [payload: string, has: number])[] = [
    ["0201aa", slice],
    ["2601aa", slice | keyframe],
    ["2a01aa", slice | keyframe],
    ["2001aa", slice | keyframe],
    ["4001aa", parameters],
    ["4401aa", parameters],
    ["4601aa", 0],
    ["4e01aa", 0],
    ["620193aa", slice | keyframe],
    ["620115aa", slice | keyframe],
    ["620181aa", slice],
    ["6001 0003 4001aa 0003 2601bb", slice | keyframe | parameters],
    ["6001 0000 0003 4001aa 01 0003 2601bb", slice | keyframe | parameters],
    ["6001 0009 4001aa", 0],
    ["62", 0],
    ["6201", 0],
    ["", 0],
  ];
  for (const [payload, has] of cases) assert.equal(inspect(payload), has, payload);
});

test("parameter sets in the stream and in SDP; a missing VPS is no error", () => {
  const clip = readCodedClip(new URL("../../codecs/testdata/h265-main-closed-gop.h265", import.meta.url));
  const parameters = h265Payload.readParameters!(clip.frames[0]!, NONE);
  assert.deepEqual(parameters, clip.parameters);
  assert.equal(h265Payload.readParameters!(clip.frames[0]!, parameters!), undefined);
  assert.equal(parameters!.codec, "h265");
  const description = describeH265(parameters!);
  assert.match(description.fmtp!, /^sprop-vps=\S+; sprop-sps=\S+; sprop-pps=\S+$/);
  assert.deepEqual(h265FromSdp(description), parameters);
  const withoutVps = { ...description, fmtp: description.fmtp!.replace(/sprop-vps=\S+ /, "sprop-vps=;") };
  assert.deepEqual(h265FromSdp(withoutVps), { ...parameters, vps: [] });
  assert.deepEqual(h265FromSdp({ ...description, fmtp: "sprop-vps=AAAA;sprop-sps=!!;sprop-pps" }), NONE);
  assert.deepEqual(describeH265(NONE), { payloadType: undefined, rtpmap: "H265/90000", fmtp: undefined });
  const numbered = { ...parameters!, maxDonDiff: 2 };
  assert.deepEqual(h265FromSdp(describeH265(numbered)), numbered);
});
