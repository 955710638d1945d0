// Streams that the NOC has a gateway push to servers: over Debian's mosquitto, to a second camgate with the config of docs/mqtt/examples, and to MediaMTX.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { packagedFfmpeg } from "#capture/ffmpeg-program.ts";
import { runNoc } from "#cli/noc.ts";
import { startCameras } from "#testing/camera/cameras.ts";
import { childrenOf } from "#testing/child-processes.ts";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { type Camgate, startCamgate } from "#testing/peers/camgate.ts";
import { ffmpeg, ffprobe, ffprobeStreams } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { mediamtx, startMediamtxWebRtc } from "#testing/peers/go-peers.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { makeSelfSigned, type SelfSigned, writeSelfSigned } from "#testing/self-signed.ts";

const ROOT = "cg/v1/acme/gw-0001";
const EXAMPLE = readFileSync(new URL("../../docs/mqtt/examples/receiver.yml", import.meta.url), "utf8");
const PASSWORD = "change-this-1";
const PATIENCE_MS = 60_000;

const authority = makeSelfSigned({ name: "NOC authority", isAuthority: true });

interface Receiver {
  readonly camgate: Camgate;
  rtsp(path: string, credentials?: string): string;
  whip(path: string, credentials?: string): string;
  /** Whether a stream is there. */
  has(path: string): Promise<boolean>;
  /** Another one in its place. */
  again(): Promise<Receiver>;
}

/** What stands in docs/mqtt/examples/receiver.yml, on ports of loopback. */
async function startReceiver(
  t: TestContext,
  ports?: readonly number[],
  pair: SelfSigned = makeSelfSigned({ issuer: authority }),
): Promise<Receiver> {
  const { keyFile, certFile } = await writeSelfSigned(await temporaryFolder(t), pair);
  const [rtsps, https, udp] = ports ?? [await freeTcpPort(0), await freeTcpPort(0), await freeUdpPortPair(0)];
  const camgate = await startCamgate(t, {
    config: `api: yes\n${EXAMPLE}`,
    env: {
      MTX_RTSPENCRYPTION: "optional", // the tests' start waits for plain RTSP as well
      MTX_RTSPSADDRESS: `127.0.0.1:${rtsps}`,
      ...{ MTX_RTSPSERVERCERT: certFile, MTX_RTSPSERVERKEY: keyFile, MTX_WEBRTCSERVERCERT: certFile, MTX_WEBRTCSERVERKEY: keyFile },
      ...{ MTX_WEBRTC: "yes", MTX_WEBRTCADDRESS: `127.0.0.1:${https}`, MTX_WEBRTCLOCALUDPADDRESS: `127.0.0.1:${udp}` },
      ...{ MTX_WEBRTCADDITIONALHOSTS: "127.0.0.1", MTX_WEBRTCIPSFROMINTERFACES: "no" },
    },
  });
  await camgate.process.match(/\[WebRTC\] listener opened/);
  const authorization = `Basic ${Buffer.from("operator:change-this-2").toString("base64")}`;
  return {
    camgate,
    rtsp: (path, credentials = `gw-0001:${PASSWORD}`) => `rtsps://${credentials}@127.0.0.1:${rtsps}/${path}`,
    whip: (path, credentials = "") => `https://${credentials}127.0.0.1:${https}/${path}/whip`,
    has: async (path) => {
      const answer = await fetch(`${camgate.apiOrigin}/v3/paths/get/${path}`, { headers: { authorization } });
      return ((await answer.json()) as { readonly ready?: boolean }).ready === true;
    },
    again: () => startReceiver(t, [rtsps!, https!, udp!], pair),
  };
}

