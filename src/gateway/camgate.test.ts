// /camgate/v1 of the whole gateway: a camera that is recorded to the ring, as clients see it. Every answer is held against docs/openapi.yaml.
import assert from "node:assert/strict";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseConfig } from "#config/parse-config.ts";
import { apiDocument, type Body } from "#testing/api-site.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { playOverTcp, RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { Gateway } from "./gateway.ts";

const NOBODY = "11111111-2222-4333-8444-555555555555";

async function start(t: TestContext, more = "") {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "ring"));
  const camera = await ScriptedCamera.start({ frameMs: 40, video: { gopFrames: 5, frameBytes: 500 } });
  t.after(() => camera.close());
  const rtspPort = await freeTcpPort(0);
  const text = `
api: yes
apiAddress: 127.0.0.1:${await freeTcpPort(0)}
rtspAddress: 127.0.0.1:${rtspPort}
rtspTransports: [tcp]
webrtc: no
dataDirectory: ${folder}/data
ring: {directory: '${folder}/ring', size: 64M, syncPeriod: 100ms}
pathDefaults: {rtspTransport: tcp, recordPartDuration: 200ms, recordPath: '${folder}/files/%path/%Y-%m-%d_%H-%M-%S-%f'}
paths:
  site/gate: {source: '${camera.url()}', record: yes, recordStore: ring}
  yard: {source: '${camera.url()}', record: yes}
  door: {}
${more.replaceAll("FOLDER", folder)}`;
  const { config, problems } = parseConfig(text, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  const gateway = await Gateway.start(config, collectedLog());
  t.after(() => gateway.close());
  const origin = `http://127.0.0.1:${gateway.ports["apiAddress"]}`;
  const ask = async (method: string, target: string, status = 200, sent?: unknown): Promise<Body> => {
    const init = sent === undefined ? {} : { body: JSON.stringify(sent), headers: { "content-type": "application/json" } };
    const response = await fetch(origin + target, { method, ...init });
    const body: Body = await response.json();
    assert.equal(response.status, status, `${method} ${target}: ${JSON.stringify(body)}`);
    const path = decodeURIComponent(new URL(response.url).pathname);
    assert.deepEqual(apiDocument.faultsOf({ method, path, status, body }), []);
    return body;
  };
  const get = (target: string, status = 200) => ask("GET", `/camgate/v1/${target}`, status);
  const post = (target: string, sent?: unknown, status = 200) => ask("POST", `/camgate/v1/${target}`, status, sent);
  const remove = (target: string, status = 200) => ask("DELETE", `/camgate/v1/${target}`, status);
  const footage = (path: string, ms: number) =>
    until(`${ms} ms of ${path}`, async () => {
      const { spans } = await get(`spans/list/${path}`);
      return spans.find(({ from, to }: Body) => to - from >= ms);
    });
  return { gateway, folder, camera, rtspPort, get, post, remove, footage };
}

test("cameras: state, rates and readers; connecting anew", async (t) => {
  const { gateway, rtspPort, get, post } = await start(t);
  const state = async (name: string): Promise<Body> => (await get(`cameras/get/${name}`)).cams[name];
  await until("the camera", () => gateway.registry.get("site/gate")?.state === "available");
  const viewer = await RawRtspClient.connect(rtspPort);
  t.after(() => viewer.close());
  await playOverTcp(viewer, `rtsp://127.0.0.1:${rtspPort}/site/gate`);
  await viewer.when("pictures", () => viewer.on(0).length > 30);
  const { since, fps, kbps, age_ms, tx_kbps, gop_s, ...gate } = await state("site/gate");
  assert.deepEqual(gate, {
    st: "live",
    proto: "rtsp/tcp",
    codec: "h264",
    w: 1920,
    h: 1080,
    rtp_lost: 0,
    rtp_late: 0,
    dup: 0,
    reconn: 0,
    last_err: null,
    cam_clk_off_ms: null,
    ps_changes: 0,
    audio: null,
    readers: { rtsp: 1, whep: 0, hls: 0, srt: 0 },
  });
  assert.ok(Math.abs(since - Date.now()) < 60_000);
  assert.ok(fps > 5 && kbps > 10 && age_ms < 10_000 && tx_kbps > 0, `${fps} fps, ${kbps} kbit/s, ${age_ms} ms`);
  assert.ok(Math.abs(gop_s - 0.2) < 0.05, `${gop_s} s`);
  assert.deepEqual(Object.keys((await get("cameras/list")).cams), ["site/gate", "yard"]);
  assert.match((await get("cameras/get/door", 404)).error, /no camera 'door'/);

  assert.deepEqual(await post("cameras/restart/site/gate"), { status: "ok" });
  await until("the camera is back", () => {
    const { reconnects, state: now } = gateway.registry.get("site/gate")!.snapshot();
    return reconnects === 1 && now === "available";
  });
  assert.match((await post("cameras/restart/door", undefined, 409)).error, /nothing is pulled to path 'door'/);
  assert.match((await post("cameras/restart/elsewhere", undefined, 404)).error, /no camera 'elsewhere'/);
  assert.match((await post("cameras/restart/a%2F..%2Fb", undefined, 400)).error, /^cam: is no name of a path/);
});

