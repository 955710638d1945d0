// What time recordings have in the API when the wall clock is set while they are made (libfaketime): booted in 1970, set to now, set back by two hours.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "node:test";
import { monotonicUs, SystemClock } from "#base/clock.ts";
import { ClipMedia, stampOf } from "#testing/clip-media.ts";
import { readFragmentedFile } from "#testing/mp4/whole-file.ts";
import { type Camgate, startCamgate } from "#testing/peers/camgate.ts";
import { fakeChrony } from "#testing/peers/fake-chrony.ts";
import { fakeWallClock, findFaketime } from "#testing/peers/faketime.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";

const faketime = findFaketime();
const TOLERANCE_US = 100_000;
const SET_BACK_S = 7200;
/** A step is seen at the next look at the clock, within a second, and by the time keeper's answer; footage between has the time before or after it. */
const NOTICE_US = 2_000_000;
/** Frames of each part: 3 s, so that each has a keyframe. */
const PART_FRAMES = 75;
const FRAME_US = 40_000;

interface Span {
  readonly start: string;
  readonly url: string;
  readonly timeQuality: string;
}

interface RecordedFrame {
  readonly number: number;
  readonly captureUs: number;
  readonly utcUs: number;
  readonly quality: string;
}

/** Every frame that the API has of a path, with the time that follows from the list and the place in the clip. */
async function framesOf(program: Camgate, path: string): Promise<RecordedFrame[]> {
  const list = await fetch(`${program.playbackOrigin}/list?path=${path}`);
  assert.equal(list.status, 200, await list.clone().text());
  const frames: RecordedFrame[] = [];
  console.log(await list.clone().text());
  for (const { start, url, timeQuality } of (await list.json()) as Span[]) {
    const file = readFragmentedFile(Buffer.from(await (await fetch(url)).arrayBuffer()))!;
    const { clockRateHz } = file.init.tracks[0]!;
    for (const { trackIndex, samples } of file.fragments.flat()) {
      if (trackIndex !== 0) continue;
      for (const { frame, dtsTicks, ptsOffsetTicks } of samples) {
        const stamp = stampOf(frame)!;
        const utcUs = Date.parse(start) * 1000 + ((dtsTicks + ptsOffsetTicks) * 1e6) / clockRateHz;
        frames.push({ number: stamp.number, captureUs: stamp.captureUs, utcUs, quality: timeQuality });
      }
    }
  }
  return frames;
}

/** Frame n is due n × 40 ms after the start: timers that fire late do not add up to a camera whose clock is slow. */
function playOnTime(t: TestContext, camera: ScriptedCamera): void {
  const startUs = monotonicUs();
  const timer = setInterval(() => {
    while (monotonicUs() - startUs >= (camera.frame + 1) * FRAME_US) camera.sendFrame();
  }, 5);
  t.after(() => clearInterval(timer));
}

test("from 1970 to now and two hours back while it records", { skip: faketime.missing }, async (t) => {
  const clock = new SystemClock();
  const camera = await ScriptedCamera.start({ frameMs: 0, media: () => new ClipMedia({ clock }) });
  t.after(() => camera.close());
  playOnTime(t, camera);
  const machineOffsetUs = Date.now() * 1000 - monotonicUs();
  const [folder, chrony] = [await temporaryFolder(t), await fakeChrony(t)];
  const wall = await fakeWallClock(t, faketime, -Math.round(Date.now() / 1000) + 60);
  const env = { ...wall.env, PATH: `${chrony.folder}${delimiter}${process.env["PATH"]}` };
  await mkdir(join(folder, "ring"));
  const config = `playback: yes
ring: {directory: ring, size: 100M}
pathDefaults: {record: yes, source: '${camera.url()}'}
paths: {files:, ring: {recordStore: ring}}
`;
  const start = (): Promise<Camgate> => startCamgate(t, { config, env, folder });
  const gateway = await start();
  const partIsRecorded = async (): Promise<void> => {
    const last = camera.frame + PART_FRAMES;
    await until("another part", () => camera.frame >= last);
  };
  await gateway.process.match(/\[path ring\] stream is available/);
  await partIsRecorded();
  await chrony.synchronise();
  await wall.set(0);
  const setUs = monotonicUs();
  await gateway.process.match(/clock.*/);
  await partIsRecorded();
  await wall.set(-SET_BACK_S);
  const setBackUs = monotonicUs();
  await partIsRecorded();
  const before = { files: await framesOf(gateway, "files"), ring: await framesOf(gateway, "ring") };
  console.log(gateway.process.stdout.toString());
  assert.deepEqual(await gateway.process.interrupt(), { code: 0, signal: null });
  const again = await start();
  const after = { files: await framesOf(again, "files"), ring: await framesOf(again, "ring") };
  for (const frames of [before.ring, after.ring, before.files, after.files]) {
    const errors = frames.map(({captureUs, utcUs, number, quality}) => [number, Math.round((utcUs - captureUs - machineOffsetUs)/1000), quality, captureUs > setBackUs ? "back" : captureUs > setUs ? "set" : ""].join(" "));
    console.log(errors.length, errors.filter((_, i) => i % 8 === 0).join("\n"));
  }
});
