// Settings in JSON: what is taken, what is refused in which words, and that what is answered can be sent back.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { decodeJsonSettings, type JsonScope } from "./json-settings.ts";
import { parseConfig } from "./parse-config.ts";
import { globalJson, pathDefaultsJson, pathJson } from "./settings-json.ts";

const faultOf = (body: unknown, scope: JsonScope = "path"): string => {
  const decoded = decodeJsonSettings(body, scope);
  assert.ok("fault" in decoded);
  return decoded.fault;
};

function valuesOf(body: unknown, scope: JsonScope = "path"): Record<string, unknown> {
  const decoded = decodeJsonSettings(body, scope);
  assert.ok(!("fault" in decoded), JSON.stringify(decoded));
  const leaves = scope === "global" ? decoded.global : scope === "path" ? decoded.path : decoded.pathDefaults;
  return Object.fromEntries([...leaves].map(([name, { value }]) => [name, value]));
}

describe("what is taken", () => {
  it("the types of MediaMTX's API", () => {
    assert.deepEqual(valuesOf({ record: true, recordPartDuration: "200ms", recordMaxPartSize: "1.5M", maxReaders: 4, rpiCameraEV: -0.5 }), {
      record: true,
      recordPartDuration: 200,
      recordMaxPartSize: 1_572_864,
      maxReaders: 4,
      rpiCameraEV: -0.5,
    });
    assert.deepEqual(valuesOf({ recordMaxPartSize: "10M" }, "pathDefaults"), { recordMaxPartSize: 10_485_760 });
    const users = [{ user: "me", pass: "x", ips: ["127.0.0.1"], permissions: [{ action: "read" }] }];
    assert.deepEqual(valuesOf({ rtspTransports: ["tcp"], authInternalUsers: users, ring: { tbw: 60 } }, "global"), {
      rtspTransports: ["tcp"],
      authInternalUsers: [{ user: "me", pass: "x", ips: ["127.0.0.1/32"], permissions: [{ action: "read", path: "" }] }],
      "ring.tbw": 60,
    });
  });

  it("booleans as words, encryption as a boolean, old names", () => {
    assert.deepEqual(valuesOf({ webrtc: "no", record: "YES" }), { webrtc: false, record: true });
    assert.deepEqual(valuesOf({ rtspEncryption: false, rtspDisable: true }, "global"), { rtspEncryption: "no", rtsp: false });
    assert.deepEqual(valuesOf({ runOnReady: "a", sourceProtocol: "tcp", disablePublisherOverride: true }), {
      runOnAvailable: "a",
      rtspTransport: "tcp",
      overridePublisher: false,
    });
    const decoded = decodeJsonSettings({ record: true, apiAllowOrigin: "*" }, "global");
    assert.ok(!("fault" in decoded));
    assert.deepEqual([...decoded.pathDefaults.keys(), ...decoded.global.keys()], ["record", "apiAllowOrigins"]);
  });

  it("null is as good as nothing, and so is the name of the path", () => {
    assert.deepEqual(valuesOf(null), {});
    assert.deepEqual(valuesOf({ source: null, forward: null, name: "cam" }), {});
    assert.deepEqual(valuesOf({ ring: null, readTimeout: null }, "global"), {});
    assert.deepEqual(valuesOf({ authInternalUsers: [{ user: "a", pass: null }] }, "global"), {
      authInternalUsers: [{ user: "a", pass: "", ips: [], permissions: [] }],
    });
  });
});

