import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Feature } from "./built-features.ts";
import { parseConfig } from "./parse-config.ts";
import { formatProblem } from "./problem.ts";

function problemsOf(text: string, features: readonly Feature[] = ["rtsp"]): readonly string[] {
  return parseConfig(text, "f.yml", {}, { features: new Set(features) }).problems.map(formatProblem);
}

describe("features that are not built", () => {
  it("make no warning for defaults, written or not", () => {
    assert.deepEqual(problemsOf(""), []);
    assert.deepEqual(
      problemsOf(
        "hls: true\nrtmp: yes\nwebrtc: yes\napi: no\nrtspTransports: [udp, multicast, tcp]\nrtmpAddress: ':1935'\nmqtt: {urls: []}",
      ),
      [],
    );
  });

  it("make no warning where they are turned off, or told to be empty", () => {
    assert.deepEqual(
      problemsOf(
        "rtmp: no\nhls: no\nhlsVariant: fmp4\nmetricsAddress: ':1'\nrtspTransports: [tcp]\nwebrtcLocalUDPAddress: ''\nwebrtcICEServers2: [{url: 'stun:x'}]\nwebrtc: no",
      ),
      [],
    );
    assert.deepEqual(problemsOf("pathDefaults: {recordPath: 'a/%path/%s'}\npaths: {a: {record: no, webrtc: no, runOnInit: ''}}"), []);
  });

  it("make one warning each, naming every setting that asks", () => {
    assert.deepEqual(
      problemsOf(
        "hlsAddress: ':1'\napi: yes\napiAddress: ':2'\nhlsVariant: fmp4\npaths:\n  a: {source: 'http://h/x.m3u8', record: yes}\n  b: {source: 'https://h/x'}\n",
      ),
      [
        "f.yml:1: warning: hlsAddress: asks for HLS, which is not in this version: it has no effect (as have hlsVariant, paths.a.source, paths.b.source)",
        "f.yml:2: warning: api: asks for control API, which is not in this version: it has no effect (as have apiAddress)",
        "f.yml:6: warning: paths.a.record: asks for recording, which is not in this version: it has no effect",
      ],
    );
  });

  const warned: readonly (readonly [string, string])[] = [
    ["rtspTransports: [multicast, tcp]", "UDP multicast"],
    ["logDestinations: [syslog]", "syslog"],
    ["dumpPackets: yes", "packet dumps"],
    ["runOnConnect: x", "hooks"],
    ["paths: {a: {runOnDemand: x}}", "hooks"],
    ["paths: {a: {source: 'rtmp://h/x'}}", "RTMP"],
    ["paths: {a: {source: 'rtsps://h/x', sourceFingerprint: ''}}", "RTSPS"],
    ["paths: {a: {source: 'rtsp+ws://h/x'}}", "tunnelled"],
    ["paths: {a: {source: 'srt://h:1'}}", "SRT"],
    ["paths: {a: {source: 'wheps://h/x'}}", "WebRTC"],
    ["paths: {a: {source: 'udp+mpegts://h:1'}}", "MPEG-TS"],
    ["paths: {a: {source: 'ffmpeg://x'}}", "ffmpeg"],
    ["paths: {a: {source: rpiCamera}}", "Raspberry"],
    ["paths: {a: {source: 'rtsp://h', rtspTransport: multicast}}", "multicast"],
    ["paths: {a: {forward: [{dest: 'rtsp://h/x'}]}}", "forwarding"],
    ["paths: {a: {alwaysAvailable: yes, alwaysAvailableTracks: [{codec: H264}]}}", "always-available"],
    ["paths: {a: {recordStore: ring}}", "SD ring"],
    ["mqtt: {urls: ['mqtt://h'], tenant: acme}", "MQTT"],
    ["rtmpEncryption: strict", "RTMP"],
    ["api: yes\napiEncryption: yes", "control API"],
  ];
  for (const [text, words] of warned) {
    it(`warn for ${text.replaceAll("\n", "; ")}`, () => {
      const problems = problemsOf(text);
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0]!, /^f\.yml:1: warning: /);
      assert.ok(problems[0]!.includes(words), problems[0]);
    });
  }

  const refused: readonly (readonly [string, string, readonly Feature[]])[] = [
    ["authMethod: http\nauthHTTPAddress: http://x", "authMethod", ["rtsp"]],
    ["authMethod: jwt\nauthJWTJWKS: http://x", "authMethod", ["rtsp"]],
    [`authInternalUsers: [{user: a, pass: 'sha256:${"A".repeat(43)}='}]`, "authInternalUsers", ["rtsp"]],
    ["authInternalUsers: [{user: 'argon2:$argon2id$v=19$m=4096,t=3,p=1$c2FsdA$aGFzaA'}]", "authInternalUsers", ["rtsp"]],
    ["rtspEncryption: strict", "rtspEncryption", ["rtsp"]],
    ["rtspEncryption: optional", "rtspEncryption", ["rtsp"]],
    ["rtspTrustedProxies: [10.0.0.1]", "rtspTrustedProxies", ["rtsp"]],
    ["rtspAuthMethods: [digest]", "rtspAuthMethods", ["rtsp"]],
    ["paths: {a: {srtReadPassphrase: abcdefghij}}", "paths.a.srtReadPassphrase", ["rtsp"]],
    ["pathDefaults: {srtPublishPassphrase: abcdefghij}", "pathDefaults.srtPublishPassphrase", ["rtsp"]],
    ["profile: appliance", "profile", ["rtsp"]],
    ["api: yes\napiEncryption: yes", "apiEncryption", ["rtsp", "api"]],
    ["rtmpEncryption: optional", "rtmpEncryption", ["rtsp", "rtmp"]],
    ["hlsTrustedProxies: [10.0.0.1]", "hlsTrustedProxies", ["rtsp", "hls"]],
  ];
  for (const [text, field, features] of refused) {
    it(`refuse ${text.replaceAll("\n", "; ")} where ${features.join(", ")} is built`, () => {
      const problems = problemsOf(text, features);
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.ok(problems[0]!.includes(`error: ${field}: needs `), problems[0]);
    });
  }

  it("accept them once they are built", () => {
    assert.deepEqual(
      problemsOf("rtspEncryption: strict\napi: yes\nrtspAuthMethods: [digest]", ["rtsp", "rtspTls", "api", "rtspDigest"]),
      [],
    );
  });
});
