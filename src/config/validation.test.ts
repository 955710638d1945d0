import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Feature, featureNames } from "./built-features.ts";
import { parseConfig } from "./parse-config.ts";
import { formatProblem } from "./problem.ts";

const everything: ReadonlySet<Feature> = new Set(Object.keys(featureNames) as Feature[]);

function problemsOf(text: string): readonly string[] {
  return parseConfig(text, "f.yml", {}, { features: everything }).problems.map(formatProblem);
}

/** Settings of one path, in flow style. */
const path = (settings: string): string => `paths:\n  cam: {${settings}}`;

describe("rules of global settings", () => {
  const refused: readonly (readonly [string, string])[] = [
    ["readTimeout: 0s", "readTimeout"],
    ["writeTimeout:", "writeTimeout"],
    ["writeQueueSize: 0", "writeQueueSize"],
    ["writeQueueSize: 1001", "writeQueueSize"],
    ["udpMaxPayloadSize: 1473", "udpMaxPayloadSize"],
    ["webrtcICEServers2: [{url: 'http://x'}]", "webrtcICEServers2[0].url"],
    ["profile: appliance\nrunOnConnect: x", "runOnConnect"],
    ["authMethod: http", "authHTTPAddress"],
    ["authMethod: http\nauthHTTPAddress: ftp://x", "authHTTPAddress"],
    ["authMethod: jwt", "authJWTJWKS"],
    ["authMethod: jwt\nauthJWTJWKS: https://x\nauthJWTClaimKey: ''", "authJWTClaimKey"],
    ["authInternalUsers: [{user: a, permissions: [{action: read, path: '~('}]}]", "authInternalUsers"],
    ["rtspAuthMethods: []", "rtspAuthMethods"],
    ["authMethod: http\nauthHTTPAddress: http://x\nrtspAuthMethods: [digest]", "rtspAuthMethods"],
    [`rtspAuthMethods: [digest]\nauthInternalUsers: [{user: a, pass: 'sha256:${"A".repeat(43)}='}]`, "rtspAuthMethods"],
    ["api: yes\napiAddress: ''", "apiAddress"],
    ["metrics: yes\nmetricsAddress: ''", "metricsAddress"],
    ["pprof: yes\npprofAddress: ''", "pprofAddress"],
    ["playback: yes\nplaybackAddress: ''", "playbackAddress"],
    ["rtspAddress: ''", "rtspAddress"],
    ["rtpAddress: ''", "rtpAddress"],
    ["rtcpAddress: ''", "rtcpAddress"],
    ["multicastIPRange: ''", "multicastIPRange"],
    ["multicastRTPPort: 0", "multicastRTPPort"],
    ["multicastRTCPPort: 0", "multicastRTCPPort"],
    ["rtspEncryption: strict\nrtspsAddress: ''", "rtspsAddress"],
    ["rtspEncryption: optional\nsrtpAddress: ''", "srtpAddress"],
    ["rtspEncryption: strict\nsrtcpAddress: ''", "srtcpAddress"],
    ["rtspEncryption: strict\nmulticastSRTPPort: 0", "multicastSRTPPort"],
    ["rtspEncryption: strict\nmulticastSRTCPPort: 0", "multicastSRTCPPort"],
    ["rtmpAddress: ''", "rtmpAddress"],
    ["hlsAddress: ''", "hlsAddress"],
    ["hlsCDNSecret: 'a b'", "hlsCDNSecret"],
    ["webrtcAddress: ''", "webrtcAddress"],
    ["webrtcLocalUDPAddress: ''", "webrtcLocalUDPAddress"],
    ["webrtcIPsFromInterfaces: no", "webrtcIPsFromInterfaces"],
    ["moqQUICAddress: ''", "moqQUICAddress"],
    ["mqtt: {urls: ['http://x']}", "mqtt.urls[0]"],
    ["mqtt: {urls: ['mqtt://u:p@h'], tenant: acme}", "mqtt.urls[0]"],
    ["mqtt: {urls: ['mqtt://h/path'], tenant: acme}", "mqtt.urls[0]"],
    ["mqtt: {urls: ['mqtt://h?clientId=x'], tenant: acme}", "mqtt.urls[0]"],
    ["mqtt: {urls: ['mqtt://h:99999'], tenant: acme}", "mqtt.urls[0]"],
    ["mqtt: {urls: ['mqtt://h']}", "mqtt.tenant"],
    ["mqtt: {urls: ['mqtts://h'], tenant: acme, cert: a.pem}", "mqtt.key"],
    ["mqtt: {urls: ['mqtts://h', 'ws://h'], tenant: acme, ca: a.pem}", "mqtt.urls"],
    ["mqtt: {urls: ['mqtt://h'], tenant: acme, telemetryInterval: 10ms}", "mqtt.telemetryInterval"],
    ["mqtt: {urls: ['mqtt://h'], tenant: acme, homeAssistantPictures: 1s}", "mqtt.homeAssistantPictures"],
    ["mqtt: {homeAssistantDiscovery: 'home/+'}", "mqtt.homeAssistantDiscovery"],
    ["mqtt: {tenant: Acme}", "mqtt.tenant"],
    ["mqtt: {gatewayId: -x}", "mqtt.gatewayId"],
    ["schedules: [{cron: '* * *', do: reboot}]", "schedules[0].cron"],
    ["schedules: [{cron: '*/30 3 * * *', do: reboot}]", "schedules[0].cron"],
    ["schedules: [{cron: '0 25 * * *', do: reboot}]", "schedules[0].cron"],
    ["schedules: [{cron: '0 3 * * *', timeZone: Europe/Atlantis, do: reboot}]", "schedules[0].timeZone"],
    ["schedules: [{cron: '0 3 * * *', do: reboot, path: cam}]\npaths: {cam: }", "schedules[0].path"],
    ["schedules: [{cron: '0 3 * * *', do: reboot, value: 25h}]", "schedules[0].value"],
    ["schedules: [{cron: '0 3 * * *', do: reboot, value: '-1h'}]", "schedules[0].value"],
    ["schedules: [{cron: '0 3 * * *', do: recordOn, path: gate}]\npaths: {cam: }", "schedules[0].path"],
    ["schedules: [{cron: '0 3 * * *', do: recordOn, path: '~^gate'}]\npaths: {gate: }", "schedules[0].path"],
    ["schedules: [{cron: '0 3 * * *', do: recordOn}]\npathDefaults: {recordStore: ring}\npaths: {cam: }", "schedules[0].path"],
    ["schedules: [{cron: '0 3 * * *', do: recordOff, value: x}]", "schedules[0].value"],
    ["schedules: [{cron: '* * * * *', do: snapshot, value: '0'}]", "schedules[0].value"],
    ["schedules: [{cron: '* * * * *', do: telemetry, value: often}]", "schedules[0].value"],
    ["schedules: [{cron: '* * * * *', do: telemetry, value: 10ms}]", "schedules[0].value"],
    ["schedules: [{cron: '0 3 * * *', do: recordOn}, {cron: '0 */3 * * 6', do: recordOff}]", "schedules[1]"],
    ["schedules: [{cron: '0 3 * * *', do: telemetry, value: 5m}, {cron: '0 3 * * *', do: telemetry}]", "schedules[1]"],
    [`schedules: [${"{cron: '0 3 * * *', do: recordOn},".repeat(201)}]`, "schedules"],
  ];
  for (const [text, field] of refused) {
    it(`refuses ${text.replaceAll("\n", "; ")}`, () => {
      const problems = problemsOf(text);
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0]!, /^f\.yml:\d+: error: /);
      assert.equal(/error: (\S+): /.exec(problems[0]!)?.[1], field);
    });
  }

  const accepted = [
    "rtsp: no\nrtspAuthMethods: []\nrtspAddress: ''",
    "rtspEncryption: strict\nrtspAddress: ''\nrtpAddress: ''",
    "rtspTransports: [tcp]\nrtpAddress: ''\nrtcpAddress: ''\nmulticastIPRange: ''",
    "rtmp: no\nrtmpAddress: ''",
    "webrtcIPsFromInterfaces: no\nwebrtcAdditionalHosts: [192.0.2.1]",
    "webrtcLocalUDPAddress: ''\nwebrtcICEServers2: [{url: 'stun:stun.example:3478'}]",
    "rtspAuthMethods: [basic, digest]",
    "apiAddress: '[::1]:9997'\nrtspAddress: gate.example:554",
    "schedules: [{cron: '0 3 * * 0', do: reboot, value: 2h}]",
    "schedules: [{cron: '0 22 * * *', timeZone: Europe/Berlin, do: recordOn, path: gate}, {cron: '0 6 * * *', do: recordOff}]\npaths: {all_others: }",
    "schedules: [{cron: '0 3 * * *', do: recordOn, path: '~^g'}]\npaths: {'~^g': }",
    "schedules: [{cron: '0 3 * * *', do: recordOn, path: a}, {cron: '0 3 * * *', do: recordOff, path: b}]\npaths: {a: , b: }",
    "schedules: [{cron: '*/5 * * * *', do: snapshot, value: '20'}, {cron: '0 6 * * *', do: telemetry, value: 5m}, {cron: '0 20 * * *', do: telemetry}]",
  ];
  for (const text of accepted) {
    it(`accepts ${text.replaceAll("\n", "; ")}`, () => assert.deepEqual(problemsOf(text), []));
  }
});

