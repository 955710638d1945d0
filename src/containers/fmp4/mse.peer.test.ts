// Chromium plays what was written: fragments through Media Source Extensions, plain files by themselves.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { encodeFragmented, type Recipe } from "#testing/mp4/encoded-file.ts";
import { readFragmentedFile, samplesOf, writeFragmentedFile, writeProgressiveFile } from "#testing/mp4/whole-file.ts";
import { chromium, runInChromium } from "#testing/peers/chromium.ts";
import { ffmpeg } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { storeTracks } from "./stored-track.ts";

const skip = missingOf(chromium, ffmpeg);

interface Playback {
  readonly bufferedEnd: number;
  readonly bufferedRanges: number;
  readonly currentTime: number;
  readonly frames: number;
  readonly audioBytes: number;
  readonly width: number;
}

/** Plays `video` to its end, four times as fast, and tells what came of it. */
const PLAY_TO_END = `
  const failed = new Promise((_, reject) => {
    video.onerror = () => reject(new Error(video.error.message));
  });
  const ended = new Promise((resolve) => {
    video.onended = resolve;
  });
  video.muted = true;
  video.playbackRate = 4;
  await Promise.race([video.play(), failed]);
  await Promise.race([ended, failed]);
  return {
    bufferedEnd: video.buffered.end(video.buffered.length - 1),
    bufferedRanges: video.buffered.length,
    currentTime: video.currentTime,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    audioBytes: video.webkitAudioDecodedByteCount,
    width: video.videoWidth,
  };`;

const byItself = (url: string) => `
  const video = document.createElement("video");
  video.src = ${JSON.stringify(url)};
  ${PLAY_TO_END}`;

const throughMse = (type: string) => `
  const type = ${JSON.stringify(type)};
  if (!MediaSource.isTypeSupported(type)) throw new Error("not supported: " + type);
  const video = document.createElement("video");
  const source = new MediaSource();
  video.src = URL.createObjectURL(source);
  await new Promise((resolve) => source.addEventListener("sourceopen", resolve, { once: true }));
  const buffer = source.addSourceBuffer(type);
  const bytes = await (await fetch("/fragmented.mp4")).arrayBuffer();
  await new Promise((resolve, reject) => {
    buffer.onupdateend = resolve;
    buffer.onerror = () => reject(new Error("the source buffer refused it"));
    buffer.appendBuffer(bytes);
  });
  source.endOfStream();
  ${PLAY_TO_END}`;

const CODECS: readonly (readonly [recipe: Recipe, type: string])[] = [
  ["h264", 'video/mp4; codecs="avc1.64000B"'],
  ["av1", 'video/mp4; codecs="av01.0.00M.08"'],
  ["vp9", 'video/mp4; codecs="vp09.00.10.08"'],
  ["aac", 'audio/mp4; codecs="mp4a.40.2"'],
  ["opus", 'audio/mp4; codecs="opus"'],
  ["h264 and aac", 'video/mp4; codecs="avc1.64000B,mp4a.40.2"'],
];

function assertPlayed(played: Playback, isVideo: boolean, hasAudio: boolean): void {
  assert.ok(Math.abs(played.bufferedEnd - 2) < 0.3, `buffered up to ${played.bufferedEnd} s`);
  assert.ok(played.currentTime > 1.7);
  assert.equal(played.bufferedRanges, 1);
  assert.equal(played.width, isVideo ? 176 : 0);
  if (isVideo) assert.ok(played.frames > 10, `${played.frames} frames`);
  if (hasAudio) assert.ok(played.audioBytes > 1000);
}

for (const [recipe, type] of CODECS) {
  test(`Chromium plays fragments of ${recipe}`, { skip }, async (t) => {
    const source = await encodeFragmented(t, await temporaryFolder(t), recipe);
    const { init, fragments } = readFragmentedFile(await readFile(source))!;
    // From 1000 s on, as a part of a longer recording, moved to 0.
    const tracks = storeTracks(init.tracks);
    const late = fragments.map((parts) =>
      parts.map(({ trackIndex, samples }) => {
        const later = samples.map((sample) => ({ ...sample, dtsTicks: sample.dtsTicks + 1000 * init.tracks[trackIndex]!.clockRateHz }));
        return { trackIndex, samples: later };
      }),
    );
    const originTicks = init.tracks.map(({ clockRateHz }) => 1000 * clockRateHz);
    const files = new Map([["/fragmented.mp4", { type: "video/mp4", bytes: writeFragmentedFile(tracks, late, { originTicks }) }]]);
    const played = await runInChromium<Playback>(t, { script: throughMse(type), files });
    assertPlayed(
      played,
      type.startsWith("video"),
      init.tracks.some(({ kind }) => kind === "audio"),
    );
  });
}

test("Chromium plays fragments of mp3, which its Media Source Extensions do not know", { skip }, async (t) => {
  const source = await encodeFragmented(t, await temporaryFolder(t), "mp3");
  const { init, fragments } = readFragmentedFile(await readFile(source))!;
  const bytes = writeFragmentedFile(storeTracks(init.tracks), fragments, { durationMs: 2000 });
  const files = new Map([["/fragmented.mp4", { type: "audio/mp4", bytes }]]);
  assertPlayed(await runInChromium<Playback>(t, { script: byItself("/fragmented.mp4"), files }), false, true);
});

test("Chromium plays a plain file, and seeks in it", { skip }, async (t) => {
  const source = await encodeFragmented(t, await temporaryFolder(t), "h264 and aac");
  const { init, fragments } = readFragmentedFile(await readFile(source))!;
  const samples = init.tracks.map((_, trackIndex) => samplesOf(fragments, trackIndex));
  const { bytes } = writeProgressiveFile(storeTracks(init.tracks), samples)!;
  const script = `
    const video = document.createElement("video");
    video.src = "/plain.mp4";
    await new Promise((resolve, reject) => {
      video.onloadedmetadata = resolve;
      video.onerror = () => reject(new Error(video.error.message));
    });
    video.currentTime = 1.5;
    await new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = 0;
    await new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    ${PLAY_TO_END}`;
  const played = await runInChromium<Playback>(t, { script, files: new Map([["/plain.mp4", { type: "video/mp4", bytes }]]) });
  assertPlayed(played, true, true);
});
