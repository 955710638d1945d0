// What time recordings have in the API when the wall clock is set while they are made (libfaketime): booted in 1970, set to now, set back by two hours.
import assert from "node:assert/strict";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Clock, monotonicUs } from "#base/clock.ts";
import { ClipMedia, stampOf } from "#testing/clip-media.ts";
import { readFragmentedFile, samplesOf } from "#testing/mp4/whole-file.ts";
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
/** Of each part: 5 s. */
const PART_FRAMES = 125;
/** A group of pictures before the start of a clip is gone through in so long. */
const START_US = 4000;
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

/** Of a path: the time of each file's name, and the one in it. */
async function filesOf(folder: string, path: string): Promise<{ readonly nameMs: number; readonly ntpMs: number }[]> {
  const names = (await readdir(join(folder, "recordings", path))).sort();
  return Promise.all(
    names.map(async (name) => {
      const [, day, hour, minute, second, us] = /^(.{10})_(\d\d)-(\d\d)-(\d\d)-(\d{6})\.mp4$/.exec(name)!;
      const { init } = readFragmentedFile(await readFile(join(folder, "recordings", path, name)))!;
      const nameMs = new Date(`${day}T${hour}:${minute}:${second}`).getTime() + Number(us) / 1000;
      return { nameMs, ntpMs: init.mtxi!.startNtpUs / 1000 };
    }),
  );
}

/** Every frame that the API has of a path, with the time that follows from the list and the place in the clip. */
async function framesOf(program: Camgate, path: string): Promise<RecordedFrame[]> {
  const list = await fetch(`${program.playbackOrigin}/list?path=${path}`);
  assert.equal(list.status, 200, await list.clone().text());
  const frames: RecordedFrame[] = [];
  for (const { start, url, timeQuality } of (await list.json()) as Span[]) {
    const file = readFragmentedFile(Buffer.from(await (await fetch(url)).arrayBuffer()))!;
    const { clockRateHz } = file.init.tracks[0]!;
    const shown = samplesOf(file.fragments, 0).map(({ frame, dtsTicks, ptsOffsetTicks }) => {
      const { number, captureUs } = stampOf(frame)!;
      return { number, captureUs, atUs: ((dtsTicks + ptsOffsetTicks) * 1e6) / clockRateHz };
    });
    // Of those that are gone through at the start only the last stays to be seen.
    const first = Math.max(
      0,
      shown.findLastIndex(({ atUs }) => atUs <= START_US),
    );
    const startUtcUs = Date.parse(start) * 1000;
    frames.push(...shown.slice(first).map(({ atUs, ...frame }) => ({ ...frame, utcUs: startUtcUs + atUs, quality: timeQuality })));
  }
  return frames;
}

/** Its frames are captured every 40 ms sharp and carry that instant, however late this process gets to send them. */
async function startCamera(t: TestContext): Promise<ScriptedCamera> {
  const startUs = monotonicUs();
  let frame = 0;
  const dueUs = (): number => startUs + frame * FRAME_US;
  const clock: Clock = { nowUs: dueUs, utcOf: (utcUs) => ({ utcUs, quality: "none", errorMs: undefined }) };
  const camera = await ScriptedCamera.start({ frameMs: 0, media: () => new ClipMedia({ clock }) });
  const timer = setInterval(() => {
    for (; dueUs() <= monotonicUs(); frame++) camera.sendFrame();
  }, 5);
  t.after(async () => {
    clearInterval(timer);
    await camera.close();
  });
  return camera;
}