test("health, in the words of the contract", async (t) => {
  const { get, footage } = await start(t);
  await footage("site/gate", 1000);
  const health = await get("health");
  const envelope = { v: 1, sid: "00000001-0001", seq: 1, ts: 1, tq: "ntp", mono: 1, boot: 1 };
  assert.deepEqual(contractFaults("up-tel", { ...envelope, ...health }), []);
  const { sys, clk, disk, rec, cams } = health;
  assert.ok(sys.rss_mb > 10 && sys.cpu_by.gw > 0);
  assert.ok(["synced", "free", "unset"].includes(clk.st));
  assert.ok(disk.length >= 1 && disk[0].size_mb > disk[0].free_mb);
  assert.deepEqual(
    [Object.keys(cams), Object.keys(rec.cams)],
    [
      ["site/gate", "yard"],
      ["site/gate", "yard"],
    ],
  );
  assert.equal(rec.ring_mb, 67);
  assert.ok(rec.newest > rec.oldest);
  const commands = (await get("commands/list")).map(({ name, scope }: Body) => `${name} ${scope}`);
  assert.ok(commands.includes("health read") && commands.includes("clip.export operate"));
});

test("recorders and the ring; footage by pages", async (t) => {
  const { get, footage } = await start(t);
  await footage("site/gate", 1000);
  const { ring, cams } = await get("recorders/list");
  assert.equal(ring.st, "recording");
  assert.equal(cams["site/gate"].st, "recording");
  assert.ok(cams["site/gate"].write_age_ms < 60_000);
  assert.deepEqual(Object.keys((await get("recorders/get/yard")).cams), ["yard"]);
  const { spans, next } = await get("spans/list/site/gate");
  assert.equal(next, null);
  const [{ from }] = spans;
  const clipped = await get(`spans/list/site/gate?from=${from + 200}&to=${from + 700}&max=1`);
  assert.deepEqual([clipped.spans[0].from, clipped.spans[0].to], [from + 200, from + 700]);
  const words = await get(`spans/list/site/gate?${new URLSearchParams({ to: new Date(from + 700).toISOString() })}`);
  assert.equal(words.spans[0].to, from + 700);
  assert.equal((await get("spans/list/site/gate?cursor=9")).spans.length, 0);
  for (const [query, wrong] of [
    ["from=yesterday", "from: has to be a time"],
    ["max=0", "max: has to be a number"],
    ["cursor=x", "cursor: has to be the `next`"],
    ["form=1", "form: is no field here"],
  ] as const)
    assert.match((await get(`spans/list/site/gate?${query}`, 400)).error, new RegExp(`^${wrong}`));
  assert.match((await get("spans/list/elsewhere", 404)).error, /nothing is recorded of a camera 'elsewhere'/);
});

