import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Feature, featureNames } from "./built-features.ts";
import type { Config } from "./config.ts";
import { oldGlobalNames, oldPathNames } from "./old-names.table.ts";
import { parseConfig } from "./parse-config.ts";
import { globalSchema, pathSchema } from "./schema.ts";

const everything: ReadonlySet<Feature> = new Set(Object.keys(featureNames) as Feature[]);

function load(text: string): { readonly config: Config; readonly warnings: readonly string[] } {
  const { config, problems } = parseConfig(text, "f.yml", {}, { features: everything });
  assert.ok(config, JSON.stringify(problems));
  return { config, warnings: problems.map((problem) => `${problem.line}: ${problem.field}`) };
}

type Check = readonly [line: string, read: (config: Config) => unknown, value: unknown];

describe("old names", () => {
  const globals: Readonly<Record<string, Check>> = {
    readBufferCount: ["1024", ({ global }) => global.writeQueueSize, 1024],
    externalAuthenticationURL: ["http://h/a", ({ global }) => [global.authMethod, global.authHTTPAddress], ["http", "http://h/a"]],
    authJWTInHTTPQuery: ["yes", () => 0, 0],
    apiAllowOrigin: ["a", ({ global }) => global.apiAllowOrigins, ["a"]],
    metricsAllowOrigin: ["a", ({ global }) => global.metricsAllowOrigins, ["a"]],
    pprofAllowOrigin: ["a", ({ global }) => global.pprofAllowOrigins, ["a"]],
    playbackAllowOrigin: ["a", ({ global }) => global.playbackAllowOrigins, ["a"]],
    rtspDisable: ["yes", ({ global }) => global.rtsp, false],
    protocols: ["[tcp]", ({ global }) => global.rtspTransports, ["tcp"]],
    encryption: ["optional", ({ global }) => global.rtspEncryption, "optional"],
    authMethods: ["[basic, digest]", ({ global }) => global.rtspAuthMethods, ["basic", "digest"]],
    serverKey: ["k", ({ global }) => global.rtspServerKey, "k"],
    serverCert: ["c", ({ global }) => global.rtspServerCert, "c"],
    rtspUDPReadBufferSize: ["9", ({ global }) => global.udpReadBufferSize, 9],
    rtmpDisable: ["yes", ({ global }) => global.rtmp, false],
    hlsDisable: ["yes", ({ global }) => global.hls, false],
    hlsAllowOrigin: ["a", ({ global }) => global.hlsAllowOrigins, ["a"]],
    webrtcDisable: ["yes", ({ global }) => global.webrtc, false],
    webrtcAllowOrigin: ["a", ({ global }) => global.webrtcAllowOrigins, ["a"]],
    webrtcICEUDPMuxAddress: ["':1'", ({ global }) => global.webrtcLocalUDPAddress, ":1"],
    webrtcICETCPMuxAddress: ["':2'", ({ global }) => global.webrtcLocalTCPAddress, ":2"],
    webrtcICEHostNAT1To1IPs: ["[192.0.2.1]", ({ global }) => global.webrtcAdditionalHosts, ["192.0.2.1"]],
    webrtcICEServers: [
      "['stun:h:1', 'turn:u:p:h:2']",
      ({ global }) => global.webrtcICEServers2.map(({ url, username, password }) => [url, username, password]),
      [
        ["stun:h:1", "", ""],
        ["turn:h:2", "u", "p"],
      ],
    ],
    moqHTTPS2Address: ["':3'", ({ global }) => global.moqHTTP2Address, ":3"],
    moqHTTPS3Address: ["':4'", ({ global }) => global.moqHTTP3Address, ":4"],
    record: ["yes", ({ pathDefaults }) => pathDefaults.record, true],
    recordPath: ["a/%path/%s", ({ pathDefaults }) => pathDefaults.recordPath, "a/%path/%s"],
    recordFormat: ["mpegts", ({ pathDefaults }) => pathDefaults.recordFormat, "mpegts"],
    recordPartDuration: ["2s", ({ pathDefaults }) => pathDefaults.recordPartDuration, 2000],
    recordSegmentDuration: ["2h", ({ pathDefaults }) => pathDefaults.recordSegmentDuration, 7_200_000],
    recordDeleteAfter: ["2d", ({ pathDefaults }) => pathDefaults.recordDeleteAfter, 172_800_000],
  };
  const inPath =
    (name: keyof Config["pathDefaults"]) =>
    ({ paths }: Config): unknown =>
      paths[0]!.settings[name];
  const user = ({ global }: Config): unknown => {
    const {
      user: name,
      pass,
      ips,
      permissions,
    } = global.authInternalUsers.find((entry) => entry.permissions[0]?.path === "cam" && (entry.user !== "any" || entry.ips.length > 0))!;
    return [name, pass, ips, permissions[0]?.action];
  };
  const paths: Readonly<Record<string, Check>> = {
    fallback: ["/other", inPath("fallback"), "/other"],
    playback: ["yes", () => 0, 0],
    publishUser: ["u", user, ["u", "", [], "publish"]],
    publishPass: ["''", () => 0, 0],
    publishIPs: ["[10.0.0.0/8]", user, ["any", "", ["10.0.0.0/8"], "publish"]],
    readUser: ["u", user, ["u", "", [], "read"]],
    readPass: ["''", () => 0, 0],
    readIPs: ["[10.0.0.1]", user, ["any", "", ["10.0.0.1/32"], "read"]],
    disablePublisherOverride: ["yes", inPath("overridePublisher"), false],
    sourceProtocol: ["tcp", inPath("rtspTransport"), "tcp"],
    sourceAnyPortEnable: ["yes", inPath("rtspAnyPort"), true],
    rtspUDPReadBufferSize: ["1", inPath("sourceUDPReadBufferSize"), 1],
    mpegtsUDPReadBufferSize: ["2", inPath("sourceUDPReadBufferSize"), 2],
    rtpUDPReadBufferSize: ["3", inPath("sourceUDPReadBufferSize"), 3],
    rpiCameraProfile: ["high", inPath("rpiCameraH264Profile"), "high"],
    rpiCameraHardwareH264Profile: ["main", inPath("rpiCameraH264Profile"), "main"],
    rpiCameraSoftwareH264Profile: ["baseline", inPath("rpiCameraH264Profile"), "baseline"],
    rpiCameraLevel: ["'4.2'", inPath("rpiCameraH264Level"), "4.2"],
    rpiCameraHardwareH264Level: ["4.0", inPath("rpiCameraH264Level"), "4.0"],
    rpiCameraSoftwareH264Level: ["'4.2'", inPath("rpiCameraH264Level"), "4.2"],
    rpiCameraJPEGQuality: ["7", inPath("rpiCameraMJPEGQuality"), 7],
    runOnReady: ["x", inPath("runOnAvailable"), "x"],
    runOnReadyRestart: ["yes", inPath("runOnAvailableRestart"), true],
    runOnNotReady: ["y", inPath("runOnUnavailable"), "y"],
  };

  it("are 54, none of which is a name of today", () => {
    assert.equal(new Set([...oldGlobalNames.keys(), ...oldPathNames.keys()]).size, 54);
    assert.deepEqual(Object.keys(globals).sort(), [...oldGlobalNames.keys()].sort());
    assert.deepEqual(Object.keys(paths).sort(), [...oldPathNames.keys()].sort());
    assert.deepEqual(
      [...oldGlobalNames.keys()].filter((name) => globalSchema.has(name)),
      [],
    );
    // `fallback` keeps its name: it works as it did.
    assert.deepEqual(
      [...oldPathNames.keys()].filter((name) => pathSchema.has(name)),
      ["fallback"],
    );
  });

  for (const [name, [value, read, expected]] of Object.entries(globals)) {
    it(`${name} loads with one warning`, () => {
      const { config, warnings } = load(`${name}: ${value}\n`);
      assert.deepEqual(read(config), expected);
      assert.deepEqual(warnings, [`1: ${name}`]);
    });
  }

  for (const [name, [value, read, expected]] of Object.entries(paths)) {
    it(`${name} of a path loads with one warning`, () => {
      const { config, warnings } = load(`paths:\n  cam:\n    source: publisher\n    ${name}: ${value}\n`);
      assert.deepEqual(read(config), expected);
      assert.deepEqual(warnings, [`4: paths.cam.${name}`]);
    });
  }

  it("warn once, however often they are used", () => {
    const { problems } = parseConfig(
      "paths:\n  a: {runOnReady: x}\n  b: {runOnReady: x}\n  c: {runOnReady: x}\n",
      "f.yml",
      {},
      { features: everything },
    );
    assert.deepEqual(
      problems.map(({ field, message }) => `${field} ${message}`),
      ["paths.a.runOnReady is an old name: use runOnAvailable (and 2 more)"],
    );
  });

  it("win over the new name beside them, whichever is first; a higher layer wins over both", () => {
    assert.deepEqual(load("protocols: [tcp]\nrtspTransports: [udp]\n").config.global.rtspTransports, ["tcp"]);
    assert.deepEqual(load("rtspTransports: [udp]\nprotocols: [tcp]\n").config.global.rtspTransports, ["tcp"]);
    const { config } = parseConfig("protocols: [tcp]", "f.yml", { MTX_RTSPTRANSPORTS: "udp" }, { features: everything });
    assert.deepEqual(config?.global.rtspTransports, ["udp"]);
  });
});

