// The clock as a process, whose wall clock libfaketime moves: booted in 1970, set to now, set back by two hours, restarted.
import assert from "node:assert/strict";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { monotonicUs } from "#base/clock.ts";
import { fakeChrony } from "#testing/peers/fake-chrony.ts";
import { fakeWallClock, findFaketime } from "#testing/peers/faketime.ts";
import { type RunningPeer, startPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";

const faketime = findFaketime();
const TOLERANCE_US = 100_000;
const MODULE = pathToFileURL(join(import.meta.dirname, "gateway-clock.ts")).href;

/** Tells its stamp, its state and its UTC again and again, until SIGINT; or the UTC of the stamps it is given, and ends. */
const PROGRAM = `
  const { openGatewayClock } = await import(${JSON.stringify(MODULE)});
  const say = (text) => process.stderr.write(text + "\\n");
  const log = { debug: say, info: say, warn: say, error: say, child: () => log };
  const [dataDirectory, ...stamps] = process.argv.slice(1);
  const clock = await openGatewayClock({ dataDirectory, log });
  const tell = (monoUs) => {
    const { state, bootCounter } = clock;
    console.log(JSON.stringify({ state, bootCounter, monoUs, ...clock.utcOf(monoUs), steps: clock.status().steps }));
  };
  const end = async () => { clearInterval(timer); await clock.close(); };
  const timer = stamps.length === 0 ? setInterval(() => tell(clock.nowUs()), 50) : undefined;
  for (const stamp of stamps) tell(Number(stamp));
  if (stamps.length === 0) process.once("SIGINT", end);
  else await end();
`;

interface Told {
  readonly state: string;
  readonly bootCounter: number;
  readonly monoUs: number;
  readonly utcUs: number;
  readonly quality: string;
  readonly steps: number;
}

/** Everything it told so far. */
function told(process: RunningPeer): Told[] {
  const lines = process.stdout.toString("utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

for (const isSynchronised of [true, false]) {
  const keeper = isSynchronised ? "with a time keeper" : "with nobody who vouches for the clock";
  test(`from 1970 to now and two hours back, ${keeper}: every stamp has the time it was`, { skip: faketime.missing }, async (t) => {
    const machineOffsetUs = Date.now() * 1000 - monotonicUs();
    const wall = await fakeWallClock(t, faketime, -Math.round(Date.now() / 1000) + 60);
    const chrony = await fakeChrony(t);
    const dataDirectory = await temporaryFolder(t);
    const env = { ...wall.env, PATH: `${chrony.folder}${delimiter}${process.env["PATH"]}` };
    const node = { name: "clock", file: process.execPath, missing: false } as const;
    const start = (...stamps: number[]): RunningPeer =>
      startPeer(t, node, ["--input-type=module", "--eval", PROGRAM, dataDirectory, ...stamps.map(String)], { env });
    const next = (what: string, is: (latest: Told) => boolean): Promise<Told> => until(what, () => told(clock).findLast(is));

    const clock = start();
    const in1970 = await next("a clock in 1970", () => true);
    assert.equal(in1970.state, "NONE");
    assert.equal(in1970.quality, "none");
    assert.ok(Math.abs(in1970.monoUs - monotonicUs()) < 30e6, "one monotonic clock for all processes");

    if (isSynchronised) await chrony.synchronise();
    await wall.set(0);
    const state = isSynchronised ? "SYNCED" : "EST";
    const set = await next("a clock that is set", (latest) => latest.state === state && latest.steps === 1);
    await wall.set(-7200);
    const setBack = await next("a clock that is set back", (latest) => latest.steps === 2);
    assert.equal(setBack.state, state);
    assert.equal((await clock.interrupt()).code, 0, clock.stderr);

    // Another process of the same boot has it all from the medium.
    const stamps = [in1970, set, setBack].map(({ monoUs }) => monoUs);
    const after = start(...stamps);
    assert.equal((await after.exited).code, 0, after.stderr);
    for (const [index, offsetUs] of [0, 0, -7200e6].entries()) {
      const { bootCounter, monoUs, utcUs, quality } = told(after)[index]!;
      assert.deepEqual([bootCounter, monoUs, quality], [in1970.bootCounter, stamps[index], isSynchronised ? "ntp" : "est"]);
      const errorUs = utcUs - monoUs - machineOffsetUs - offsetUs;
      assert.ok(Math.abs(errorUs) <= TOLERANCE_US, `stamp ${index} is ${errorUs} µs off`);
    }
  });
}
