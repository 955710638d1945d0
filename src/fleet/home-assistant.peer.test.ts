// What Home Assistant would show: its templates are Jinja's, rendered here by Jinja itself over telemetry of a gateway.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { findPeer } from "#testing/peers/find-peer.ts";
import { runPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { type HomeSite, homeDocument, pictureTopic } from "./home-assistant.ts";
import { Topics } from "./topics.ts";

const jinja = findPeer("python3-jinja2");
/** The functions are those that Home Assistant adds. */
const RENDER = `
import json, sys, datetime, jinja2
e = jinja2.Environment(undefined=jinja2.StrictUndefined)
e.filters["timestamp_utc"] = lambda s: datetime.datetime.fromtimestamp(s, datetime.timezone.utc).isoformat()
e.globals["now"] = lambda: 1795360000.5
e.globals["as_timestamp"] = lambda t: t
tasks = json.load(open(sys.argv[1]))
print(json.dumps([e.from_string(t["template"]).render(t["variables"]) for t in tasks]))
`;

const identity = { tenant: "acme", gatewayId: "gw-0001" };
const telemetry = {
  sys: { cpu_pct: 18.5, mem_used_pct: 41, temp_c: 61.2 },
  clk: { st: "synced" },
  disk: [
    { mnt: "/rec", free_mb: 310, wear_pct: 2.3 },
    { mnt: "/", free_mb: 9000 },
  ],
  rec: { ring_mb: 114_000, oldest: 1_795_000_000_000, cams: { gate: { st: "recording" }, "site/yard.2": { st: "off" } } },
  cams: { gate: { st: "live", fps: 25, kbps: 4021 }, "site/yard.2": { st: "backoff", fps: null, kbps: null } },
};

function site(change: Partial<HomeSite> = {}): HomeSite {
  const base = {
    identity,
    topics: new Topics(identity),
    version: "1.0.0",
    model: "Raspberry Pi 4",
    cameras: ["gate", "site/yard.2"],
    recorded: ["gate"],
  };
  return { ...base, canSwitch: true, hasPictures: true, intervalMs: 60_000, telemetry, ...change };
}

type Component = Readonly<Record<string, string>>;

function componentsOf(change?: Partial<HomeSite>): Record<string, Component> {
  return homeDocument("homeassistant", site(change)).body["components"] as Record<string, Component>;
}

/** Entities by name. */
function byName(components: Record<string, Component>): Map<string, Component> {
  return new Map(Object.values(components).map((component) => [component["name"]!, component]));
}

async function render(t: TestContext, tasks: readonly { readonly template: string; readonly variables: object }[]): Promise<string[]> {
  const file = `${await temporaryFolder(t)}/tasks.json`;
  await writeFile(file, JSON.stringify(tasks));
  return JSON.parse((await runPeer(t, jinja, ["-c", RENDER, file])).stdout.toString());
}

/** What each entity shows, by name. */
async function shown(t: TestContext, components: Record<string, Component>, json: object): Promise<Record<string, string>> {
  const entities = [...byName(components)].filter(([, { value_template }]) => value_template !== undefined);
  const tasks = entities.map(([, { value_template }]) => ({ template: value_template!, variables: { value_json: json } }));
  const values = await render(t, tasks);
  return Object.fromEntries(entities.map(([name], i) => [name, values[i]!]));
}

test("every entity has a name and an id of its own, and reads what telemetry has", { skip: jinja.missing }, async (t) => {
  const components = componentsOf();
  assert.equal(new Set(Object.values(components).map(({ unique_id }) => unique_id)).size, Object.keys(components).length);
  assert.deepEqual(await shown(t, components, telemetry), {
    Processor: "18.5",
    Memory: "41",
    Temperature: "61.2",
    Clock: "OFF",
    "Oldest recording": "2026-11-18T11:06:40+00:00",
    "Free on /rec": "310",
    "Wear of /rec": "2.3",
    "Free on /": "9000",
    gate: "ON",
    "gate frames": "25",
    "gate rate": "4021",
    "gate recording": "true",
    "site/yard.2": "OFF",
    "site/yard.2 frames": "None",
    "site/yard.2 rate": "None",
    "site/yard.2 recording": "false",
  });
});

test("a camera that is gone from telemetry, and nothing recorded yet", { skip: jinja.missing }, async (t) => {
  const values = await shown(t, componentsOf(), { ...telemetry, cams: {}, rec: { ring_mb: 1, oldest: null, cams: {} } });
  assert.deepEqual(
    [values["gate"], values["gate frames"], values["gate recording"], values["Oldest recording"]],
    ["OFF", "None", "false", "None"],
  );
});

test("the gateway is there as long as it says so", { skip: jinja.missing }, async (t) => {
  const [availability] = homeDocument("homeassistant", site()).body["availability"] as { topic: string; value_template: string }[];
  assert.equal(availability!.topic, "cg/v1/acme/gw-0001/up/state");
  const tasks = [{ online: true }, { online: false }].map((value_json) => ({
    template: availability!.value_template,
    variables: { value_json },
  }));
  assert.deepEqual(await render(t, tasks), ["online", "offline"]);
});

test("a switch sends a whole command, another one each time", { skip: jinja.missing }, async (t) => {
  const { command_topic, command_template, payload_off } = byName(componentsOf()).get("site/yard.2 recording")!;
  assert.equal(command_topic, "cg/v1/acme/gw-0001/dn/cmd");
  const task = { template: command_template!, variables: { value: payload_off } };
  const [one, other] = (await render(t, [task, task])).map((text) => JSON.parse(text));
  assert.deepEqual(contractFaults("dn-cmd", one), []);
  assert.deepEqual(contractFaults("op.rec.set.args", one.args), []);
  assert.deepEqual([one.op, one.args, one.exp], ["rec.set", { cam: "site/yard.2", on: false }, 1_795_360_060_500]);
  assert.match(one.id, /^ha-1795360000500-\d{4}$/);
  assert.ok(other.id.startsWith("ha-1795360000500-"));
});

test("without leave to switch, recording is shown where there is any; without pictures there is no camera", () => {
  const shownOnly = byName(componentsOf({ canSwitch: false, hasPictures: false }));
  assert.equal(shownOnly.get("gate recording")!["platform"], "binary_sensor");
  assert.equal(shownOnly.get("site/yard.2 recording"), undefined);
  assert.equal(shownOnly.get("gate picture"), undefined);
  const all = byName(componentsOf());
  assert.equal(all.get("gate picture")!["topic"], `cg/v1/acme/gw-0001/up/${pictureTopic("gate")}`);
  assert.equal(all.get("gate recording")!["platform"], "switch");
});

test("what is not measured has no entity", () => {
  const bare = byName(componentsOf({ telemetry: { sys: {}, clk: {}, rec: {}, cams: {} }, cameras: [] }));
  assert.deepEqual([...bare.keys()], ["Processor", "Memory", "Clock"]);
});
