import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { CLIP_FORMAT } from "../clip/clip.ts";
import { readFrameCounter } from "../clip/frame-counter.ts";
import { ffmpeg, ffmpegDecodeGray, ffmpegPacketHashes } from "../peers/ffmpeg.ts";
import { startCameras } from "./cameras.ts";

const { width, height, frameCount, gopFrames } = CLIP_FORMAT;
const LOGIN = { user: "gate keeper", pass: "p@ss:word" };

async function start(t: TestContext, count: number) {
  const cameras = await startCameras({ port: 0, count, login: LOGIN });
  t.after(() => cameras.close());
  const userinfo = `${encodeURIComponent(LOGIN.user)}:${encodeURIComponent(LOGIN.pass)}`;
  return { cameras, urlWithLogin: (path: string) => cameras.url(path).replace("//", `//${userinfo}@`) };
}

for (const transport of ["tcp", "udp"] as const) {
  test(`ffmpeg plays a camera over ${transport.toUpperCase()} past the end of the clip without a seam`, {
    skip: ffmpeg.missing,
  }, async (t) => {
    const { urlWithLogin } = await start(t, 10);
    const input = urlWithLogin("camera10"); // begins with the clip's last keyframe
    const [pictures, sound] = await Promise.all([
      ffmpegDecodeGray(t, { input, transport, width, height }, { frames: gopFrames + 10 }),
      ffmpegPacketHashes(t, { input, transport }, "a", { frames: 20 }),
    ]);
    const numbers = pictures.map((gray) => readFrameCounter(gray, width, height));
    assert.equal(numbers.length, gopFrames + 10);
    assert.ok(numbers.includes(0), "the clip began anew");
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => (numbers[0]! + i) % frameCount),
    );
    assert.deepEqual(new Set(sound.slice(1).map(({ ptsTicks }, i) => ptsTicks - sound[i]!.ptsTicks)), new Set([320]));
  });
}

test("every camera is at another place of the clip", { skip: ffmpeg.missing }, async (t) => {
  const { urlWithLogin } = await start(t, 2);
  const read = async (path: string) => {
    const input = urlWithLogin(path);
    const [picture] = await ffmpegDecodeGray(t, { input, transport: "tcp", width, height }, { frames: 1 });
    return readFrameCounter(picture!, width, height)!;
  };
  const [gate, yard] = await Promise.all([read("gate"), read("yard")]);
  // Each answer begins at a keyframe; the two may fall on either side of the next one.
  const apart = Math.abs(yard - gate);
  assert.ok(Math.abs(apart - frameCount / 2) <= gopFrames, `${gate} and ${yard}`);
});

test("a camera wants its password", { skip: ffmpeg.missing }, async (t) => {
  const { cameras } = await start(t, 1);
  const read = (input: string) => ffmpegPacketHashes(t, { input, transport: "tcp" }, "v", { frames: 1 });
  await assert.rejects(read(cameras.url("gate")), /401 Unauthorized/);
  await assert.rejects(read(cameras.url("gate").replace("//", "//gate%20keeper:wrong@")), /401 Unauthorized/);
});