describe("short forms", () => {
  it("allowOrigin sets every list of origins that is not given itself, with one warning", () => {
    const { config, warnings } = load('allowOrigin: "https://a"\nhlsAllowOrigins: [b]\n');
    assert.deepEqual(
      [config.global.apiAllowOrigins, config.global.hlsAllowOrigins, config.global.moqAllowOrigins],
      [["https://a"], ["b"], ["https://a"]],
    );
    assert.deepEqual(warnings, ["1: allowOrigin"]);
  });

  it("mqtt.url is a list of one, without a warning", () => {
    const { config, warnings } = load("mqtt:\n  url: mqtts://broker\n  tenant: acme\n");
    assert.deepEqual(config.global.mqtt.urls, ["mqtts://broker"]);
    assert.deepEqual(warnings, []);
  });
});

describe("credentials in paths", () => {
  it("become users, with what everybody may do besides", () => {
    const { config } = load(
      "pathDefaults:\n  publishUser: p\n  publishPass: q\npaths:\n  cam:\n    readUser: u\n    readPass: s\n  all_others:\n",
    );
    const users = config.global.authInternalUsers.map(({ user, pass, permissions }) => [
      user,
      pass,
      permissions.map(({ action, path }) => `${action} ${path}`).join(),
    ]);
    assert.deepEqual(users, [
      ["any", "", "playback "],
      ["any", "", "api ,metrics ,pprof "],
      ["p", "q", "publish ~^.*$"],
      ["any", "", "read ~^.*$"],
      ["p", "q", "publish cam"],
      ["u", "s", "read cam"],
    ]);
  });

  for (const [what, text] of [
    ["beside authInternalUsers", "authInternalUsers: [{user: a}]\npaths: {cam: {readUser: u}}"],
    ["with a password for everybody", "paths: {cam: {readPass: u}}"],
  ] as const) {
    it(`are refused ${what}`, () => {
      assert.equal(parseConfig(text, "f.yml", {}, { features: everything }).config, undefined);
    });
  }

  it("are refused hashed, while hashes are not built", () => {
    const { problems } = parseConfig(
      `paths: {cam: {readUser: a, readPass: 'sha256:${"A".repeat(43)}='}}`,
      "f.yml",
      {},
      { features: new Set(["rtsp"]) },
    );
    assert.ok(problems.some(({ severity, field }) => severity === "error" && field === "authInternalUsers"));
  });
});
