import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { collectedLog } from "#testing/collected-log.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import type { ClockEvent } from "./clock-watch.ts";
import { type ClockMachine, type GatewayClock, openGatewayClock } from "./gateway-clock.ts";
import type { Synchronised } from "./time-sync.ts";

const T0_US = Date.UTC(2026, 2, 1) * 1000;
const NTP: Synchronised = { source: "chrony", quality: "ntp", errorUs: 2000, correctionUs: 1000 };

/** A machine that a test boots and sets. */
class Machine implements ClockMachine {
  monoUs = 10e6;
  offsetUs = 0;
  sync: Synchronised | undefined;
  ticks: (() => void)[] = [];
  readonly earliestUtcUs = Date.UTC(2026, 0, 1) * 1000;
  readonly clocks = { monotonicUs: () => this.monoUs, wallUs: () => this.monoUs + this.offsetUs };
  readonly readSync = async (): Promise<Synchronised | undefined> => this.sync;
  readonly cameFromHardware = async (): Promise<boolean> => false;
  readonly everySecond = (tick: () => void): (() => void) => {
    this.ticks.push(tick);
    return () => {
      this.ticks = this.ticks.filter((other) => other !== tick);
    };
  };
  readonly folder: string;
  readonly bootIdFile: string;
  #boots = 0;

  private constructor(folder: string) {
    this.folder = folder;
    this.bootIdFile = join(folder, "boot_id");
  }

  static async make(t: TestContext): Promise<Machine> {
    const machine = new Machine(await temporaryFolder(t));
    await machine.boot();
    return machine;
  }

  async boot(): Promise<void> {
    this.#boots++;
    this.monoUs = 10e6;
    this.offsetUs = 0;
    this.sync = undefined;
    await writeFile(this.bootIdFile, `${this.#boots}a999524-645c-41ae-afd2-a71430eb9d0f\n`);
  }

  /** The next event of the clock, which a second from now brings about. */
  async nextEvent(clock: GatewayClock): Promise<ClockEvent> {
    const done = new AbortController();
    const event = new Promise<ClockEvent>((resolve) => clock.onEvent(resolve, done.signal));
    this.monoUs += 1e6;
    for (const tick of this.ticks) tick();
    return event.finally(() => done.abort());
  }

  open(options: { alsoRead?: readonly string[]; log?: ReturnType<typeof collectedLog> } = {}): Promise<GatewayClock> {
    return openGatewayClock({ dataDirectory: join(this.folder, "data"), log: collectedLog(), machine: this, ...options });
  }
}

test("times of the boots before are known, and so are those of footage that had none", async (t) => {
  const machine = await Machine.make(t);
  const first = await machine.open();
  assert.equal(first.state, "NONE");
  assert.equal(first.utcOf(5e6).quality, "none");
  const { version } = first;
  machine.sync = NTP;
  machine.offsetUs = T0_US;
  assert.deepEqual(await machine.nextEvent(first), { kind: "step", stepUs: T0_US });
  assert.equal(first.state, "SYNCED");
  assert.ok(first.version > version);
  assert.deepEqual(first.utcOf(5e6), { utcUs: T0_US + 1000 + 5e6, quality: "ntp", errorMs: 3 + 6e6 * 50e-9 });
  await first.close();

  await machine.boot();
  const second = await machine.open();
  t.after(() => second.close());
  assert.equal(second.bootCounter, 2);
  assert.equal(second.bootId, "2a999524-645c-41ae-afd2-a71430eb9d0f");
  assert.equal(second.utcOfStamp({ bootCounter: 1, monoUs: 5e6 }).utcUs, T0_US + 1000 + 5e6);
  assert.deepEqual(second.monoOf(T0_US + 1000 + 5e6), [{ bootCounter: 1, monoUs: 5e6 }]);
  // It began after the other one ended, whenever that was.
  second.noteFootage({ bootCounter: 1, monoUs: 100e6 });
  assert.deepEqual(second.utcOf(0), { utcUs: T0_US + 1000 + 100e6, quality: "est", errorMs: undefined });
  assert.deepEqual(second.rangesOf(T0_US + 1000 + 100e6, T0_US + 1000 + 200e6), [
    { bootCounter: 1, fromMonoUs: 100e6, toMonoUs: 200e6 }, // nobody said that there is no more
    { bootCounter: 2, fromMonoUs: 0, toMonoUs: 100e6 },
  ]);
});

test("a status is there at any time", async (t) => {
  const machine = await Machine.make(t);
  machine.offsetUs = T0_US;
  machine.sync = NTP;
  const clock = await machine.open();
  t.after(() => clock.close());
  machine.monoUs += 64e6;
  assert.deepEqual(clock.status(), {
    state: "SYNCED",
    quality: "ntp",
    source: "chrony",
    errorMs: 6.2,
    correctionMs: 1,
    secondsSinceSync: 64,
    steps: 0,
    isFromHardware: false,
  });
});

test("it closes once, stops watching, and has said when", async (t) => {
  const machine = await Machine.make(t);
  const clock = await machine.open();
  assert.equal(machine.ticks.length, 1);
  await Promise.all([clock.close(), clock.close()]);
  assert.equal(machine.ticks.length, 0);
  assert.equal((await readFile(join(machine.folder, "data", "clk.log"))).length, 2 * 64);
});

test("with a copy elsewhere nothing is lost with the data directory, and no number is given twice", async (t) => {
  const machine = await Machine.make(t);
  const copy = join(machine.folder, "ring.log");
  machine.offsetUs = T0_US;
  machine.sync = NTP;
  const first = await machine.open();
  await first.addCopy(copy);
  await first.close();
  await machine.boot();
  const dataDirectory = join(machine.folder, "another");
  const second = await openGatewayClock({ dataDirectory, log: collectedLog(), machine, alsoRead: [copy] });
  t.after(() => second.close());
  assert.equal(second.bootCounter, 2);
  assert.equal(second.utcOfStamp({ bootCounter: 1, monoUs: 10e6 }).quality, "ntp");
});

