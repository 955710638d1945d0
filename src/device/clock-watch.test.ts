import assert from "node:assert/strict";
import { test } from "node:test";
import { ANCHOR_FLAGS, type ClockAnchor } from "#base/clock-anchor.ts";
import { UtcModel } from "#base/utc-model.ts";
import { type ClockEvent, ClockWatch, type ClockWatchOptions } from "./clock-watch.ts";
import type { Synchronised } from "./time-sync.ts";

const EARLIEST_US = Date.UTC(2026, 0, 1) * 1000;
const T0_US = Date.UTC(2026, 2, 1) * 1000;
const NTP: Synchronised = { source: "chrony", quality: "ntp", errorUs: 2000, correctionUs: 0 };

/** A machine whose clocks and time keeper a test moves. The wall clock is read in whole milliseconds, as it is. */
class Machine {
  monoUs = 10e6;
  offsetUs: number;
  sync: Synchronised | undefined;
  asked = 0;
  readonly anchors: ClockAnchor[] = [];
  readonly events: ClockEvent[] = [];
  readonly model = new UtcModel();
  watch: ClockWatch;

  constructor(wallUs: number, options: Partial<ClockWatchOptions> = {}) {
    this.offsetUs = wallUs - this.monoUs;
    this.watch = this.process(options);
  }

  process(options: Partial<ClockWatchOptions> = {}): ClockWatch {
    this.watch = new ClockWatch({
      boot: { bootCounter: 3, bootId: "4a999524-645c-41ae-afd2-a71430eb9d0f" },
      clocks: { monotonicUs: () => this.monoUs, wallUs: () => Math.floor((this.monoUs + this.offsetUs) / 1000) * 1000 },
      readSync: async () => {
        this.asked++;
        return this.sync;
      },
      cameFromHardware: false,
      earliestUtcUs: EARLIEST_US,
      earlier: [...this.anchors],
      onAnchor: (anchor) => {
        this.anchors.push(anchor);
        this.model.add(anchor);
      },
      onConfirmed: (anchor) => this.model.confirm(anchor),
      onEvent: (event) => this.events.push(event),
      ...options,
    });
    return this.watch;
  }

  async run(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.monoUs += 1e6;
      await this.watch.tick();
    }
  }

  utcOf(monoUs: number) {
    return this.model.utcOf({ bootCounter: 3, monoUs });
  }

  /** Of the anchors so far. */
  get qualities(): string {
    return this.anchors.map(({ quality }) => quality).join(" ");
  }
}

test("a machine that boots in 1970 and is set by a time keeper: what came before is known then", async () => {
  const machine = new Machine(15e6);
  await machine.watch.start();
  assert.equal(machine.watch.state, "NONE");
  await machine.run(120);
  machine.sync = NTP;
  machine.offsetUs = T0_US;
  await machine.run(1);
  assert.equal(machine.watch.state, "SYNCED");
  assert.equal(machine.qualities, "none ntp");
  assert.deepEqual(
    machine.anchors.map(({ flags }) => flags),
    [ANCHOR_FLAGS.start, ANCHOR_FLAGS.step],
  );
  assert.deepEqual(
    machine.events.map(({ kind }) => kind),
    ["step", "synced"],
  );
  const { utcUs, quality, errorMs } = machine.utcOf(20e6);
  assert.ok(Math.abs(utcUs - (T0_US + 20e6)) <= 1000);
  assert.equal(quality, "ntp");
  assert.ok(errorMs! < 10);
});

test("while it is synchronised it asks once a minute, writes once an hour, and the error does not grow", async () => {
  const machine = new Machine(T0_US);
  machine.sync = NTP;
  await machine.watch.start();
  await machine.run(2 * 3600 + 60);
  assert.ok(machine.asked >= 120 && machine.asked <= 125, `${machine.asked}`);
  assert.equal(machine.anchors.length, 3);
  assert.ok(machine.utcOf(machine.monoUs).errorMs! < 7);
});

