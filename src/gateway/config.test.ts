// Changes over the API of a whole gateway: in force when they are answered, also those of the API itself; and what the API may set.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { until } from "#testing/peers/until.ts";
import { RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { type ReloadFolder, reloadFolder } from "#testing/reload-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { syntheticSdp } from "#testing/synthetic-track.ts";
import { WatchedReader } from "#testing/watched-reader.ts";
import { Gateway } from "./gateway.ts";

interface Site extends ReloadFolder {
  readonly gateway: Gateway;
  /** Resolves with the status and the error's text. */
  ask(method: string, target: string, body?: unknown, port?: number): Promise<readonly [number, string]>;
  readonly apiPort: number;
}

async function start(t: TestContext, rest: string): Promise<Site> {
  const folder = await reloadFolder(t);
  const apiPort = await folder.freePort();
  await folder.write(`api: yes\napiAddress: 127.0.0.1:${apiPort}\n${rest}`);
  const { config, ...source } = folder.load();
  const gateway = await Gateway.start(config, folder.log, source);
  t.after(() => gateway.close());
  return {
    ...folder,
    gateway,
    apiPort,
    async ask(method, target, body, port = apiPort) {
      const response = await fetch(`http://127.0.0.1:${port}/v3/config/${target}`, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const answer = (await response.json()) as { error?: string };
      return [response.status, answer.error ?? ""];
    },
  };
}

const OK = [200, ""] as const;

test("a path that is added is pulled, changed, taken away: each is done when it is answered", async (t) => {
  const camera = await ScriptedCamera.start({ frameMs: 5 });
  t.after(() => camera.close());
  const { ask, gateway, port } = await start(t, "paths: {}\n");
  assert.deepEqual(await ask("POST", "paths/add/site/cam", { source: camera.url() }), OK);
  assert.ok(gateway.registry.get("site/cam") !== undefined);
  await until("the camera", () => gateway.registry.get("site/cam")?.state === "available");
  const reader = await WatchedReader.start(port, "site/cam");
  t.after(() => reader.close());
  assert.deepEqual(await ask("PATCH", "paths/patch/site/cam", { gopCache: false, sourceReconnectGrace: "5s" }), OK);
  assert.deepEqual(await ask("POST", "paths/patch/site/cam"), OK);
  assert.deepEqual(await ask("PATCH", "pathdefaults/patch", { recordDeleteAfter: "2d" }), OK);
  await reader.noticesNothing("patches of live settings");
  assert.deepEqual(await ask("DELETE", "paths/delete/site/cam"), OK);
  assert.equal(gateway.registry.get("site/cam"), undefined);
  await reader.closed;
});

test("the API's own settings: the answer comes before it is gone", async (t) => {
  const { ask, apiPort, freePort, gateway } = await start(t, "");
  const next = await freePort();
  assert.deepEqual(await ask("PATCH", "global/patch", { apiAddress: `127.0.0.1:${next}` }), OK);
  assert.deepEqual(await ask("PATCH", "global/patch", { apiAllowOrigins: ["http://a.example"], readTimeout: "9s" }, next), OK);
  await assert.rejects(ask("GET", "global/get"));
  const [status, error] = await ask("PATCH", "global/patch", { apiAddress: gateway.live.config.global.rtspAddress }, next);
  assert.equal(status, 400);
  assert.match(error, /address already in use/);
  assert.deepEqual(await ask("PATCH", "global/patch", { api: false }, next), OK);
  await assert.rejects(ask("GET", "global/get", undefined, next));
  assert.equal(gateway.ports["apiAddress"], undefined);
  assert.ok(apiPort !== next);
});

test("users are changed for the next request; a hook is none of the API's business", async (t) => {
  const { ask, port } = await start(t, "paths: {cam: {}}\n");
  const api = { user: "any", permissions: [{ action: "api" }] };
  assert.deepEqual(await ask("PATCH", "global/patch", { authInternalUsers: [api] }), OK);
  const client = await RawRtspClient.connect(port);
  t.after(() => client.close());
  const status = (await client.request("ANNOUNCE", `rtsp://127.0.0.1:${port}/cam`, { "Content-Type": "application/sdp" }, syntheticSdp()))
    .status;
  assert.equal(status, 401);
  assert.match(
    (await ask("PATCH", "paths/patch/cam", { runOnInit: "touch /tmp/x" }))[1],
    /^runOnInit: it can be set in the config file alone/,
  );
  assert.deepEqual(await ask("PATCH", "global/patch", { authInternalUsers: [] }), OK);
  assert.equal((await ask("GET", "global/get"))[0], 401, "whoever shuts himself out is out");
});

test("under `sourcePolicy: lan` nothing that the API sets is connected to where it must not be, also by redirect and by name", async (t) => {
  let connections = 0;
  const target = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  target.listen(0, "127.0.0.1");
  t.after(() => target.close());
  await until("the listener", () => target.listening);
  const { port } = target.address() as { port: number };
  const { ask, gateway, log, apiPort } = await start(
    t,
    `sourcePolicy: any\npaths: {own: {source: 'rtsp://127.0.0.1:${port}/x', sourceOnDemand: yes}}\n`,
  );
  assert.deepEqual(await ask("POST", "paths/add/before", { source: `rtsp://127.0.0.1:${port}/x` }), OK);
  await until("the source", () => connections > 0);
  assert.deepEqual(await ask("PATCH", "global/patch", { sourcePolicy: "lan" }), OK);
  await until("the path that is there already is not tried any more", () =>
    log.lines.some((line) => line.includes("private addresses only, not 127.0.0.1")),
  );
  const before = connections;
  for (const source of [
    `rtsp://127.0.0.1:${port}/x`,
    `rtsp://localhost:${port}/x`,
    `rtsp://0x7f.1:${port}/x`,
    `rtsp://[::ffff:127.0.0.1]:${port}/x`,
  ]) {
    const [status, error] = await ask("POST", "paths/add/x", { source });
    assert.equal(status, 400, source);
    assert.match(error, /^source: `sourcePolicy: lan` lets the API set /);
  }
  const tried = await fetch(`http://127.0.0.1:${apiPort}/camgate/v1/cameras/try`, {
    method: "POST",
    body: JSON.stringify({ source: `rtsp://localhost:${port}/x` }),
  });
  assert.match(
    ((await tried.json()) as { error: string }).error,
    /the camera cannot be used: `sourcePolicy: lan` lets the API set no address of this machine/,
  );
  assert.equal(connections, before);
  const snapshot = gateway.registry.get("before")!.snapshot();
  assert.match(snapshot.lastError ?? "", /private addresses only/);
});

test("the ring is opened for the first path that is to be recorded there", async (t) => {
  const folder = await reloadFolder(t);
  const ring = join(folder.folder, "ring");
  await mkdir(ring);
  const rest = (store: string): string =>
    `ring: {directory: '${ring}', size: 32M}\npaths: {cam: {record: yes, recordStore: ${store}, recordPath: '${folder.folder}/f/%path/%s-%f'}}\n`;
  await folder.write(rest("files"));
  const { config, ...source } = folder.load();
  const gateway = await Gateway.start(config, folder.log, source);
  t.after(() => gateway.close());
  await folder.write(rest("ring"));
  await gateway.live.reload();
  await until("the ring", () => folder.log.lines.some((line) => line.startsWith(`[ring] recording to ${ring}`)));
  const publisher = await RawRtspClient.connect(folder.port);
  t.after(() => publisher.close());
  await recordOverTcp(publisher, `rtsp://127.0.0.1:${folder.port}/cam`, syntheticSdp());
  assert.deepEqual(gateway.live.status.pendingRestart, []);
  await folder.write(rest("ring").replace("32M", "48M"));
  await gateway.live.reload();
  assert.deepEqual(gateway.live.status.pendingRestart, ["ring.size"]);
  assert.ok(folder.log.lines.includes("changed, and taken at the next start: ring.size"));
});
