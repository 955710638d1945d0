// Streams that the NOC has a gateway push to servers: over Debian's mosquitto, to a second camgate and to MediaMTX, seen there by ffprobe.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { childrenOf } from "#testing/child-processes.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { nocRun } from "#testing/noc-run.ts";
import { ffmpeg, ffprobe, ffprobeStreams } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { mediamtx, startMediamtxWebRtc } from "#testing/peers/go-peers.ts";
import { mosquittoMissing } from "#testing/peers/mosquitto.ts";
import { authority, PASSWORD, PATIENCE_MS, ROOT, startGateway, startReceiver } from "#testing/peers/push-site.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { makeSelfSigned, writeSelfSigned } from "#testing/self-signed.ts";

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
    const { code, text } = await nocRun({ ...env, CAMGATE_NOC_DIRECTORY: directory }, ...words);
    assert.equal(code, 0, text);
    return text;
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
