import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Feature, featureNames } from "./built-features.ts";
import type { Config } from "./config.ts";
import { parseConfig } from "./parse-config.ts";
import { formatProblem } from "./problem.ts";

const everything: ReadonlySet<Feature> = new Set(Object.keys(featureNames) as Feature[]);

function parse(env: Record<string, string>, text = ""): { readonly config: Config | undefined; readonly lines: readonly string[] } {
  const { config, problems } = parseConfig(text, "f.yml", env, { features: everything });
  return { config, lines: problems.map(formatProblem) };
}

function load(env: Record<string, string>, text = ""): Config {
  const { config, lines } = parse(env, text);
  assert.ok(config, lines.join("\n"));
  assert.deepEqual(lines, []);
  return config;
}

describe("environment", () => {
  it("sets values of every type", () => {
    const { global } = load({
      MTX_API: "YES",
      MTX_READTIMEOUT: "20s",
      MTX_HLSSEGMENTMAXSIZE: "1M",
      MTX_WRITEQUEUESIZE: "1024",
      MTX_LOGDESTINATIONS: "stdout,file",
      MTX_WEBRTCADDITIONALHOSTS: "192.168.50.55",
      MTX_APITRUSTEDPROXIES: "10.0.0.1,fd00::/8",
      MTX_RTSPENCRYPTION: "optional",
      CAMGATE_RECORDMINFREE: "5%",
    });
    assert.equal(global.api, true);
    assert.equal(global.readTimeout, 20_000);
    assert.equal(global.hlsSegmentMaxSize, 1_048_576);
    assert.equal(global.writeQueueSize, 1024);
    assert.deepEqual(global.logDestinations, ["stdout", "file"]);
    assert.deepEqual(global.webrtcAdditionalHosts, ["192.168.50.55"]);
    assert.deepEqual(global.apiTrustedProxies, ["10.0.0.1/32", "fd00::/8"]);
    assert.equal(global.rtspEncryption, "optional");
    assert.deepEqual(global.recordMinFree, { percent: 5 });
  });

  it("reaches groups, pathDefaults and paths, which it makes", () => {
    const { global, pathDefaults, paths } = load(
      {
        CAMGATE_MQTT_URLS: "mqtt://a,mqtts://b",
        CAMGATE_MQTT_TENANT: "acme",
        MTX_RING_SYNCPERIOD: "2s",
        MTX_PATHDEFAULTS_RECORD: "yes",
        MTX_PATHS_CAM1_SOURCE: "rtsp://testing",
        MTX_PATHS_CAM2: "",
        MTX_PATHS_OLD_MAXREADERS: "3",
      },
      "paths:\n  old:\n    gopCache: no\n",
    );
    assert.deepEqual(global.mqtt.urls, ["mqtt://a", "mqtts://b"]);
    assert.equal(global.ring.syncPeriod, 2000);
    assert.equal(pathDefaults.record, true);
    assert.deepEqual(
      paths.map(({ name, settings }) => [name, settings.source, settings.maxReaders, settings.gopCache]),
      [
        ["cam1", "rtsp://testing", 0, true],
        ["cam2", "publisher", 0, true],
        ["old", "publisher", 3, false],
      ],
    );
  });

  it("changes items of lists and adds to them", () => {
    const { global, paths } = load({
      MTX_AUTHINTERNALUSERS_0_IPS: "",
      MTX_AUTHINTERNALUSERS_1_USER: "admin",
      MTX_AUTHINTERNALUSERS_1_PASS: "secret",
      MTX_AUTHINTERNALUSERS_2_USER: "viewer",
      MTX_AUTHINTERNALUSERS_2_PERMISSIONS_0_ACTION: "read",
      MTX_AUTHINTERNALUSERS_2_PERMISSIONS_0_PATH: "cam",
      MTX_PATHS_CAM_FORWARD_0_DEST: "rtsp://h/x",
      MTX_WEBRTCICESERVERS2_0_URL: "stun:h:3478",
    });
    assert.deepEqual(
      global.authInternalUsers.map(({ user, permissions }) => [user, permissions.length]),
      [
        ["any", 3],
        ["admin", 3],
        ["viewer", 1],
      ],
    );
    assert.deepEqual(global.authInternalUsers[1]!.ips, ["127.0.0.1/32", "::1/128"]);
    assert.deepEqual(global.authInternalUsers[2], { ips: [], pass: "", user: "viewer", permissions: [{ action: "read", path: "cam" }] });
    assert.deepEqual(paths[0]!.settings.forward, [{ dest: "rtsp://h/x", destFingerprint: "", whipBearerToken: "" }]);
    assert.equal(global.webrtcICEServers2[0]!.clientOnly, false);
  });

  it("changes items of the list in the file, in the order of their numbers", () => {
    const env = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`MTX_AUTHINTERNALUSERS_${i}_USER`, `u${i}`]));
    const { global } = load(env, "authInternalUsers: [{user: x, pass: y}]");
    assert.equal(global.authInternalUsers.length, 12);
    assert.deepEqual(
      [global.authInternalUsers[0]!.user, global.authInternalUsers[0]!.pass, global.authInternalUsers[11]!.user],
      ["u0", "y", "u11"],
    );
  });

  it("empties lists", () => {
    const { global } = load({ MTX_LOGDESTINATIONS: "", MTX_RTSPTRANSPORTS: "", MTX_AUTHINTERNALUSERS: "" });
    assert.deepEqual([global.logDestinations, global.rtspTransports, global.authInternalUsers], [[], [], []]);
  });

  it("wins over the file; CAMGATE_ over MTX_ over RTSP_", () => {
    const { global } = load(
      { RTSP_LOGLEVEL: "error", MTX_LOGLEVEL: "warn", CAMGATE_LOGLEVEL: "debug", RTSP_READTIMEOUT: "1s", MTX_READTIMEOUT: "2s" },
      "logLevel: info\n",
    );
    assert.equal(global.logLevel, "debug");
    assert.equal(global.readTimeout, 2000);
  });

  it("knows old names, with a warning each", () => {
    const { config, lines } = parse({
      RTSP_PROTOCOLS: "tcp",
      MTX_RTMPDISABLE: "yes",
      MTX_PATHS_CAM2_DISABLEPUBLISHEROVERRIDE: "yes",
      MTX_RECORD: "yes",
    });
    assert.ok(config);
    assert.deepEqual(config.global.rtspTransports, ["tcp"]);
    assert.equal(config.global.rtmp, false);
    assert.equal(config.pathDefaults.record, true);
    assert.equal(config.paths[0]!.settings.overridePublisher, false);
    assert.deepEqual([...lines].sort(), [
      "warning: MTX_PATHS_CAM2_DISABLEPUBLISHEROVERRIDE: is an old name: use overridePublisher",
      "warning: MTX_RECORD: is an old name: use pathDefaults.record",
      "warning: MTX_RTMPDISABLE: is an old name: use rtmp",
      "warning: RTSP_PROTOCOLS: is an old name: use rtspTransports",
    ]);
  });

  it("leaves alone what is not for it", () => {
    load({
      PATH: "/bin",
      RTSP_PORT: "8554",
      RTSP_PATH: "x",
      RTSP_FOO: "1",
      MTX_PATH: "x",
      MTX_QUERY: "",
      MTX_CONN_ID: "1",
      CAMGATE_PEER_MEDIAMTX: "/x",
      CAMGATE_NOC_BROKER: "mqtts://noc.example",
      mtx_api: "yes",
    });
  });

  const warned = [
    "MTX_FOO",
    "CAMGATE_FOO",
    "MTX_API_X",
    "MTX_PATHS",
    "MTX_PATHS_cam_SOURCE",
    "MTX_PATHS_CAM_FOO",
    "MTX_AUTHINTERNALUSERS_X_USER",
    "MTX_AUTHINTERNALUSERS_0",
    "MTX_AUTHINTERNALUSERS_0_FOO",
    "MTX_LOGDESTINATIONS_0",
    "MTX_",
    "MTX_MQTT",
  ];
  for (const name of warned) {
    it(`warns of ${name}`, () => {
      const { config, lines } = parse({ [name]: "x" });
      assert.ok(config);
      assert.deepEqual(lines, [`warning: ${name}: no such setting; the variable is ignored`]);
    });
  }

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ["MTX_API", "maybe", /MTX_API: "maybe" is not yes or no/],
    ["MTX_API", "", /MTX_API: "" is not yes or no/],
    ["MTX_WRITEQUEUESIZE", "1001", /writeQueueSize: must be a power of two \(set by MTX_WRITEQUEUESIZE\)/],
    ["MTX_WRITEQUEUESIZE", "1e9999", /not a whole number/],
    ["MTX_LOGLEVEL", "infos", /did you mean 'info'/],
    ["MTX_LOGDESTINATIONS", "stdout,tape", /"tape" is not one of/],
    ["MTX_PATHS_CAM_RPICAMERAAWBGAINS", "1", /needs 2 values, has 1/],
    ["MTX_PATHS_CAM_SOURCE", "nonsense", /paths\.cam\.source: is neither .*\(set by MTX_PATHS_CAM_SOURCE\)/],
    ["MTX_PATHS_C\u00c4M_SOURCE", "rtsp://h", /path name/],
    ["MTX_AUTHINTERNALUSERS_7_USER", "a", /leaves a gap/],
    ["MTX_AUTHINTERNALUSERS_999999_USER", "a", /leaves a gap/],
    ["MTX_AUTHINTERNALUSERS_2_PASS", "a", /lacks user/],
    ["MTX_AUTHINTERNALUSERS_0_PERMISSIONS_3_PATH", "a", /permissions: lacks action/],
    ["MTX_AUTHINTERNALUSERS_0_PASS", "x", /'any' cannot have a password/],
    ["MTX_AUTHINTERNALUSERS", "a", /address one of them/],
    ["MTX_CONFKEY", "k", /encrypted configuration files/],
    ["RTSP_CONFKEY", "k", /encrypted configuration files/],
  ];
  for (const [name, value, message] of refused) {
    it(`refuses ${name}=${value}`, () => {
      const { config, lines } = parse({ [name]: value });
      assert.equal(config, undefined);
      assert.match(lines.join("\n"), message);
    });
  }
});
