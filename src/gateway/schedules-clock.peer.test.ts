// Schedules of the program while its wall clock is set (libfaketime), in the night in which summer time ends.
import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { startCamgate } from "#testing/peers/camgate.ts";
import { fakeChrony } from "#testing/peers/fake-chrony.ts";
import { fakeWallClock, findFaketime } from "#testing/peers/faketime.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";

const faketime = findFaketime();
const WAIT_MS = 60_000;

interface ScheduleState {
  readonly trusted: boolean;
  readonly schedules: readonly { readonly next: number | null; readonly last: number | null; readonly running: boolean }[];
}

test("unknown, known, forward over a due time, back, and through the hour that comes twice", { skip: faketime.missing }, async (t) => {
  const camera = await ScriptedCamera.start({ frameMs: 40, video: { gopFrames: 5, frameBytes: 500 } });
  t.after(() => camera.close());
  const chrony = await fakeChrony(t);
  const wall = await fakeWallClock(t, faketime, -Math.round(Date.now() / 1000) + 60);
  const setTo = (time: string): Promise<void> => wall.set(Math.round((Date.parse(time) - Date.now()) / 1000));
  const config = `api: yes
paths: {gate: {source: '${camera.url()}'}}
schedules:
  - {cron: '0 2 * * *', timeZone: Europe/Berlin, do: recordOff, path: gate}
  - {cron: '30 2 * * *', timeZone: Europe/Berlin, do: recordOn, path: gate}
  - {cron: '30 * * * *', timeZone: Europe/Berlin, do: telemetry}
`;
  const env = { ...wall.env, PATH: `${chrony.folder}${delimiter}${process.env["PATH"]}` };
  const program = await startCamgate(t, { config, env });
  const get = async (target: string) => (await fetch(`${program.apiOrigin}/camgate/v1/${target}`)).json() as Promise<unknown>;
  const state = async () => (await get("schedules/list")) as ScheduleState;
  const isRecorded = async (): Promise<boolean> => "gate" in ((await get("recorders/list")) as { readonly cams: object }).cams;
  const log = (): string => program.process.stdout.toString("utf8");
  const dueCount = (what: string): number => log().split(`due: ${what}`).length - 1;

  await program.process.match(/\[schedules\] nothing is done until the time is known/);
  assert.deepEqual([(await state()).trusted, (await state()).schedules[1]?.next, await isRecorded()], [false, null, false]);

  await chrony.synchronise();
  await setTo("2026-10-25T00:24:00Z");
  await until("the time is known", async () => (await state()).trusted, WAIT_MS);
  await until("when it is due", async () => (await state()).schedules[1]?.next === Date.parse("2026-10-25T00:30:00Z"), WAIT_MS);
  assert.equal(await isRecorded(), false);

  await setTo("2026-10-25T00:30:05Z");
  await until("it was due", () => dueCount("recordOn") === 1, WAIT_MS);
  await until("a recorder", isRecorded, WAIT_MS);

  await setTo("2026-10-25T00:24:00Z");
  await until("what it was at that time", async () => !(await isRecorded()), WAIT_MS);
  await setTo("2026-10-25T00:30:05Z");
  await until("a recorder again", isRecorded, WAIT_MS);
  assert.deepEqual([dueCount("recordOn"), dueCount("telemetry")], [1, 1], "the same half past two");

  await setTo("2026-10-25T01:24:00Z");
  await program.process.match(/the clock went forward by \d+ min: what was due in between is left out/);
  await setTo("2026-10-25T01:30:05Z");
  await until("the hour's half", () => dueCount("telemetry") === 2, WAIT_MS);
  const { schedules } = await state();
  assert.deepEqual([dueCount("recordOn"), await isRecorded()], [1, true], "the second half past two of this night");
  assert.deepEqual([schedules[1]?.last, schedules[1]?.next], [Date.parse("2026-10-25T00:30:00Z"), Date.parse("2026-10-26T01:30:00Z")]);

  await setTo("2026-10-26T01:24:00Z");
  await until("recordOff, which was leapt over, holds", async () => !(await isRecorded()), WAIT_MS);
  await setTo("2026-10-26T01:30:05Z");
  await until("the next night", () => dueCount("recordOn") === 2, WAIT_MS);
  assert.equal((await program.process.interrupt()).code, 0);
});

test("a reboot is asked for once, also when the machine comes back with a clock that is behind", { skip: faketime.missing }, async (t) => {
  const chrony = await fakeChrony(t);
  await chrony.synchronise();
  const folder = await temporaryFolder(t);
  const asked = join(chrony.folder, "asked");
  await writeFile(join(chrony.folder, "systemctl"), `#!/bin/sh\necho "$@" >> '${asked}'\n`);
  await chmod(join(chrony.folder, "systemctl"), 0o755);
  const config = `api: yes
paths: {gate: }
schedules:
  - {cron: '0 3 * * *', do: reboot, value: 2h}
  - {cron: '0 * * * *', do: telemetry}
`;
  for (const run of ["first", "second"]) {
    const wall = await fakeWallClock(t, faketime, Math.round((Date.parse("2026-10-25T02:54:00Z") - Date.now()) / 1000));
    const program = await startCamgate(t, {
      ...{ config, folder },
      env: { ...wall.env, PATH: `${chrony.folder}${delimiter}${process.env["PATH"]}` },
    });
    const state = async () => (await (await fetch(`${program.apiOrigin}/camgate/v1/schedules/list`)).json()) as ScheduleState;
    await until("when it is due", async () => (await state()).schedules[0]?.next === Date.parse("2026-10-25T03:00:00Z"), WAIT_MS);
    await wall.set(Math.round((Date.parse("2026-10-25T03:00:05Z") - Date.now()) / 1000));
    await until("three o'clock", async () => (await state()).schedules[1]?.last === Date.parse("2026-10-25T03:00:00Z"), WAIT_MS);
    if (run === "first") await until("the machine is asked", () => readFile(asked, "utf8").catch(() => undefined), WAIT_MS);
    else await until("it was looked up", async () => !(await state()).schedules[0]!.running, WAIT_MS);
    assert.equal((await program.process.interrupt()).code, 0, "whom the machine ends ends in order");
    assert.equal(await readFile(asked, "utf8"), "--no-ask-password --no-wall reboot\n", run);
  }
});
