// Damaged configs, variables and values: a config or problems, never an exception; and texts made to take long.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { credentialsEnd, splitUrl } from "#base/url-parts.ts";
import { fuzzRandom, fuzzRounds, mutate, type Random } from "#testing/mutate.ts";
import { repetitiveTexts } from "#testing/repetitive-texts.ts";
import { parseDuration, writeDuration } from "./duration.ts";
import type { Environment } from "./environment-layer.ts";
import { compileGoRegexp } from "./go-regexp.ts";
import { type ParsedConfig, parseConfig } from "./parse-config.ts";
import { parsePathKey, pathNameFault } from "./path-name.ts";
import { formatProblem } from "./problem.ts";
import { redactText } from "./redact.ts";
import { showConfig } from "./show-config.ts";
import { parseShare, parseSize, writeShare, writeSize } from "./size.ts";
import { forwardFault, redirectFault, sourceFault } from "./source-url.ts";

const REFERENCE = readFileSync(new URL("../../config/camgate.yml", import.meta.url), "utf8");
/** The reference without its comments, in pieces of some settings each. */
const SETTINGS = REFERENCE.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
const SITE = `
readTimeout: 1d2h3m4.5s
udpMaxPayloadSize: 1472
recordMinFree: 5%
authInternalUsers:
  - user: viewer
    pass: "p\\x41ss"
    ips: [10.0.0.0/8, '::1']
    permissions:
    - {action: read, path: ~^cam(\\d+)$}
    - action: publish
mqtt:
  urls: [mqtts://noc.example:8883]
pathDefaults: &defaults
  rtspTransport: tcp
paths:
  cam1: &cam1
    <<: *defaults
    source: 'rtsp://admin:p@ss@10.0.0.1:554/Streaming/Channels/101?x=1'
    sourceOnDemand: yes
    maxReaders: 0x10
  cam2: {<<: [*cam1, *defaults], maxReaders: 2}
  gate/main: {forward: [{dest: rtsp://u:p@h/x}]}
  "~^(door|yard)[-_]?([0-9]{1,3})$":
    source: rtsp://10.0.0.$G2:8554/$G1
    sourceOnDemand: yes
    runOnReady: >
      echo $MTX_PATH
      $G1
  all_others:
`;
const VARIABLES: Environment = {
  MTX_RTSPADDRESS: ":8555",
  MTX_AUTHINTERNALUSERS_0_USER: "admin",
  MTX_AUTHINTERNALUSERS_0_PERMISSIONS_0_ACTION: "publish",
  MTX_PATHS_CAM1_SOURCE: "rtsp://10.0.0.1/",
  MTX_PATHDEFAULTS_RECORDDELETEAFTER: "1d",
  CAMGATE_MQTT_URLS: "mqtt://a,mqtts://b",
  CAMGATE_MQTT_TENANT: "acme",
  RTSP_READTIMEOUT: "10s",
};

/** Both outcomes hold what they promise. */
function check({ config, problems }: ParsedConfig): boolean {
  assert.ok(problems.length <= 2001);
  for (const problem of problems) assert.ok(formatProblem(problem).length > 0);
  assert.equal(
    config === undefined,
    problems.some((problem) => problem.severity === "error"),
  );
  if (config === undefined) return false;
  assert.ok(showConfig(config, { origins: true }).length > 0);
  for (const { pattern } of config.paths) pattern?.exec("gate/main");
  return true;
}

/** Some settings of the reference, in their order. */
function somePiece(random: Random): string {
  const from = random(SETTINGS.length);
  return SETTINGS.slice(from, from + 1 + random(30)).join("\n");
}