describe("rules of paths", () => {
  const refused: readonly (readonly [string, string])[] = [
    ["paths:\n  '':", "paths."],
    ["paths:\n  /a:", "paths./a"],
    ["paths:\n  a/:", "paths.a/"],
    ["paths:\n  a/../b:", "paths.a/../b"],
    ["paths:\n  a b:", "paths.a"],
    ["paths:\n  ä:", "paths.ä"],
    ["paths:\n  ~(:", "paths.~("],
    ["paths:\n  ~(?=a):", "paths.~(?=a)"],
    ["paths:\n  all:\n  all_others:", "paths.all_others"],
    ["paths:\n  all_others:\n  ~^.*$:", "paths.~^.*$"],
    [path("source: foo"), "paths.cam.source"],
    [path("source: 'foo://bar'"), "paths.cam.source"],
    [path("source: 'rtsp://'"), "paths.cam.source"],
    [path("source: 'rtsp:///x'"), "paths.cam.source"],
    [path("source: 'rtsp://user@host/x'"), "paths.cam.source"],
    [path("source: 'rtsp://:pass@host/x'"), "paths.cam.source"],
    [path("source: 'rtmp://$G1:$G2@'"), "paths.cam.source"],
    [path("source: 'udp://$G1'"), "paths.cam.source"],
    [path("source: 'udp+mpegts://239.0.0.1'"), "paths.cam.source"],
    [path("source: 'udp+rtp://239.0.0.1:5004'"), "paths.cam.rtpSDP"],
    [path("source: 'ffmpeg://'"), "paths.cam.source"],
    [path("source: 'ffmpeg://rtsp://h/x -vf \"scale=640:-2'"), "paths.cam.source"],
    [path("source: 'ffmpeg://-f v4l2 /dev/video0'"), "paths.cam.source"],
    [path("source: redirect"), "paths.cam.sourceRedirect"],
    [path("source: redirect, sourceRedirect: 'http://x'"), "paths.cam.sourceRedirect"],
    [path("source: redirect, sourceRedirect: /a/../b"), "paths.cam.sourceRedirect"],
    [path("sourceRedirect: /other"), "paths.cam.sourceRedirect"],
    [path("source: 'rtsp://h', srtPublishPassphrase: abcdefghij"), "paths.cam.srtPublishPassphrase"],
    [path("sourceOnDemand: yes"), "paths.cam.sourceOnDemand"],
    ["paths:\n  ~^a: {source: 'rtsp://h'}", "paths.~^a.sourceOnDemand"],
    ["paths:\n  all_others: {source: 'rtsp://h'}", "paths.all_others.sourceOnDemand"],
    ["paths:\n  ~^a: {runOnInit: x}", "paths.~^a.runOnInit"],
    [path("source: 'rtsp://h', runOnDemand: x"), "paths.cam.runOnDemand"],
    [`profile: appliance\n${path("runOnReady: x")}`, "paths.cam.runOnAvailable: cannot be used: in the appliance profile hooks are off"],
    [path("source: 'rtsp://h', runOnUnDemand: x"), "paths.cam.runOnUnDemand"],
    [path("forward: [{dest: 'http://h/x'}]"), "paths.cam.forward"],
    [path("forward: [{dest: 'rtsp://'}]"), "paths.cam.forward"],
    [path("recordPath: x"), "paths.cam.recordPath"],
    [path("recordPath: '%path/x'"), "paths.cam.recordPath"],
    [`playback: yes\n${path("recordPath: '%path/%s'")}`, "paths.cam.recordPath"],
    [path("recordSegmentDuration: 25h, recordDeleteAfter: 0s"), "paths.cam.recordSegmentDuration"],
    [path("recordSegmentDuration: 30m, recordDeleteAfter: 20m"), "paths.cam.recordDeleteAfter"],
    [path("ringMinSpan: 2d, ringMaxSpan: 1d"), "paths.cam.ringMaxSpan"],
    [path("record: yes, recordStore: ring"), "paths.cam.recordStore: needs ring.directory"],
    [`playback: yes\n${path("recordStore: ring")}`, "paths.cam.recordStore: needs ring.directory"],
    [`pathDefaults: {recordStore: ring, record: yes}\n${path("")}`, "paths.cam.recordStore: needs ring.directory"],
    [path("alwaysAvailable: yes"), "paths.cam.alwaysAvailableTracks"],
    [path("alwaysAvailable: yes, alwaysAvailableFile: a.mp4, alwaysAvailableTracks: [{codec: H264}]"), "paths.cam.alwaysAvailableFile"],
    [path("alwaysAvailable: yes, alwaysAvailableFile: a.mp4, runOnDemand: x"), "paths.cam.alwaysAvailable"],
    [path("alwaysAvailable: yes, alwaysAvailableFile: a.mp4, source: 'rtsp://h', sourceOnDemand: yes"), "paths.cam.alwaysAvailable"],
    [path("alwaysAvailable: yes, alwaysAvailableFile: a.mp4, useAbsoluteTimestamp: yes"), "paths.cam.alwaysAvailable"],
    ["paths:\n  ~^a: {alwaysAvailable: yes, alwaysAvailableFile: a.mp4}", "paths.~^a.alwaysAvailable"],
    [path("alwaysAvailableTracks: [{codec: G711, sampleRate: 7999, channelCount: 1}]"), "paths.cam.alwaysAvailableTracks[0]"],
    [path("alwaysAvailableTracks: [{codec: MPEG4Audio, sampleRate: 22049, channelCount: 1}]"), "paths.cam.alwaysAvailableTracks[0]"],
    [path("alwaysAvailableTracks: [{codec: LPCM, sampleRate: 8000}]"), "paths.cam.alwaysAvailableTracks[0]"],
    [path("alwaysAvailableTracks: [{codec: Opus, sampleRate: 48000}]"), "paths.cam.alwaysAvailableTracks[0]"],
    [path("rtspUDPSourcePortRange: [5000, 4000]"), "paths.cam.rtspUDPSourcePortRange"],
    [path("rtspScale: fast"), "paths.cam.rtspScale"],
    [path("rtspRangeType: clock, rtspRangeStart: 10s"), "paths.cam.rtspRangeStart"],
    [path("rtspRangeType: npt"), "paths.cam.rtspRangeStart"],
    [path("fallback: 'http://x'"), "paths.cam.fallback"],
    [path("source: rpiCamera, rpiCameraWidth: 0"), "paths.cam.rpiCameraWidth"],
    [path("source: rpiCamera, rpiCameraCodec: mjpeg, rpiCameraWidth: 1921"), "paths.cam.rpiCameraWidth"],
    [path("source: rpiCamera, rpiCameraCodec: mjpeg, rpiCameraHeight: 2048"), "paths.cam.rpiCameraHeight"],
    [path("source: rpiCamera, rpiCameraSecondary: yes"), "paths.cam.rpiCameraSecondary"],
    [path("rpiCameraBrightness: 2"), "paths.cam.rpiCameraBrightness"],
    [path("rpiCameraExposure: odd"), "paths.cam.rpiCameraExposure"],
  ];
  for (const [text, field] of refused) {
    it(`refuses ${text.replaceAll(/\s+/g, " ")}`, () => {
      const problems = problemsOf(text).filter((problem) => !problem.includes("old name"));
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0]!, /^f\.yml:\d+: error: /);
      assert.ok(problems[0]!.includes(`error: ${field}`), problems[0]);
    });
  }

  it("refuses two first or two second streams of a camera, in both paths", () => {
    const primaries = problemsOf("paths:\n  a: {source: rpiCamera}\n  b: {source: rpiCamera}");
    assert.deepEqual(
      primaries.map((problem) => /f\.yml:(\d)/.exec(problem)?.[1]),
      ["2", "3"],
    );
    const second = "{source: rpiCamera, rpiCameraSecondary: yes}";
    assert.equal(problemsOf(`paths:\n  a: {source: rpiCamera}\n  b: ${second}\n  c: ${second}`).length, 2);
  });

  const accepted = [
    path("source: 'rtsp://admin:p#ss%w/ö@192.0.2.1:554/Streaming/Channels/101?x=1'"),
    path("source: 'rtsp://admin:@192.0.2.1/x'"),
    path("source: 'rtsps+ws://h/x'"),
    path("source: 'rtsp://[2001:db8::1]:554/x'"),
    path("source: 'rtmp://$G1:$G2/live?token=$G3'"),
    path("source: 'https://$G1/$G2/index.m3u8'"),
    path("source: 'udp+mpegts://$G1:$G2'"),
    path("source: 'udp+rtp://239.0.0.1:5004', rtpSDP: x"),
    path("source: 'unix+mpegts:///run/x.sock'"),
    path("source: 'ffmpeg://rtsp://h/x -c:v libx264 -f rtsp'"),
    path("source: 'ffmpeg://-f v4l2 -i /dev/video0 -c:v libx264'"),
    path("source: redirect, sourceRedirect: /other"),
    path("source: redirect, sourceRedirect: 'rtsp://h/x'"),
    "paths:\n  ~^a: {source: 'rtsp://h', sourceOnDemand: yes}",
    "paths:\n  ~^a: {source: redirect, sourceRedirect: /b}",
    path("forward: [{dest: 'whip://localhost/$MTX_PATH/whip', whipBearerToken: t}]"),
    path("recordPath: '%path/%s'"),
    path("recordDeleteAfter: 0s"),
    path("recordStore: ring"),
    `ring: {directory: /rec}\n${path("record: yes, recordStore: ring, recordDeleteAfter: 20m")}`,
    `pathDefaults: {recordPath: '%path/%s'}\n${path("record: yes")}`,
    path("alwaysAvailable: yes, alwaysAvailableTracks: [{codec: H264}, {codec: MPEG4Audio, sampleRate: 48000, channelCount: 2}]"),
    path("rtspScale: -1.5, rtspRangeType: npt, rtspRangeStart: 1m"),
    path("rtspRangeType: clock, rtspRangeStart: 20230812T120000Z"),
    "paths:\n  a: {source: rpiCamera}\n  b: {source: rpiCamera, rpiCameraSecondary: yes, rpiCameraWidth: 640, rpiCameraHeight: 480}\n  c: {source: rpiCamera, rpiCameraCamID: 1}",
  ];
  for (const text of accepted) {
    it(`accepts ${text.replaceAll(/\s+/g, " ")}`, () => assert.deepEqual(problemsOf(text), []));
  }
});