/** A gateway with a camera, linked to a broker; the NOC's authority vouches for whom it pushes to. */
async function startGateway(
  t: TestContext,
  { commands = "commands: broker", env = {} }: { readonly commands?: string; readonly env?: Readonly<Record<string, string>> } = {},
) {
  const folder = await temporaryFolder(t);
  const ca = join(folder, "authority.crt");
  await writeFile(ca, authority.cert);
  const { keyFile, certFile } = await writeSelfSigned(await temporaryFolder(t), makeSelfSigned({ issuer: authority }));
  const broker = await startMosquitto(t, {
    config: `allow_anonymous true\ncertfile ${certFile}\nkeyfile ${keyFile}`,
    clientWords: ["--cafile", ca],
  });
  const cameras = await startCameras({ port: 0, count: 1, login: { user: "admin", pass: "pass" } });
  t.after(() => cameras.close());
  const source = `rtsp://admin:pass@127.0.0.1:${cameras.port}/gate`;
  const camgate = await startCamgate(t, {
    folder,
    env,
    config:
      `api: yes\nlogLevel: debug\ndestinationHosts: [127.0.0.1]\n` +
      `mqtt:\n  urls: [mqtts://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  ${commands}\n  ca: authority.crt\n` +
      `  telemetryInterval: 1s\npathDefaults: {rtspTransport: tcp, sourceOnDemand: yes, sourceOnDemandCloseAfter: 1s}\n` +
      `paths:\n  gate: {source: '${source}'}\n`,
  });
  const noc = await broker.subscribe("cg/#");
  await noc.wait("the birth", ({ json }) => json?.online === true);
  let asked = 0;
  const ask = async (op: string, args: object) => {
    const id = `01P${++asked}`;
    await broker.publish(`${ROOT}/dn/cmd`, JSON.stringify({ v: 1, id, op, args, exp: Date.now() + 120_000 }));
    const isEnd = (answer?: { readonly id: unknown; readonly st?: string }) =>
      answer?.id === id && ["ok", "err", "rej", "cancel", "lost"].includes(answer.st ?? "");
    const { json } = await until(`the answer to ${op}`, () => noc.messages().find((one) => isEnd(one.json)), PATIENCE_MS);
    return json;
  };
  const event = (lid: string, fits: (event: { readonly ph: string; readonly data: Readonly<Record<string, unknown>> }) => boolean) =>
    until(
      `an event of ${lid}`,
      () => noc.messages().find(({ topic, json }) => topic === `${ROOT}/up/evt` && json.data.lid === lid && fits(json))?.json,
      PATIENCE_MS,
    );
  return { broker, ca, camgate, noc, ask, event };
}

