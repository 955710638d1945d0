import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Feature, featureNames } from "./built-features.ts";
import type { Config } from "./config.ts";
import { originText } from "./layer.ts";
import { parseConfig } from "./parse-config.ts";
import { formatProblem } from "./problem.ts";

const everything: ReadonlySet<Feature> = new Set(Object.keys(featureNames) as Feature[]);

/** The problems of a config for a version that has every feature, as `line: field: message`. */
function problemsOf(text: string, env: Record<string, string> = {}): readonly string[] {
  return parseConfig(text, "f.yml", env, { features: everything }).problems.map(formatProblem);
}

function load(text: string, env: Record<string, string> = {}): Config {
  const { config, problems } = parseConfig(text, "f.yml", env, { features: everything });
  assert.ok(config, problems.map(formatProblem).join("\n"));
  return config;
}

describe("values", () => {
  it("has the defaults where nothing is said", () => {
    for (const text of ["", "{}", "paths:", "pathDefaults:\npaths:\n", "mqtt:\nring:\n"]) {
      const { global, pathDefaults, paths } = load(text);
      assert.equal(global.readTimeout, 10_000);
      assert.equal(global.rtspAddress, ":8554");
      assert.equal(global.hlsSegmentMaxSize, 52_428_800);
      assert.deepEqual(global.mqtt.urls, []);
      assert.deepEqual(global.ring.lockedMax, { percent: 30 });
      assert.equal(pathDefaults.source, "publisher");
      assert.equal(pathDefaults.recordDeleteAfter, 86_400_000);
      assert.deepEqual(paths, []);
    }
  });

  it("takes booleans in every spelling, quoted too", () => {
    for (const [word, value] of [
      ["yes", true],
      ["No", false],
      ["ON", true],
      ["off", false],
      ["TRUE", true],
      ['"yes"', true],
      ["'false'", false],
    ] as const) {
      assert.equal(load(`api: ${word}`).global.api, value, word);
    }
  });

  it("takes the source text for text settings", () => {
    const { global } = load(
      "authInternalUsers:\n- user: 007\n  pass: 0123\n- user: yes\n  pass: 1e3\n- user: a\n  pass: null\nsysLogPrefix: 08.30\n",
    );
    assert.deepEqual(
      global.authInternalUsers.map(({ user, pass }) => [user, pass]),
      [
        ["007", "0123"],
        ["yes", "1e3"],
        ["a", ""],
      ],
    );
    assert.equal(global.sysLogPrefix, "08.30");
  });

  it("reads durations, sizes, shares, numbers, networks and lists", () => {
    const { global, paths } = load(
      "readTimeout: 1m30s\nhlsSegmentMaxSize: 10M\nrecordMinFree: 5%\nmulticastRTPPort: 0x1F90\nhlsAllowOrigins: [a, b]\napiTrustedProxies: [10.0.0.0/8, '::1']\n" +
        "paths:\n  c:\n    rpiCameraBrightness: -0.5\n    rpiCameraAWBGains: [1, 2.5]\n    rpiCameraLensPosition: .5\n    rtspUDPSourcePortRange: [4000, 5000]\n",
    );
    assert.equal(global.readTimeout, 90_000);
    assert.equal(global.hlsSegmentMaxSize, 10_485_760);
    assert.deepEqual(global.recordMinFree, { percent: 5 });
    assert.equal(global.multicastRTPPort, 8080);
    assert.deepEqual(global.hlsAllowOrigins, ["a", "b"]);
    assert.deepEqual(global.apiTrustedProxies, ["10.0.0.0/8", "::1/128"]);
    assert.equal(paths[0]!.settings.rpiCameraBrightness, -0.5);
    assert.deepEqual(paths[0]!.settings.rpiCameraAWBGains, [1, 2.5]);
    assert.equal(paths[0]!.settings.rpiCameraLensPosition, 0.5);
    assert.deepEqual(paths[0]!.settings.rtspUDPSourcePortRange, [4000, 5000]);
  });

  it("leaves the default where a value is empty; a path then inherits", () => {
    const { pathDefaults, paths } = load(
      "pathDefaults:\n  runOnInit: a\n  rtspScale:\n  recordDeleteAfter:\npaths:\n  c:\n    runOnInit:\n    rtspUDPSourcePortRange:\n",
    );
    assert.equal(pathDefaults.rtspScale, "");
    assert.equal(pathDefaults.recordDeleteAfter, 0);
    assert.equal(paths[0]!.settings.runOnInit, "a");
    assert.deepEqual(paths[0]!.settings.rtspUDPSourcePortRange, [32_768, 60_999]);
  });

  it("takes booleans for encryption", () => {
    for (const [word, value] of [
      ["no", "no"],
      ["false", "no"],
      ["yes", "strict"],
      ["strict", "strict"],
      ['"optional"', "optional"],
    ] as const) {
      assert.equal(load(`rtspEncryption: ${word}`).global.rtspEncryption, value);
    }
  });

  it("has other defaults in the appliance profile", () => {
    const { global, pathDefaults } = load("profile: appliance");
    assert.deepEqual(global.authInternalUsers, []);
    assert.equal(global.sourcePolicy, "lan");
    assert.equal(global.apiPersist, true);
    assert.equal(global.mqtt.commands, "signed");
    assert.equal(global.ring.directory, "/rec");
    assert.equal(pathDefaults.recordStore, "ring");
  });
});

