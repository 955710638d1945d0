// Chromium plays what playback sends, straight from its URL: the right picture at each time, seeking by ranges.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { CLIP_FORMAT } from "#testing/clip/clip.ts";
import { readFrameCounter } from "#testing/clip/frame-counter.ts";
import { encodeFragmented } from "#testing/mp4/encoded-file.ts";
import { chromium, runInChromium } from "#testing/peers/chromium.ts";
import { ffmpeg } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { startPlaybackSite } from "#testing/playback-site.ts";
import { fileRun, gateRun, NOON_US } from "#testing/recorded-clip.ts";

const STRIP_HEIGHT = 24;

const VIDEO = (url: string): string => `
  const video = document.createElement("video");
  video.crossOrigin = "anonymous"; // pictures may be looked at
  video.muted = true;
  const failed = new Promise((_, reject) => {
    video.onerror = () => reject(new Error(video.error.message));
  });
  const event = (name) => Promise.race([failed, new Promise((resolve) => video.addEventListener(name, resolve, { once: true }))]);
  const loaded = event("loadeddata");
  video.src = ${JSON.stringify(url)};
  await loaded;
  const canvas = new OffscreenCanvas(${CLIP_FORMAT.width}, ${STRIP_HEIGHT}).getContext("2d", { willReadFrequently: true });
  const picture = () => {
    canvas.drawImage(video, 0, 0);
    const { data } = canvas.getImageData(0, 0, ${CLIP_FORMAT.width}, ${STRIP_HEIGHT});
    return String.fromCharCode(...Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + 1] & 0x7e)); // green is near luma
  };
  const seek = async (seconds) => {
    const seeked = event("seeked");
    video.currentTime = seconds;
    await seeked;
    return picture();
  };
  const playToEnd = async () => {
    const shown = [];
    const watch = (_, { mediaTime }) => {
      shown.push([mediaTime, picture()]);
      video.requestVideoFrameCallback(watch);
    };
    video.requestVideoFrameCallback(watch);
    const ended = event("ended");
    video.playbackRate = 2;
    await video.play();
    await ended;
    return shown;
  };`;

/** The number in a strip of a picture. */
function frameOf(strip: string): number | undefined {
  const luma = Uint8Array.from(strip, (character) => 2 * character.charCodeAt(0));
  return readFrameCounter(luma, CLIP_FORMAT.width, STRIP_HEIGHT);
}

type Shown = readonly (readonly [mediaTime: number, strip: string])[];

/** What is decoded before the start is gone through in so long. */
const START_SECONDS = 0.005;
/** A picture may be looked at after the next one has come. */
const LATE_FRAMES = 5;

/** Pictures while it plays, each at its time: `startFrames` is where the clip begins, counted in frames of the demo clip. */
function assertInStep(shown: Shown, startFrames: number): void {
  assert.ok(shown.length > 10, `${shown.length} pictures`);
  for (const [mediaTime, strip] of shown) {
    if (mediaTime < START_SECONDS) continue;
    const late = frameOf(strip)! - Math.floor(mediaTime * 25 + startFrames + 0.1);
    assert.ok(late >= 0 && late <= LATE_FRAMES, `frame ${frameOf(strip)} at ${mediaTime} s`);
  }
}

for (const format of ["mp4", "fmp4"] as const) {
  test(`${format}: the picture of each time, and seeking`, { skip: missingOf(chromium) }, async (t) => {
    const runs = { cam: [gateRun({ startUtcUs: NOON_US, frames: [0, 450], audio: true })] };
    const site = await startPlaybackSite(t, { runs });
    const url = site.url(3.21, 12, { format, tracks: "video" });
    const script = `${VIDEO(url)}
      const strips = [await seek(10.005), await seek(0.045), await seek(6.5)];
      const { duration } = video;
      await seek(10);
      return { strips, duration, shown: await playToEnd(), end: video.currentTime };`;
    const seen = await runInChromium<{ strips: string[]; duration: number; shown: Shown; end: number }>(t, { script });
    assert.deepEqual(seen.strips.map(frameOf), [330, 81, 242]); // frame n stands from n / 25 s on
    assertInStep(seen.shown, 80.25);
    assert.ok(Math.abs(seen.duration - 12) < 0.05 && Math.abs(seen.end - 12) < 0.05, `${seen.duration} ${seen.end}`);
    assert.equal(site.index.openReads, 0);
  });
}

test("mp4: the first picture is that of the start", { skip: missingOf(chromium) }, async (t) => {
  const site = await startPlaybackSite(t, { runs: { cam: [gateRun({ startUtcUs: NOON_US, frames: [0, 450] })] } });
  const script = `${VIDEO(site.url(3.21, 2, { format: "mp4" }))} return await seek(0);`;
  assert.equal(frameOf(await runInChromium<string>(t, { script })), 80);
});

test("fmp4 of footage that is still written plays as it comes", { skip: missingOf(chromium) }, async (t) => {
  const site = await startPlaybackSite(t, { runs: { cam: [gateRun({ startUtcUs: NOON_US, frames: [0, 150], open: true })] } });
  const script = `${VIDEO(site.url(1, 60))} return { shown: await playToEnd(), end: video.currentTime };`;
  const { shown, end } = await runInChromium<{ shown: Shown; end: number }>(t, { script });
  assertInStep(shown, 25);
  assert.ok(Math.abs(end - 5) < 0.05, String(end));
});

for (const format of ["mp4", "fmp4"] as const) {
  test(`${format}: sound beside the picture, both with B-frames and cut in the middle`, {
    skip: missingOf(chromium, ffmpeg),
  }, async (t) => {
    const file = await encodeFragmented(t, await temporaryFolder(t), "h264 and aac");
    const site = await startPlaybackSite(t, { runs: { cam: [fileRun(await readFile(file), NOON_US)] } });
    const script = `${VIDEO(site.url(0.73, 60, { format }))}
      await playToEnd();
      return { frames: video.getVideoPlaybackQuality().totalVideoFrames, audioBytes: video.webkitAudioDecodedByteCount, end: video.currentTime };`;
    const played = await runInChromium<{ frames: number; audioBytes: number; end: number }>(t, { script });
    assert.ok(played.frames > 5 && played.audioBytes > 1000, JSON.stringify(played));
    assert.ok(Math.abs(played.end - 1.27) < 0.15, String(played.end));
  });
}