describe("settings of files where the ring is recorded to", () => {
  const ring = (text: string): readonly string[] => problemsOf(`ring: {directory: /rec}\n${text}`);

  it("are named in one warning, at the first of them", () => {
    const text =
      "pathDefaults: {record: yes, recordStore: ring, recordPath: x}\npaths:\n  a: {recordFormat: mpegts}\n  b: {recordSegmentDuration: 30h}\n";
    assert.deepEqual(ring(text), [
      "f.yml:2: warning: pathDefaults.recordPath: is for recordStore: files; with recordStore: ring it has no effect (nor have paths.a.recordFormat, paths.b.recordSegmentDuration)",
    ]);
  });

  it("are not, where they are of use to another path, are MediaMTX's defaults, or nothing is recorded", () => {
    const mixed = "pathDefaults: {record: yes, recordPath: '%path/%s'}\npaths:\n  a: {recordStore: ring}\n  b:\n";
    assert.deepEqual(ring(mixed), []);
    assert.deepEqual(ring(path("record: yes, recordStore: ring, recordFormat: fmp4, recordSegmentDuration: 1h")), []);
    assert.deepEqual(ring(path("recordStore: ring, recordFormat: mpegts")), []);
  });

  it("say which variable set them", () => {
    const text = `ring: {directory: /rec}\n${path("record: yes, recordStore: ring")}`;
    const { problems } = parseConfig(text, "f.yml", { MTX_PATHDEFAULTS_RECORDFORMAT: "mpegts" }, { features: everything });
    assert.match(
      problems.map(formatProblem).join("\n"),
      /^warning: pathDefaults\.recordFormat: .* \(set by MTX_PATHDEFAULTS_RECORDFORMAT\)$/,
    );
  });
});

describe("commands that cannot be split into words", () => {
  it("are warned of, each once, where it stands", () => {
    const text = `runOnConnect: curl 'x\npathDefaults: {runOnRead: 'a\\'}\npaths:\n  a: {runOnInit: "b 'c"}\n  b: {runOnUnread: "'d'"}\n`;
    assert.deepEqual(problemsOf(text), [
      "f.yml:1: warning: runOnConnect: has a quote or a backslash without an end: nothing is run",
      "f.yml:2: warning: pathDefaults.runOnRead: has a quote or a backslash without an end: nothing is run",
      "f.yml:4: warning: paths.a.runOnInit: has a quote or a backslash without an end: nothing is run",
    ]);
  });
});