describe("paths", () => {
  it("gives entries their kind and pattern, in the order they are tried", () => {
    const { paths } = load("paths:\n  all_others:\n  ~^b(\\d)$:\n  z/1:\n  ~^a:\n  '1':\n");
    assert.deepEqual(
      paths.map(({ name, kind }) => [name, kind]),
      [
        ["1", "static"],
        ["z/1", "static"],
        ["~^a", "regex"],
        ["~^b(\\d)$", "regex"],
        ["all_others", "catch-all"],
      ],
    );
    assert.deepEqual(paths[3]!.pattern?.exec("b7"), ["b7", "7"]);
    assert.deepEqual(paths[4]!.pattern?.exec("any"), ["any"]);
    assert.equal(paths[0]!.pattern, undefined);
    assert.equal(paths[0]!.settings.name, "1");
  });

  it("merges pathDefaults into each path", () => {
    const { paths } = load("pathDefaults:\n  maxReaders: 5\n  gopCache: no\npaths:\n  a:\n    maxReaders: 7\n  b:\n");
    assert.deepEqual(
      paths.map(({ settings }) => [settings.maxReaders, settings.gopCache]),
      [
        [7, false],
        [5, false],
      ],
    );
  });

  it("keeps the recreate key while only live settings differ", () => {
    const key = (settings: string): string => load(`paths:\n  a:\n    source: rtsp://h/x\n${settings}`).paths[0]!.recreateKey;
    assert.equal(
      key(""),
      key(
        "    record: yes\n    recordDeleteAfter: 2d\n    forward: [{dest: rtsp://x/y}]\n    rpiCameraFPS: 10\n    gopCache: no\n    runOnRead: x\n",
      ),
    );
    assert.notEqual(key(""), key("    sourceOnDemand: yes\n"));
    assert.notEqual(key(""), key("    rtspTransport: tcp\n"));
    assert.notEqual(key(""), key("    maxReaders: 3\n"));
    assert.equal(key(""), load("pathDefaults:\n  source: rtsp://h/x\npaths:\n  b:\n").paths[0]!.recreateKey);
  });
});