test("from 1970 to now and two hours back while it records", { skip: faketime.missing }, async (t) => {
  const camera = await startCamera(t);
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
  for (const path of ["files", "ring"]) {
    await until(`footage of ${path}`, async () => (await fetch(`${gateway.playbackOrigin}/list?path=${path}`)).status === 200);
  }
  const firstFrame = camera.frame;
  await partIsRecorded();
  await chrony.synchronise();
  await wall.set(0);
  await gateway.process.match(/\[clock\] synchronised/);
  await partIsRecorded();
  await wall.set(-SET_BACK_S);
  const setBackUs = monotonicUs();
  await gateway.process.match(/\[clock\] the wall clock was set by -7200/);
  await partIsRecorded();
  const lastFrame = camera.frame;

  /** Frames with another time than they had, or none. */
  const check = (frames: readonly RecordedFrame[]): void => {
    const wrong = frames.filter(({ number, captureUs, utcUs }) => {
      const errorUs = utcUs - captureUs - machineOffsetUs;
      const isRight = Math.abs(errorUs) <= TOLERANCE_US && captureUs < setBackUs + NOTICE_US;
      const isRightSetBack = Math.abs(errorUs + SET_BACK_S * 1e6) <= TOLERANCE_US && captureUs > setBackUs - FRAME_US; // the picture that stands when a clip begins
      return number >= firstFrame && !isRight && !isRightSetBack;
    });
    assert.deepEqual(wrong, []);
    const numbers = new Set(frames.map(({ number }) => number));
    const missing = Array.from({ length: lastFrame - firstFrame }, (_, i) => firstFrame + i).filter((number) => !numbers.has(number));
    assert.deepEqual(missing, []);
    assert.ok(frames.some(({ number, utcUs }) => number > firstFrame && utcUs < Date.now() * 1000 - SET_BACK_S * 1e6));
    assert.deepEqual([...new Set(frames.map(({ quality }) => quality))], ["ntp"], "footage from before the clock was set has its time now");
  };
  const lastIsStored = async (path: string): Promise<void> => {
    await until(`the last frame of ${path}`, async () => (await framesOf(gateway, path)).some(({ number }) => number >= lastFrame));
  };
  for (const path of ["files", "ring"]) await lastIsStored(path);
  for (const path of ["files", "ring"]) check(await framesOf(gateway, path));
  assert.deepEqual(await gateway.process.interrupt(), { code: 0, signal: null });
  const files = await filesOf(folder, "files");
  assert.ok(files.length >= 3);
  for (const { nameMs, ntpMs } of files) {
    assert.ok(Math.abs(nameMs - ntpMs) < 1, `named ${nameMs}, ${ntpMs} inside`);
    assert.ok(ntpMs > Date.now() - SET_BACK_S * 1000 - 60_000, "no file is of 1970 any more");
  }

  const again = await start();
  for (const path of ["files", "ring"]) check(await framesOf(again, path));
});

test("killed while files get their true times: the next start goes on with it", { skip: faketime.missing }, async (t) => {
  const camera = await startCamera(t);
  const machineOffsetUs = Date.now() * 1000 - monotonicUs();
  const [folder, chrony] = [await temporaryFolder(t), await fakeChrony(t)];
  const wall = await fakeWallClock(t, faketime, -Math.round(Date.now() / 1000) + 60);
  const env = { ...wall.env, PATH: `${chrony.folder}${delimiter}${process.env["PATH"]}` };
  const paths = ["a", "b", "c"];
  const config = `playback: yes
pathDefaults: {record: yes, recordSegmentDuration: 1s, source: '${camera.url()}'}
paths: {${paths.map((path) => `${path}:`).join(", ")}}
`;
  const gateway = await startCamgate(t, { config, env, folder });
  for (const path of paths) {
    await until(`files of ${path}`, async () => (await readdir(join(folder, "recordings", path)).catch(() => [])).length >= 4);
  }
  await chrony.synchronise();
  await wall.set(0);
  await gateway.process.match(/has the time now at which it was recorded/);
  await gateway.process.kill();

  const again = await startCamgate(t, { config, env, folder });
  for (const path of paths) {
    const frames = await framesOf(again, path);
    const wrong = frames.filter(({ captureUs, utcUs, quality }) => {
      return Math.abs(utcUs - captureUs - machineOffsetUs) > TOLERANCE_US || quality !== "ntp";
    });
    assert.deepEqual(wrong, [], path);
    const jumps = frames.filter(({ number }, i) => i > 0 && number !== frames[i - 1]!.number + 1 && number !== frames[i - 1]!.number);
    assert.ok(
      frames.length > 3 * 50 && jumps.length <= 1,
      `${path}: ${frames.length} frames, holes before ${jumps.map(({ number }) => number)}`,
    );
  }
  await until("all files to have their names", async () => {
    const files = (await Promise.all(paths.map((path) => filesOf(folder, path)))).flat();
    return files.every(({ nameMs, ntpMs }) => nameMs > Date.now() - 600_000 && Math.abs(nameMs - ntpMs) < 1);
  });
});