describe("what is refused", () => {
  it("unknown fields, in MediaMTX's words, at any depth", () => {
    assert.equal(faultOf({ sorce: "x" }), 'json: unknown field "sorce"');
    assert.equal(faultOf({ test: "asd" }, "global"), 'json: unknown field "test"');
    assert.equal(faultOf({ readTimeout: "5s" }), 'json: unknown field "readTimeout"', "global ones in a path");
    assert.equal(faultOf({ source: 5, sorce: 1 }), 'json: unknown field "sorce"', "before anything else");
    assert.equal(
      faultOf({ authInternalUsers: [{ user: "a" }, { user: "b", x: 1 }] }, "global"),
      'json: unknown field "authInternalUsers[1].x"',
    );
    const deep = { authInternalUsers: [{ user: "a", permissions: [{ action: "read", deep: {} }] }] };
    assert.equal(faultOf(deep, "global"), 'json: unknown field "authInternalUsers[0].permissions[0].deep"');
    assert.equal(faultOf({ ring: { x: 1 } }, "global"), 'json: unknown field "ring.x"');
    assert.equal(faultOf({ "ring.tbw": 1 }, "global"), 'json: unknown field "ring.tbw"');
    for (const name of ["__proto__", "constructor", "toString"]) {
      const body: unknown = JSON.parse(`{"${name}": 1}`);
      assert.equal(faultOf(body), `json: unknown field "${name}"`);
      assert.equal(faultOf(body, "global"), `json: unknown field "${name}"`);
      assert.equal(faultOf({ forward: [body] }), `json: unknown field "forward[0].${name}"`);
    }
  });

  it("values of another type, by the field and what is needed", () => {
    const cases: [unknown, JsonScope, string][] = [
      [[], "path", "a JSON object with settings is needed, not an array"],
      ["x", "global", "a JSON object with settings is needed, not a string"],
      [{ source: 5 }, "path", "source: a string is needed, not a number"],
      [{ record: 1 }, "path", "record: true or false is needed, not a number"],
      [{ record: "maybe" }, "path", 'record: "maybe" is not yes or no'],
      [{ maxReaders: "4" }, "path", "maxReaders: a number is needed, not a string"],
      [{ maxReaders: 1.5 }, "path", 'maxReaders: "1.5" is not a whole number'],
      [{ maxReaders: 1e300 }, "path", 'maxReaders: "1e+300" is not a whole number'],
      [{ recordPartDuration: 5 }, "path", "recordPartDuration: a string is needed, not a number"],
      [{ recordPartDuration: "5" }, "path", 'recordPartDuration: "5" lacks a unit: write "5s" for seconds'],
      [{ recordFormat: "mp4" }, "path", `recordFormat: "mp4" is not one of fmp4, mpegts; did you mean 'fmp4'?`],
      [{ forward: {} }, "path", "forward: an array is needed, not an object"],
      [{ forward: ["x"] }, "path", "forward[0]: an object is needed, not a string"],
      [{ forward: [null] }, "path", "forward[0]: is null"],
      [{ forward: [{}] }, "path", "forward[0]: lacks dest"],
      [{ rtspTransports: ["tcp", 1] }, "global", "rtspTransports[1]: a string is needed, not a number"],
      [{ ring: 5 }, "global", "ring: an object is needed, not a number"],
      [{ ring: { tbw: "x" } }, "global", "ring.tbw: a number is needed, not a string"],
      [{ authInternalUsers: [{ user: "a", ips: null }] }, "global", 'cannot set slice "authInternalUsers[0].ips" to nil'],
      [{ source: "rtsp://h/\ud800" }, "path", "source: the text is not valid Unicode"],
    ];
    for (const [body, scope, fault] of cases) assert.equal(faultOf(body, scope), fault);
  });

  it("a secret that was left out when the config was shown", () => {
    for (const [field, value] of [
      ["source", "rtsp://admin:<redacted>@h/1"],
      ["srtReadPassphrase", "<redacted>"],
      ["whepBearerToken", "<redacted>"],
    ] as const) {
      assert.match(faultOf({ [field]: value }), new RegExp(`^${field}: '<redacted>' stands for a secret`));
    }
    assert.match(
      faultOf({ authInternalUsers: [{ user: "a", pass: "<redacted>" }] }, "global"),
      /^authInternalUsers\[0\]\.pass: '<redacted>'/,
    );
  });
});

describe("what is answered", () => {
  const { config } = parseConfig(
    `authInternalUsers: [{user: me, pass: secret}, {user: any}]
readTimeout: 90s
paths:
  cam: {source: 'rtsp://u:p@h/1', recordDeleteAfter: 36h, recordMaxPartSize: 1536K, whepBearerToken: bearer0123}
`,
    "f.yml",
    {},
  );
  assert.ok(config !== undefined);

  it("has MediaMTX's names and types, and no password of a user", () => {
    const global = globalJson(config);
    assert.deepEqual(
      [global["readTimeout"], global["udpReadBufferSize"], global["rtspEncryption"], global["hlsSegmentMaxSize"], global["rtspTransports"]],
      ["1m30s", 0, "no", "50M", ["udp", "multicast", "tcp"]],
    );
    assert.deepEqual(
      (global["authInternalUsers"] as { user: string; pass: string }[]).map(({ user, pass }) => [user, pass]),
      [
        ["me", "<redacted>"],
        ["any", ""],
      ],
    );
    assert.equal((global["ring"] as { syncPeriod: string }).syncPeriod, "1s");
    assert.ok(!("paths" in global || "pathDefaults" in global));
    const path = pathJson(config.paths[0]!, config);
    assert.deepEqual(
      [path["name"], path["source"], path["recordDeleteAfter"], path["recordMaxPartSize"], path["webrtc"]],
      ["cam", "rtsp://u:p@h/1", "1d12h0m0s", "1.5M", true],
    );
    assert.equal(pathDefaultsJson(config)["recordPath"], "./recordings/%path/%Y-%m-%d_%H-%M-%S-%f");
  });

  it("can be sent back as it is, but for passwords that were left out", () => {
    const { authInternalUsers, ...global } = globalJson(config);
    assert.ok(Array.isArray(authInternalUsers));
    valuesOf(global, "global");
    valuesOf(pathDefaultsJson(config), "pathDefaults");
    const path = config.paths[0]!;
    assert.deepEqual({ ...valuesOf(pathJson(path, config)), name: "cam", fallback: "" }, path.settings);
  });

  it("of the appliance has no secret at all", () => {
    const appliance = { ...config, global: { ...config.global, profile: "appliance" as const } };
    const text = JSON.stringify([globalJson(appliance), pathJson(config.paths[0]!, appliance)]);
    assert.ok(!/secret"|:p@|bearer0123/.test(text), text);
    assert.match(text, /rtsp:\/\/u:<redacted>@h\/1/);
  });

  it("whatever comes in, a decoder answers with settings or a fault", () => {
    const random = fuzzRandom(11);
    const seeds = [globalJson(config), pathJson(config.paths[0]!, config)].map((json) => Buffer.from(JSON.stringify(json)));
    for (let round = 0; round < fuzzRounds(400); round++) {
      let body: unknown;
      try {
        body = JSON.parse(mutate(seeds[round % 2]!, random).toString());
      } catch {
        continue;
      }
      for (const scope of ["global", "pathDefaults", "path"] as const) decodeJsonSettings(body, scope);
    }
    const depth = 20_000;
    assert.match(faultOf(JSON.parse(`{"forward":${"[".repeat(depth)}${"]".repeat(depth)}}`)), /^forward\[0\]: an object is needed/);
  });
});
