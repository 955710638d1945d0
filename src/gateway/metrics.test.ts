// Metrics of the whole gateway, from the text of its config to what Prometheus reads.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseConfig } from "#config/parse-config.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { readExposition } from "#testing/exposition.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { Gateway } from "./gateway.ts";

test("a camera that is recorded, in numbers", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "ring"));
  const camera = await ScriptedCamera.start({ frameMs: 40, video: { gopFrames: 5, frameBytes: 500 } });
  t.after(() => camera.close());
  const text = `
webrtc: no
metrics: yes
metricsAddress: 127.0.0.1:${await freeTcpPort(0)}
rtspAddress: 127.0.0.1:${await freeTcpPort(0)}
rtspTransports: [tcp]
dataDirectory: ${folder}/data
pathDefaults: {record: yes, recordPartDuration: 200ms, recordPath: '${folder}/files/%path/%Y-%m-%d_%H-%M-%S-%f'}
ring: {directory: '${folder}/ring', size: 64M, syncPeriod: 100ms}
paths:
  files: {source: '${camera.url()}', rtspTransport: tcp}
  ring: {source: '${camera.url()}', rtspTransport: tcp, recordStore: ring}
`;
  const { config, problems } = parseConfig(text, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  const gateway = await Gateway.start(config, collectedLog());
  t.after(() => gateway.close());
  const scrape = async (query = "") => {
    const response = await fetch(`http://127.0.0.1:${gateway.ports["metricsAddress"]}/metrics${query}`);
    assert.equal(response.status, 200);
    return readExposition(await response.text());
  };
  await until("both are recorded", async () => {
    const { samples } = await scrape("?type=camgate_recorders");
    return samples.filter(({ name, value }) => name === "camgate_recorder_bytes_total" && value > 0).length === 2;
  });
  const { samples } = await scrape();
  const sampleOf = (name: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
    samples.find((one) => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value))?.value;
  assert.equal(sampleOf("paths", { name: "ring", state: "ready" }), 1);
  assert.ok(sampleOf("paths_inbound_bytes", { name: "files" })! > 0);
  assert.equal(sampleOf("rtsp_conns"), 0);
  assert.equal(sampleOf("camgate_recorder_state", { path: "files", state: "recording" }), 1);
  assert.equal(sampleOf("camgate_ring_status", { status: "recording" }), 1);
  assert.ok(sampleOf("camgate_ring_written_bytes_total")! > 0);
  assert.ok(sampleOf("camgate_files_free_bytes")! > 0);
  assert.equal(samples.filter(({ name, value }) => name === "camgate_clock_quality" && value === 1).length, 1);
});
