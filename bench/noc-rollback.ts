// Benchmark figures of a config that cuts a gateway off from its broker: how long after its probation the gateway is back and says so.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { canonicalJson, hashOf } from "#fleet/desired-document.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { type RawAnswer, RawBroker, type RawBrokerConnection } from "#testing/raw-broker.ts";
import type { Sample } from "./harness.ts";
import { mqttConfig, NocEar, ROOT, startBroker, startGateway, withScope } from "./noc-site.ts";
import type { ServerKind } from "./server-under-test.ts";

export interface RollbackSetting extends Record<string, number> {
  readonly probationSeconds: number;
}

/** What is at the address of the broker that the config names: nothing, one that says nothing, one that takes a birth and nothing after it. */
const BROKERS: Readonly<Record<string, (scope: TestScope) => Promise<number>>> = {
  nobody: () => freeTcpPort(0),
  silent: (scope) => rawBroker(scope, { connect: () => undefined }),
  deaf: (scope) => {
    const born = new Set<RawBrokerConnection>();
    const birthAlone: RawAnswer = (packet, connection) =>
      born.has(connection) ? undefined : born.add(connection) && connection.usual(packet);
    return rawBroker(scope, { publish: birthAlone });
  },
};

async function rawBroker(scope: TestScope, answers: RawBroker["answers"]): Promise<number> {
  const broker = await RawBroker.listen(answers);
  scope.after(() => broker.close());
  return broker.port;
}

/** Seconds from the config's arrival to the report that it is undone, less its probation. */
export async function measureRollback(kind: ServerKind, { probationSeconds }: RollbackSetting): Promise<Sample> {
  const figures: Record<string, number> = {};
  for (const [name, start] of Object.entries(BROKERS))
    figures[`${name}S`] = await withScope((scope) => rollback(scope, kind, start, probationSeconds));
  return figures;
}

async function rollback(
  scope: TestScope,
  kind: ServerKind,
  start: (scope: TestScope) => Promise<number>,
  probation: number,
): Promise<number> {
  const folder = await temporaryFolder(scope);
  const port = await startBroker(scope);
  const ear = await NocEar.open(scope, port, ["cg/v1/acme/+/up/#"]);
  await writeFile(join(folder, "bench.yml"), `logLevel: error\n${mqttConfig(port, "  commands: broker\n")}paths: {gate: {}}\n`);
  startGateway(scope, kind, folder);
  const reported = (st: string) => ear.wait(`a report of ${st}`, ({ topic, json }) => topic === `${ROOT}/up/cfg` && json.st === st);
  await reported("none");
  const doc = { mqtt: { urls: [`mqtt://127.0.0.1:${await start(scope)}`] } };
  const startMs = performance.now();
  const document = { v: 1, ver: 1, hash: hashOf(canonicalJson(doc)), probation_s: probation, doc };
  await ear.publish(`${ROOT}/dn/cfg`, JSON.stringify(document), true);
  const { atMs } = await reported("rolled_back");
  return (atMs - startMs) / 1000 - probation;
}
