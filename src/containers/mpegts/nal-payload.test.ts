import assert from "node:assert/strict";
import { test } from "node:test";
import { h264Payload, h265Payload } from "./nal-payload.ts";

const hex = (text: string) => text.split(" ").map((nalUnit) => Buffer.from(nalUnit, "hex"));
const SPS = "674d";
const PPS = "68ee";
const IDR = "6588";
const SEI = "0605";
const H264 = { codec: "h264", sps: hex(SPS), pps: hex(PPS) } as const;

/** The NAL units of a frame as they are sent. */
function sent(payload: ReturnType<typeof h264Payload>, frame: string, keyframe: boolean): string {
  const sample = { dtsTicks: 0, ptsOffsetTicks: 0, durationTicks: 1, keyframe, frame: hex(frame) };
  const bytes = Buffer.concat(payload(sample)).toString("hex");
  return bytes.split("00000001").slice(1).join(" ");
}

const h264 = (frame: string, keyframe: boolean) => sent(h264Payload(H264), frame, keyframe);

test("H.264: a delimiter is put first where there is none", () => {
  assert.equal(h264("4188", false), "09f0 4188");
  assert.equal(h264("0910 4188", false), "0910 4188");
  assert.equal(h264("0605 0930 4188", false), "09f0 0605 4188");
});

test("H.264: the delimiter of a second field stays", () => {
  assert.equal(h264("09f0 4188 09f0 4189", false), "09f0 4188 09f0 4189");
});

test("H.264: keyframes get the parameter sets that are not in the stream", () => {
  assert.equal(h264(`${SEI} ${IDR}`, true), `09f0 ${SPS} ${PPS} ${SEI} ${IDR}`);
  assert.equal(h264(`0910 ${IDR}`, true), `0910 ${SPS} ${PPS} ${IDR}`);
  assert.equal(h264("674e 68ef 6588", true), "09f0 674e 68ef 6588");
  assert.equal(h264(`${SEI} 674e ${IDR}`, true), `09f0 674e ${PPS} ${SEI} ${IDR}`); // behind the SPS it may belong to
  assert.equal(h264("68ef 68ea 6588", true), `09f0 ${SPS} 68ef 68ea 6588`);
  assert.equal(h264(SEI, false), `09f0 ${SEI}`);
});

test("H.264: unknown sets are not missed", () => {
  assert.equal(sent(h264Payload({ codec: "h264", sps: [], pps: [] }), IDR, true), `09f0 ${IDR}`);
});

test("a frame without NAL units is nothing", () => {
  assert.deepEqual(h264Payload(H264)({ dtsTicks: 0, ptsOffsetTicks: 0, durationTicks: 1, keyframe: true, frame: [Buffer.alloc(0)] }), []);
});

test("H.265: delimiter, and the three kinds of parameter sets", () => {
  const payload = h265Payload({ codec: "h265", vps: hex("4001"), sps: hex("4201"), pps: hex("4401 4402") });
  assert.equal(sent(payload, "0201aa", false), "460150 0201aa");
  assert.equal(sent(payload, "46013c 0201aa", false), "46013c 0201aa");
  assert.equal(sent(payload, "2601aa", true), "460150 4001 4201 4401 4402 2601aa");
  assert.equal(sent(payload, "4e01 4209 4409 2601aa", true), "460150 4001 4209 4409 4e01 2601aa");
});
