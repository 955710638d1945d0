// When streams are not pushed, or not any more: leases that end, receivers and brokers that go, configs that change, what is refused.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { packagedFfmpeg } from "#capture/ffmpeg-program.ts";
import { mosquittoMissing } from "#testing/peers/mosquitto.ts";
import { PASSWORD, PATIENCE_MS, startGateway, startReceiver } from "#testing/peers/push-site.ts";
import { until } from "#testing/peers/until.ts";
import { makeSelfSigned } from "#testing/self-signed.ts";

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

test("another config: pushes outlive the link that restarts, and end where their host is not allowed any more", {
  skip: mosquittoMissing,
}, async (t) => {
  const receiver = await startReceiver(t);
  const { camgate, config, noc, ask, event } = await startGateway(t);
  const { res } = await ask("stream.push", { cam: "gate", proto: "rtsp", url: receiver.rtsp("gw-0001/gate"), ttl_s: 3600 });
  const file = join(camgate.folder, "mediamtx.yml");
  await writeFile(file, config.replace("  tenant:", "  protocol: 5\n  tenant:"));
  await noc.wait("another session", ({ json }) => json?.online === true && json.sid > noc.messages()[0]!.json.sid);
  const [lease] = (await ask("stream.list", {})).res.leases;
  assert.deepEqual([lease.lid, lease.st], [res.lid, "live"]);
  await writeFile(
    file,
    config.replace("destinationHosts: [127.0.0.1]", "destinationHosts: [noc.example]").replace("  tenant:", "  protocol: 5\n  tenant:"),
  );
  assert.equal((await event(res.lid, ({ ph }) => ph === "end")).data["why"], "denied");
  await until("its end", async () => !(await receiver.has("gw-0001/gate")), PATIENCE_MS);
});

test("cancelled while the receiver does not answer: there is no lease", { skip: mosquittoMissing }, async (t) => {
  const silent = createServer();
  const sockets: Socket[] = [];
  const reached = new Promise<void>((resolve) =>
    silent.on("connection", (socket) => resolve(void sockets.push(socket.on("error", () => {})))),
  );
  const port = await new Promise<number>((resolve) => silent.listen(0, "127.0.0.1", () => resolve((silent.address() as AddressInfo).port)));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const { send, answerTo, ask, noc } = await startGateway(t);
  const id = await send("stream.push", { cam: "gate", proto: "whip", url: `https://127.0.0.1:${port}/x/whip` });
  await reached;
  assert.equal((await ask("cmd.cancel", { id })).st, "ok");
  const { st, e } = await answerTo(id);
  assert.deepEqual([st, e.c], ["cancel", "E_CANCELLED"]);
  const ended = await noc.wait("the event", ({ json }) => json?.type === "stream.push" && json.ph === "end");
  assert.equal(ended.json.data.why, "stopped");
  assert.deepEqual((await ask("stream.list", {})).res, { leases: [] });
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

test("without ffmpeg nothing is encoded anew, and it is said so", {
  skip: mosquittoMissing || (packagedFfmpeg(createRequire(import.meta.url).resolve) !== undefined && "there is an ffmpeg in node_modules"),
}, async (t) => {
  const { ask } = await startGateway(t, { env: { PATH: "/nowhere" } });
  const { st, e } = await ask("stream.push", { cam: "gate", proto: "rtsp", url: "rtsps://127.0.0.1:1/x", max_kbps: 500 });
  assert.deepEqual([st, e.c], ["err", "E_UNSUPPORTED"]);
  assert.match(e.m, /no ffmpeg on the PATH/);
});
