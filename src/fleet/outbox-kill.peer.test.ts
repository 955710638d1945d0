// The outbox through SIGKILL, at whatever it is doing, and its way to a real broker: nothing that was taken down is lost.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Peer } from "#testing/peers/find-peer.ts";
import { mosquittoMissing, type Subscription, startMosquitto } from "#testing/peers/mosquitto.ts";
import { type RunningPeer, startPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";

const node: Peer = { name: "outbox-program", file: process.execPath, missing: false };
const PROGRAM = fileURLToPath(new URL("../testing/outbox-program.ts", import.meta.url));
const UNLIMITED = "allow_anonymous true\nmax_queued_messages 0";

const idsOf = (program: RunningPeer): number[] => [...program.stdout.toString().matchAll(/^(\d+)$/gm)].map(([, id]) => Number(id));

function run(t: TestContext, ...words: readonly (string | number)[]): RunningPeer {
  return startPeer(t, node, [PROGRAM, ...words.map(String)], { timeoutMs: 110_000 });
}

function receivedIds(noc: Subscription): Set<number> {
  return new Set(noc.messages().flatMap(({ json }) => (typeof json?.id === "number" ? [json.id] : [])));
}

test("killed again and again while it takes down and sends: each event that was safe arrives", { skip: mosquittoMissing }, async (t) => {
  const folder = await temporaryFolder(t);
  const broker = await startMosquitto(t, { config: UNLIMITED });
  const noc = await broker.subscribe("cg/v1/acme/gw-0001/up/evt");
  const safe = new Set<number>();
  for (const [round, atMost] of [30, 200, 450, 700, 333].entries()) {
    const program = run(t, folder, `mqtt://127.0.0.1:${broker.port}`, round * 10_000, 5000);
    await until("some events", () => idsOf(program).length >= atMost);
    await program.kill();
    for (const id of idsOf(program)) safe.add(id);
  }
  await run(t, folder, `mqtt://127.0.0.1:${broker.port}`).match(/^empty$/m);
  await until("every event", () => [...safe].every((id) => receivedIds(noc).has(id)));
  assert.ok(safe.size > 1700);
});

test("ten thousand of an outage, taken down and killed, and killed again while they are sent", { skip: mosquittoMissing }, async (t) => {
  const folder = await temporaryFolder(t);
  const offline = run(t, folder, "-", 0, 10_000);
  await offline.match(/^taken$/m);
  await offline.kill();
  const broker = await startMosquitto(t, { config: UNLIMITED });
  const noc = await broker.subscribe("cg/v1/acme/gw-0001/up/evt");
  const first = run(t, folder, `mqtt://127.0.0.1:${broker.port}`);
  await until("half of them", () => receivedIds(noc).size > 3000);
  await first.kill();
  await run(t, folder, `mqtt://127.0.0.1:${broker.port}`).match(/^empty$/m);
  await until("all of them", () => receivedIds(noc).size === 10_000);
  const counted = noc.messages().map(({ json }) => json.sid as string);
  assert.equal(new Set(counted).size, 2, "two sessions sent them");
});
