// The matrix of what a change restarts (docs/reload.md), row by row: readers over RTSP are attached all the time, and count what comes.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { until } from "#testing/peers/until.ts";
import { RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { type ReloadFolder, reloadFolder } from "#testing/reload-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { SyntheticVideo, syntheticSdp } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";
import { WatchedReader } from "#testing/watched-reader.ts";
import { Gateway } from "./gateway.ts";

interface Site extends ReloadFolder {
  readonly gateway: Gateway;
  readonly camera: ScriptedCamera;
  /** Of the pulled path `cam`, and of `pub`, where somebody publishes. */
  readonly readers: readonly WatchedReader[];
  /** Writes the file and has it read. */
  change(rest: string): Promise<void>;
  /** How often a server was opened, by the name in the log. */
  opened(name: string): number;
  /** Nobody who reads or publishes noticed. */
  undisturbed(row: string): Promise<void>;
}

const cameraLine = (camera: ScriptedCamera): string => `  cam: {source: '${camera.url()}'}\n`;

async function startSite(t: TestContext, rest: (camera: ScriptedCamera) => string): Promise<Site> {
  const folder = await reloadFolder(t);
  const camera = await ScriptedCamera.start({ frameMs: 5 });
  t.after(() => camera.close());
  await folder.write(rest(camera));
  const { config, ...source } = folder.load();
  const gateway = await Gateway.start(config, folder.log, source);
  t.after(() => gateway.close());
  await until("the camera", () => gateway.registry.get("cam")?.state === "available");
  const publisher = await RawRtspClient.connect(folder.port);
  await recordOverTcp(publisher, `rtsp://127.0.0.1:${folder.port}/pub`, syntheticSdp());
  const video = new SyntheticVideo();
  const timer = setInterval(() => {
    if (!publisher.isClosed) for (const packet of rtpOf(video.nextBurst())) publisher.sendPacket(0, packet);
  }, 5);
  t.after(() => {
    clearInterval(timer);
    publisher.close();
  });
  const readers = [await WatchedReader.start(folder.port, "cam"), await WatchedReader.start(folder.port, "pub")];
  t.after(() => {
    for (const reader of readers) reader.close();
  });
  return {
    ...folder,
    gateway,
    camera,
    readers,
    async change(next) {
      await folder.write(next);
      await gateway.live.reload();
    },
    opened: (name) => folder.log.lines.filter((line) => line.includes(`[${name}] listener opened`)).length,
    async undisturbed(row) {
      for (const reader of readers) await reader.noticesNothing(row);
      assert.ok(!publisher.isClosed, row);
      assert.equal(camera.of("PLAY").length, 1, row);
    },
  };
}

test("settings of paths: hooks, recording, forwarding, the cache and other paths disturb no stream", async (t) => {
  const site = await startSite(t, (camera) => `paths:\n${cameraLine(camera)}  pub: {}\n`);
  const { change, undisturbed, camera, folder } = site;
  const apiPort = await site.freePort();
  const entry = (more: string): string =>
    `api: yes\napiAddress: 127.0.0.1:${apiPort}\npaths:\n  cam: {source: '${camera.url()}'${more}}\n  pub: {}\n`;
  const recorders = async (): Promise<string> => (await fetch(`http://127.0.0.1:${apiPort}/camgate/v1/recorders/list`)).text();
  const recorded = async (sub: string): Promise<number> => (await readdir(join(folder, sub, "cam")).catch(() => [])).length;
  const record = (sub: string, more = ""): string => `, record: yes, recordPath: '${folder}/${sub}/%path/%s-%f'${more}`;

  await change(entry(", runOnRead: /bin/true, runOnUnavailable: /bin/true"));
  await undisturbed("hooks of the path");
  await change(entry("").replace("pub: {}", "pub: {runOnDemand: /bin/true, runOnDemandCloseAfter: 5s}"));
  await undisturbed("a command on demand, where somebody publishes already");
  await change(entry(", forward: [{dest: rtsp://127.0.0.1:1/x}]"));
  await undisturbed("where it is forwarded to");
  await change(entry(", gopCache: no, sourceReconnectGrace: 5s, webrtc: no"));
  await undisturbed("the cache, the grace period, WebRTC");

  await change(entry(record("first")));
  await until("a recording, where nothing was recorded before", async () => (await recorded("first")) > 0);
  await undisturbed("recording for the first time");
  await change(entry(record("second", ", recordPartDuration: 200ms, recordDeleteAfter: 2d")));
  await until("a recording at the other place", async () => (await recorded("second")) > 0);
  await undisturbed("another place and another part duration");
  assert.match(await recorders(), /"st":"recording"/);
  await change(entry(""));
  await until("nothing is recorded any more", async () => !/"st":"recording"/.test(await recorders()));
  await undisturbed("no recording");

  await change(`${entry("")}  more: {maxReaders: 3}\n  ~^x(\\d)$: {}\n`);
  await change(`${entry("")}  more: {maxReaders: 4}\n`);
  await change(entry(""));
  await undisturbed("other paths come, change and go");
  await change(`pathDefaults: {runOnRead: /bin/true, gopCache: no, recordDeleteAfter: 3d}\n${entry("")}`);
  await undisturbed("defaults of paths");
  assert.equal(site.opened("RTSP"), 1);
});

test("global settings: users, hooks, the log and other servers disturb no stream", async (t) => {
  const paths = (camera: ScriptedCamera): string => `paths:\n${cameraLine(camera)}  pub: {}\n`;
  const site = await startSite(t, paths);
  const { change, undisturbed, opened, port, freePort } = site;
  const rest = paths(site.camera);
  const statusOf = async (user: string): Promise<number> => {
    const client = await RawRtspClient.connect(port);
    t.after(() => client.close());
    const headers = { Authorization: `Basic ${Buffer.from(user).toString("base64")}` };
    return (await client.request("DESCRIBE", `rtsp://127.0.0.1:${port}/cam`, headers)).status;
  };
  const any = "{user: any, permissions: [{action: publish}, {action: read, path: pub}, {action: read, path: cam}]}";

  await change(`authInternalUsers: [${any}, {user: me, pass: one, permissions: [{action: read}]}]\n${rest}`);
  await undisturbed("a user more");
  await change(`authInternalUsers: [${any}, {user: me, pass: two, permissions: [{action: read, path: cam}]}]\n${rest}`);
  await undisturbed("another password of somebody else");
  assert.equal(await statusOf("me:two"), 200);
  await change(
    `logLevel: debug\nrunOnConnect: /bin/true\nrunOnDisconnect: /bin/true\nsourcePolicy: lan\napiPersist: yes\nrecordMinFree: 1M\n${rest}`,
  );
  await undisturbed("the log, hooks of connections, policies");

  for (const [name, setting] of [
    ["API", "api"],
    ["metrics", "metrics"],
    ["playback", "playback"],
    ["pprof", "pprof"],
    ["WebRTC", "webrtc"],
  ] as const) {
    const first = await freePort();
    const media = setting === "webrtc" ? `webrtcLocalUDPAddress: 127.0.0.1:${await freePort()}\n` : "";
    const at = (number: number): string => `${setting}: yes\n${setting}Address: 127.0.0.1:${number}\n${media}`;
    const answers = async (number: number): Promise<boolean> =>
      fetch(`http://127.0.0.1:${number}/`).then(
        () => true,
        () => false,
      );
    await change(at(first) + rest);
    assert.ok(await answers(first));
    await change(`${at(first)}logLevel: debug\n${rest}`);
    assert.equal(opened(name), 1, "nothing of it was changed");
    const second = await freePort();
    await change(at(second) + rest);
    assert.deepEqual([await answers(first), await answers(second)], [false, true]);
    await change(`${at(second)}${setting}AllowOrigins: [http://a.example]\n${rest}`);
    assert.equal(opened(name), 3, "again at the same port");
    assert.ok(await answers(second));
    await change(rest);
    assert.ok(!(await answers(second)));
    await undisturbed(`${name}: on, elsewhere, off`);
  }
  assert.equal(opened("RTSP"), 1);
});

test("what all servers, and what streams are made with: clients of RTSP are closed, and cameras go on or are pulled anew", async (t) => {
  const site = await startSite(t, (camera) => `paths:\n${cameraLine(camera)}  pub: {}\n`);
  const { change, readers, camera, port } = site;
  const paths = `paths:\n${cameraLine(camera)}  pub: {}\n`;
  await change(`readTimeout: 9s\n${paths}`);
  for (const reader of readers) await reader.closed;
  const again = await WatchedReader.start(port, "cam");
  t.after(() => again.close());
  await again.noticesNothing("its own start");
  assert.deepEqual([camera.of("PLAY").length, site.opened("RTSP")], [1, 2]);
  await change(`readTimeout: 9s\nudpMaxPayloadSize: 1200\n${paths}`);
  await again.closed;
  await until("the camera is pulled anew", () => camera.of("PLAY").length === 2);
});

test("a port of RTSP: its clients are closed, cameras and other servers go on", async (t) => {
  const site = await startSite(t, (camera) => `paths:\n${cameraLine(camera)}  pub: {}\n`);
  const { change, readers, head, port, freePort, camera, log, file, gateway } = site;
  const apiPort = await freePort();
  const rest = `api: yes\napiAddress: 127.0.0.1:${apiPort}\npaths:\n${cameraLine(camera)}  pub: {}\n`;
  await change(rest);
  const next = await freePort();
  const { writeFile } = await import("node:fs/promises");
  await writeFile(file, head.replace(`127.0.0.1:${port}`, `127.0.0.1:${next}`) + rest);
  await gateway.live.reload();
  for (const reader of readers) await reader.closed;
  await assert.rejects(RawRtspClient.connect(port));
  const again = await WatchedReader.start(next, "cam");
  t.after(() => again.close());
  await again.noticesNothing("its own start");
  assert.equal(camera.of("PLAY").length, 1);
  assert.equal(site.opened("API"), 1);
  assert.equal(log.lines.filter((line) => line.includes("[RTSP] listener opened")).length, 2);
});

test("what a path is made with: that path alone is made anew", async (t) => {
  const site = await startSite(t, (camera) => `paths:\n${cameraLine(camera)}  pub: {}\n`);
  const { change, camera, readers } = site;
  const [cam, pub] = readers;
  await change(`paths:\n  cam: {source: '${camera.url()}', rtspTransport: tcp}\n  pub: {}\n`);
  await cam!.closed;
  await pub!.noticesNothing("another transport of another path");
  await until("the camera is pulled anew", () => camera.of("PLAY").length === 2);
  await change(`paths:\n  cam: {source: '${camera.url()}', rtspTransport: tcp}\n`);
  await pub!.closed;
  assert.equal(camera.of("PLAY").length, 2);
});

test("what cannot be: a typo, a port that is taken, a file that is gone; everything goes on, and everybody can see it", async (t) => {
  const taken = await ScriptedCamera.start();
  t.after(() => taken.close());
  const site = await startSite(t, (camera) => `paths:\n${cameraLine(camera)}  pub: {}\n`);
  const { change, undisturbed, gateway, camera, freePort, log } = site;
  const ports = [await freePort(), await freePort()];
  const servers = `api: yes\napiAddress: 127.0.0.1:${ports[0]}\nmetrics: yes\nmetricsAddress: 127.0.0.1:${ports[1]}\n`;
  const paths = `paths:\n${cameraLine(camera)}  pub: {}\n`;
  await change(servers + paths);
  const before = gateway.config;
  const wrong: [string, RegExp][] = [
    [`${servers}readTimout: 5s\n${paths}`, /readTimout: unknown setting; did you mean 'readTimeout'\?/],
    [`${servers}paths:\n  cam: {source: '${camera.url()}\n`, /not valid YAML/],
    [`${servers}paths:\n  cam: {source: nonsense}\n`, /paths\.cam\.source: is neither/],
    [`${servers.replace(`${ports[1]}`, `${taken.port}`)}rtspTransports: [tcp]\n${paths}`, /address already in use/],
  ];
  for (const [text, reason] of wrong) {
    await assert.rejects(change(text), { message: reason });
    assert.equal(gateway.config, before);
    await undisturbed(`refused: ${reason}`);
    const metrics = await (await fetch(`http://127.0.0.1:${ports[1]}/metrics?type=camgate_config`)).text();
    assert.match(metrics, /^camgate_config_last_reload_successful 0$/m);
    assert.match(gateway.live.status.lastError!.text, reason);
    const answer = await fetch(`http://127.0.0.1:${ports[0]}/v3/config/reload`, { method: "POST" });
    assert.equal(answer.status, 400);
    assert.match(((await answer.json()) as { error: string }).error, reason);
  }
  assert.equal(log.lines.filter((line) => line.includes("was not reloaded, the one of before runs on")).length, 8);
  assert.deepEqual([site.opened("RTSP"), site.opened("API")], [1, 1], "RTSP stays as long as another server cannot be had");
});
