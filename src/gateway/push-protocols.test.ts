// Where a push leads: the host that is judged is the one that is connected to, whatever the URL looks like.
import assert from "node:assert/strict";
import { test } from "node:test";
import { destinationFault } from "#base/destination.ts";
import { silentLog } from "#base/log.ts";
import { parseConfig } from "#config/parse-config.ts";
import { hideSecrets, secretForms } from "#config/secret-values.ts";
import { parseClientUrl } from "#protocols/webrtc/client/client-url.ts";
import { GopMemory } from "#relay/gop-cache.ts";
import { Stream } from "#relay/stream.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { readOf } from "#testing/stream-read.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { PUSH_PROTOCOLS, UNBUILT_PUSH_PROTOCOLS } from "./push-protocols.ts";

const rtsp = PUSH_PROTOCOLS.get("rtsp")!;
const whip = PUSH_PROTOCOLS.get("whip")!;

test("hosts, however they are written", () => {
  const cases: readonly (readonly [url: string, host: string])[] = [
    ["rtsps://noc.example/x", "noc.example"],
    ["RTSPS://u:p@NOC.example:8322/x?y=z", "noc.example"],
    ["rtsps://noc.example:1@10.0.0.1/x", "10.0.0.1"],
    ["rtsps://u:p@noc.example@10.0.0.1:554/x", "10.0.0.1"],
    ["rtsps://0x7f.1/x", "127.0.0.1"],
    ["rtsps://[::1]:322/x", "::1"],
    ["https://noc.example/x/whip", "noc.example"],
    ["https://noc.example@10.0.0.1/x", "10.0.0.1"],
    ["https://u:p@[fd00::1]:8889/x", "fd00::1"],
    ["https://2130706433/x", "127.0.0.1"],
    ["https://10.0.0.1\\@noc.example/x", "10.0.0.1"],
    ["https:noc.example/x", "noc.example"],
  ];
  for (const [url, host] of cases) {
    const parsed = (url.toLowerCase().startsWith("rtsp") ? rtsp : whip).parse(url);
    if (url === "https:noc.example/x") assert.equal(parsed, undefined);
    else assert.equal(parsed?.host, host, url);
  }
});

test("over TLS alone, and each by its own URLs", () => {
  for (const url of ["rtsp://h/x", "rtsps+http://h/x", "rtsps+ws://h/x", "https://h/x", "rtsps://", "x", "", "rtsps://a\nb/x"])
    assert.equal(rtsp.parse(url), undefined, url);
  for (const url of ["http://h/x", "whips://h/x", "rtsps://h/x", "https://", "ftp://h/x", "file:///etc/passwd", "", "https://a b/x"])
    assert.equal(whip.parse(url), undefined, url);
  for (const name of UNBUILT_PUSH_PROTOCOLS) assert.equal(PUSH_PROTOCOLS.has(name), false, name);
});

test("an example of each is one", () => {
  for (const { example, parse } of PUSH_PROTOCOLS.values()) assert.equal(parse(example)?.host, "noc.example", example);
});

test("where a push may lead is asked of the config that runs at each attempt, not of that of its begin", async () => {
  const clock = new FakeClock();
  const stream = new Stream([syntheticTrack()], "packets", { clock, udpMaxPayloadBytes: 1452, gopMemory: new GopMemory() });
  const hosts = (list: string) => parseConfig(`destinationHosts: [${list}]\npaths: {}\n`, "camgate.yml", {}).config!;
  for (const [protocol, url] of [
    [rtsp, "rtsps://127.0.0.1:1/x"],
    [whip, "https://127.0.0.1:1/x"],
  ] as const) {
    const site = { config: hosts("127.0.0.1"), clock, log: silentLog };
    const push = await protocol.make({ url, token: "", fingerprint: "", authorities: [] }, site);
    const signal = AbortSignal.timeout(60_000);
    await assert.rejects(push.run(readOf(stream), signal), { code: "connect" }, url);
    site.config = hosts("");
    await assert.rejects(push.run(readOf(stream), signal), { code: "config", message: /destinationHosts/ }, url);
  }
});

test("secrets are taken out of what a receiver says, however it writes them", () => {
  const { secrets } = rtsp.parse("rtsps://user:pa%20ss-word@noc.example/x?token=topsecret")!;
  const base64 = Buffer.from("topsecret").toString("base64");
  const said = hideSecrets(`no: 'pa ss-word', pa%20ss-word, topsecret, ${base64}`, secretForms(secrets));
  assert.equal(said, "no: '<redacted>', <redacted>, <redacted>, <redacted>");
  const { secrets: ofWhip } = whip.parse("https://u:p%40ssword@noc.example/x")!;
  assert.equal(hideSecrets("p@ssword p%40ssword", secretForms(ofWhip)), "<redacted> <redacted>");
  assert.deepEqual(secretForms(rtsp.parse("rtsps://noc.example/x")!.secrets), []);
  const { secrets: malformed } = rtsp.parse("rtsps://u:\ud800pass@noc.example/x")!;
  assert.equal(hideSecrets("no: \ud800pass", secretForms(malformed)), "no: <redacted>");
});

test("whatever is cut or changed in a URL: a WHIP client goes to the host that was judged", () => {
  const random = fuzzRandom(1);
  const seeds = [
    "https://user:pass@noc.example:8889/gw-0001/gate/whip?x=y#z",
    "https://noc.example@10.0.0.1\\@[::1]:1/a/../b",
    "https://①②⑦.0.0.1/x",
  ];
  for (let round = 0; round < fuzzRounds(2000); round++) {
    const url = mutate(Buffer.from(seeds[round % seeds.length]!), random).toString("utf8");
    for (const { parse } of PUSH_PROTOCOLS.values()) {
      const host = parse(url)?.host;
      if (host !== undefined)
        assert.equal(typeof destinationFault(host, ["noc.example"]), host === "noc.example" ? "undefined" : "string", url);
    }
    const judged = whip.parse(url)?.host;
    if (judged === undefined) continue;
    const target = parseClientUrl(new URL(url).href.replace(/^https:/, "whips:"));
    if (target !== undefined) assert.equal(new URL(target.url).hostname.replace(/^\[(.*)\]$/, "$1"), judged, url);
  }
});
