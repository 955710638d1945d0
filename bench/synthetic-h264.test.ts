import assert from "node:assert/strict";
import { test } from "node:test";
import { CAMERA_LOAD, type CameraFrame, readCameraPacket, restamp, SyntheticCamera } from "./synthetic-h264.ts";

test("the synthetic camera sends whole frames at its bit rate, whatever its GOP, and can be read back", () => {
  for (const gopFrames of [1, 2, 3, 30, CAMERA_LOAD.gopFrames, 300]) {
    const camera = new SyntheticCamera({ gopFrames });
    let gopBytes = 0;
    for (let i = 0; i < gopFrames; i += 1) {
      const frame = camera.next(1_000_000 + i);
      gopBytes += frame.bytes.length;
      const slices = rtpPackets(frame)
        .map(readCameraPacket)
        .filter((packet) => packet !== undefined);
      assert.equal(slices.length, rtpPackets(frame).length - (i === 0 ? 2 : 0));
      assert.deepEqual(
        slices,
        slices.map((_, n) => ({ keyframe: i === 0, first: n === 0, marker: n === slices.length - 1, sentAtUs: 1_000_000 + i })),
      );
    }
    const bitsPerSecond = (gopBytes * 8 * CAMERA_LOAD.framesPerSecond) / gopFrames;
    assert.ok(Math.abs(bitsPerSecond / CAMERA_LOAD.bitsPerSecond - 1) < 0.03, `${bitsPerSecond} bit/s`);
  }
});

test("packets that leave later say so, and no stamp holds a zero byte", () => {
  const frame = new SyntheticCamera().next(0);
  const late = 2 ** 32; // µs
  const count = frame.offsets.length - 1;
  restamp(frame, count - 2, count, late);
  const stamps = rtpPackets(frame).map((rtp) => readCameraPacket(rtp)?.sentAtUs);
  assert.deepEqual(stamps.slice(-3), [0, late, late]);
  for (const rtp of rtpPackets(frame).slice(2)) assert.equal(rtp.indexOf(0, 14), -1);
});

test("a camera may begin within its GOP", () => {
  const camera = new SyntheticCamera({ gopFrames: 3, firstFrame: 1 });
  const keyframes = Array.from({ length: 4 }, () => readCameraPacket(rtpPackets(camera.next(0)).at(-1)!)?.keyframe);
  assert.deepEqual(keyframes, [false, false, true, false]);
});

function rtpPackets({ bytes, offsets }: CameraFrame): Buffer[] {
  return offsets.slice(0, -1).map((start, i) => {
    assert.equal(4 + bytes.readUInt16BE(start + 2), offsets[i + 1]! - start);
    return bytes.subarray(start + 4, offsets[i + 1]);
  });
}
