// `camgate noc` over Debian's mosquitto, with simulated gateways: their link is the real one.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { type Mosquitto, mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { runNoc } from "./noc.ts";

interface Noc {
  readonly broker: Mosquitto;
  readonly folder: string;
  run(...words: readonly string[]): Promise<{ readonly code: number; readonly lines: readonly string[] }>;
  /** Runs until the test ends. */
  start(...words: readonly string[]): { readonly lines: string[]; stop(): Promise<number> };
}

async function setUp(t: TestContext, config = "allow_anonymous true"): Promise<Noc> {
  const broker = await startMosquitto(t, { config });
  const folder = join(await temporaryFolder(t), "noc");
  const env = { CAMGATE_NOC_BROKER: `mqtt://127.0.0.1:${broker.port}`, CAMGATE_NOC_TENANT: "acme", CAMGATE_NOC_DIRECTORY: folder };
  const start: Noc["start"] = (...words) => {
    const lines: string[] = [];
    const stop = new AbortController();
    const done = runNoc(words, { line: (text) => lines.push(text) }, { env, signal: stop.signal, columns: undefined });
    const end = (): Promise<number> => {
      stop.abort();
      return done;
    };
    t.after(end);
    return { lines, stop: end };
  };
  return {
    broker,
    folder,
    start,
    run: async (...words) => {
      const lines: string[] = [];
      const signal = new AbortController().signal;
      return { code: await runNoc(words, { line: (text) => lines.push(text) }, { env, signal, columns: undefined }), lines };
    },
  };
}

const names = (lines: readonly string[], state: string): string[] =>
  lines.flatMap((line) => new RegExp(`^acme/(\\S+) +${state}`).exec(line)?.[1] ?? []);

