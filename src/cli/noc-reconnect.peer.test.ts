// The broker is restarted under what runs for long: it is waited for, and what it keeps is heard again.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { startNoc } from "#testing/peers/noc.ts";
import { until } from "#testing/peers/until.ts";

const PATIENCE_MS = 60_000;

async function setUp(t: TestContext) {
  const broker = await startMosquitto(t);
  const env = { CAMGATE_NOC_BROKER: `mqtt://127.0.0.1:${broker.port}`, CAMGATE_NOC_TENANT: "acme" };
  return { broker, noc: (...words: readonly string[]) => startNoc(t, words, env) };
}

const birth = (gateway: string, sid: string): readonly [topic: string, payload: string] => [
  `cg/v1/acme/${gateway}/up/state`,
  JSON.stringify({ v: 1, sid, online: true, why: "boot", sw: "1.2.3" }),
];

test("export tells that the broker is away, and of sites again when it is back", { skip: mosquittoMissing }, async (t) => {
  const { broker, noc } = await setUp(t);
  await broker.publish(...birth("gw-0001", "00000001-0001"), ["-r"]);
  const exporter = noc("export", "--listen", "127.0.0.1:0");
  const [url] = await exporter.match(/http:\S+/);
  const told = (what: string, line: string) =>
    until(what, async () => (await (await fetch(url)).text()).split("\n").includes(line), PATIENCE_MS);
  await told("a site", 'camgate_site_up{tenant="acme",gateway="gw-0001"} 1');
  await told("the connection", "camgate_noc_connected 1");
  await broker.process.kill();
  await told("that there is none", "camgate_noc_connected 0");
  await exporter.match(/the broker is away: /);
  const second = await startMosquitto(t, { port: broker.port });
  await second.publish(...birth("gw-0002", "00000001-0001"), ["-r"]);
  await told("the connection again", "camgate_noc_connected 1");
  await told("another site", 'camgate_site_up{tenant="acme",gateway="gw-0002"} 1');
  assert.equal((await exporter.interrupt()).code, 0);
});

test("watch goes on when the broker was restarted", { skip: mosquittoMissing }, async (t) => {
  const { broker, noc } = await setUp(t);
  const watch = noc("watch");
  const tell = async (to: typeof broker, id: string): Promise<void> => {
    const event = { v: 1, sid: "00000001-0001", id, type: "cam.lost", sev: "warn", ph: "new", cam: id, data: {} };
    // Told again and again: nobody says when it listens.
    await until(
      `the event ${id}`,
      async () => {
        await to.publish("cg/v1/acme/gw-0001/up/evt", JSON.stringify(event));
        return watch.stdout.toString("utf8").includes(`acme/gw-0001 ${id} cam.lost new`);
      },
      PATIENCE_MS,
    );
  };
  await tell(broker, "01A");
  await broker.process.kill();
  await watch.match(/the broker is away: /);
  const second = await startMosquitto(t, { port: broker.port });
  await watch.match(/the broker is there again/);
  await tell(second, "01B");
  assert.equal((await watch.interrupt()).code, 0);
  assert.match(watch.stdout.toString("utf8"), /^acme\/gw-0001 /m, "a table at the end");
  assert.equal(watch.stdout.toString("utf8").split("01B cam.lost").length, 2, "each event once");
});

test("nobody reads on: it ends, and does not say that it crashed", { skip: mosquittoMissing }, async (t) => {
  const { broker } = await setUp(t);
  const env = { ...process.env, CAMGATE_NOC_BROKER: `mqtt://127.0.0.1:${broker.port}`, CAMGATE_NOC_TENANT: "acme" };
  const watch = spawn(process.execPath, [fileURLToPath(new URL("../main.ts", import.meta.url)), "noc", "watch"], { env });
  t.after(() => watch.kill("SIGKILL"));
  let errors = "";
  watch.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  watch.stdout.destroy();
  const ended = once(watch, "close");
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  for (let i = 0; !isOver; i++) {
    const event = { v: 1, sid: "00000001-0001", id: `01A${i}`, type: "cam.lost", sev: "warn", ph: "new", data: {} };
    await broker.publish("cg/v1/acme/gw-0001/up/evt", JSON.stringify(event));
  }
  const [code] = await ended;
  assert.deepEqual([code, errors], [0, ""]);
});

test("what cannot be reached at the first attempt is said at once", { skip: mosquittoMissing }, async (t) => {
  const { broker, noc } = await setUp(t);
  const first = noc("export", "--listen", "127.0.0.1:0");
  await first.match(/http:\S+:(\d+)/);
  const [, port] = await first.match(/http:\S+:(\d+)/);
  const second = noc("export", "--listen", `127.0.0.1:${port}`);
  assert.equal((await second.exited).code, 1);
  assert.match(second.stderr, /--listen: .*EADDRINUSE/);
  await broker.process.kill();
  const third = noc("export", "--listen", "127.0.0.1:0");
  assert.equal((await third.exited).code, 1);
  assert.match(third.stderr, /no connection to mqtt:\/\/127.0.0.1:\d+: nothing listens there/);
});
