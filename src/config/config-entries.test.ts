import assert from "node:assert/strict";
import { test } from "node:test";
import { configEntries } from "./config-entries.ts";
import { parseConfig } from "./parse-config.ts";

const TEXT = `readTimeout: 20s
authInternalUsers:
- {user: ann, pass: s3cret, permissions: [{action: read}]}
ring: {size: 64M}
pathDefaults: {record: yes}
paths:
  gate: {source: 'rtsp://admin:hidden@192.0.2.7/stream'}
  yard: {}
`;

test("every setting, with its value and where that came from", () => {
  const { config } = parseConfig(TEXT, "camgate.yml", { MTX_WRITETIMEOUT: "7s" });
  const entries = configEntries(config!);
  const entryOf = (name: string) => entries.find((entry) => entry.name === name);
  assert.deepEqual(entryOf("readTimeout"), { name: "readTimeout", value: "20s", origin: "camgate.yml:1" });
  assert.deepEqual(entryOf("writeTimeout"), { name: "writeTimeout", value: "7s", origin: "env:MTX_WRITETIMEOUT" });
  assert.deepEqual(entryOf("api"), { name: "api", value: false, origin: "default" });
  assert.deepEqual([entryOf("ring.size")!.value, entryOf("ring.size")!.origin], ["64M", "camgate.yml:4"]);
  assert.deepEqual([entryOf("pathDefaults.record")!.value, entryOf("pathDefaults.record")!.origin], [true, "camgate.yml:5"]);
  assert.equal(entryOf("paths.gate.source")!.value, "rtsp://admin:<redacted>@192.0.2.7/stream");
  assert.deepEqual(
    entries.filter(({ name }) => name.startsWith("paths.")).map(({ name }) => name),
    ["paths.gate.source"],
  );
  assert.equal(new Set(entries.map(({ name }) => name)).size, entries.length);
  assert.doesNotMatch(JSON.stringify(entries), /s3cret|hidden/);
});