test("a fleet is seen, asked, and says good-bye", { skip: mosquittoMissing }, async (t) => {
  const { run, start, broker, folder } = await setUp(t);
  assert.equal((await run("keys", "make", "noc-a")).code, 0);
  const watched = await broker.subscribe("cg/v1/acme/+/up/#");
  const fleet = start("simulate", "--sites", "5", "--spread", "0", "--command-keys", join(folder, "command-keys.json"));
  const isBorn = new Set<string>();
  await until("five births and telemetry of each", () => {
    for (const { topic } of watched.messages()) if (topic.endsWith("/up/tel")) isBorn.add(topic);
    return isBorn.size === 5;
  });

  const { lines } = await run("watch", "--once", "1");
  assert.deepEqual(names(lines, "up"), ["sim-00001", "sim-00002", "sim-00003", "sim-00004", "sim-00005"]);

  const exporter = start("export", "--listen", "127.0.0.1:0");
  const metrics = await until("telemetry in the metrics", async () => {
    const text = exporter.lines[0] === undefined ? "" : await (await fetch(exporter.lines[0])).text();
    return text.includes('camgate_site_up{tenant="acme",gateway="sim-00005"} 1') && text;
  });
  assert.match(metrics, /^# TYPE camgate_site_up gauge$/m);
  assert.equal(await exporter.stop(), 0);

  const pong = await run("send", "sim-00003", "ping");
  assert.deepEqual([pong.code, pong.lines[0]], [0, "ok"]);
  assert.ok(JSON.parse(pong.lines[1]!).mono > 0);
  const [first, second] = [await run("send", "sim-00003", "ping", "--json"), await run("send", "sim-00003", "ping", "--unsigned")];
  assert.deepEqual([first.code, second.code], [0, 0]);
  assert.deepEqual(
    first.lines.map((line) => JSON.parse(line).st),
    ["ack", "ok"],
  );
  const refused = await run("send", "sim-00003", "sys.reboot");
  assert.equal(refused.code, 2);
  assert.match(refused.lines[0]!, /^rej E_UNSUPPORTED: this gateway has no operation 'sys.reboot'/);
  const failed = await run("send", "sim-00003", "cmd.cancel", "id=01J8");
  assert.equal(failed.code, 3);
  assert.match(failed.lines[0]!, /^err E_NOTFOUND: no command 01J8 runs/);
  const all = await run("broadcast", "ping", "--spread", "0.2");
  assert.deepEqual([all.code, all.lines], [0, ["5 ok, 0 failed, 0 did not answer"]]);
  const births = (): number => watched.messages().filter(({ json }) => json?.why === "rebirth").length;
  assert.equal((await run("broadcast", "rebirth", "--spread", "0")).code, 0);
  await until("five more births", () => births() === 5);
  let again = await run("broadcast", "rebirth", "--spread", "0");
  while (again.code === 0) again = await run("broadcast", "rebirth", "--spread", "0"); // one in 30 s: the first one was long ago
  assert.deepEqual([again.code, again.lines.at(-1)], [3, "0 ok, 5 failed, 0 did not answer"]);
  assert.match(again.lines[0]!, /^sim-0000\d {2}rej {2}E_RATE: rebirth comes too often/);
  assert.equal((await run("broadcast", "backoff", "min_s=1", "max_s=2", "ttl_s=60")).code, 0);
  await broker.publish("cg/v1/acme/gw-dead/up/state", JSON.stringify({ v: 1, sid: "00000001-0001", online: true }), ["-r"]);
  const partly = await run("broadcast", "ping", "--spread", "0", "--timeout", "3");
  assert.equal(partly.code, 7);
  assert.ok(partly.lines.includes("gw-dead  no answer"), partly.lines.join("\n"));
  await broker.publish("cg/v1/acme/gw-dead/up/state", "", ["-r"]);
  const silence = await run("send", "gw-away", "ping", "--timeout", "1");
  assert.equal(silence.code, 7);

  assert.equal(await fleet.stop(), 0);
  assert.match(fleet.lines.at(-1)!, /^connected: 5 of 5 gateways, \d+ births$/);
  const after = await run("watch", "--once", "1");
  assert.equal(names(after.lines, "down \\(shutdown\\)").length, 5);
});

test("a fleet that is larger than what the broker queues for a client is seen as a whole", { skip: mosquittoMissing }, async (t) => {
  const { run, start, broker } = await setUp(t, "allow_anonymous true\nmax_queued_messages 5\nmax_inflight_messages 5");
  const count = 60;
  const births = (): number =>
    broker.process.stderr.match(/Received PUBLISH from sim-\d+ \(d0, q1, r1, m\d+, 'cg\/v1\/acme\/sim-\d+\/up\/state'/g)?.length ?? 0;
  start("simulate", "--sites", String(count), "--spread", "0", "--interval", "3600");
  await until("all births", () => births() >= count, 60_000);
  await until("all of them", async () => (await run("watch", "--once", "1")).lines[0] === `${count} sites, ${count} up`, 60_000);
  const all = await run("broadcast", "ping", "--spread", "0", "--timeout", "60");
  assert.deepEqual(all.lines, [`${count} ok, 0 failed, 0 did not answer`]);
});

test("a config is sent, refused, compared and rolled back", { skip: mosquittoMissing }, async (t) => {
  const { run, start, broker, folder } = await setUp(t);
  await run("keys", "make", "noc-a");
  const watched = await broker.subscribe("cg/v1/acme/+/up/cfg", "cg/v1/acme/+/dn/cfg");
  start("simulate", "--sites", "1", "--command-keys", join(folder, "command-keys.json"));
  await watched.wait("its first report", ({ json }) => json?.st === "none");
  const file = join(folder, "..", "site.yml");
  const send = async (text: string) => {
    await writeFile(file, text);
    return run("config", "set", "sim-00001", file);
  };
  const first = await send("logLevel: debug\n");
  assert.deepEqual([first.code, first.lines[0], first.lines.at(-1)], [0, '+ logLevel: "debug"', "version 1: applied"]);
  const sent = await watched.wait("what the broker was given", ({ topic }) => topic.endsWith("/dn/cfg"));
  const message = JSON.parse(Buffer.from(sent.payload.split(".")[1]!, "base64url").toString());
  assert.deepEqual(contractFaults("dn-cfg", message), []);
  const bad = await send("simulatedFault: no such setting\n");
  assert.deepEqual([bad.code, bad.lines.at(-1)], [2, "version 2: rejected, no such setting"]);
  const diff = await run("config", "diff", "sim-00001", file);
  assert.deepEqual([diff.code, diff.lines], [0, ["no difference"]]);
  const back = await run("config", "rollback", "sim-00001");
  assert.deepEqual([back.code, back.lines.at(-1)], [0, "version 3: applied"]);
  const got = await run("config", "get", "sim-00001");
  assert.deepEqual(got.lines, ["# version 3: applied; runs: 3", "# held ready: version 3, signed by us", "logLevel: debug"]);
  await writeFile(file, "paths: {gate: {source: {$seal: secret}}}");
  assert.match((await run("config", "set", "sim-00001", file)).lines.at(-1)!, /^--sealing-key: there are secrets to seal/);
  // Another folder knows no versions, and the broker has lost what it kept.
  for (const topic of ["up/cfg", "dn/cfg"]) await broker.publish(`cg/v1/acme/sim-00001/${topic}`, "", ["-r"]);
  await cp(folder, `${folder}-2`, { recursive: true, filter: (path) => !path.endsWith("/configs") });
  await writeFile(file, "logLevel: info\n");
  const forced = await run("config", "set", "sim-00001", file, "--force", "--directory", `${folder}-2`);
  assert.deepEqual([forced.code, forced.lines.at(-1)], [0, "version 1: applied"]);
  const last = watched.messages().findLast(({ topic, payload }) => topic.endsWith("/dn/cfg") && payload !== "")!;
  const wanted = JSON.parse(Buffer.from(last.payload.split(".")[1]!, "base64url").toString());
  assert.deepEqual([wanted.force, wanted.ver, contractFaults("dn-cfg", wanted)], [true, 1, []]);
  const away = await run("config", "set", "gw-away", join(folder, "command-keys.json"), "--timeout", "1");
  assert.equal(away.code, 7);
  await writeFile(file, `a: ${"x".repeat(70_000)}`);
  assert.match((await run("config", "set", "sim-00001", file)).lines.at(-1)!, /65536 are allowed: serve its file over HTTPS/);
});

test("a key that gateways do not know signs nothing", { skip: mosquittoMissing }, async (t) => {
  const { run, start, broker, folder } = await setUp(t);
  await run("keys", "make", "noc-a");
  const watched = await broker.subscribe("cg/v1/acme/+/up/state");
  start("simulate", "--sites", "1", "--command-keys", join(folder, "command-keys.json"));
  await watched.wait("its birth", ({ json }) => json?.online === true);
  const words = ["--directory", join(folder, "stranger")];
  await run("keys", "make", "noc-a", ...words);
  const answer = await run("send", "sim-00001", "ping", ...words);
  assert.equal(answer.code, 2);
  assert.match(answer.lines[0]!, /^rej E_SIG: the signature does not fit/);
});

test("a picture is a file in the end; a command that takes longer can be cancelled", { skip: mosquittoMissing }, async (t) => {
  const { run, start, broker, folder } = await setUp(t);
  const asked = await broker.subscribe("cg/v1/acme/gw-cam/dn/cmd");
  const picture = randomBytes(1000).toString("hex");
  const sha256 = createHash("sha256").update(picture).digest("hex");
  const answer = (n: number, id: string, more: object): Promise<void> =>
    broker.publish("cg/v1/acme/gw-cam/up/res", JSON.stringify({ v: 1, id, n, ...more }));
  const next = async (count: number): Promise<string> => String((await until("the command", () => asked.messages()[count]?.json))["id"]);

  const path = join(folder, "gate.jpg");
  const taken = run("send", "gw-cam", "cam.snapshot", "cam=gate", "--output", path, "--unsigned");
  const first = await next(0);
  await broker.publish("cg/v1/acme/gw-cam/up/blob/b1", "another one");
  await broker.publish("cg/v1/acme/gw-cam/up/blob/b2", picture);
  await answer(1, first, { st: "ok", res: { bid: "b2", sha256 } });
  const { code, lines } = await taken;
  assert.deepEqual([code, lines.at(-1)], [0, `${path}: 2000 bytes`]);
  assert.equal(await readFile(path, "utf8"), picture);

  const damaged = run("send", "gw-cam", "cam.snapshot", "cam=gate", "--output", path, "--unsigned");
  const second = await next(1);
  await broker.publish("cg/v1/acme/gw-cam/up/blob/b3", "damaged");
  await answer(1, second, { st: "ok", res: { bid: "b3", sha256 } });
  assert.match((await damaged).lines.at(-1)!, /^--output: the picture that came has another digest/);
  assert.equal(await readFile(path, "utf8"), picture);

  const slow = start("send", "gw-cam", "cam.snapshot", "cam=gate", "--unsigned", "--json");
  const third = await next(2);
  await answer(1, third, { st: "ack" });
  await until("the acknowledgement", () => slow.lines.length > 0);
  assert.equal(await slow.stop(), 7);
  assert.equal(slow.lines.at(-1), `interrupted: the command goes on; to end it: camgate noc send gw-cam cmd.cancel id=${third}`);
});

test("simulated gateways say why they are not connected", { skip: mosquittoMissing }, async (t) => {
  const { start } = await setUp(t, "allow_anonymous false");
  const fleet = start("simulate", "--sites", "2", "--spread", "0");
  await until("the reason", () =>
    fleet.lines.some((line) =>
      /^connected: 0 of 2 gateways, 0 births; the last that was lost or refused: sim-0000\d: no connection to mqtt:/.test(line),
    ),
  );
  assert.equal(await fleet.stop(), 0);
});

test("wrong words are said to be wrong, before anything is sent", async (t) => {
  const folder = await temporaryFolder(t);
  const run = async (...words: readonly string[]): Promise<string> => {
    const lines: string[] = [];
    const signal = new AbortController().signal;
    const env = { CAMGATE_NOC_TENANT: "acme", CAMGATE_NOC_DIRECTORY: folder };
    assert.equal(await runNoc(words, { line: (text) => lines.push(text) }, { env, signal, columns: undefined }), 1, words.join(" "));
    return lines.join("\n");
  };
  const broker = ["--broker", "mqtt://127.0.0.1:1"];
  assert.match(await run(), /^usage: camgate noc/);
  assert.match(await run("fly"), /^there is no command 'fly'\nusage: camgate noc/);
  assert.match(await run("send"), /^the name of a gateway is missing\nusage: camgate noc send <gateway> <op> /);
  assert.match(await run("send", "GW"), /gateway: 'GW' has to be 3 to 32/);
  assert.match(await run("send", "gw-1"), /the operation is missing/);
  assert.match(await run("send", "gw-1", "ping"), /--broker: has to be given/);
  assert.match(await run("send", "gw-1", "ping", "--broker", "http://x"), /--broker: 'http:\/\/x' is no mqtt:/);
  assert.match(await run("send", "gw-1", "ping", "--tenant", "A"), /--tenant: 'A' has to be 2 to 16/);
  assert.match(await run("send", "gw-1", "ping", "--timeout", "soon"), /--timeout: 'soon' has to be a number from 1/);
  assert.match(await run("send", "gw-1", "ping", "--fast"), /^--fast: there is no such option\nusage: camgate noc send /);
  assert.match(await run("send", "gw-1", "ping", "--timeout"), /^--timeout: its value is missing\nusage/);
  assert.match(await run("send", "gw-1", "ping", "--output", "x"), /^--output: is the file for the picture of cam.snapshot/);
  assert.match(await run("send", "gw-1", "sys.reboot", ...broker), /sys.reboot has to be signed, and .* has no key: camgate noc keys make/);
  assert.match(await run("send", "gw-1", "ping", ...broker), /no connection to mqtt:\/\/127.0.0.1:1: nothing listens there/);
  assert.match(
    await run("send", "gw-1", "ping", ...broker, "--ca", join(folder, "none")),
    /^--ca: .*none cannot be read: there is no such file/,
  );
  assert.match(await run("send", "gw-1", "ping", ...broker, "--cert", "x"), /--cert and --key belong together/);
  assert.match(await run("broadcast", "cam.restart", ...broker), /broadcast: ping, rebirth, backoff; all else is for one gateway: send/);
  assert.match(await run("broadcast", "backoff", "min_s=1", ...broker), /^max_s: has to be given. backoff \{min_s, max_s, ttl_s\}/);
  assert.match(await run("broadcast", "ping", "--spread", "x", ...broker), /--spread: 'x' has to be a number/);
  assert.match(
    await run("simulate", ...broker, "--certificates", folder),
    /--certificates: there is no file .*sim-00001.crt: camgate noc enrol gateway sim-00001/,
  );
  assert.match(await run("export", "--listen", "here", ...broker), /--listen: 'here' is no address/);
  assert.match(await run("watch", "x"), /'x' is a word too many/);
  assert.match(await run("simulate", ...broker, "--sites", "0"), /--sites: '0' has to be a number from 1/);
  assert.match(await run("simulate", ...broker, "--prefix", "A"), /--prefix: 'A00001' has to be/);
  assert.match(await run("simulate", ...broker, "--command-keys", join(folder, "none")), /--command-keys: there is no file/);
  assert.match(await run("config", "take", "gw-1"), /config: get, set, diff, rollback/);
  assert.match(await run("config", "set", "gw-1", ...broker), /the file with settings is missing/);
  assert.match(await run("config", "set", "gw-1", join(folder, "none"), ...broker), /there is no file/);
  assert.match(await run("config", "set", "gw-1", "x", "--probation", "soon", ...broker), /^--probation: 'soon' has to be a number from 1/);
  assert.match(await run("config", "set", "gw-1", "x", "--url", "http://x", ...broker), /^--url: 'http:\/\/x' is no https/);
  assert.match(await run("config", "get", "gw-1", "x", ...broker), /'x' is a word too many/);
  assert.match(await run("keys", "burn", "x"), /keys: list, make/);
});

test("every command has a help of its own, on standard output; what is wrong goes to standard error", async () => {
  const run = async (...words: readonly string[]) => {
    const [lines, faults]: [string[], string[]] = [[], []];
    const out = { line: (text: string) => void lines.push(text), fault: (text: string) => void faults.push(text) };
    return { code: await runNoc(words, out, { env: {}, signal: new AbortController().signal, columns: undefined }), lines, faults };
  };
  const all = await run("--help");
  assert.deepEqual([all.code, all.faults], [0, []]);
  const names = all.lines.flatMap((line) => /^ {2}([a-z]+) {2}/.exec(line)?.[1] ?? []);
  assert.ok(names.length > 10);
  for (const name of names) {
    const { code, lines, faults } = await run(name, "--help");
    assert.deepEqual([code, faults], [0, []]);
    const [usage = ""] = lines;
    for (const [option] of usage.matchAll(/--[a-z-]+/g))
      assert.ok(
        lines.slice(1).some((line) => line.trimStart().startsWith("--") && line.includes(option)),
        `${name} ${option}`,
      );
  }
  const { lines } = await run("send", "--help");
  assert.ok(lines.some((line) => line.startsWith("  cam.restart {cam} ")));
  const wrong = await run("send");
  assert.deepEqual([wrong.code, wrong.lines, wrong.faults.length], [1, [], 2]);
});
