import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "./parse-config.ts";
import { hideSecrets, secretValuesOf } from "./secret-values.ts";

const TEXT = `
authInternalUsers:
  - {user: admin, pass: canary-admin, permissions: [{action: api}]}
  - {user: any, permissions: [{action: read}]}
webrtcICEServers2: [{url: 'turn:turn.example:3478', username: u, password: canary-turn}]
paths:
  gate: {source: 'rtsp://operator:canary%2Fgate@10.0.0.5/stream'}
  yard: {source: 'rtsp://operator:canary-gate@10.0.0.6/stream?token=canary-query'}
  short: {source: 'rtsp://a:abc@10.0.0.7/'}
`;

function secrets(): readonly string[] {
  const { config, problems } = parseConfig(TEXT, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  return secretValuesOf(config);
}

test("every secret of the config is found, as it is and as it may be written elsewhere", () => {
  const found = secrets();
  const encoded = Buffer.from("canary-admin").toString("base64");
  for (const secret of ["canary-admin", encoded, "canary-turn", "canary%2Fgate", "canary/gate", "canary-gate"])
    assert.ok(found.includes(secret), secret);
  assert.ok(!found.some((secret) => secret.length < 4 || secret === "any"));
});

test("one that JSON writes otherwise is found in JSON, too", () => {
  const { config } = parseConfig("paths: {gate: {source: 'whep://10.0.0.5/gate', whepBearerToken: 'canary\"\\one'}}\n", "camgate.yml", {});
  const text = JSON.stringify({ said: 'no such password: canary"\\one' });
  assert.doesNotMatch(hideSecrets(text, secretValuesOf(config!)), /canary/);
});

test("a text loses them, and what looks like one; the rest stays", () => {
  const lines = [
    "GET /?x=canary-admin from 10.0.0.9",
    `Authorization: Basic ${Buffer.from("admin:canary-admin").toString("base64")}`,
    "Authorization: Bearer abcdef.canary",
    `jwt ${["eyJhbGciOiJFUzI1NiJ9", "eyJzdWIiOiJjYW5hcnkifQ", "c2lnbmF0dXJlLWNhbmFyeQ"].join(".")}`,
    "rtsp://operator:canary-other@10.0.0.8/",
    `b64 ${Buffer.from("canary-turn").toString("base64")}`,
    "-----BEGIN PRIVATE KEY-----\\ncanary\\n-----END PRIVATE KEY-----",
    "url?token=canary-query&x=1",
    "path canary%2Fgate canary/gate",
  ];
  const shown = lines.map((line) => hideSecrets(line, secrets()));
  for (const text of shown) assert.doesNotMatch(text, /canary|Y2FuYXJ5|YWRtaW46/, text);
  assert.equal(shown[0], "GET /?x=<redacted> from 10.0.0.9");
  assert.equal(hideSecrets("[path gate] stream is ready: 1 track (H264)", secrets()), "[path gate] stream is ready: 1 track (H264)");
});