describe("origins", () => {
  it("tells of every value where it comes from", () => {
    const { origins } = load("\nreadTimeout: 5s\npaths:\n  cam1:\n    source: rtsp://h\nmqtt:\n  tenant: acme\n", {
      MTX_WRITETIMEOUT: "6s",
      CAMGATE_PATHS_CAM1_MAXREADERS: "2",
    });
    const text = (field: string): string => originText(origins.get(field)!);
    assert.equal(text("readTimeout"), "f.yml:2");
    assert.equal(text("writeTimeout"), "env:MTX_WRITETIMEOUT");
    assert.equal(text("rtspAddress"), "default");
    assert.equal(text("mqtt.tenant"), "f.yml:7");
    assert.equal(text("paths.cam1"), "f.yml:4");
    assert.equal(text("paths.cam1.source"), "f.yml:5");
    assert.equal(text("paths.cam1.maxReaders"), "env:CAMGATE_PATHS_CAM1_MAXREADERS");
    assert.equal(origins.get("paths.cam1.record"), undefined);
  });
});

describe("mistakes", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["unknown key", "\nreadTimeuot: 1s", "f.yml:2: error: readTimeuot: unknown setting; did you mean 'readTimeout'?"],
    ["unknown key without a near one", "qqqqqqqq: 1", "f.yml:1: error: qqqqqqqq: unknown setting"],
    ["unknown key in a path", "paths:\n  a:\n    sorce: x", "f.yml:3: error: paths.a.sorce: unknown setting; did you mean 'source'?"],
    ["unknown key in a group", "mqtt:\n  tenat: x", "f.yml:2: error: mqtt.tenat: unknown setting; did you mean 'tenant'?"],
    ["unknown group", "mqt:\n  tenant: x", "f.yml:1: error: mqt: unknown setting; did you mean 'mqtt'?"],
    ["a group's name written flat", "mqtt.tenant: x", "f.yml:1: error: mqtt.tenant: unknown setting"],
    ["inherited name of an object", "constructor: x", "f.yml:1: error: constructor: unknown setting"],
    ["path setting at the top", "source: x", "f.yml:1: error: source: is a setting of paths: it belongs below pathDefaults or a path"],
    [
      "global setting in a path",
      "paths:\n  a:\n    api: yes",
      "f.yml:3: error: paths.a.api: is a global setting: it belongs at the top of the file, not in a path",
    ],
    ["key given twice", "api: no\napi: yes", "f.yml:2: error: api: given twice; first in line 1"],
    ["list for a bool", "api: [yes]", "f.yml:1: error: api: is a list, where yes or no is needed"],
    ["word for a bool", "api: maybe", 'f.yml:1: error: api: "maybe" is not yes or no'],
    ["word for a number", "hlsSegmentCount: many", 'f.yml:1: error: hlsSegmentCount: "many" is not a whole number'],
    ["fraction for a whole number", "hlsSegmentCount: 1.5", 'f.yml:1: error: hlsSegmentCount: "1.5" is not a whole number'],
    ["number out of range", "multicastRTPPort: 70000", "f.yml:1: error: multicastRTPPort: must be from 0 to 65535"],
    ["number for a duration", "readTimeout: 10", 'f.yml:1: error: readTimeout: "10" lacks a unit: write "10s" for seconds'],
    ["negative duration", "readTimeout: -1s", "f.yml:1: error: readTimeout: must not be negative"],
    ["word for a size", "hlsSegmentMaxSize: big", 'f.yml:1: error: hlsSegmentMaxSize: "big" is not a size such as 50M'],
    ["infinity for a number", "paths:\n  a:\n    rpiCameraEV: .inf", 'f.yml:3: error: paths.a.rpiCameraEV: ".inf" is not a number'],
    [
      "misspelt choice",
      "logLevel: infos",
      `f.yml:1: error: logLevel: "infos" is not one of error, warn, info, debug; did you mean 'info'?`,
    ],
    ["scalar for a list", "logDestinations: stdout", "f.yml:1: error: logDestinations: is not a list: write [stdout]"],
    ["empty list", "authInternalUsers:", "f.yml:1: error: authInternalUsers: is empty: write [] for an empty list"],
    ["wrong item", "logDestinations: [stdout, tape]", 'f.yml:1: error: logDestinations[1]: "tape" is not one of stdout, file, syslog'],
    [
      "too many items",
      "paths:\n  a:\n    rpiCameraAWBGains: [1, 2, 3]",
      "f.yml:3: error: paths.a.rpiCameraAWBGains: needs 2 values, has 3",
    ],
    [
      "wrong network",
      "apiTrustedProxies: [10.0.0.0/33]",
      'f.yml:1: error: apiTrustedProxies[0]: "10.0.0.0/33" is not an IP address or network such as 192.0.2.0/24',
    ],
    ["port without a colon", "rtspAddress: 8554", 'f.yml:1: error: rtspAddress: is not an address: write ":8554"'],
    ["scalar for paths", "paths: cam", "f.yml:1: error: paths: is a scalar, where a map is needed"],
    ["scalar for a path", "paths:\n  cam: rtsp://h", "f.yml:2: error: paths.cam: is a scalar, where a map is needed"],
    ["list for the file", "- a", "f.yml:1: error: the file holds a list, where a map of settings is needed"],
    [
      "unknown field of an object",
      "authInternalUsers:\n- users: a",
      "f.yml:2: error: authInternalUsers[0].users: unknown field; did you mean 'user'?",
    ],
    [
      "missing field of an object",
      "authInternalUsers:\n- user: a\n  permissions:\n  - path: x",
      "f.yml:4: error: authInternalUsers[0].permissions[0]: lacks action",
    ],
    [
      "user without a name",
      "authInternalUsers:\n- user: ''",
      "f.yml:2: error: authInternalUsers[0]: a user needs a name; `any` stands for everybody",
    ],
    [
      "password of everybody",
      "authInternalUsers:\n- user: any\n  pass: x",
      "f.yml:2: error: authInternalUsers[0]: the user 'any' cannot have a password",
    ],
    [
      "redacted password",
      "authInternalUsers:\n- user: a\n  pass: <redacted>",
      "f.yml:3: error: authInternalUsers[0].pass: is the placeholder that a shown config has in place of a secret",
    ],
    [
      "short passphrase",
      "paths:\n  a:\n    srtReadPassphrase: short",
      "f.yml:3: error: paths.a.srtReadPassphrase: must have 10 to 79 characters",
    ],
    [
      "bad fingerprint",
      "authHTTPFingerprint: '12:34'",
      "f.yml:1: error: authHTTPFingerprint: is not a SHA-256 fingerprint of 64 hex digits",
    ],
  ];
  for (const [what, text, problem] of cases) {
    it(`names the place of a ${what}`, () => assert.deepEqual(problemsOf(text), [problem]));
  }

  it("finds characters in credentials that not every protocol can carry", () => {
    assert.match(problemsOf("authInternalUsers:\n- user: a\n  pass: 'a b'")[0]!, /f\.yml:3: .*pass: has characters/);
    assert.match(problemsOf("authInternalUsers:\n- user: a\n  pass: sha256:x")[0]!, /f\.yml:3: .*pass: is not a hash/);
  });

  it("reports every problem at once, by line", () => {
    const lines = problemsOf("api: maybe\nreadTimeout: 0s\npaths:\n  '/a':\n  b:\n    source: foo\n    record: 7\n").map(
      (text) => /^f\.yml:(\d+)/.exec(text)?.[1],
    );
    assert.deepEqual(lines, ["1", "2", "4", "6", "7"]);
  });

  for (const [what, text] of [
    ["in the same list", "authInternalUsers:\n- user: any\n  ips: []\n- action: read\n  path:\n"],
    ["directly below the user", "authInternalUsers:\n- user: any\n  action: read\n"],
    ["taken for addresses", "authInternalUsers:\n- user: any\n  ips:\n  - action: read\n"],
    [
      "that break the YAML",
      "authMethod: internal\nauthInternalUsers:\n- user: any\n  ips: []\n  # what they may do\n  - action: read\n    path:\n",
    ],
  ] as const) {
    it(`tells that permissions: is missing before actions ${what}`, () => {
      const problem = problemsOf(text).find((line) => line.includes("permissions:"));
      assert.match(problem ?? "none", /^f\.yml:\d+: error: .*`permissions:` is? ?missing|`permissions:` missing/);
    });
  }
});
