// Commands that must not run, through a real broker to a whole gateway: none does, each is answered with its code, and the next good one runs.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "node:test";
import { signJws } from "#fleet/jws.ts";
import { type Connection, connectMqtt, type IncomingMessage, type OutgoingMessage } from "#fleet/mqtt-connection.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { fakeChrony } from "#testing/peers/fake-chrony.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";

const ROOT = "cg/v1/acme/gw-0001";
const PATIENCE_MS = 60_000;
const LATER = Date.now() + 3_600_000;
const noc = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");

/** What the gateway says; undefined where it is no JSON. */
interface Said {
  readonly topic: string;
  // biome-ignore lint/suspicious/noExplicitAny: documents of every kind
  readonly json: any;
}

async function siteOn(t: TestContext) {
  const broker = await startMosquitto(t);
  const folder = await temporaryFolder(t);
  const { kid, jwk } = { kid: "noc-a", jwk: noc.publicKey.export({ format: "jwk" }) };
  await writeFile(join(folder, "keys.json"), JSON.stringify({ keys: [{ ...jwk, kid }] }));
  const said: Said[] = [];
  const connection: Connection = await connectMqtt(
    {
      ...{ url: `mqtt://127.0.0.1:${broker.port}`, version: 5, clientId: "noc-test-1", tls: {}, isFleeting: true },
      ...{ keepaliveSeconds: 60, timeoutMs: PATIENCE_MS },
      onMessage: async ({ topic, payload }: IncomingMessage) => void said.push({ topic, json: jsonOf(payload) }),
    },
    t.signal,
  );
  t.after(() => connection.close());
  await connection.subscribe(["cg/v1/+/+/up/#"]);
  const mqtt = `mqtt:\n  urls: [mqtt://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: signed\n  commandKeys: [keys.json]\n  telemetryInterval: 1s\n`;
  const chrony = await fakeChrony(t);
  await chrony.synchronise();
  const env = { PATH: `${chrony.folder}${delimiter}${process.env["PATH"]}` };
  const camgate = await startCamgate(t, { config: `api: yes\n${mqtt}paths: {gate: {}}\n`, folder, env });
  await until("word of one who knows the time", () => said.find(({ json }) => json?.tq === "ntp"), PATIENCE_MS);
  const answers = (): readonly Said[] => said.filter(({ json }) => ["ok", "err", "rej", "exp"].includes(json?.st) && json.n !== undefined);
  const paths = async (): Promise<string[]> => {
    const list = (await (await fetch(`${camgate.apiOrigin}/v3/config/paths/list`)).json()) as { items: { name: string }[] };
    return list.items.map(({ name }) => name).sort();
  };
  return {
    said,
    answers,
    paths,
    publish: (message: Partial<OutgoingMessage>) => connection.publish({ topic: `${ROOT}/dn/cmd`, payload: "", qos: 1, ...message }),
  };
}