for (const path of ["site/gate", "yard"]) {
  test(`locks on footage of ${path}`, async (t) => {
    const { get, post, remove, footage } = await start(t);
    const { from } = await footage(path, 1000);
    const wish = { cam: path, from, to: new Date(from + 600).toISOString(), reason: "theft" };
    const lock = await post("locks/add", wish);
    const { lock_id: id, mb, ...rest } = lock;
    assert.deepEqual(rest, { cam: path, from, to: from + 600, until: null, reason: "theft" });
    assert.deepEqual(
      (await get("locks/list")).locks.map(({ lock_id }: Body) => lock_id),
      [id],
    );
    assert.deepEqual((await get("locks/list?cam=door")).locks, []);
    assert.ok((await get(`spans/list/${path}`)).spans.some(({ locked }: Body) => locked));
    assert.deepEqual(await remove(`locks/delete/${id}`), { status: "ok" });
    assert.equal((await remove(`locks/delete/${id}`, 404)).error, "lock not found");
    assert.deepEqual((await get("locks/list")).locks, []);
    assert.match((await post("locks/add", { ...wish, to: from }, 400)).error, /^to: has to be later than from/);
    assert.match((await post("locks/add", { ...wish, cam: undefined }, 400)).error, /^cam: has to be the name of a path/);
    assert.match((await post("locks/add", { ...wish, from: 1000, to: 2000 }, 404)).error, /no footage/);
    assert.match((await post("locks/add", undefined, 400)).error, /^cam: /);
    assert.match((await post("locks/add", [1], 400)).error, /has to be an object/);
  });

  test(`a clip of ${path} is exported, looked at and deleted`, async (t) => {
    const { get, post, remove, footage, folder } = await start(t, "clipDirectory: FOLDER/clips\n");
    const { from } = await footage(path, 1500);
    const begun = await post("clips/add", { cam: path, from: from + 200, to: from + 1200, fmt: "mp4" });
    assert.deepEqual([begun.cam, begun.by], [path, "127.0.0.1"]);
    const clip = await until("the clip is ready", async () => {
      const now = await get(`clips/get/${begun.id}`);
      return now.st !== "run" && now;
    });
    assert.deepEqual([clip.st, clip.pct, clip.err], ["ok", 100, null]);
    const { folder: name, files, bytes } = clip.res;
    assert.match(name, path === "yard" ? /^yard_\d{4}-/ : /^site_gate_\d{4}-/);
    assert.deepEqual(
      await readdir(join(folder, "clips", name)),
      files.map((file: Body) => file.name),
    );
    assert.ok(bytes > 1000 && Math.abs(files[0].from - from) < 1000);
    assert.deepEqual(
      (await get("clips/list")).map(({ id }: Body) => id),
      [begun.id],
    );
    assert.deepEqual(await remove(`clips/delete/${begun.id}`), { status: "ok" });
    assert.deepEqual(await readdir(join(folder, "clips")), []);
    assert.deepEqual(await get("clips/list"), []);
    assert.equal((await get(`clips/get/${begun.id}`, 404)).error, "clip not found");
    assert.equal((await remove(`clips/delete/${NOBODY}`, 404)).error, "clip not found");
  });
}

test("a clip that cannot be made tells why", async (t) => {
  const { get, post } = await start(t, "clipDirectory: FOLDER/clips\n");
  const failed = async (wish: Body): Promise<string> => {
    const { id } = await post("clips/add", wish);
    return await until("its end", async () => (await get(`clips/get/${id}`)).err ?? undefined);
  };
  assert.equal(await failed({ cam: "door", from: 1000, to: 2000 }), "no recording segments found");
  assert.match(await failed({ cam: "elsewhere", from: 1000, to: 2000 }), /nothing is recorded of a camera 'elsewhere'/);
  for (const cam of ["../gate", "a/../../b", "..", "%2e%2e", "a\0b"])
    assert.match((await post("clips/add", { cam, from: 1000, to: 2000 }, 400)).error, /^cam: is no name of a path/);
  assert.match((await post("clips/add", { cam: "yard", from: 1000, to: 2000, fmt: "avi" }, 400)).error, /^fmt: has to be mp4/);
});

test("without a folder for clips none are made", async (t) => {
  const { get, post } = await start(t);
  const { id } = await post("clips/add", { cam: "yard", from: 1000, to: 2000 });
  assert.match(await until("its end", async () => (await get(`clips/get/${id}`)).err ?? undefined), /set `clipDirectory`/);
});

test("recording is switched off and on, and the config tells so", async (t) => {
  const { get, post, footage, gateway } = await start(t);
  await footage("yard", 400);
  assert.deepEqual(await post("recorders/set/yard", { on: false }), { on: false, kept: false });
  assert.deepEqual(Object.keys((await get("recorders/list")).cams), ["site/gate"]);
  const entryOf = async (name: string) => (await get("config/get")).settings.find((entry: Body) => entry.name === name);
  assert.deepEqual(await entryOf("paths.yard.record"), { name: "paths.yard.record", value: false, origin: "overlay" });
  assert.equal((await entryOf("paths.site/gate.record")).value, true);
  assert.equal(gateway.registry.get("yard")!.snapshot().reconnects, 0, "the stream goes on");
  assert.deepEqual(await post("recorders/set/yard", { on: true }), { on: true, kept: false });
  await until("it is recorded again", async () => (await get("recorders/get/yard")).cams["yard"]?.st === "recording");
  assert.match((await post("recorders/set/yard", { on: "yes" }, 400)).error, /^on: has to be true or false/);
  assert.match((await post("recorders/set/yard", [], 400)).error, /^on: has to be true or false/);
  assert.match((await post("recorders/set/yard", { on: true, cam: "gate", x: 1 }, 400)).error, /^x: is no field here/);
  assert.equal((await post("recorders/set/elsewhere", { on: true }, 404)).error, "path not found");
  const { changed, overlay, last_err } = await get("config/status");
  assert.deepEqual([changed, overlay, last_err], [true, null, null]);
});
