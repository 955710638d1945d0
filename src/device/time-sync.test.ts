import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { parseChronyTracking, parseKernelState, syncReader, systemSyncPort } from "./time-sync.ts";

// Of chrony 4.3: a client whose clock is 2.5 s slow, one that serves its own clock, one that just began.
const CHRONY_CLIENT =
  "7F000001,127.0.0.1,2,1795378689.156226356,2.500007153,0.000000103,0.000000800,0.227,0.000,0.420,0.000022683,0.000001730,0.1,Normal\n";
const CHRONY_LOCAL =
  "7F7F0101,,1,1795378681.544329464,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,0.000000000,0.000000000,0.0,Normal\n";
const CHRONY_NONE =
  "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n";
// Of BusyBox 1.35 and adjtimex 1.29, not synchronised.
const BUSYBOX = `    mode:         0
-o  offset:       0 us
-f  freq.adjust:  0 (65536 = 1ppm)
    maxerror:     16000000
    esterror:     16000000
    status:       64 (UNSYNC)
-p  timeconstant: 2
    precision:    1 us
    tolerance:    32768000
-t  tick:         10000 us
    time.tv_sec:  1795378650
    time.tv_usec: 319473
    return value: 5 (clock not synchronized)
`;
const ADJTIMEX = `         mode: 0
       offset: 0
    frequency: 0
     maxerror: 16000000
     esterror: 16000000
       status: 64
time_constant: 2
    precision: 1
    tolerance: 32768000
         tick: 10000
     raw time:  1795378650s 320772us = 1795378650.320772
 return value = 5
`;
const TIMESYNC = "/run/systemd/timesync";

/** What programs print, by their command line, and what files there are. */
function readerOf(
  outputs: Record<string, string>,
  files: readonly string[] = [],
): { read: ReturnType<typeof syncReader>; asked: string[] } {
  const asked: string[] = [];
  const read = syncReader({
    run: async (program, args) => {
      const line = [program, ...args].join(" ");
      asked.push(line);
      const output = outputs[line];
      if (output === undefined) throw new Error("no such program");
      return output;
    },
    exists: async (path) => files.includes(path),
  });
  return { read, asked };
}

test("chrony: its bound of the error, and what it has yet to correct", () => {
  assert.deepEqual(parseChronyTracking(CHRONY_CLIENT), {
    synchronised: { source: "chrony", quality: "ntp", errorUs: 13, correctionUs: 2_500_007 },
  });
  assert.equal(parseChronyTracking(CHRONY_CLIENT.replace("127.0.0.1", "PHC0"))?.synchronised?.quality, "ptp");
});

test("chrony: a clock that serves itself for want of a better one is not synchronised", () => {
  assert.deepEqual(parseChronyTracking(CHRONY_LOCAL), { synchronised: undefined });
  assert.deepEqual(parseChronyTracking(CHRONY_NONE), { synchronised: undefined });
});

test("the kernel, as either program prints it", () => {
  for (const text of [BUSYBOX, ADJTIMEX]) {
    assert.deepEqual(parseKernelState(text), { synchronised: undefined });
    const synchronised = text.replace(/(maxerror: +)\d+/, "$120500").replace(/(status: +)64/, "$18193");
    assert.deepEqual(parseKernelState(synchronised), {
      synchronised: { source: "kernel", quality: "ntp", errorUs: 20_500, correctionUs: 0 },
    });
  }
});

test("the kernel, as systemd prints it", () => {
  assert.deepEqual(parseKernelState("NTPSynchronized=no\n"), { synchronised: undefined });
  assert.equal(parseKernelState("NTPSynchronized=yes\n")?.synchronised?.source, "kernel");
});

test("whatever is printed is an answer or none", () => {
  const random = fuzzRandom(13);
  const seeds = [CHRONY_CLIENT, CHRONY_LOCAL, BUSYBOX, ADJTIMEX, "NTPSynchronized=yes\n"].map((text) => Buffer.from(text));
  for (let round = fuzzRounds(3000); round > 0; round--) {
    const text = mutate(seeds[random(seeds.length)]!, random).toString();
    for (const answer of [parseChronyTracking(text), parseKernelState(text)]) {
      if (answer?.synchronised === undefined) continue;
      assert.ok(Number.isSafeInteger(answer.synchronised.errorUs) && answer.synchronised.errorUs >= 0);
      assert.ok(Number.isSafeInteger(answer.synchronised.correctionUs));
    }
  }
  for (const text of ["", "506 Cannot talk to daemon\n", "status:\nmaxerror:"]) {
    assert.equal(parseChronyTracking(text), undefined);
    assert.equal(parseKernelState(text), undefined);
  }
});

test("chrony is asked first, and believed", async () => {
  const { read, asked } = readerOf({ "chronyc -c tracking": CHRONY_NONE, "adjtimex --print": ADJTIMEX }, [
    TIMESYNC,
    `${TIMESYNC}/synchronized`,
  ]);
  assert.equal(await read(), undefined);
  assert.deepEqual(asked, ["chronyc -c tracking"]);
});

test("systemd-timesyncd, where it runs, is next", async () => {
  assert.equal((await readerOf({}, [TIMESYNC, `${TIMESYNC}/synchronized`]).read())?.source, "timesyncd");
  const { read, asked } = readerOf({ "adjtimex --print": ADJTIMEX.replace("status: 64", "status: 0") }, [TIMESYNC]);
  assert.equal(await read(), undefined);
  assert.deepEqual(asked, ["chronyc -c tracking"]);
});

test("then the kernel, by the first program that tells of it", async () => {
  const { read, asked } = readerOf({ "busybox adjtimex": BUSYBOX.replace("status:       64", "status:       1") });
  assert.equal((await read())?.source, "kernel");
  assert.deepEqual(asked, ["chronyc -c tracking", "adjtimex --print", "adjtimex", "busybox adjtimex"]);
  assert.equal(await readerOf({}).read(), undefined);
});

test("a program is found on the PATH and run without a shell; one that fails, hangs or is not there gives no answer", async (t) => {
  const folder = await temporaryFolder(t);
  const path = process.env["PATH"];
  process.env["PATH"] = `${folder}${delimiter}${path}`;
  t.after(() => {
    process.env["PATH"] = path;
  });
  const program = async (name: string, text: string): Promise<void> => {
    await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(folder, name), 0o755);
  };
  await program("camgate-test-answers", 'echo "$1 $LC_ALL"');
  await program("camgate-test-fails", "echo half an answer; exit 1");
  await program("camgate-test-hangs", "exec sleep 60");
  assert.equal(await systemSyncPort.run("camgate-test-answers", ["$HOME"], 30_000), "$HOME C\n");
  await assert.rejects(systemSyncPort.run("camgate-test-fails", [], 30_000));
  await assert.rejects(systemSyncPort.run("camgate-test-hangs", [], 50));
  assert.equal(await systemSyncPort.run("camgate-test-missing", [], 30_000), "");
  assert.equal(await systemSyncPort.exists(folder), true);
  assert.equal(await systemSyncPort.exists(join(folder, "missing")), false);
});
