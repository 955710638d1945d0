// Commands to a gateway that is killed again and again while it works on them: each runs once at most, none that came is lost, and its end is never told otherwise.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { signJws } from "#fleet/jws.ts";
import { connectMqtt } from "#fleet/mqtt-connection.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";

const ROOT = "cg/v1/acme/gw-0001";
const PATIENCE_MS = 60_000;
/** What a restart finds at the broker and what is sent to it then: less than a gateway works on at once. */
const [ROUNDS, AT_ONCE] = [5, 6];
const LIMITS = { packetBytes: 1 << 20, burstPackets: 1e6, packetsPerSecond: 1e6, burstBytes: 1e9, bytesPerSecond: 1e9 };
const TERMINAL = new Set(["ok", "err", "rej", "exp", "cancel", "lost"]);

/** What the gateway says of its commands. */
interface Answer {
  readonly id: string;
  readonly st: string;
  readonly n: number;
}

test("each command has run once at most, whenever the gateway was killed, and has one end", { skip: mosquittoMissing }, async (t) => {
  const [broker, folder] = [await startMosquitto(t), await temporaryFolder(t)];
  const noc = generateKeyPairSync("ed25519");
  await writeFile(join(folder, "keys.json"), JSON.stringify({ keys: [{ ...noc.publicKey.export({ format: "jwk" }), kid: "noc-a" }] }));
  const cameras = Array.from({ length: ROUNDS * AT_ONCE }, (_, i) => `cam${i}`);
  const config = `mqtt:
  urls: [mqtt://127.0.0.1:${broker.port}]
  tenant: acme
  gatewayId: gw-0001
  commands: signed
  commandKeys: [keys.json]
paths: {${cameras.map((name) => `${name}: {}`).join(", ")}}
`;
  const [answers, births]: [Answer[], string[]] = [[], []];
  const connection = await connectMqtt(
    {
      ...{ url: `mqtt://127.0.0.1:${broker.port}`, version: 5, clientId: "noc-test-1", tls: {}, isFleeting: true, limits: LIMITS },
      ...{ keepaliveSeconds: 60, timeoutMs: PATIENCE_MS },
      onMessage: async ({ payload }) => {
        const said = JSON.parse(payload.toString());
        if (said.online === true) births.push(said.sid);
        if (said.st !== undefined) answers.push(said);
      },
    },
    t.signal,
  );
  t.after(() => connection.close());
  await connection.subscribe([`${ROOT}/up/state`, `${ROOT}/up/res`]);
  /** The same each time. */
  const requests = cameras.map((cam, i) => {
    const request = {
      v: 1,
      id: `01K${i}`,
      op: "rec.set",
      args: { cam, on: false },
      exp: Date.now() + 3_600_000,
      ctr: i + 1,
      aud: "acme/gw-0001",
    };
    return signJws(JSON.stringify(request), "noc-a", noc.privateKey);
  });
  const send = (numbers: readonly number[]): Promise<unknown> =>
    Promise.all(numbers.map((i) => connection.publish({ topic: `${ROOT}/dn/cmd`, payload: requests[i]!, qos: 1 })));
  const endsOf = (i: number): Answer[] => answers.filter(({ id, st }) => id === `01K${i}` && TERMINAL.has(st));
  const acknowledged = (): number => new Set(answers.map(({ id }) => id)).size;

  for (let round = 0; round < ROUNDS; round++) {
    const camgate = await startCamgate(t, { config, folder });
    await until("a birth", () => births.length > round, PATIENCE_MS);
    const before = acknowledged();
    // Some are on their way to it still, some are worked on, some are done.
    const sent = send(Array.from({ length: AT_ONCE }, (_, i) => round * AT_ONCE + i));
    await until("some answers", () => acknowledged() > before + round, PATIENCE_MS);
    await camgate.process.kill();
    await sent;
  }
  await startCamgate(t, { config, folder });
  await until("the last birth", () => births.length > ROUNDS, PATIENCE_MS);
  const all = cameras.map((_, i) => i);
  for (let first = 0; first < 2 * all.length; first += AT_ONCE) {
    const some = Array.from({ length: AT_ONCE }, (_, i) => (first + i) % all.length);
    const before = some.map((i) => endsOf(i).length);
    await send(some);
    await until("an end of each", () => some.every((i, at) => endsOf(i).length > before[at]!), PATIENCE_MS);
  }
  for (const i of all) {
    const ends = endsOf(i).map(({ st, n }) => `${st} ${n}`);
    assert.equal(new Set(ends).size, 1, `${cameras[i]}: ${ends}`);
    assert.ok(["ok", "lost"].includes(endsOf(i)[0]!.st), ends[0]);
  }
  const lines = (await readFile(join(folder, "camgate-data/audit/audit.log"), "utf8")).trim().split("\n");
  const runs = lines.map((line) => JSON.parse(line)).filter(({ op, st }) => op === "rec.set" && st === "run");
  const byCamera = cameras.map((name) => runs.filter(({ cam }) => cam === name).length);
  assert.ok(
    byCamera.every((count) => count <= 1),
    `${byCamera}`,
  );
  assert.ok(runs.length >= AT_ONCE, "commands of the last run have run");
});
