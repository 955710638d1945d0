// Every way a command may be wrong: no execution, and the right code. Delivered three times: one execution, three equal answers.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { TimeQuality } from "#base/clock.ts";
import { deferred } from "#base/deferred.ts";
import { CallerFault, PeerFault } from "#base/errors.ts";
import { silentLog } from "#base/log.ts";
import { type Command, CommandTable } from "#control/command.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { CommandIntake, type CommandIntakeOptions, type CommandMessage } from "./command-intake.ts";
import { CommandJournal } from "./command-journal.ts";
import type { CommandAnswer } from "./command-request.ts";
import { signJws } from "./jws.ts";

const PATH = "/data/cmd.log";
const NOW_MS = 1_795_360_000_000;
/** As the link puts it in front of an answer. */
const ENVELOPE = { v: 1, sid: "00000001-0001", seq: 1, ts: NOW_MS, tq: "ntp", mono: 1, boot: 1 };
const noc = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");

interface Intake {
  readonly intake: CommandIntake;
  readonly journal: CommandJournal;
  /** Commands that ran, with their arguments. */
  readonly ran: unknown[];
  readonly answers: { readonly topic: string; readonly answer: CommandAnswer; readonly isTerminal: boolean }[];
  /** Codes of refusals. */
  readonly denied: string[];
  /** Sends one, signed where it has a counter, and waits until it has ended. */
  send(request: object, message?: Partial<CommandMessage>): Promise<CommandAnswer>;
  receive(payload: string | Buffer, message?: Partial<CommandMessage>): Promise<void>;
  /** The next terminal answer. */
  ended(): Promise<CommandAnswer>;
}

const request = (fields: object = {}): object => ({
  v: 1,
  id: "01J8ZZZZZZZZZZZZZZZZZZZZZZ",
  op: "rec.lock",
  args: {},
  exp: NOW_MS + 1,
  ...fields,
});
const signed = (fields: object = {}): object => request({ aud: "acme/gw-0001", ctr: 1, ...fields });

async function setUp(
  options: Partial<CommandIntakeOptions> & { readonly quality?: TimeQuality; readonly fs?: FaultFs; readonly run?: Command["run"] } = {},
): Promise<Intake> {
  const fs = options.fs ?? new FaultFs();
  if (options.fs === undefined) await fs.makeFolder("/data");
  const journal = await CommandJournal.open(fs, PATH);
  const ran: unknown[] = [];
  const answers: Intake["answers"] = [];
  const denied: string[] = [];
  const waiting: ((answer: CommandAnswer) => void)[] = [];
  const seen: CommandAnswer[] = [];
  const command = (name: string, scope: Command["scope"]): Command => ({
    name,
    scope,
    summary: "",
    parse: (input) => {
      if ("bad" in (input as object)) throw new CallerFault("invalid", "bad: has to go", "bad");
      return input;
    },
    run: async (input, context) => {
      ran.push([name, input]);
      return options.run === undefined ? { done: name } : options.run(input, context);
    },
  });
  const look: Command = { ...command("cam.snapshot", "read"), scopeOf: (input) => ("dest" in (input as object) ? "operate" : "read") };
  const commands = new CommandTable([
    command("rec.lock", "operate"),
    command("ping", "read"),
    command("sys.reboot", "admin"),
    command("key.rotate", "admin"),
    look,
  ]);
  const intake = new CommandIntake({
    commands,
    journal,
    trust: "signed",
    keys: () => new Map([["noc-a", noc.publicKey]]),
    audience: "acme/gw-0001",
    bootId: "boot-1",
    runId: "run-1",
    nowMs: () => 0,
    utcNow: () => ({ utcUs: NOW_MS * 1000, quality: options.quality ?? "ntp", errorMs: 1 }),
    limits: new Map(),
    log: silentLog,
    answer: (topic, answer, isTerminal) => {
      assert.deepEqual(contractFaults("up-res", { ...ENVELOPE, ...answer }), []);
      answers.push({ topic, answer, isTerminal });
      if (!isTerminal) return;
      const next = waiting.shift();
      if (next === undefined) seen.push(answer);
      else next(answer);
    },
    denied: (code) => void denied.push(code),
    random: () => 0,
    ...options,
  });
  const receive = (payload: string | Buffer, message: Partial<CommandMessage> = {}): Promise<void> =>
    intake.receive({ payload: Buffer.from(payload), isRetained: false, isBroadcast: false, responseTopic: "up/res", ...message });
  const ended = (): Promise<CommandAnswer> => {
    const early = seen.shift();
    return early === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(early);
  };
  const send = async (fields: object, message?: Partial<CommandMessage>): Promise<CommandAnswer> => {
    const text = JSON.stringify(fields);
    await receive("ctr" in fields ? signJws(text, "noc-a", noc.privateKey) : text, message);
    return ended();
  };
  return { intake, journal, ran, answers, denied, send, receive, ended };
}

