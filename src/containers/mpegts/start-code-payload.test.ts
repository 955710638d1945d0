import assert from "node:assert/strict";
import { test } from "node:test";
import { mpeg1VideoPayload, mpeg4VideoPayload } from "./start-code-payload.ts";

function sent(payload: ReturnType<typeof mpeg4VideoPayload>, hex: string, keyframe: boolean): string {
  const sample = { dtsTicks: 0, ptsOffsetTicks: 0, durationTicks: 1, keyframe, frame: [Buffer.from(hex, "hex")] };
  return Buffer.concat(payload(sample)).toString("hex");
}

test("MPEG-4: keyframes without a video object layer get the configuration", () => {
  const config = "000001b001000001b509000001000000012000c8";
  const payload = mpeg4VideoPayload({ codec: "mpeg4-video", config: Buffer.from(config, "hex") });
  const group = "000001b300104700";
  const vop = "000001b610600120"; // the 0x20 is no start code
  assert.equal(sent(payload, group + vop, true), config + group + vop);
  assert.equal(sent(payload, vop, true), config + vop);
  assert.equal(sent(payload, vop, false), vop);
  assert.equal(sent(payload, config + vop, true), config + vop);
  assert.equal(sent(payload, `${vop}0000012000c8`, true), `${config}${vop}0000012000c8`); // one behind the picture is too late
});

test("MPEG-1 and MPEG-2: keyframes without a sequence header get it", () => {
  const config = "000001b3160120230000e000";
  const payload = mpeg1VideoPayload({ codec: "mpeg1-video", config: Buffer.from(config, "hex") });
  const picture = "00000100000ffff8000001b3"; // too late again
  assert.equal(sent(payload, picture, true), config + picture);
  assert.equal(sent(payload, `000001b800080000${picture}`, true), `${config}000001b800080000${picture}`);
  assert.equal(sent(payload, config + picture, true), config + picture);
  assert.equal(sent(payload, picture, false), picture);
});

test("without a configuration frames go as they are", () => {
  assert.equal(sent(mpeg4VideoPayload({ codec: "mpeg4-video" }), "000001b61060", true), "000001b61060");
  assert.equal(sent(mpeg1VideoPayload({ codec: "mpeg1-video" }), "", true), "");
});