function jsonOf(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** A good one, but for what is changed. */
const request = (fields: object = {}): object => ({
  ...{ v: 1, id: "01BAD", op: "cam.add", args: { cam: "victim", source: "rtsp://127.0.0.1:9/x" }, exp: LATER, ctr: 7, aud: "acme/gw-0001" },
  ...fields,
});
const text = (fields: object = {}): string => JSON.stringify(request(fields));
const sign = (fields: object = {}, kid = "noc-a", key = noc.privateKey): string => signJws(text(fields), kid, key);
const withHeader = (header: object, signature?: string): string => {
  const parts = sign().split(".");
  return [Buffer.from(JSON.stringify(header)).toString("base64url"), parts[1], signature ?? parts[2]].join(".");
};

const BAD: readonly [name: string, code: string, payload: string | Buffer, message?: Partial<OutgoingMessage>][] = [
  ["unsigned", "E_SIG", text()],
  ["signed by a stranger under our kid", "E_SIG", sign({}, "noc-a", stranger.privateKey)],
  ["signed by a kid that nobody knows", "E_SIG", sign({}, "noc-z")],
  ["alg none, unsigned", "E_SIG", withHeader({ alg: "none", kid: "noc-a" }, "")],
  ["alg none, with the signature", "E_SIG", withHeader({ alg: "none", kid: "noc-a" })],
  ["alg HS256", "E_SIG", withHeader({ alg: "HS256", kid: "noc-a" })],
  ["with a key in the header", "E_SIG", withHeader({ alg: "EdDSA", kid: "noc-a", jwk: stranger.publicKey.export({ format: "jwk" }) })],
  ["changed behind the signature", "E_SIG", sign().replace(/\.(.)/, (_, first: string) => `.${first === "a" ? "b" : "a"}`)],
  ["for another gateway", "E_AUD", sign({ aud: "acme/gw-0002" })],
  ["of another tenant", "E_AUD", sign({ aud: "other/gw-0001" })],
  ["for nobody", "E_AUD", sign({ aud: undefined })],
  ["without a counter", "E_SCHEMA", sign({ ctr: undefined })],
  ["expired", "E_EXPIRED", sign({ exp: Date.now() - 60_000 })],
  ["retained", "E_RETAINED", sign(), { retain: true }],
  ["of 70 kB", "E_SIZE", sign({ args: { cam: "victim", source: "x".repeat(70_000) } })],
  ["deep", "E_SCHEMA", text({ args: 1 }).replace('"args":1', `"args":${'{"a":'.repeat(2000)}1${"}".repeat(2000)}`)],
  ["with a key twice", "E_SCHEMA", text().replace('"op":', '"op":"ping","op":')],
  ["with a key twice, spelled otherwise", "E_SCHEMA", text().replace('"op":', '"\\u006fp":"ping","op":')],
  ["with __proto__", "E_SCHEMA", text().replace('"args":{', '"args":{"__proto__":{"x":1},')],
  ["no JSON", "E_SCHEMA", "cam.add victim"],
  ["no text", "E_SCHEMA", Buffer.from([0xff, 0xfe, 0x00, 0x80])],
  ["empty", "E_SCHEMA", ""],
  ["a list", "E_SCHEMA", `[${text()}]`],
  ["of another version", "E_SCHEMA", sign({ v: 2 })],
  ["with an id that is a path", "E_SCHEMA", sign({ id: "../../etc" })],
  ["without an end", "E_SCHEMA", sign({ exp: undefined })],
  ["a shell", "E_UNSUPPORTED", sign({ op: "exec", args: { cmd: "id" } })],
  ["for all gateways at once", "E_DENIED", sign(), { topic: "cg/v1/acme/_fleet/dn/cmd" }],
];

test("what must not run does not, and its code says why; the next good command runs", { skip: mosquittoMissing }, async (t) => {
  const { said, answers, paths, publish } = await siteOn(t);
  const { sid } = said.find(({ json }) => json?.online === true)!.json;
  for (const [name, code, payload, message] of BAD) {
    const before = answers().length;
    await publish({ payload, ...message });
    await until(`an answer to one that is ${name}`, () => answers().length > before, PATIENCE_MS);
    const { topic, json } = answers()[before]!;
    assert.deepEqual([topic, json.e?.c, json.st, json.n], [`${ROOT}/up/res`, code, code === "E_EXPIRED" ? "exp" : "rej", 1], name);
    if (message?.retain !== true) continue;
    // Emptied, the topic says so with a message that is retained as well.
    await publish({ retain: true });
    await until("its refusal", () => answers().length > before + 1, PATIENCE_MS);
  }
  const refused = BAD.length + 1;

  // Where no command is expected there is none; beyond what the gateway says that it takes the broker passes nothing on.
  for (const topic of ["cg/v1/acme/gw-0002/dn/cmd", "cg/v1/other/gw-0001/dn/cmd", `${ROOT}/dn`, `${ROOT}/dn/cmd/x`, `${ROOT}/up/res`])
    await publish({ topic, payload: sign() });
  await publish({ topic: `${ROOT}/dn/cfg`, payload: sign() });
  await publish({ topic: `${ROOT}/dn/job`, payload: sign() });
  await publish({ payload: sign({ args: { cam: "victim", source: "x".repeat(300_000) } }) });
  await until(
    "a config that is refused",
    () => said.find(({ topic, json }) => topic.endsWith("/up/cfg") && json.st === "rejected"),
    PATIENCE_MS,
  );

  // A good one, answered where it wants, and nowhere that is not the gateway's; its counter and its id are used up.
  assert.deepEqual(await paths(), ["gate"]);
  const good = (id: string, cam: string) => sign({ id, args: { cam, source: "rtsp://127.0.0.1:9/x" } });
  await publish({ payload: good("01GOOD", "added"), responseTopic: "cg/v1/acme/gw-0002/up/res/x" });
  const end = await until("its end", () => answers().find(({ json }) => json.id === "01GOOD"), PATIENCE_MS);
  assert.deepEqual([end.topic, end.json.st], [`${ROOT}/up/res`, "ok"]);
  await publish({ payload: good("01AGAIN", "victim"), responseTopic: `${ROOT}/up/res/noc-1` });
  const replayed = await until(
    "the refusal of a counter that was used",
    () => answers().find(({ json }) => json.id === "01AGAIN"),
    PATIENCE_MS,
  );
  assert.deepEqual([replayed.topic, replayed.json.e.c], [`${ROOT}/up/res/noc-1`, "E_REPLAY"]);
  await publish({ payload: good("01GOOD", "victim") });
  await until("the same answer", () => answers().filter(({ json }) => json.id === "01GOOD").length === 2, PATIENCE_MS);

  assert.deepEqual(await paths(), ["added", "gate"]);
  assert.equal(answers().length, refused + 3, "each is answered once");
  const sids = new Set(said.flatMap(({ json }) => json?.sid ?? []));
  assert.deepEqual([...sids], [sid], "the link stood all the time");
});