test("a signed command is acknowledged, runs, and ends once", async () => {
  const { send, ran, answers } = await setUp();
  const id = "01J8ZZZZZZZZZZZZZZZZZZZZZZ";
  assert.deepEqual(await send(signed({ args: { cam: "gate" } })), { id, st: "ok", n: 2, res: { done: "rec.lock" } });
  assert.deepEqual(ran, [["rec.lock", { cam: "gate" }]]);
  assert.deepEqual(
    answers.map(({ answer: { st, n }, isTerminal }) => [st, n, isTerminal]),
    [
      ["ack", 1, false],
      ["ok", 2, true],
    ],
  );
});

test("delivered three times it runs once, and is answered three times alike; after a restart, too", async () => {
  const fs = new FaultFs();
  await fs.makeFolder("/data");
  const first = await setUp({ fs });
  const answers = [];
  for (let i = 0; i < 3; i++) answers.push(await first.send(signed()));
  assert.equal(first.ran.length, 1);
  await fs.syncFolder("/");
  const second = await setUp({ fs: fs.crash(1) });
  answers.push(await second.send(signed()));
  assert.equal(second.ran.length, 0);
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
});

test("delivered again while it runs, it is acknowledged again, and answered at its end as often as it came, within bounds", async () => {
  const gate = deferred<void>();
  const { send, receive, ended, ran, answers } = await setUp({ run: () => gate.promise });
  const text = signJws(JSON.stringify(signed()), "noc-a", noc.privateKey);
  await receive(text);
  await receive(text, { responseTopic: "up/res/second" });
  for (let i = 0; i < 98; i++) await receive(text);
  gate.resolve();
  const ends = [];
  for (let i = 0; i < 16; i++) ends.push(await ended());
  ends.push(await send(signed()));
  assert.equal(ran.length, 1);
  for (const end of ends) assert.deepEqual(end, ends[0]);
  assert.equal(answers.filter(({ answer }) => answer.st === "ack").length, 100);
  assert.deepEqual(
    answers.slice(100, 103).map(({ topic, isTerminal }) => [topic, isTerminal]),
    [
      ["up/res", true],
      ["up/res/second", true],
      ["up/res", true],
    ],
  );
});

