import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { lteModem, parseBand, parseModems, parseSignal } from "./lte-modem.ts";
import { type ProgramPort, ProgramReading } from "./program-reading.ts";
import { parseSupply, supplyVoltage } from "./supply-voltage.ts";

/** Answers by the arguments' text; a question that is not there fails. */
function port(answers: Readonly<Record<string, string>>, asked: string[] = []): ProgramPort {
  return {
    find: async (program) => `/usr/bin/${program}`,
    run: async (_file, args) => {
      asked.push(args.join(" "));
      const answer = answers[args.join(" ")];
      if (answer === undefined) throw new Error("refused");
      return answer;
    },
  };
}

const NO_PROGRAM: ProgramPort = { find: async () => undefined, run: () => assert.fail("there is none") };
const MODEM = "/org/freedesktop/ModemManager1/Modem/0";
const LIST = JSON.stringify({ "modem-list": [MODEM] });
const MODEM_TEXT = JSON.stringify({
  modem: { generic: { "access-technologies": ["lte"], "current-bands": ["utran-1", "eutran-3"], state: "connected" } },
});
const SIGNAL = JSON.stringify({
  modem: { signal: { lte: { "error-rate": "--", rsrp: "-97.00", rsrq: "-11.00" }, refresh: { rate: "30" } } },
});
const NO_SIGNAL = JSON.stringify({ modem: { signal: { lte: { rsrp: "--" }, refresh: { rate: "0" } } } });

test("a program is asked seldom; what it said last serves meanwhile, and is null where it fails", async () => {
  let nowMs = 0;
  let answer: string | undefined = "1";
  let asked = 0;
  const reading = new ProgramReading({
    program: "x",
    periodMs: 1000,
    nullPeriodMs: 5000,
    nowMs: () => nowMs,
    read: async (ask) => Number(await ask()),
    port: {
      find: async () => "/x",
      run: async () => {
        asked++;
        return answer ?? assert.fail("no");
      },
    },
  });
  assert.deepEqual(await Promise.all([reading.read(), reading.read()]), [1, 1]);
  nowMs = 999;
  assert.equal(await reading.read(), 1);
  assert.equal(asked, 1);
  nowMs = 1000;
  answer = undefined;
  assert.equal(await reading.read(), 1, "nobody waits for the second answer");
  await new Promise(setImmediate);
  assert.equal(await reading.read(), null);
  nowMs = 5000;
  await reading.read();
  assert.equal(asked, 2);
  nowMs = 6000;
  answer = "3";
  await reading.read();
  await new Promise(setImmediate);
  assert.deepEqual([await reading.read(), asked], [3, 3]);
});

test("what is not installed is not here", async () => {
  assert.equal(await supplyVoltage(() => 0, NO_PROGRAM).read(), undefined);
  assert.equal(await lteModem(() => 0, NO_PROGRAM).read(), undefined);
});

test("a real program on the PATH, and one that fails", async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, "vcgencmd");
  await writeFile(file, '#!/bin/sh\n[ "$1" = pmic_read_adc ] && echo " EXT5V_V volt(24)=5.15140000V"\n');
  await chmod(file, 0o755);
  const before = process.env["PATH"];
  t.after(() => {
    process.env["PATH"] = before;
  });
  process.env["PATH"] = `${folder}${delimiter}${before}`;
  assert.equal(await supplyVoltage(() => 0).read(), 5151);
  await writeFile(file, "#!/bin/sh\necho 'error=1 error_msg=\"Command not registered\"'\nexit 255\n");
  assert.equal(await supplyVoltage(() => 0).read(), null);
});

test("supply voltage", () => {
  assert.equal(parseSupply(" EXT5V_V volt(24)=5.15140000V\n"), 5151);
  for (const text of ["", 'error=1 error_msg="Command not registered"', "EXT5V_V volt(24)=V", "BATT_V volt(25)=0.00000000V"])
    assert.equal(parseSupply(text), undefined, text);
});

test("a modem with its band and signal", async () => {
  const asked: string[] = [];
  const modem = lteModem(() => 0, port({ "-L -J": LIST, [`-m ${MODEM} -J`]: MODEM_TEXT, [`-m ${MODEM} --signal-get -J`]: SIGNAL }, asked));
  assert.deepEqual(await modem.read(), { rsrp: -97, band: "B3" });
  assert.equal(asked.length, 3, "nothing is set up that is set up");
});

test("a modem that measures nothing yet is told to; one that may not be told says nothing", async () => {
  const asked: string[] = [];
  const answers = { "-L -J": LIST, [`-m ${MODEM} -J`]: "{}", [`-m ${MODEM} --signal-get -J`]: NO_SIGNAL };
  assert.equal(await lteModem(() => 0, port(answers, asked)).read(), null);
  assert.equal(asked.at(-1), `-m ${MODEM} --signal-setup=30`);
  assert.equal(await lteModem(() => 0, port({ "-L -J": LIST })).read(), null);
  assert.equal(await lteModem(() => 0, port({ "-L -J": '{"modem-list":[]}' })).read(), undefined, "no modem");
});

test("what is no answer of ModemManager tells nothing", () => {
  for (const text of ["", "[]", "null", '{"modem-list":"x"}', '{"modem-list":[1,"/etc/passwd","-m"]}'])
    assert.equal(parseModems(text), undefined, text);
  for (const text of [
    "",
    "{}",
    '{"modem":{"generic":{"current-bands":["eutran-3","eutran-20"]}}}',
    '{"modem":{"generic":{"current-bands":"eutran-3"}}}',
  ])
    assert.equal(parseBand(text), undefined, text);
  for (const text of ["", "{}", '{"modem":{"signal":{"lte":{"rsrp":"-97dBm"}}}}'])
    assert.deepEqual(parseSignal(text), { isMeasured: false, rsrp: undefined }, text);
});
