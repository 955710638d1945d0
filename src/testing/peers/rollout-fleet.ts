// A broker with simulated gateways, and `camgate noc jobs` as an operator runs it: what the tests of rollouts begin with.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ReceivedMessage, startMosquitto } from "./mosquitto.ts";
import { startNoc } from "./noc.ts";
import type { TestScope } from "./run-peer.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { until } from "./until.ts";

const PATIENCE_MS = 60_000;
/** Names of simulated gateways. */
export const simulatedSites = (count: number): string[] => Array.from({ length: count }, (_, i) => `sim-0000${i + 1}`);

/** `count` simulated gateways that take what the key in `folder` has signed. */
export async function startRolloutFleet(t: TestScope, count: number) {
  const broker = await startMosquitto(t);
  const folder = join(await temporaryFolder(t), "noc");
  const env = { CAMGATE_NOC_BROKER: `mqtt://127.0.0.1:${broker.port}`, CAMGATE_NOC_TENANT: "acme", CAMGATE_NOC_DIRECTORY: folder };
  const noc = (...words: readonly string[]) => startNoc(t, words, env);
  const run = async (...words: readonly string[]) => {
    const program = noc(...words);
    const { code } = await program.exited;
    return { code, text: `${program.stdout.toString("utf8")}${program.stderr}` };
  };
  assert.equal((await run("keys", "make", "noc-a")).code, 0);
  const watched = await broker.subscribe("cg/v1/acme/+/+/#");
  if (count > 0) {
    const keys = ["--command-keys", join(folder, "command-keys.json")];
    noc("simulate", "--sites", String(count), "--spread", "0", "--interval", "3600", ...keys);
    for (const gateway of simulatedSites(count))
      await watched.wait(
        `the birth of ${gateway}`,
        ({ topic, json }) => topic === `cg/v1/acme/${gateway}/up/state` && json?.online === true,
      );
  }
  const planned = async (plan: object): Promise<string> => {
    const file = join(folder, "plan.yml");
    await writeFile(file, JSON.stringify(plan));
    return file;
  };
  const news = (gateway: string, st: string): ReceivedMessage[] =>
    watched.messages().filter(({ topic, json }) => topic === `cg/v1/acme/${gateway}/up/job` && json.st === st);
  const sent = (gateway: string): ReceivedMessage[] =>
    watched.messages().filter(({ topic, payload }) => topic === `cg/v1/acme/${gateway}/dn/job` && payload !== "");
  const until60 = (what: string, look: () => boolean) => until(what, look, PATIENCE_MS);
  /** The broker keeps no job for anybody. */
  const isWiped = async (): Promise<boolean> => {
    const late = await broker.subscribe("cg/v1/acme/+/dn/job", "cg/v1/acme/+/up/state");
    await late.wait("what the broker keeps", ({ isRetained, topic }) => isRetained && topic.endsWith("/up/state"));
    return !late.messages().some(({ topic }) => topic.endsWith("/dn/job"));
  };
  return { broker, folder, noc, run, planned, watched, news, sent, until60, isWiped };
}
