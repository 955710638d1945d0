// `camgate noc jobs` with real gateways on Debian's mosquitto.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { startCamgate } from "#testing/peers/camgate.ts";
import { findPeer, missingOf } from "#testing/peers/find-peer.ts";
import { mosquittoMissing, type ReceivedMessage, type Subscription, startMosquitto } from "#testing/peers/mosquitto.ts";
import { startRolloutFleet as setUp } from "#testing/peers/rollout-fleet.ts";
import { until } from "#testing/peers/until.ts";

const PATIENCE_MS = 60_000;

/** A job that has a deadline waits for a clock that was set; the machine that tests run on may have none. */
async function knowsTime(watched: Subscription, gateway: string, tell: () => Promise<unknown>): Promise<void> {
  await tell();
  const isKnown = ({ topic, json }: ReceivedMessage): boolean =>
    topic === `cg/v1/acme/${gateway}/up/tel` && ["ntp", "ptp", "rtc", "hint"].includes(json?.tq);
  await until(`that ${gateway} knows the time`, () => watched.messages().some(isKnown), PATIENCE_MS);
}

test("a real gateway does jobs, and refuses an update with the reason", { skip: mosquittoMissing }, async (t) => {
  const { broker, folder, run, planned, watched, isWiped } = await setUp(t, 0);
  const config =
    `mqtt:\n  urls: [mqtt://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: broker\n` +
    `  commandKeys: [${join(folder, "command-keys.json")}]\n  telemetryInterval: 1s\npaths:\n  gate: {}\n`;
  await startCamgate(t, { config });
  await watched.wait("the birth", ({ topic, json }) => topic.endsWith("/gw-0001/up/state") && json?.online === true);
  await knowsTime(watched, "gw-0001", () => run("time", "gw-0001"));
  const update = { job: "j-1", op: "upd.install", args: { ver: "1.5.0" }, max_failed: "100%" };
  const refused = await run("jobs", "start", await planned(update), "--unsigned");
  assert.equal(refused.code, 3, refused.text);
  assert.match(refused.text, /^gw-0001 {2}rej {2}E_UNSUPPORTED: nothing here installs updates/m);
  const recording = { job: "j-2", op: "rec.set", args: { cam: "gate", on: false } };
  const done = await run("jobs", "start", await planned(recording), "--unsigned");
  assert.equal(done.code, 0, done.text);
  assert.ok(await isWiped());
});

test("every gateway sends a bundle of diagnostics, each to a place of its own", {
  skip: missingOf(findPeer("openssl")) || mosquittoMissing,
}, async (t) => {
  const { noc, run, planned, folder } = await setUp(t, 0);
  for (const words of [["ca"], ["broker", "127.0.0.1"], ["receiver", "127.0.0.1"]]) assert.equal((await run("enrol", ...words)).code, 0);
  const ca = join(folder, "ca", "ca.pem");
  // Whom `ca` vouches for is the broker and the receiver.
  const broker = await startMosquitto(t, {
    config: `allow_anonymous true\ncertfile ${join(folder, "ca", "broker.crt")}\nkeyfile ${join(folder, "ca", "broker.key")}`,
    clientWords: ["--cafile", ca],
  });
  const watched = await broker.subscribe("cg/v1/acme/+/up/state", "cg/v1/acme/+/up/tel");
  const url = `mqtts://127.0.0.1:${broker.port}`;
  const received = join(folder, "received");
  const receiver = noc("receive", "--folder", received, "--listen", "127.0.0.1:0");
  const [, port] = await receiver.match(/:(\d+):/);
  const names = ["gw-0001", "gw-0002"];
  for (const name of names) {
    const config =
      `destinationHosts: [127.0.0.1]\nmqtt:\n  urls: [${url}]\n  tenant: acme\n  gatewayId: ${name}\n  commands: signed\n` +
      `  commandKeys: [${join(folder, "command-keys.json")}]\n  ca: ${ca}\n  telemetryInterval: 1s\npaths: {}\n`;
    await startCamgate(t, { config });
    await watched.wait(`the birth of ${name}`, ({ topic, json }) => topic.endsWith(`/${name}/up/state`) && json?.online === true);
    await knowsTime(watched, name, () => run("time", name, "--broker", url, "--ca", ca));
  }
  const receive = { url: `https://127.0.0.1:${port}`, name: "{gateway}/bundle.tar.gz" };
  const file = await planned({ job: "j-1", op: "diag.bundle", receive, rings: ["50%", "100%"] });
  const { code, text } = await run("jobs", "start", file, "--broker", url, "--ca", ca);
  assert.equal(code, 0, text);
  for (const name of names) {
    const bytes = await readFile(join(received, name, "bundle.tar.gz"));
    assert.match(gunzipSync(bytes).toString("latin1"), new RegExp(`"gateway": ?"acme/${name}"`));
  }
});