test("boots that only the copy knows are known from when it is added", async (t) => {
  const machine = await Machine.make(t);
  const copy = join(machine.folder, "data", "clk.log");
  for (let boots = 0; boots < 2; boots++) {
    machine.offsetUs = T0_US + boots * 3600e6;
    machine.sync = NTP;
    await (await machine.open()).close();
    await machine.boot();
  }
  const clock = await openGatewayClock({ dataDirectory: join(machine.folder, "another"), log: collectedLog(), machine });
  t.after(() => clock.close());
  assert.equal(clock.utcOfStamp({ bootCounter: 2, monoUs: 10e6 }).quality, "none");
  const { version } = clock;
  await clock.addCopy(copy);
  assert.equal(clock.utcOfStamp({ bootCounter: 2, monoUs: 10e6 }).quality, "ntp");
  assert.ok(clock.version > version);
});

test("where nothing can be written it works on, with warnings", async (t) => {
  const machine = await Machine.make(t);
  machine.offsetUs = T0_US;
  machine.sync = NTP;
  await writeFile(join(machine.folder, "data"), "a file where the folder should be");
  const log = collectedLog();
  const clock = await machine.open({ log });
  assert.equal(clock.bootCounter, 1);
  assert.equal(clock.utcOf(machine.monoUs).quality, "ntp");
  await clock.close();
  assert.equal(log.lines.filter((line) => /cannot be (?:kept|written|read)/.test(line)).length, log.lines.length - 1);
});

test("this machine has a clock", async (t) => {
  const folder = await temporaryFolder(t);
  const clock = await openGatewayClock({ dataDirectory: folder, log: collectedLog() });
  const stampUs = clock.nowUs();
  assert.ok(Math.abs(stampUs - Number(process.hrtime.bigint() / 1000n)) < 60e6);
  assert.ok(Number.isInteger(stampUs));
  // Its wall clock, unless somebody knows better.
  if (clock.status().correctionMs === undefined) assert.ok(Math.abs(clock.utcOf(clock.nowUs()).utcUs - Date.now() * 1000) < 1e6);
  await clock.close();
});

test("a hint: taken where nothing better is known, forward or back by a minute, over processes, until somebody vouches for the clock", async (t) => {
  const machine = await Machine.make(t);
  const clock = await machine.open();
  const hintUs = T0_US + 500e6;
  assert.deepEqual(clock.takeHint(Date.UTC(2025, 0, 1) * 1000), { fault: "it is later than 2026-01-01T00:00:00.000Z" });
  assert.match((clock.takeHint(hintUs * 1000) as { readonly fault: string }).fault, /more than ten years/);
  assert.deepEqual([clock.utcOf(machine.monoUs).quality, clock.isTrusted], ["none", false]);
  assert.equal(clock.takeHint(hintUs), "taken");
  assert.ok(clock.isTrusted, "it can be acted upon: schedules, jobs");
  const now = clock.utcOf(machine.monoUs);
  assert.deepEqual([now.utcUs, now.quality, now.errorMs], [hintUs, "hint", 5000]);
  assert.equal(clock.state, "NONE", "the machine's clock is what it was");
  assert.equal(clock.takeHint(hintUs + 1e6), "needless");
  assert.match((clock.takeHint(hintUs - 61e6) as { readonly fault: string }).fault, /back by more than a minute/);
  assert.equal(clock.takeHint(hintUs - 59e6), "taken");
  machine.monoUs += 1e6;
  assert.equal(clock.takeHint(hintUs + 86_400e6), "taken");
  assert.equal(clock.utcOf(machine.monoUs).utcUs, hintUs + 86_400e6);
  machine.monoUs += 5e6;
  await clock.close();

  const next = await machine.open();
  machine.monoUs += 5e6;
  assert.deepEqual([next.utcOf(machine.monoUs).quality, next.utcOf(machine.monoUs).utcUs], ["hint", hintUs + 86_410e6]);
  assert.equal(next.status().steps, 0);
  machine.sync = NTP;
  machine.offsetUs = T0_US;
  await machine.nextEvent(next);
  assert.equal(next.utcOf(machine.monoUs).quality, "ntp");
  assert.equal(next.takeHint(hintUs + 90_000e6), "needless");
  await next.close();

  // What this boot knew no later one may be told away.
  await machine.boot();
  machine.sync = undefined;
  machine.offsetUs = 0;
  const later = await machine.open();
  t.after(() => later.close());
  assert.ok(later.leastUtcUs > T0_US);
  assert.match((later.takeHint(T0_US) as { readonly fault: string }).fault, /it is later than/);
  assert.equal(later.takeHint(T0_US + 90_000e6), "taken");
});

test("a wrong hint is over with its boot: the next one takes a right one, and certificates of today", async (t) => {
  const machine = await Machine.make(t);
  const clock = await machine.open();
  assert.equal(clock.takeHint(T0_US + 9 * 365 * 86_400e6), "taken");
  machine.monoUs += 5e6;
  await clock.close();
  await machine.boot();
  machine.offsetUs = 0;
  const next = await machine.open();
  t.after(() => next.close());
  assert.ok(next.leastUtcUs < T0_US, new Date(next.leastUtcUs / 1000).toISOString());
  assert.equal(next.takeHint(T0_US + 1000e6), "taken");
  assert.ok(Math.abs(next.utcOf(machine.monoUs).utcUs - (T0_US + 1000e6)) < 1e6);
});