test("what must not run does not, and the code says why", async () => {
  const text = (fields: object): string => JSON.stringify(fields);
  const sign = (fields: object, kid = "noc-a", key = noc.privateKey): string => signJws(text(fields), kid, key);
  const [, payload, signature] = sign(signed()).split(".");
  const header = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const deep = `{"v":1,"id":"01J","op":"ping","exp":${NOW_MS + 1},"args":${'{"a":'.repeat(5000)}`;
  const cases: readonly [name: string, code: string, payload: string, message?: Partial<CommandMessage>][] = [
    ["unsigned", "E_SIG", text(request())],
    ["a stranger's key under our kid", "E_SIG", sign(signed(), "noc-a", stranger.privateKey)],
    ["an unknown kid", "E_SIG", sign(signed(), "noc-z")],
    ["alg none", "E_SIG", `${header({ alg: "none", kid: "noc-a" })}.${payload}.`],
    ["alg HS256", "E_SIG", `${header({ alg: "HS256", kid: "noc-a" })}.${payload}.${signature}`],
    [
      "a key in the header",
      "E_SIG",
      `${header({ alg: "EdDSA", kid: "noc-a", jwk: stranger.publicKey.export({ format: "jwk" }) })}.${payload}.${signature}`,
    ],
    ["for another gateway", "E_AUD", sign(signed({ aud: "acme/gw-0002" }))],
    ["for nobody", "E_AUD", sign(request({ ctr: 1 }))],
    ["signed without a counter", "E_SCHEMA", sign(request({ aud: "acme/gw-0001" }))],
    ["expired", "E_EXPIRED", sign(signed({ exp: NOW_MS - 1 }))],
    ["retained", "E_RETAINED", sign(signed()), { isRetained: true }],
    ["a mebibyte", "E_SIZE", "x".repeat(1 << 20)],
    ["deep", "E_SCHEMA", deep],
    ["a key twice", "E_SCHEMA", `{"v":1,"id":"01J","op":"ping","op":"sys.reboot","exp":${NOW_MS + 1}}`],
    ["__proto__", "E_SCHEMA", `{"v":1,"id":"01J","op":"ping","exp":${NOW_MS + 1},"args":{"__proto__":{"x":1}}}`],
    ["no JSON", "E_SCHEMA", "reboot"],
    ["another version", "E_SCHEMA", text(request({ v: 2 }))],
    ["no id", "E_SCHEMA", text(request({ id: undefined }))],
    ["a bad id", "E_SCHEMA", text(request({ id: "a/b" }))],
    ["no end", "E_SCHEMA", text(request({ exp: undefined }))],
    ["bad args", "E_SCHEMA", text(request({ args: [] }))],
    ["no such operation", "E_UNSUPPORTED", text(request({ op: "sys.exec" }))],
    ["broadcast of what is for one", "E_DENIED", sign(signed()), { isBroadcast: true }],
  ];
  const site = await setUp();
  for (const [name, code, bytes, message] of cases) {
    await site.receive(bytes, message);
    const answer = await site.ended();
    assert.equal(answer.e?.c, code, name);
    assert.equal(answer.st, code === "E_EXPIRED" ? "exp" : "rej", name);
    assert.equal(answer.n, 1);
    assert.equal(site.denied.at(-1), code);
  }
  assert.deepEqual(site.ran, []);
  assert.equal(site.journal.windowOf("noc-a").isFresh(1), true, "nothing refused uses up a counter");
});

test("a counter is used once, also by another command; one of the window that was left out may still come", async () => {
  const { send, ran } = await setUp();
  assert.equal((await send(signed({ id: "A", ctr: 5 }))).st, "ok");
  assert.equal((await send(signed({ id: "B", ctr: 5 }))).e?.c, "E_REPLAY");
  assert.equal((await send(signed({ id: "C", ctr: 4 }))).st, "ok");
  assert.equal((await send(signed({ id: "D", ctr: 2000 }))).st, "ok");
  assert.equal((await send(signed({ id: "E", ctr: 6 }))).e?.c, "E_REPLAY");
  assert.equal(ran.length, 3);
});

test("without a known time only counters above all others count, and nothing expires", async () => {
  const { send } = await setUp({ quality: "est" });
  assert.equal((await send(signed({ id: "A", ctr: 5, exp: 1 }))).st, "ok");
  assert.equal((await send(signed({ id: "B", ctr: 4 }))).e?.c, "E_REPLAY");
  assert.equal((await send(signed({ id: "C", ctr: 6, strict_time: true }))).e?.c, "E_EXPIRED");
});

test("who is trusted", async () => {
  const off = await setUp({ trust: "off" });
  assert.equal((await off.send(request({ id: "A", op: "ping" }))).st, "ok");
  assert.equal((await off.send(request({ id: "B" }))).e?.c, "E_DENIED");
  assert.equal((await off.send(signed({ id: "C" }))).e?.c, "E_DENIED");
  const broker = await setUp({ trust: "broker" });
  assert.equal((await broker.send(request({ id: "C", op: "sys.reboot" }))).st, "ok");
});