describe("damaged configs", () => {
  it("are loaded, or all their problems are told", () => {
    const random = fuzzRandom(1);
    let loaded = 0;
    let refused = 0;
    for (let round = fuzzRounds(1500); round > 0; round--) {
      const text = random(3) === 0 ? SITE : somePiece(random);
      if (check(parseConfig(mutate(Buffer.from(text), random).toString(), "f.yml", {}))) loaded++;
      else refused++;
    }
    assert.ok(loaded > 0 && refused > 0, `${loaded} loaded, ${refused} refused`);
  });

  it("have users without a name in variables", () => {
    assert.equal(check(parseConfig("", "f.yml", { MTX_AUTHINTERNALUSERS_2_PASS: "sha256:x" })), false);
  });

  it("come from damaged variables too", () => {
    const random = fuzzRandom(2);
    const damaged = (text: string): string => mutate(Buffer.from(text), random).toString("latin1").replaceAll("\0", "");
    let loaded = 0;
    for (let round = fuzzRounds(500); round > 0; round--) {
      const env = Object.entries(VARIABLES).map(([name, value]) => [
        random(2) === 0 ? name : damaged(name),
        random(2) === 0 ? value : damaged(value!),
      ]);
      if (check(parseConfig(SITE, "f.yml", Object.fromEntries(env)))) loaded++;
    }
    assert.ok(loaded > 0);
  });

  const repeated = (pieces: readonly string[], length: number): string[] =>
    pieces.map((piece) => piece.repeat(Math.floor(length / piece.length)));
  const lines = (count: number, line: (index: number) => string): string => Array.from({ length: count }, (_, i) => line(i)).join("\n");
  const hostile: Readonly<Record<string, readonly string[]>> = {
    "one piece again and again": repetitiveTexts(512 * 1024),
    "one value": repetitiveTexts(10_000).map((text) => `paths: {a: {source: '${text}'}}`),
    "the largest text": repeated(["---\n", "%a\n", "]", "&a\n", "? ", "[", "{a: ", "a: b: c\n"], 2 << 20),
    "a fault at every line": repeated(["%a\n", "]", "&a\n", "!a\n", "? \n", "a: 1\n", "a #\n", ":\n", '"" '], 100_000),
    "unknown settings": [lines(20_000, (i) => `sourcee${i}: 1`), `paths:\n${lines(20_000, (i) => `  c/${i}/: {sorce: ${i}}`)}`],
    "a merged map of many keys": [`a: &a {${lines(40_000, (i) => `k${i}: 1,`)}}\nb:\n  <<: *a\n`],
    "aliases of aliases": [`a0: &a0 [x]\n${lines(11, (i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`)}`],
  };
  for (const [name, texts] of Object.entries(hostile)) {
    it(`take bounded work: ${name}`, () => {
      for (const text of texts) check(parseConfig(text, "f.yml", {}));
    });
  }
});

describe("damaged values", () => {
  it("are read back as they are written", () => {
    const random = fuzzRandom(3);
    const seeds = ["1d2h3m4.5s", "-10ms", "1h30m", "0", "1.5us", "50M", "4096", "1.5GiB", "5%", "12.25 %"].map((text) => Buffer.from(text));
    let read = 0;
    for (let round = fuzzRounds(5000); round > 0; round--) {
      const text = mutate(seeds[random(seeds.length)]!, random).toString();
      const ms = parseDuration(text);
      if (ms !== undefined) assert.equal(writeDuration(parseDuration(writeDuration(ms))!), writeDuration(ms), text);
      const bytes = parseSize(text);
      if (bytes !== undefined) assert.equal(parseSize(writeSize(bytes)), bytes, text);
      const share = parseShare(text);
      if (share !== undefined) assert.deepEqual(parseShare(writeShare(share)), share, text);
      if (ms !== undefined || share !== undefined) read++;
    }
    assert.ok(read > 0);
  });

  it("are URLs, or are told why not", () => {
    const random = fuzzRandom(4);
    const seeds = [
      "rtsp://admin:p@:/%#w@cam-1.example:8554/Streaming/Channels/101?profile=2",
      "udp+mpegts://239.0.0.1:1234?interface=eth0",
      "srt://10.0.0.1:8890?streamid=#!::m=publish,r=x,s=secret&passphrase=0123456789",
      "unix+mpegts:///run/x.sock",
      "/gate/main",
      "rtsp://10.0.0.$G2/$G1",
    ].map((text) => Buffer.from(text));
    let split = 0;
    for (let round = fuzzRounds(3000); round > 0; round--) {
      const text = mutate(seeds[random(seeds.length)]!, random).toString();
      const parts = splitUrl(text);
      if (parts !== undefined) {
        split++;
        assert.ok(text.toLowerCase().startsWith(`${parts.scheme.toLowerCase()}://`) && text.includes(parts.host));
      }
      for (const fault of [sourceFault(text), forwardFault(text), redirectFault(text), pathNameFault(text)]) assert.notEqual(fault, "");
      assert.ok(credentialsEnd(text) < text.length);
      assert.ok(redactText(text).length <= text.length * 12);
    }
    assert.ok(split > 0);
  });

  it("are expressions whose size and work are bounded", () => {
    const random = fuzzRandom(5);
    const seeds = [
      "^(?P<place>door|yard)[-_]?(\\d{1,3})$",
      "(?i:cam[a-z[:digit:]]+)*?|\\x{41}\\pL\\b",
      "(?:a{0,1000}){2,3}(b|c)*\\Q.*\\E",
      "(?:(?:(?:){1000}){1000}){1000}",
    ].map((text) => Buffer.from(text));
    let compiled = 0;
    for (let round = fuzzRounds(3000); round > 0; round--) {
      const pattern = compileGoRegexp(mutate(seeds[random(seeds.length)]!, random).toString("latin1"));
      if ("fault" in pattern) continue;
      compiled++;
      const match = pattern.exec("yard-12");
      if (match !== null) assert.ok(match.every((group) => "yard-12".includes(group)));
    }
    assert.ok(compiled > 0);
    for (const depth of [1, 10, 45]) {
      for (const [open, atom, close] of [
        ["(?:", "", "){1000}"],
        ["(", "", "){1000}"],
        ["(?:", "x{0}", "){1000}"],
        ["(?:", "", "){0,1000}"],
        ["(?:", "a", "*)*"],
        ["(?:", "a", "|){2}"],
      ] as const) {
        const pattern = compileGoRegexp(open.repeat(depth) + atom + close.repeat(depth));
        if (!("fault" in pattern)) pattern.exec("a".repeat(255));
      }
    }
  });

  it("are long", () => {
    for (const text of repetitiveTexts(512 * 1024)) {
      parseDuration(text);
      parseShare(text);
      splitUrl(text);
      credentialsEnd(text);
      for (const scheme of ["", "rtsp://", "udp+mpegts://", "srt://"]) sourceFault(scheme + text);
      forwardFault(`rtsp://${text}`);
      redirectFault(`/${text}`);
      parsePathKey(text);
      parsePathKey(`~${text}`);
      redactText(text);
      redactText(`rtsp://${text}`);
    }
    for (const text of repetitiveTexts(2000)) {
      const pattern = compileGoRegexp(text);
      if (!("fault" in pattern)) pattern.exec("a".repeat(255));
    }
  });
});
