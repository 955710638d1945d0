import assert from "node:assert/strict";
import { test } from "node:test";
import { desiredLayer } from "./desired-layer.ts";
import { configOfLayers, readLayers } from "./parse-config.ts";

const FILE = "readTimeout: 5s\nmqtt: {tenant: acme}\npaths:\n  gate: {source: 'rtsp://a/1', record: no}\n";

function merged(doc: Readonly<Record<string, unknown>>) {
  const desired = desiredLayer(doc);
  assert.ok("layer" in desired, JSON.stringify(desired));
  return configOfLayers([...readLayers(FILE, "camgate.yml", {}).layers, desired.layer]);
}

test("a document stands above the file, setting by setting", () => {
  const { config } = merged({
    readTimeout: "7s",
    paths: { gate: { record: true }, yard: { source: "rtsp://b/1" } },
    mqtt: { urls: ["mqtts://noc"] },
  });
  assert.deepEqual([config!.global.readTimeout, config!.global.writeTimeout, config!.global.mqtt.urls], [7000, 10_000, ["mqtts://noc"]]);
  const paths = Object.fromEntries(config!.paths.map(({ name, settings }) => [name, [settings.source, settings.record]]));
  assert.deepEqual(paths, { gate: ["rtsp://a/1", true], yard: ["rtsp://b/1", false] });
  assert.deepEqual([config!.origins.get("readTimeout")?.kind, config!.origins.get("paths.gate.source")?.kind], ["desired", "file"]);
});

test("hooks, keys and the profile stay the file's own", () => {
  const docs: readonly [doc: Readonly<Record<string, unknown>>, field: string][] = [
    [{ paths: { gate: { runOnInit: "reboot" } } }, "paths.gate.runOnInit"],
    [{ paths: { gate: { source: "ffmpeg://x" } } }, "paths.gate.source"],
    [{ mqtt: { commands: "broker" } }, "mqtt.commands"],
    [{ mqtt: { commandKeys: ["keys.json"] } }, "mqtt.commandKeys"],
    [{ mqtt: { key: "/etc/key" } }, "mqtt.key"],
    [{ profile: "dropIn" }, "profile"],
    [{ dataDirectory: "/tmp" }, "dataDirectory"],
  ];
  for (const [doc, field] of docs) {
    const { config, problems } = merged(doc);
    assert.equal(config, undefined, field);
    assert.ok(
      problems.some((problem) => problem.field === field && /config file alone/.test(problem.message)),
      field,
    );
  }
});

test("what is no setting, or of another type, is named", () => {
  for (const [doc, fault] of [
    [{ readTimeOut: "5s" }, /^readTimeOut: /],
    [{ readTimeout: "soon" }, /^readTimeout: /],
    [{ paths: { gate: { record: "maybe" } } }, /^paths\.gate\.record: /],
    [{ paths: [] }, /^paths: /],
  ] as const) {
    const desired = desiredLayer(doc);
    assert.match("fault" in desired ? desired.fault : "none", fault);
  }
});