test("whoever decides who may sign has to sign, also where the broker is trusted; a root key signs that alone", async () => {
  const root = generateKeyPairSync("ed25519");
  const { send, receive, ended, ran } = await setUp({
    trust: "broker",
    keys: () =>
      new Map([
        ["noc-a", noc.publicKey],
        ["root", root.publicKey],
      ]),
    maySign: (kid, op) => kid !== "root" || op === "key.rotate",
  });
  const byRoot = async (fields: object): Promise<CommandAnswer> => {
    await receive(signJws(JSON.stringify(signed(fields)), "root", root.privateKey));
    return ended();
  };
  assert.equal((await send(request({ id: "A", op: "key.rotate" }))).e?.c, "E_SIG");
  assert.equal((await byRoot({ id: "B" })).e?.c, "E_DENIED");
  assert.equal((await byRoot({ id: "C", op: "ping" })).e?.c, "E_DENIED");
  assert.deepEqual(ran, []);
  assert.equal((await byRoot({ id: "D", op: "key.rotate" })).st, "ok");
  assert.equal((await send(signed({ id: "E", op: "key.rotate" }))).st, "ok");
});

test("too often, and too many at once", async () => {
  const limits: CommandIntakeOptions["limits"] = new Map([
    ["ping", { rate: { burst: 2, everyMs: 30_000 } }],
    ["rec.lock", { atOnce: 1 }],
  ]);
  const gate = deferred<void>();
  const { send, receive, ended } = await setUp({ limits, run: (_, { signal }) => (signal.aborted ? Promise.resolve() : gate.promise) });
  await receive(signJws(JSON.stringify(signed({ id: "A", ctr: 1 })), "noc-a", noc.privateKey));
  const busy = await send(signed({ id: "B", ctr: 2 }));
  assert.equal(busy.e?.c, "E_BUSY");
  gate.resolve();
  await ended();
  assert.equal((await send(signed({ id: "B", ctr: 2 }))).st, "ok", "a refusal is not remembered");
  for (const id of ["C", "D"]) assert.equal((await send(request({ id, op: "ping" }))).st, "ok");
  assert.deepEqual((await send(request({ id: "E", op: "ping" }))).e, { c: "E_RATE", m: "ping comes too often", retry_s: 30 });
});

test("what a command is rejected with is told in the contract's words; our own bugs are not told", async () => {
  const faults: readonly [error: Error, code: string, text: RegExp][] = [
    [new CallerFault("not-found", "there is no path 'x'", "cam"), "E_NOTFOUND", /no path 'x'/],
    [new PeerFault("timeout", "no answer from the camera"), "E_TIMEOUT", /no answer/],
    [Object.assign(new Error("disk full"), { code: "ENOSPC" }), "E_IO", /disk full/],
    [Object.assign(new Error("refused"), { code: "ECONNREFUSED" }), "E_NET", /refused/],
    [new TypeError("secret internals"), "E_INTERNAL", /^internal error/],
  ];
  let current: Error = faults[0]![0];
  const { send } = await setUp({ run: () => Promise.reject(current) });
  for (const [i, [error, code, text]] of faults.entries()) {
    current = error;
    const answer = await send(signed({ id: `A${i}`, ctr: i }));
    assert.deepEqual([answer.st, answer.e?.c], ["err", code]);
    assert.match(answer.e?.m ?? "", text);
  }
  const answer = await send(signed({ id: "B", ctr: 99, args: { bad: 1 } }));
  assert.deepEqual([answer.st, answer.e], ["err", { c: "E_SCHEMA", m: "bad: has to go" }]);
});

