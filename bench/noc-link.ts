// Benchmark figures of the link to the NOC: how soon a gateway is born, how soon a command is acknowledged, and what becomes of one that comes three times.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { signJws } from "#fleet/jws.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import type { Sample } from "./harness.ts";
import { ConnackProxy, type HeardMessage, mqttConfig, NocEar, ROOT, startBroker, startGateway, withScope } from "./noc-site.ts";
import type { ServerKind } from "./server-under-test.ts";
import { percentile } from "./statistics.ts";

export interface LinkSetting extends Record<string, number> {
  readonly reconnects: number;
  readonly pings: number;
  /** Signed, and taken down on the disk before they run. */
  readonly signed: number;
  /** Each sent three times at once. */
  readonly tripled: number;
}

/** A gateway takes ten in a second. */
const PING_PAUSE_MS = 110;
const TERMINAL = new Set(["ok", "err", "rej", "exp", "cancel", "lost"]);

export function measureLink(kind: ServerKind, { reconnects, pings, signed, tripled }: LinkSetting): Promise<Sample> {
  return withScope(async (scope) => {
    const folder = await temporaryFolder(scope);
    const port = await startBroker(scope);
    const proxy = await ConnackProxy.listen(scope, port);
    const ear = await NocEar.open(scope, port, ["cg/v1/acme/+/up/#"]);
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    await writeFile(join(folder, "keys.json"), JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "noc-a" }] }));
    const signing = "  commands: signed\n  commandKeys: [keys.json]\n";
    await writeFile(join(folder, "bench.yml"), `logLevel: error\n${mqttConfig(proxy.port, signing)}paths: {gate: {}}\n`);
    startGateway(scope, kind, folder);
    const noc = new Noc(ear, privateKey);

    const bootMs = (await noc.birth(0)).atMs - proxy.connackMs;
    await noc.send("backoff", { min_s: 0, max_s: 0.1, ttl_s: 3600 });
    const births: number[] = [];
    for (let i = 0; i < reconnects; i++) {
      const from = ear.messages.length;
      proxy.drop();
      births.push((await noc.birth(from)).atMs - proxy.connackMs);
    }

    const pinged: number[] = [];
    for (let i = 0; i < pings; i++) {
      pinged.push((await noc.send("ping")).ackMs);
      await sleep(PING_PAUSE_MS);
    }
    const acks: number[] = [];
    for (let i = 0; i < signed; i++) acks.push((await noc.sendSigned("rec.set", { cam: "gate", on: i % 2 === 0 })).ackMs);

    let [delivered, twice, unlike] = [0, 0, 0];
    for (let i = 0; i < tripled; i++) {
      // A second run would be refused: the camera is there then.
      const ends = await noc.sendThreeTimes("cam.add", { cam: `cam${i}`, source: "rtsp://127.0.0.1:9/x" });
      delivered += ends.length;
      if (ends.some(({ st }) => st !== "ok")) twice++;
      if (new Set(ends.map(({ st, res, n }) => JSON.stringify([st, res, n]))).size !== 1) unlike++;
    }
    return {
      bootMs,
      birthP50Ms: percentile(births, 0.5),
      birthMaxMs: percentile(births, 1),
      pingP50Ms: percentile(pinged, 0.5),
      pingP95Ms: percentile(pinged, 0.95),
      pingP99Ms: percentile(pinged, 0.99),
      ackP50Ms: percentile(acks, 0.5),
      ackP95Ms: percentile(acks, 0.95),
      ackP99Ms: percentile(acks, 0.99),
      answersEach: delivered / tripled,
      twice,
      unlike,
    };
  });
}

/** Asks one gateway. */
class Noc {
  readonly #ear: NocEar;
  readonly #key: KeyObject;
  #commands = 0;

  constructor(ear: NocEar, key: KeyObject) {
    this.#ear = ear;
    this.#key = key;
  }

  birth(from: number): Promise<HeardMessage> {
    return this.#ear.wait("a birth", ({ topic, json }) => topic === `${ROOT}/up/state` && json?.online === true, from);
  }

  send(op: string, args: object = {}): Promise<{ readonly ackMs: number }> {
    return this.#ask((request) => JSON.stringify({ ...request, op, args }));
  }

  sendSigned(op: string, args: object): Promise<{ readonly ackMs: number }> {
    return this.#ask((request) => this.#signed(request, op, args));
  }

  /** The last answers. */
  async sendThreeTimes(op: string, args: object): Promise<readonly HeardMessage["json"][]> {
    const from = this.#ear.messages.length;
    const request = this.#next();
    const payload = this.#signed(request, op, args);
    await Promise.all([1, 2, 3].map(() => this.#ear.publish(`${ROOT}/dn/cmd`, payload)));
    // Commands and answers keep their order: when this one is answered, so are those before it.
    const marker = this.#next();
    await this.#ear.publish(`${ROOT}/dn/cmd`, this.#signed(marker, "rec.set", { cam: "gate", on: false }));
    await this.#ear.wait("the command behind", ({ json }) => json?.id === marker.id && TERMINAL.has(json.st), from);
    return this.#ear.messages.slice(from).flatMap(({ json }) => (json?.id === request.id && TERMINAL.has(json.st) ? [json] : []));
  }

  async #ask(payloadOf: (request: { readonly id: string }) => string): Promise<{ readonly ackMs: number }> {
    const from = this.#ear.messages.length;
    const request = this.#next();
    const sentMs = performance.now();
    await this.#ear.publish(`${ROOT}/dn/cmd`, payloadOf(request));
    const ack = await this.#ear.wait("an acknowledgement", ({ json }) => json?.id === request.id, from);
    const end = await this.#ear.wait("the end", ({ json }) => json?.id === request.id && TERMINAL.has(json.st), from);
    if (ack.json.st !== "ack" || end.json.st !== "ok") throw new Error(`a command was not done: ${JSON.stringify(end.json)}`);
    return { ackMs: ack.atMs - sentMs };
  }

  #signed(request: object, op: string, args: object): string {
    return signJws(JSON.stringify({ ...request, op, args, aud: "acme/gw-0001" }), "noc-a", this.#key);
  }

  #next() {
    const ctr = ++this.#commands;
    return { v: 1, id: `BENCH${ctr}`, exp: Date.now() + 600_000, ctr };
  }
}