test("a camera on demand is pushed over RTSP and WHIP at once, seen there by ffprobe, until it is stopped", {
  skip: mosquittoMissing || missingOf(ffprobe),
}, async (t) => {
  const receiver = await startReceiver(t);
  const { camgate, noc, ask, event } = await startGateway(t);
  const first = await ask("stream.push", { cam: "gate", proto: "rtsp", url: receiver.rtsp("gw-0001/gate"), ttl_s: 600 });
  assert.deepEqual([first.st, first.res?.st, first.res?.err], ["ok", "live", null], first.e?.m);
  assert.ok(Math.abs(first.res.exp - Date.now() - 600_000) < 60_000);
  const token = `gw-0001:${PASSWORD}`;
  const second = await ask("stream.push", { cam: "gate", proto: "whip", url: receiver.whip("gw-0001/web"), token });
  assert.deepEqual([second.st, second.res?.st], ["ok", "live"], second.e?.m);
  assert.equal((await ask("stream.push", { cam: "gate", proto: "rtsp", url: receiver.rtsp("gw-0001/x") })).e.c, "E_BUSY");

  for (const path of ["gw-0001/gate", "gw-0001/web"]) {
    await until(`${path} at the receiver`, () => receiver.has(path), PATIENCE_MS);
    const input = { input: receiver.camgate.url(path, "operator:change-this-2"), transport: "tcp" } as const;
    const streams = await ffprobeStreams(t, { ...input, timeoutMs: PATIENCE_MS });
    assert.deepEqual(
      streams.map(({ codec_name }) => codec_name),
      ["h264", "pcm_alaw"],
      path,
    );
  }
  const paths = (await (await fetch(`${camgate.apiOrigin}/v3/paths/get/gate`)).json()) as { readonly readers: unknown };
  assert.deepEqual(
    paths.readers,
    [first, second].map(({ res }) => ({ type: "push", id: res.lid })),
    "pushes are readers of the path",
  );
  const telemetry = await noc.wait("telemetry", ({ topic, json }) => topic === `${ROOT}/up/tel` && json.push?.length === 2);
  assert.deepEqual(contractFaults("up-tel", telemetry.json), []);
  assert.deepEqual(contractFaults("op.stream.push.res", first.res), []);
  const { res: listed } = await ask("stream.list", {});
  assert.deepEqual(contractFaults("op.stream.list.res", listed), []);
  assert.deepEqual(
    listed.leases.map(({ lid, proto, st, to }: Readonly<Record<string, unknown>>) => [lid, proto, st, to]),
    [
      [first.res.lid, "rtsp", "live", "127.0.0.1"],
      [second.res.lid, "whip", "live", "127.0.0.1"],
    ],
  );
  assert.ok(listed.leases.every(({ bytes }: { readonly bytes: number }) => bytes > 10_000));
  const renewed = await ask("stream.renew", { lid: first.res.lid });
  assert.ok(renewed.res.exp > first.res.exp);

  for (const { res } of [first, second]) {
    const stopped = await ask("stream.stop", { lid: res.lid });
    assert.ok(stopped.res.bytes > 10_000);
    assert.equal((await event(res.lid, ({ ph }) => ph === "end")).data.why, "stopped");
  }
  for (const path of ["gw-0001/gate", "gw-0001/web"])
    await until(`the end of ${path}`, async () => !(await receiver.has(path)), PATIENCE_MS);
  await camgate.process.match(/\[path gate\] stopped: not needed by anyone/);
  assert.equal((await ask("stream.stop", { lid: first.res.lid })).e.c, "E_NOTFOUND");

  for (const { topic, json } of noc.messages().filter((one) => one.topic === `${ROOT}/up/evt`))
    assert.deepEqual(contractFaults("up-evt", json), [], topic);
  const said = noc.messages().filter(({ topic }) => topic.startsWith(`${ROOT}/up/`));
  const kept = readdirSync(camgate.folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const texts = [
    ...said.map(({ payload }) => payload),
    ...kept.map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1")),
    ...[camgate.process.stdout.toString("utf8"), camgate.process.stderr],
  ];
  for (const text of texts) assert.ok(!text.includes(PASSWORD), "a secret is told");
});

test("nobody renews it: it ends by itself; the broker is gone for longer than the lease: it ends too", {
  skip: mosquittoMissing,
}, async (t) => {
  const receiver = await startReceiver(t);
  const { broker, camgate, ask, event } = await startGateway(t);
  const pushTo = async (path: string): Promise<string> => {
    const { res, e } = await ask("stream.push", { cam: "gate", proto: "rtsp", url: receiver.rtsp(path), ttl_s: 10 });
    assert.equal(res?.st, "live", e?.m ?? res?.err);
    await receiver.camgate.process.match(new RegExp(`\\[path ${path}\\] stream is available`));
    return res.lid;
  };
  const first = await pushTo("gw-0001/one");
  assert.equal((await event(first, ({ ph }) => ph === "end")).data["why"], "expired");
  await until("its end", async () => !(await receiver.has("gw-0001/one")), PATIENCE_MS);

  const second = await pushTo("gw-0001/two");
  await broker.process.kill();
  await camgate.process.match(new RegExp(`lease ${second}: .*: expired`));
  await until("its end", async () => !(await receiver.has("gw-0001/two")), PATIENCE_MS);
});

test("a receiver that goes and returns has the stream again, within the lease", { skip: mosquittoMissing }, async (t) => {
  const receiver = await startReceiver(t);
  const { ask, event } = await startGateway(t);
  const url = { rtsp: receiver.rtsp("gw-0001/gate"), whip: receiver.whip("gw-0001/web", `gw-0001:${PASSWORD}@`) };
  const lids: string[] = [];
  for (const proto of ["rtsp", "whip"] as const) {
    const { res, e } = await ask("stream.push", { cam: "gate", proto, url: url[proto], ttl_s: 3600 });
    assert.equal(res?.st, "live", e?.m);
    lids.push(res.lid);
  }
  await until("the stream", () => receiver.has("gw-0001/gate"), PATIENCE_MS);
  await receiver.camgate.process.interrupt();
  for (const lid of lids) await event(lid, ({ ph, data }) => ph === "update" && data["st"] === "backoff");
  const again = await receiver.again();
  await until("it is there again over RTSP", () => again.has("gw-0001/gate"), PATIENCE_MS);
  await until("and over WHIP", () => again.has("gw-0001/web"), PATIENCE_MS);
});

test("refused, with what to do about it: hosts, URLs, credentials, certificates and protocols", {
  skip: mosquittoMissing,
}, async (t) => {
  const receiver = await startReceiver(t);
  const stranger = await startReceiver(t, undefined, makeSelfSigned());
  const { ask, event } = await startGateway(t);
  const rtsp = { cam: "gate", proto: "rtsp", url: receiver.rtsp("gw-0001/gate") };
  const whip = { cam: "gate", proto: "whip", url: receiver.whip("gw-0001/web") };
  const cases: readonly (readonly [args: object, code: string, words: RegExp])[] = [
    [{ ...rtsp, cam: "nowhere" }, "E_NOTFOUND", /cam: there is no camera/],
    [{ ...rtsp, cam: "../x" }, "E_SCHEMA", /^cam: /],
    [{ ...rtsp, url: "rtsps://u:p@10.0.0.1/x" }, "E_DENIED", /url: 10\.0\.0\.1 .*destinationHosts/],
    [{ ...rtsp, url: "rtsps://localhost/x" }, "E_DENIED", /destinationHosts/],
    [{ ...rtsp, url: "rtsp://127.0.0.1/x" }, "E_SCHEMA", /url: .*rtsps:.*TLS/],
    [{ ...whip, url: "http://127.0.0.1/x/whip" }, "E_SCHEMA", /url: .*https:.*TLS/],
    [{ ...whip, url: "file:///etc/passwd" }, "E_SCHEMA", /^url: /],
    [{ ...whip, url: 7 }, "E_SCHEMA", /^url: /],
    [{ ...rtsp, token: "abc" }, "E_SCHEMA", /^token: /],
    [{ ...whip, token: "a b\r\nX: y" }, "E_SCHEMA", /^token: /],
    [{ ...rtsp, fingerprint: "12" }, "E_SCHEMA", /^fingerprint: /],
    [{ ...rtsp, ttl_s: 5 }, "E_SCHEMA", /^ttl_s: .*10 to 3600/],
    [{ ...rtsp, ttl_s: 3601 }, "E_SCHEMA", /^ttl_s: /],
    [{ ...rtsp, proto: "gopher" }, "E_SCHEMA", /^proto: has to be rtsp or whip/],
    [{ ...rtsp, proto: "srt", url: "srt://127.0.0.1:9000" }, "E_UNSUPPORTED", /^proto: .*srt.* use rtsp or whip/],
    [{ ...rtsp, proto: "rtmps" }, "E_UNSUPPORTED", /^proto: /],
    [{ ...rtsp, max_kbps: 49 }, "E_SCHEMA", /^max_kbps: .*50 to 50000/],
    [{ ...rtsp, max_kbps: "many" }, "E_SCHEMA", /^max_kbps: /],
    [{ ...rtsp, profile: "high" }, "E_SCHEMA", /^profile: has to be low/],
    [{ ...rtsp, more: 1 }, "E_SCHEMA", /^more: is no field/],
    [{ ...rtsp, url: receiver.rtsp("gw-0001/gate", "gw-0001:wrong") }, "E_DENIED", /refused/],
    [{ ...rtsp, url: receiver.rtsp("gw-0002/gate") }, "E_DENIED", /./],
    [{ ...whip, token: "gw-0001:wrong" }, "E_DENIED", /401/],
  ];
  for (const [args, code, words] of cases) {
    const { st, e } = await ask("stream.push", args);
    assert.deepEqual([st, e?.c], ["err", code], `${JSON.stringify(args)}: ${e?.m}`);
    assert.match(e.m, words);
  }
  assert.equal((await ask("stream.renew", { lid: "none" })).e.c, "E_NOTFOUND");
  assert.equal((await ask("stream.stop", {})).e.c, "E_SCHEMA");
  assert.equal((await ask("tun.open", { kind: "wss" })).e.c, "E_UNSUPPORTED");
  assert.deepEqual((await ask("stream.list", {})).res, { leases: [] });

  // Whom nobody vouches for is not pushed to, unless its fingerprint is told.
  for (const proto of ["rtsp", "whip"] as const) {
    const url = proto === "rtsp" ? stranger.rtsp("gw-0001/gate") : stranger.whip("gw-0001/gate", `gw-0001:${PASSWORD}@`);
    const distrusted = await ask("stream.push", { cam: "gate", proto, url });
    assert.equal(distrusted.res.st, "backoff");
    assert.match(distrusted.res.err, /no authority vouches/);
    const fingerprint = /fingerprint is ([0-9a-f]{64})/.exec(distrusted.res.err)![1]!;
    await ask("stream.stop", { lid: distrusted.res.lid });
    const trusted = await ask("stream.push", { cam: "gate", proto, url, fingerprint });
    assert.equal(trusted.res?.st, "live", trusted.res?.err);
    await ask("stream.stop", { lid: trusted.res.lid });
    await event(trusted.res.lid, ({ ph }) => ph === "end");
  }
});

test("a picture for a poor connection is encoded anew, by an ffmpeg that ends with the lease", {
  skip: mosquittoMissing || missingOf(ffmpeg, ffprobe),
}, async (t) => {
  const receiver = await startReceiver(t);
  const { camgate, ask } = await startGateway(t);
  const url = receiver.rtsp("gw-0001/gate");
  const { res, e } = await ask("stream.push", { cam: "gate", proto: "rtsp", url, profile: "low", max_kbps: 150, ttl_s: 600 });
  assert.equal(res?.st, "live", e?.m ?? res?.err);
  const input = receiver.camgate.url("gw-0001/gate", "operator:change-this-2");
  await until("the stream", () => receiver.has("gw-0001/gate"), PATIENCE_MS);
  const streams = await ffprobeStreams(t, { input, transport: "tcp", timeoutMs: PATIENCE_MS });
  assert.deepEqual(
    streams.map(({ codec_name, profile, width, has_b_frames }) => [codec_name, profile, width, has_b_frames]),
    [["h264", "Constrained Baseline", 640, 0]],
  );
  const encoders = () => childrenOf(camgate.process.pid, /ffmpeg/);
  assert.equal((await encoders()).length, 1);
  await ask("stream.stop", { lid: res.lid });
  await until("no ffmpeg", async () => (await encoders()).length === 0, PATIENCE_MS);
});

test("by hand, as docs/noc.md has it: signed, seen, renewed and stopped with camgate noc send", { skip: mosquittoMissing }, async (t) => {
  const receiver = await startReceiver(t);
  const directory = await temporaryFolder(t);
  const run = async (env: Readonly<Record<string, string>>, ...words: readonly string[]): Promise<string> => {
    const lines: string[] = [];
    const call = { env: { ...env, CAMGATE_NOC_DIRECTORY: directory }, signal: new AbortController().signal, columns: undefined };
    assert.equal(await runNoc(words, { line: (text) => lines.push(text) }, call), 0, lines.join("\n"));
    return lines.join("\n");
  };
  await run({}, "keys", "make", "noc-a");
  const { broker, ca } = await startGateway(t, { commands: `commands: signed\n  commandKeys: [${join(directory, "command-keys.json")}]` });
  const env = { CAMGATE_NOC_BROKER: `mqtts://127.0.0.1:${broker.port}`, CAMGATE_NOC_TENANT: "acme", CAMGATE_NOC_CA: ca };
  const send = (...words: readonly string[]) => run(env, "send", "gw-0001", ...words);
  const url = receiver.whip("gw-0001/gate");
  const pushed = await send("stream.push", "cam=gate", "proto=whip", `url=${url}`, `token=gw-0001:${PASSWORD}`, "ttl_s=600");
  const lid = /"lid":"([0-9A-Z]{26})"/.exec(pushed)?.[1];
  assert.match(pushed, /^ok\n.*"st":"live"/);
  await until("the stream", () => receiver.has("gw-0001/gate"), PATIENCE_MS);
  assert.match(await send("stream.list"), new RegExp(`"lid":"${lid}","cam":"gate","proto":"whip","to":"127.0.0.1","st":"live"`));
  assert.match(await send("stream.renew", `lid=${lid}`), /"exp":\d+/);
  assert.match(await send("stream.stop", `lid=${lid}`), /"bytes":\d+/);
  await until("its end", async () => !(await receiver.has("gw-0001/gate")), PATIENCE_MS);
});

test("without ffmpeg nothing is encoded anew, and it is said so", {
  skip: mosquittoMissing || (packagedFfmpeg(createRequire(import.meta.url).resolve) !== undefined && "there is an ffmpeg in node_modules"),
}, async (t) => {
  const { ask } = await startGateway(t, { env: { PATH: "/nowhere" } });
  const { st, e } = await ask("stream.push", { cam: "gate", proto: "rtsp", url: "rtsps://127.0.0.1:1/x", max_kbps: 500 });
  assert.deepEqual([st, e.c], ["err", "E_UNSUPPORTED"]);
  assert.match(e.m, /no ffmpeg on the PATH/);
});

test("pushed to MediaMTX over RTSPS and WHIP", { skip: mosquittoMissing || missingOf(ffprobe, mediamtx) }, async (t) => {
  const pair = await writeSelfSigned(await temporaryFolder(t), makeSelfSigned({ issuer: authority }));
  const rtspsPort = await freeTcpPort(0);
  const server = await startMediamtxWebRtc(
    t,
    `rtspEncryption: optional\nrtspsAddress: 127.0.0.1:${rtspsPort}\nrtspServerCert: ${pair.certFile}\nrtspServerKey: ${pair.keyFile}\n` +
      "paths:\n  all_others:\n",
    `webrtcEncryption: yes\nwebrtcServerCert: ${pair.certFile}\nwebrtcServerKey: ${pair.keyFile}\n` +
      "webrtcIPsFromInterfaces: no\nwebrtcAdditionalHosts: [127.0.0.1]\n",
  );
  const { ask } = await startGateway(t);
  for (const [proto, url, path] of [
    ["rtsp", `rtsps://127.0.0.1:${rtspsPort}/one`, "one"],
    ["whip", `https://${server.http("two")}/whip`, "two"],
  ] as const) {
    const { res, e } = await ask("stream.push", { cam: "gate", proto, url });
    assert.equal(res?.st, "live", e?.m ?? res?.err);
    await server.process.match(new RegExp(`is publishing to path '${path}'`));
    const streams = await ffprobeStreams(t, { input: server.url(path), transport: "tcp", timeoutMs: PATIENCE_MS });
    assert.deepEqual(
      streams.map(({ codec_name }) => codec_name),
      ["h264", "pcm_alaw"],
    );
    await ask("stream.stop", { lid: res.lid });
  }
});