test("progress comes at the pace that was asked for; a cancelled command ends as cancelled", async () => {
  let nowMs = 0;
  const { send, receive, ended, intake, answers } = await setUp({
    nowMs: () => nowMs,
    run: async (_, { progress, signal }) => {
      for (const percent of [0, 10, 20, 30]) {
        progress(percent, `at ${percent}`);
        nowMs += 1500;
      }
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  });
  assert.equal(intake.cancel("A"), false);
  await receive(signJws(JSON.stringify(signed({ id: "A", prog_s: 3 })), "noc-a", noc.privateKey));
  assert.equal(intake.cancel("A"), true);
  const { st, n, e } = await ended();
  assert.deepEqual([st, n, e?.c], ["cancel", 4, "E_CANCELLED"]);
  assert.deepEqual(
    answers.map(({ answer }) => [answer.st, answer.n, answer.pct]),
    [
      ["ack", 1, undefined],
      ["run", 2, 0],
      ["run", 3, 20],
      ["cancel", 4, undefined],
    ],
  );
  assert.equal((await send(signed({ id: "A", prog_s: 3 }))).st, "cancel");
});

test("a command that a crash cut off is lost, unless it can be shown to be done", async () => {
  const fs = new FaultFs();
  await fs.makeFolder("/data");
  await fs.syncFolder("/");
  const before = await setUp({ fs, run: () => new Promise(() => {}) });
  for (const [i, op] of ["rec.lock", "sys.reboot"].entries())
    await before.receive(signJws(JSON.stringify(signed({ id: `A${i}`, op, ctr: i })), "noc-a", noc.privateKey));
  const after = await setUp({ fs: fs.crash(1) });
  await after.intake.settle(({ op }) => (op === "sys.reboot" ? { rebooted: true } : undefined));
  assert.deepEqual(
    after.answers.map(({ answer: { id, st, n }, isTerminal }) => [id, st, n, isTerminal]),
    [
      ["A0", "lost", 2, true],
      ["A1", "ok", 2, true],
    ],
  );
  assert.equal((await after.send(signed({ id: "A0", ctr: 0 }))).st, "lost");
  assert.equal(after.ran.length, 0);
});

test("without a journal nothing privileged runs", async () => {
  const fs = new FaultFs();
  await fs.makeFolder("/data");
  const { send, ran } = await setUp({ fs });
  fs.failAll("EROFS", () => true);
  assert.equal((await send(signed({ id: "A" }))).e?.c, "E_IO");
  assert.equal((await send(request({ id: "B", op: "ping" }))).st, "ok");
  assert.deepEqual(ran, [["ping", {}]]);
});

test("a power cut at any call: a command that ran is known, and never runs again", async () => {
  for (let n = 1; n <= 8; n++) {
    const fs = new FaultFs();
    await fs.makeFolder("/data");
    await fs.syncFolder("/");
    const before = await setUp({ fs });
    fs.failAt(n, "crash");
    await before.send(signed({ id: "A" }));
    const after = await setUp({ fs: fs.crash(n) });
    await after.intake.settle(() => undefined);
    const answer = await after.send(signed({ id: "A" }));
    assert.ok(before.ran.length + after.ran.length <= 1, `ran twice, power lost at call ${n}: ${answer.st}`);
  }
});

test("arguments can make a command privileged: it has to be signed then, and is kept", async () => {
  const { send, ran, journal } = await setUp();
  assert.equal((await send(request({ id: "1", op: "cam.snapshot" }))).st, "ok");
  assert.equal((await send(request({ id: "2", op: "cam.snapshot", args: { dest: {} } }))).e?.c, "E_SIG");
  assert.equal((await send(signed({ id: "3", op: "cam.snapshot", args: { dest: {} } }))).st, "ok");
  assert.deepEqual(ran, [
    ["cam.snapshot", {}],
    ["cam.snapshot", { dest: {} }],
  ]);
  assert.deepEqual([journal.get("1"), journal.get("3")?.op], [undefined, "cam.snapshot"]);
});

test("answers that need no journal take up a bounded part of the memory: one that is long ago is made anew", async () => {
  const { send, ran } = await setUp({ run: async () => ({ spans: "x".repeat(50_000) }) });
  for (let n = 0; n < 100; n++) assert.equal((await send(request({ id: `P${n}`, op: "ping" }))).st, "ok");
  assert.equal((await send(request({ id: "P99", op: "ping" }))).st, "ok");
  assert.equal(ran.length, 100);
  assert.equal((await send(request({ id: "P0", op: "ping" }))).st, "ok");
  assert.equal(ran.length, 101);
});

test("an answer that no broker takes is not sent: it says so", async () => {
  let sizeBytes = 190_000;
  const { send } = await setUp({ run: async () => ({ spans: "x".repeat(sizeBytes) }) });
  assert.equal((await send(request({ id: "A", op: "ping" }))).st, "ok");
  sizeBytes = 200_000;
  const { st, e, res } = await send(request({ id: "B", op: "ping" }));
  assert.deepEqual([st, e?.c, res], ["err", "E_SIZE", undefined]);
  assert.match(e!.m, /ask for less at once/);
});