test("synchronisation that is lost is held, with a growing error; one refusal is not a loss", async () => {
  const machine = new Machine(T0_US);
  machine.sync = NTP;
  await machine.watch.start();
  machine.sync = undefined;
  await machine.run(60);
  assert.equal(machine.watch.state, "SYNCED");
  machine.sync = NTP;
  await machine.run(10);
  assert.deepEqual(
    machine.events.map(({ kind }) => kind),
    ["synced"],
  );
  machine.sync = undefined;
  await machine.run(3600);
  assert.equal(machine.watch.state, "HOLDOVER");
  assert.deepEqual(machine.events.at(-1), { kind: "lost", source: "chrony" });
  assert.equal(machine.anchors.at(-1)!.quality, "ntp");
  assert.ok((machine.anchors.at(-1)!.flags & ANCHOR_FLAGS.lost) !== 0);
  const { quality, errorMs } = machine.utcOf(machine.monoUs);
  assert.equal(quality, "ntp");
  assert.ok(errorMs! > 170 && errorMs! < 190, `${errorMs}`);
  machine.sync = NTP;
  await machine.run(10);
  assert.equal(machine.watch.state, "SYNCED");
  assert.ok(machine.utcOf(machine.monoUs).errorMs! < 4);
});

test("a step that the time keeper stands by counts from where it was seen", async () => {
  const machine = new Machine(T0_US);
  machine.sync = NTP;
  await machine.watch.start();
  await machine.run(30);
  const before = machine.utcOf(machine.monoUs).utcUs;
  machine.offsetUs -= 7200e6;
  await machine.run(1);
  assert.equal(machine.anchors.at(-1)!.quality, "ntp");
  assert.deepEqual(machine.events.at(-1), { kind: "step", stepUs: -7200e6 });
  assert.equal(machine.utcOf(machine.monoUs - 1e6).utcUs, before);
  assert.equal(machine.utcOf(machine.monoUs).utcUs, before + 1e6 - 7200e6);
});

test("a step that nobody stands by is not followed where the time was known", async () => {
  const machine = new Machine(T0_US);
  machine.sync = NTP;
  await machine.watch.start();
  await machine.run(30);
  machine.sync = undefined;
  machine.offsetUs += 7200e6;
  await machine.run(1);
  assert.equal(machine.watch.state, "HOLDOVER");
  assert.equal(machine.qualities, "ntp ntp est");
  assert.deepEqual(
    machine.anchors.map(({ flags }) => flags),
    [ANCHOR_FLAGS.start, ANCHOR_FLAGS.lost, ANCHOR_FLAGS.step],
  );
  assert.deepEqual(
    machine.events.map(({ kind }) => kind),
    ["synced", "step", "lost"],
  );
  assert.equal(machine.utcOf(machine.monoUs).utcUs, T0_US + 31e6);
});

test("what a time keeper has yet to correct is counted in, while it works it off", async () => {
  const machine = new Machine(T0_US);
  machine.sync = { ...NTP, correctionUs: 400_000 };
  await machine.watch.start();
  const first = machine.utcOf(machine.monoUs).utcUs;
  assert.equal(first, T0_US + 400_000);
  // 300 ms of it within 15 minutes, by a faster kernel clock: both clocks gain, the wall clock is nearer to UTC.
  for (let minute = 0; minute < 15; minute++) {
    await machine.run(60);
    machine.sync = { ...NTP, correctionUs: machine.sync!.correctionUs - 20_000 };
  }
  await machine.run(60);
  assert.equal(machine.utcOf(machine.monoUs).utcUs, T0_US + 960e6 + 100_000);
  assert.ok(machine.anchors.slice(1).every(({ flags }) => flags === 0));
  const middle = machine.utcOf(10e6 + 450e6).utcUs;
  assert.ok(Math.abs(middle - (T0_US + 450e6 + 250_000)) < 30_000, "in a line, not in jumps");
});

test("a wall clock that nobody vouches for is proved by ten minutes in peace", async () => {
  const machine = new Machine(T0_US - 72 * 3600e6); // saved three days ago
  await machine.watch.start();
  assert.equal(machine.watch.state, "EST");
  await machine.run(30);
  machine.offsetUs = T0_US;
  await machine.run(600);
  assert.equal(machine.anchors.length, 2);
  await machine.run(1);
  assert.equal(machine.qualities, "est est est");
  assert.ok((machine.anchors[2]!.flags & ANCHOR_FLAGS.stable) !== 0);
  assert.deepEqual(machine.utcOf(10e6), { utcUs: T0_US + 10e6, quality: "est", errorMs: undefined });
});

test("a wall clock from 1970 is never vouched for", async () => {
  const machine = new Machine(0);
  machine.sync = NTP;
  await machine.watch.start();
  assert.equal(machine.watch.state, "NONE");
  assert.equal(machine.qualities, "none");
});

