import assert from "node:assert/strict";
import { test } from "node:test";
import type { AacParameters } from "#codecs/codec.ts";
import { burstOf, rtpPacket } from "#testing/rtp-capture.ts";
import { aacFromSdp, aacPayload, describeAac } from "./aac.ts";

const HBR: AacParameters = {
  codec: "aac",
  config: Buffer.from("1190", "hex"),
  sampleRateHz: 48_000,
  channelCount: 2,
  sizeLength: 13,
  indexLength: 3,
  indexDeltaLength: 3,
};
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const header = (size: number) => (size << 3).toString(16).padStart(4, "0");
const depacketize = (packets: readonly Buffer[], parameters = HBR) =>
  aacPayload.depacketize(burstOf(packets), parameters)?.map((unit) => unit.toString("hex"));
const one = (payload: string, parameters = HBR) => depacketize([rtpPacket(hex(payload), 1, true)], parameters);
const sdp = (fmtp: string, rtpmap: string | undefined = "MPEG4-GENERIC/48000/2") => aacFromSdp({ payloadType: undefined, rtpmap, fmtp });

test("several access units in a packet, in both modes", () => {
  assert.deepEqual(one(`0020 ${header(2)} ${header(3)} aaaa bbbbbb`), ["aaaa", "bbbbbb"]);
  const lbr = { ...HBR, sizeLength: 6, indexLength: 2, indexDeltaLength: 2 };
  assert.deepEqual(one("0010 08 0c aaaa bbbbbb", lbr), ["aaaa", "bbbbbb"]);
  const noIndex = { ...HBR, sizeLength: 16, indexLength: 0, indexDeltaLength: 0 };
  assert.deepEqual(one("0010 0002 aaaa", noIndex), ["aaaa"]);
});

test("a unit in fragments waits for the last one and does without if any is lost", () => {
  const packets = ["aaaa", "bbbb", "cc"].map((part, i) => rtpPacket(hex(`0010 ${header(5)} ${part}`), 65_535 + i, i === 2));
  assert.deepEqual(depacketize(packets), ["aaaabbbbcc"]);
  for (const lost of [0, 1, 2]) assert.equal(depacketize(packets.toSpliced(lost, 1)), undefined, `without ${lost}`);
});

test("ADTS headers that cameras leave before the frames are taken off", () => {
  assert.deepEqual(one(`0010 ${header(9)} fff14c80012ffc aabb`), ["aabb"]);
  assert.deepEqual(one(`0010 ${header(9)} fff14c80014ffc aabb`), ["fff14c80014ffcaabb"], "its length does not fit: it is none");
});

test("headers that do not fit the packet", () => {
  for (const payload of ["00", "0000 aa", "0010", "0010 00", "ffff 0000", `0008 ${header(2)} aaaa`])
    assert.equal(one(payload), undefined, payload);
  assert.deepEqual(one(`0020 ${header(2)} ${header(9)} aaaa bbbb`), ["aaaa"], "the second is cut short");
});

test("SDP: what a config needs to be usable", () => {
  assert.deepEqual(sdp("profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; config=1190"), HBR);
  assert.deepEqual(sdp('streamtype=5; MODE=aac-HBR; SizeLength=13; IndexLength=3; IndexDeltaLength=3; Config="1190"'), HBR);
  assert.deepEqual(sdp("mode=AAC-hbr; config=1190"), HBR, "the mode tells the lengths");
  assert.equal(sdp("mode=AAC-lbr; config=1408", "mpeg4-generic/16000")?.sizeLength, 6);
  assert.equal(sdp("mode=AAC-hbr; config=2b920800", "mpeg4-generic/44100/2")?.sampleRateHz, 44_100, "SBR: the clock is the output's");
  assert.equal(sdp("mode=AAC-hbr; config=1190", undefined)?.sampleRateHz, 48_000);
  for (const fmtp of [
    "",
    "mode=AAC-hbr",
    "mode=AAC-hbr; config=",
    "mode=AAC-hbr; config=xyz",
    "mode=AAC-hbr; config=1180",
    "config=1190",
  ]) {
    assert.equal(sdp(fmtp), undefined, fmtp);
  }
});

test("the description leads back to the parameters", () => {
  const description = describeAac(HBR);
  assert.equal(description.rtpmap, "mpeg4-generic/48000/2");
  assert.deepEqual(aacFromSdp(description), HBR);
  const ps = { ...HBR, config: Buffer.from("eb8a0800", "hex"), sampleRateHz: 44_100, channelCount: 1 };
  assert.equal(describeAac(ps).rtpmap, "mpeg4-generic/44100/2", "parametric stereo comes out as two channels");
  assert.deepEqual(aacFromSdp(describeAac(ps)), ps);
});
