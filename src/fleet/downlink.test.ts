import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { Downlink, type DownlinkHandlers } from "./downlink.ts";
import type { IncomingMessage } from "./mqtt-connection.ts";
import { NOC_STATE_TOPIC, Topics } from "./topics.ts";

const topics = new Topics({ tenant: "acme", gatewayId: "gw-0001" });
const OWN = topics.up("res");

function message(topic: string, payload = "", more: Partial<IncomingMessage> = {}): IncomingMessage {
  return { topic, payload: Buffer.from(payload), isRetained: false, responseTopic: undefined, ...more };
}

function setUp(only?: readonly (keyof DownlinkHandlers)[]) {
  const got: unknown[] = [];
  const all: Required<DownlinkHandlers> = {
    command: async ({ payload, ...rest }) => void got.push(["command", payload.toString(), rest]),
    config: async ({ payload }) => void got.push(["config", payload.toString()]),
    job: async ({ payload }) => void got.push(["job", payload.toString()]),
    time: async ({ payload, isRetained }) => void got.push(["time", payload.toString(), isRetained]),
    nocState: (isOnline) => void got.push(["noc", isOnline]),
  };
  const { command, nocState } = all;
  const chosen = only === undefined ? all : { command, nocState, ...Object.fromEntries(only.map((name) => [name, all[name]])) };
  return { got, downlink: new Downlink(topics, chosen) };
}

test("each topic goes to whoever knows what to do with it", async () => {
  const { got, downlink } = setUp();
  await downlink.receive(message(topics.down("cmd"), "c", { isRetained: true }));
  await downlink.receive(message(topics.fleetCommands, "b"));
  await downlink.receive(message(topics.down("cfg"), "g", { isRetained: true }));
  await downlink.receive(message(topics.down("cfg"), ""));
  await downlink.receive(message(topics.down("job"), "j"));
  await downlink.receive(message(topics.down("time"), "t"));
  const own = { responseTopic: OWN };
  assert.deepEqual(got, [
    ["command", "c", { isRetained: true, isBroadcast: false, ...own }],
    ["command", "b", { isRetained: false, isBroadcast: true, ...own }],
    ["config", "g"],
    ["config", ""],
    ["job", "j"],
    ["time", "t", false],
  ]);
  assert.equal(downlink.ignored, 0);
});

test("an answer goes where it was asked for, if that is a place of this gateway's own", async () => {
  const { got, downlink } = setUp();
  const asked = [`${OWN}/noc-1`, OWN, `${OWN}/a/b`, `${OWN}x`, "cg/v1/acme/gw-0002/up/res/x", "#", ""];
  for (const responseTopic of asked) await downlink.receive(message(topics.down("cmd"), "", { responseTopic }));
  const places = (got as [string, string, { responseTopic: string }][]).map(([, , rest]) => rest.responseTopic);
  assert.deepEqual(places, [`${OWN}/noc-1`, OWN, OWN, OWN, OWN, OWN, OWN]);
});

test("what nobody here takes, and topics of others, are counted and forgotten", async () => {
  const { got, downlink } = setUp([]);
  const others = [
    "cg/v1/acme/gw-0002/dn/cmd",
    "cg/v1/other/_fleet/dn/cmd",
    "cg/v1/acme/gw-0001/dn/",
    topics.up("state"),
    "",
    "cg/v1/_noc/state/x",
  ];
  for (const topic of [topics.down("cfg"), topics.down("job"), topics.down("time"), ...others]) await downlink.receive(message(topic, "x"));
  assert.deepEqual([got, downlink.ignored], [[], 9]);
});

test("the NOC's state: there, away, and there where nobody tells any more", async () => {
  const { got, downlink } = setUp();
  for (const payload of ['{"v":1,"online":false}', '{"v":1,"online":true}', ""]) await downlink.receive(message(NOC_STATE_TOPIC, payload));
  assert.deepEqual(got, [
    ["noc", false],
    ["noc", true],
    ["noc", true],
  ]);
  const slips = ["{", "null", "[]", '{"online":"no"}', '{"online":true,"online":false}', `{"online":false,"x":"${"a".repeat(5000)}"}`];
  for (const payload of slips) await downlink.receive(message(NOC_STATE_TOPIC, payload));
  assert.deepEqual([got.length, downlink.ignored], [3, slips.length]);
});

test("whatever the NOC's state holds, nothing throws", async () => {
  const { got, downlink } = setUp();
  const good = Buffer.from('{"v":1,"sid":"noc-1","online":false,"why":"lwt"}');
  const random = fuzzRandom(0x6e6f_6373);
  const rounds = fuzzRounds(400);
  for (let round = 0; round < rounds; round++) await downlink.receive({ ...message(NOC_STATE_TOPIC), payload: mutate(good, random) });
  assert.equal(got.length + downlink.ignored, rounds);
});

test("the broker may forget a message when whoever works on it is done", async () => {
  let finish = (): void => {};
  const work = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const downlink = new Downlink(topics, { command: () => work, nocState: () => {} });
  let isForgotten = false;
  const received = downlink.receive(message(topics.down("cmd"))).then(() => {
    isForgotten = true;
  });
  await new Promise(setImmediate);
  assert.equal(isForgotten, false);
  finish();
  await received;
});
