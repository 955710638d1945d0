import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { version } from "#base/version.ts";
import { startCameras } from "#testing/camera/cameras.ts";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { until } from "#testing/peers/until.ts";
import { playOverTcp, RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { bundle } from "../scripts/bundle.ts";

const run = promisify(execFile);

/** The version of the Node that a machine has of its own, outside node_modules, with the PATH that finds it. */
async function machineNode(): Promise<{ path: string; version: string } | undefined> {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  const path = folders.join(delimiter);
  try {
    const { stdout } = await run("node", ["--version"], { env: { PATH: path } });
    return { path, version: stdout.trim() };
  } catch {
    return undefined;
  }
}

const other = await machineNode();

/** Starts the program as a user would: it pulls a camera that asks for a digest; a client plays it, live and what was recorded; SIGTERM ends it. */
async function relaysAndRecordsACamera(program: string, node: { readonly file: string; readonly path: string }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "camgate-smoke-"));
  const login = { user: "admin", pass: "p@ss:w/rd#1" };
  const cameras = await startCameras({ port: 0, count: 1, login });
  const port = await freeTcpPort(0);
  const [rtpPort, playbackPort] = [await freeUdpPortPair(0), await freeTcpPort(0)];
  const source = `rtsp://${login.user}:${login.pass}@127.0.0.1:${cameras.port}/gate`;
  await mkdir(join(folder, "ring"));
  const config = `webrtc: no
rtspAddress: 127.0.0.1:${port}
rtpAddress: 127.0.0.1:${rtpPort}
rtcpAddress: 127.0.0.1:${rtpPort + 1}
playback: yes
playbackAddress: 127.0.0.1:${playbackPort}
ring: {directory: ring, size: 32M}
pathDefaults: {source: '${source}', record: yes}
paths:
  gate:
  yard: {recordStore: ring}
`;
  await writeFile(join(folder, "mediamtx.yml"), config);
  const child = spawn(node.file, [program], { cwd: folder, env: { PATH: node.path }, stdio: ["ignore", "pipe", "inherit"] });
  try {
    let log = "";
    for await (const chunk of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
      log += chunk;
      if (log.includes("stream is available")) break;
    }
    child.stdout.resume();
    assert.ok(!log.includes(login.pass), "the password is not logged");
    const client = await RawRtspClient.connect(port);
    await playOverTcp(client, `rtsp://127.0.0.1:${port}/gate`);
    await client.when("a second of pictures", (packets) => packets.filter(({ channel }) => channel === 0).length >= 25);
    client.close();
    for (const path of ["gate", "yard"]) await playsBack(`http://127.0.0.1:${playbackPort}`, path);
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "exit"), [0, null]);
  } finally {
    child.kill("SIGKILL");
    await cameras.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Once a second of it can be listed. */
async function playsBack(origin: string, path: string): Promise<void> {
  const span = await until(`footage of ${path}`, async () => {
    const list = await fetch(`${origin}/list?path=${path}`).catch(() => undefined);
    if (list?.status !== 200) return undefined;
    const spans = (await list.json()) as { readonly url: string; readonly duration: number }[];
    return spans.find(({ duration }) => duration >= 1);
  });
  for (const format of ["fmp4", "mp4"]) {
    const clip = await fetch(`${span.url}&format=${format}`);
    assert.equal(clip.headers.get("content-type"), "video/mp4");
    assert.ok((await clip.arrayBuffer()).byteLength > 10_000);
  }
}

describe("the bundle", () => {
  let folder = "";
  let program = "";

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "camgate-build-"));
    program = await bundle(join(folder, "dist"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test(`tells its version on Node ${process.version}`, async () => {
    const { stdout } = await run(process.execPath, [program, "--version"], { cwd: folder });
    assert.equal(stdout.trim(), version);
  });

  test(`relays, records and plays back a camera on Node ${process.version}`, () =>
    relaysAndRecordsACamera(program, { file: process.execPath, path: process.env["PATH"] ?? "" }));

  const skip = !other?.version.startsWith("v20.") && `this machine's own Node is ${other?.version ?? "missing"}, not 20`;
  test("is a program, and runs on Node 20", { skip }, async () => {
    const { stdout } = await run(program, ["--version"], { cwd: folder, env: { PATH: other?.path } });
    assert.equal(stdout.trim(), version);
  });

  test("relays, records and plays back a camera on Node 20", { skip }, () =>
    relaysAndRecordsACamera(program, { file: "node", path: other?.path ?? "" }),
  );
});