test("a hardware clock counts until the wall clock is set or vouched for", async () => {
  const machine = new Machine(T0_US, { cameFromHardware: true });
  await machine.watch.start();
  assert.equal(machine.watch.isFromHardware, true);
  assert.equal(machine.watch.state, "EST");
  machine.sync = NTP;
  await machine.run(10);
  assert.equal(machine.watch.isFromHardware, false);
  machine.process({ cameFromHardware: true });
  assert.equal(machine.watch.isFromHardware, false, "the last process knew better");
  assert.equal(machine.qualities, "rtc ntp");

  const set = new Machine(T0_US, { cameFromHardware: true });
  await set.watch.start();
  set.offsetUs += 5e6;
  await set.run(1);
  assert.equal(set.qualities, "rtc est");
});

test("a process that follows another one in the same boot knows what that one knew", async () => {
  const machine = new Machine(T0_US);
  machine.sync = NTP;
  await machine.watch.start();
  await machine.watch.stop();
  assert.ok((machine.anchors.at(-1)!.flags & ANCHOR_FLAGS.stop) !== 0);
  machine.sync = undefined;
  machine.monoUs += 1000e6;
  await machine.process().start();
  assert.equal(machine.watch.state, "HOLDOVER");
  assert.equal(machine.anchors.at(-1)!.quality, "ntp");
  assert.equal(machine.anchors.at(-1)!.errorUs, 2000 + 1000 + 1000 + 50_000);

  await machine.watch.stop();
  machine.offsetUs += 3600e6;
  await machine.process().start();
  assert.equal(machine.watch.state, "HOLDOVER");
  assert.equal(machine.anchors.at(-1)!.flags, ANCHOR_FLAGS.start | ANCHOR_FLAGS.step);
  assert.equal(machine.anchors.at(-1)!.quality, "est");
});

test("the milliseconds of the wall clock are no jitter of UTC", async () => {
  const machine = new Machine(T0_US + 999);
  machine.sync = NTP;
  await machine.watch.start();
  for (let second = 0; second < 200; second++) {
    machine.monoUs += 7;
    await machine.run(1);
  }
  const { version } = machine.model;
  await machine.run(3600);
  assert.equal(machine.model.version, version);
  assert.equal(machine.anchors.length, 2);
});

test("while somebody is being asked nothing else begins", async () => {
  const answers: (() => void)[] = [];
  const machine = new Machine(T0_US);
  await machine.process({ readSync: async () => undefined }).start();
  machine.process({ earlier: [], readSync: () => new Promise((resolve) => answers.push(() => resolve(NTP))) });
  const started = machine.watch.start();
  answers.shift()!();
  await started;
  machine.monoUs += 60e6;
  const asking = machine.watch.tick();
  machine.offsetUs += 1e9;
  await machine.watch.tick();
  assert.equal(answers.length, 1);
  assert.equal(machine.watch.steps, 0);
  answers.shift()!();
  await asking;
  const stepped = machine.watch.tick();
  assert.equal(machine.watch.state, "SYNCED");
  assert.equal(machine.watch.steps, 0, "all at once, when the answer is there");
  answers.shift()!();
  await stepped;
  assert.equal(machine.watch.steps, 1);
  assert.equal(machine.watch.state, "SYNCED");
});

test("a time is acted upon when somebody vouches for it, or when it went on undisturbed for ten minutes, also in the next process", async () => {
  const machine = new Machine(15e6);
  await machine.watch.start();
  assert.equal(machine.watch.isTrusted, false, "1970");
  machine.offsetUs = T0_US;
  await machine.run(599);
  assert.equal(machine.watch.isTrusted, false, "set by nobody knows whom");
  await machine.run(10);
  assert.equal(machine.watch.isTrusted, true);
  await machine.process().start();
  assert.equal(machine.watch.isTrusted, true);
  machine.offsetUs += 3600e6;
  await machine.process().start();
  assert.equal(machine.watch.isTrusted, false, "set between the processes");
  machine.sync = NTP;
  await machine.run(10);
  assert.equal(machine.watch.isTrusted, true);
  machine.sync = undefined;
  await machine.run(600);
  assert.deepEqual([machine.watch.state, machine.watch.isTrusted], ["HOLDOVER", true]);
  machine.offsetUs -= 7200e6;
  await machine.run(1);
  assert.equal(machine.watch.isTrusted, false, "a step that nobody stands by");
});

test("a hardware clock that the kernel took is acted upon at once", async () => {
  const machine = new Machine(T0_US, { cameFromHardware: true });
  await machine.watch.start();
  assert.equal(machine.watch.isTrusted, true);
});
