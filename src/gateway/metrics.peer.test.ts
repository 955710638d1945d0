// Metrics of the whole gateway as Prometheus' own checker reads them.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseConfig } from "#config/parse-config.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { findPeer } from "#testing/peers/find-peer.ts";
import { type PeerExit, runPeer, startPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { playOverTcp, RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { Gateway } from "./gateway.ts";

const promtool = findPeer("promtool");

/** What a gateway tells that records a camera to ring and files, and has a viewer. */
async function scraped(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "ring"));
  const camera = await ScriptedCamera.start({ frameMs: 40, video: { gopFrames: 5, frameBytes: 500 } });
  t.after(() => camera.close());
  const rtspPort = await freeTcpPort(0);
  const text = `
webrtc: no
metrics: yes
metricsAddress: 127.0.0.1:${await freeTcpPort(0)}
rtspAddress: 127.0.0.1:${rtspPort}
rtspTransports: [tcp]
dataDirectory: ${folder}/data
pathDefaults: {record: yes, rtspTransport: tcp, recordPartDuration: 200ms, recordPath: '${folder}/files/%path/%Y-%m-%d_%H-%M-%S-%f'}
ring: {directory: '${folder}/ring', size: 64M, syncPeriod: 100ms, tbw: 40}
paths:
  files: {source: '${camera.url()}'}
  ring: {source: '${camera.url()}', recordStore: ring}
`;
  const { config, problems } = parseConfig(text, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  const gateway = await Gateway.start(config, collectedLog());
  t.after(() => gateway.close());
  await until("both cameras", () => ["files", "ring"].every((name) => gateway.registry.get(name)?.state === "available"));
  const viewer = await RawRtspClient.connect(rtspPort);
  t.after(() => viewer.close());
  await playOverTcp(viewer, `rtsp://127.0.0.1:${rtspPort}/files`);
  const scrape = async (): Promise<string> => (await fetch(`http://127.0.0.1:${gateway.ports["metricsAddress"]}/metrics`)).text();
  return until("footage", async () => {
    const body = await scrape();
    return (body.match(/^camgate_recorder_bytes_total\{.*\} [1-9]/gm)?.length ?? 0) === 2 && body;
  });
}

/** Exit 3: it can be read, and breaks a rule of style. */
async function check(t: TestContext, metrics: string): Promise<PeerExit & { readonly remarks: string }> {
  const checker = startPeer(t, promtool, ["check", "metrics"]);
  checker.write(metrics);
  checker.endInput();
  return { ...(await checker.exited), remarks: checker.stderr };
}

test("promtool has nothing to say against our metrics, and can read MediaMTX's", { skip: promtool.missing }, async (t) => {
  const body = await scraped(t);
  const lines = body.split("\n");
  const ours = lines.filter((line) => /^(?:# (?:HELP|TYPE) )?camgate_/.test(line));
  assert.ok(ours.length > 100);
  assert.deepEqual(await check(t, `${ours.join("\n")}\n`), { code: 0, signal: null, remarks: "" });

  const whole = await check(t, body);
  assert.equal(whole.code, 3, whole.remarks);
  assert.doesNotMatch(whole.remarks, /camgate_|error while/);
  assert.match(whole.remarks, /^paths /m);
});

test("promtool sees what is wrong", { skip: promtool.missing }, async (t) => {
  assert.equal((await check(t, "# HELP camgate_x X.\n# TYPE camgate_x counter\ncamgate_x 1\n")).code, 3);
  assert.equal((await check(t, 'paths{name="a} 1\n')).code, 1);
});

test("the alerts of docs/metrics.md are rules that Prometheus takes", { skip: promtool.missing }, async (t) => {
  const docs = await readFile(new URL("../../docs/metrics.md", import.meta.url), "utf8");
  const rules = [...docs.matchAll(/^```yaml\n(groups:[\s\S]*?)^```/gm)].map(([, text]) => text!);
  assert.equal(rules.length, 1);
  const file = join(await temporaryFolder(t), "rules.yml");
  await writeFile(file, rules[0]!);
  const { stdout } = await runPeer(t, promtool, ["check", "rules", file]);
  assert.match(stdout.toString("utf8"), /SUCCESS: \d+ rules found/);
});
