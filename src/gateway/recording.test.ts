// Recording and playback of the whole gateway, from the text of its config to what HTTP clients get.
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { StartFault } from "#base/errors.ts";
import { parseConfig } from "#config/parse-config.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { readFragmentedFile, samplesOf } from "#testing/mp4/whole-file.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { frameNumberOf, SyntheticVideo, syntheticSdp } from "#testing/synthetic-track.ts";
import { Gateway } from "./gateway.ts";

interface Span {
  readonly start: string;
  readonly duration: number;
  readonly url: string;
  readonly timeQuality: string;
}

interface Started {
  readonly gateway: Gateway;
  readonly log: ReturnType<typeof collectedLog>;
  readonly rtspPort: number;
  readonly origin: string;
  /** Undefined: nothing is recorded. */
  spans(path: string): Promise<readonly Span[] | undefined>;
  /** Once so many seconds can be listed in one span. */
  recorded(path: string, seconds: number): Promise<Span>;
}

/** Frames of 40 ms, a keyframe every 200 ms: fragments come quickly. */
async function startCamera(t: TestContext): Promise<ScriptedCamera> {
  const camera = await ScriptedCamera.start({ frameMs: 40, video: { gopFrames: 5, frameBytes: 500 } });
  t.after(() => camera.close());
  return camera;
}

/** A gateway with a folder of its own and a ring of 1 GB, of which little is made in so short a time. `rest` stands behind the settings of those. */
async function start(t: TestContext, folder: string, rest: string): Promise<Started> {
  const [rtspPort, playbackPort, rtp] = [await freeTcpPort(0), await freeTcpPort(0), await freeUdpPortPair(0)];
  const text = `
webrtc: no
playback: yes
playbackAddress: 127.0.0.1:${playbackPort}
rtspAddress: 127.0.0.1:${rtspPort}
rtpAddress: 127.0.0.1:${rtp}
rtcpAddress: 127.0.0.1:${rtp + 1}
dataDirectory: ${folder}/data
pathDefaults: {recordPartDuration: 200ms, recordPath: '${folder}/files/%path/%Y-%m-%d_%H-%M-%S-%f'}
ring: {directory: '${folder}/ring', size: 64M, syncPeriod: 100ms}
${rest}`;
  const { config, problems } = parseConfig(text, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  const log = collectedLog();
  const gateway = await Gateway.start(config, log);
  t.after(() => gateway.close());
  const origin = `http://127.0.0.1:${gateway.ports["playbackAddress"]}`;
  const spans = async (path: string): Promise<readonly Span[] | undefined> => {
    const response = await fetch(`${origin}/list?path=${path}`);
    if (response.status === 404) return undefined;
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as Span[];
  };
  const recorded = (path: string, seconds: number): Promise<Span> =>
    until(`${seconds} s of ${path}`, async () => (await spans(path))?.find(({ duration }) => duration >= seconds));
  return { gateway, log, rtspPort, origin, spans, recorded };
}

/** Numbers of the frames in a clip. */
async function framesOf(url: string): Promise<number[]> {
  const response = await fetch(url);
  const bytes = Buffer.from(await response.arrayBuffer());
  assert.equal(response.status, 200, bytes.toString("utf8", 0, 200));
  const samples = samplesOf(readFragmentedFile(bytes)!.fragments, 0);
  return samples.flatMap(({ frame }) => frame.flatMap((nal) => frameNumberOf(nal) ?? []));
}

function assertConsecutive(frames: readonly number[], atLeast: number): void {
  assert.ok(frames.length >= atLeast, `${frames.length} frames`);
  assert.deepEqual(
    frames,
    frames.map((_, i) => frames[0]! + i),
  );
}

test("cameras are recorded to files and to the ring, and both are played back", async (t) => {
  const [camera, folder] = [await startCamera(t), await temporaryFolder(t)];
  await mkdir(join(folder, "ring"));
  const rest = `paths:
  gate: {source: '${camera.url("gate")}', record: yes}
  yard: {source: '${camera.url("yard")}', record: yes, recordStore: ring}
  hall: {source: '${camera.url("hall")}'}
`;
  const { gateway, origin, spans, recorded, log } = await start(t, folder, rest);
  for (const path of ["gate", "yard"]) {
    const { url, duration, timeQuality } = await recorded(path, 1);
    assert.ok(["none", "est", "hint", "rtc", "ntp", "ptp"].includes(timeQuality), timeQuality);
    assertConsecutive(await framesOf(url), Math.floor(duration * 25) - 1);
    const { start: from } = (await spans(path))![0]!;
    const part = await fetch(`${origin}/get?${new URLSearchParams({ path, start: from, duration: "0.4", format: "mp4" })}`);
    assert.equal(part.headers.get("content-type"), "video/mp4");
    assert.equal(Number(part.headers.get("content-length")), (await part.arrayBuffer()).byteLength);
  }
  assert.equal(await spans("hall"), undefined, "nobody wants it recorded");
  const files = await readdir(join(folder, "files"), { recursive: true });
  assert.match(files.filter((name) => name.endsWith(".mp4")).join(), /^gate\/\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\d{6}\.mp4$/);
  assert.ok(log.lines.includes(`[ring] recording to ${folder}/ring`));

  // Another run of the program has it all.
  await gateway.close();
  const again = await start(t, folder, "paths:\n  gate:\n  yard: {recordStore: ring}\n");
  for (const path of ["gate", "yard"]) {
    const [span] = (await again.spans(path))!;
    assertConsecutive(await framesOf(span!.url), 25);
  }
});

test("paths of an expression are recorded when they come, each to the store of its entry", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "ring"));
  const rest = "paths:\n  ~^car(\\d+)$: {record: yes}\n  ~^bus(\\d+)$: {record: yes, recordStore: ring}\n";
  const { rtspPort, spans, recorded, origin } = await start(t, folder, rest);
  for (const path of ["car7", "bus8"]) {
    assert.equal(await spans(path), undefined);
    const publisher = await RawRtspClient.connect(rtspPort);
    t.after(() => publisher.close());
    await recordOverTcp(publisher, `rtsp://127.0.0.1:${rtspPort}/${path}`, syntheticSdp());
    const video = new SyntheticVideo({ gopFrames: 5, frameBytes: 500 });
    const timer = setInterval(() => publisher.socket.write(video.nextBurst().bytes), 40);
    t.after(() => clearInterval(timer));
    assertConsecutive(await framesOf((await recorded(path, 0.5)).url), 10);
  }
  assert.equal((await fetch(`${origin}/list?path=tram9`)).status, 400, "no entry is for it");
  assert.deepEqual((await readdir(join(folder, "files"))).sort(), ["car7"]);
});

test("recording is no viewer: a source on demand is not started by it, and is recorded while somebody watches", async (t) => {
  const [camera, folder] = [await startCamera(t), await temporaryFolder(t)];
  const settings = "record: yes, sourceOnDemand: yes, sourceOnDemandCloseAfter: 100ms";
  const { gateway, rtspPort, spans, recorded } = await start(t, folder, `paths:\n  gate: {source: '${camera.url()}', ${settings}}\n`);
  assert.equal(await spans("gate"), undefined);
  assert.equal(camera.connections.length, 0);
  const viewer = await RawRtspClient.connect(rtspPort);
  const url = `rtsp://127.0.0.1:${rtspPort}/gate`;
  await viewer.request("DESCRIBE", url);
  await viewer.request("SETUP", `${url}/trackID=0`, { Transport: "RTP/AVP/TCP;unicast;interleaved=0-1" });
  await viewer.request("PLAY", url);
  await recorded("gate", 0.5);
  assert.equal(gateway.registry.get("gate")!.snapshot().readers.length, 1);
  viewer.close();
  await until("the camera is left", () => camera.of("TEARDOWN").length === 1);
});

test("who may not play back gets 401, and recordings nobody made are a 404", async (t) => {
  const folder = await temporaryFolder(t);
  const { origin } = await start(
    t,
    folder,
    `authInternalUsers:
- {user: viewer, pass: v, permissions: [{action: read}]}
- {user: guard, pass: g, permissions: [{action: playback, path: gate}]}
paths: {gate: {}, yard: {}}
`,
  );
  const ask = async (path: string, login?: string): Promise<readonly [number, unknown]> => {
    const headers = login === undefined ? {} : { Authorization: `Basic ${Buffer.from(login).toString("base64")}` };
    const response = await fetch(`${origin}/list?path=${path}`, { headers });
    return [response.status, await response.json()];
  };
  const refused = [401, { status: "error", error: "authentication error" }];
  assert.deepEqual(await ask("gate"), refused);
  // A wrong password takes its time.
  const answers = await Promise.all([ask("gate", "viewer:v"), ask("gate", "guard:x"), ask("yard", "guard:g")]);
  for (const answer of answers) assert.deepEqual(answer, refused);
  assert.deepEqual(await ask("gate", "guard:g"), [404, { status: "error", error: "no recording segments found" }]);
  const clip = await fetch(`${origin}/get?path=gate&start=2026-01-01T00:00:00Z&duration=1&user=guard&pass=g`);
  assert.equal(clip.status, 404);
});

test("a ring whose directory is missing is told of; other paths are recorded, and everything is relayed", async (t) => {
  const [camera, folder] = [await startCamera(t), await temporaryFolder(t)];
  const rest = `paths:
  gate: {source: '${camera.url("gate")}', record: yes}
  yard: {source: '${camera.url("yard")}', record: yes, recordStore: ring}
`;
  const { log, gateway, recorded } = await start(t, folder, rest);
  assert.ok(log.lines.includes(`[ring] nothing is recorded: ${folder}/ring is not there (gone)`), log.lines.join("\n"));
  await recorded("gate", 0.5);
  assert.equal(gateway.registry.get("yard")!.state, "available");
  const { url } = await recorded("yard", 0.5);
  const numbers = await framesOf(url);
  assert.ok(numbers.length >= 10, "the last half minute is in memory, and plays");
  assert.deepEqual(await readdir(folder), ["data", "files"]);
});

test("what is recorded while a disk is out of use is played from memory, and is on the disk when it is back", async (t) => {
  const [camera, folder] = [await startCamera(t), await temporaryFolder(t)];
  await writeFile(join(folder, "files"), "in the way");
  const rest = `paths: {gate: {source: '${camera.url("gate")}', record: yes}}\n`;
  const { log, spans, recorded } = await start(t, folder, rest);
  const held = await framesOf((await recorded("gate", 1)).url);
  assert.ok(
    log.lines.some((line) => /\[recorder gate\] the store failed: .*\(io\)/.test(line)),
    log.lines.join("\n"),
  );
  assert.equal((await readFile(join(folder, "files"))).toString(), "in the way");
  await rm(join(folder, "files"));
  const onDisk = async (): Promise<boolean> => (await readdir(join(folder, "files", "gate")).catch(() => [])).length === 1;
  await until("the disk to have it", onDisk);
  const { url, duration } = await recorded("gate", held.length / 25 + 1);
  const stored = await framesOf(url);
  assert.deepEqual(stored.slice(0, 20), held.slice(0, 20));
  assertConsecutive(stored, Math.floor(duration * 25) - 1);
  assert.equal((await spans("gate"))!.length, 1);
  assert.ok(!log.lines.some((line) => line.includes("is missing")), log.lines.join("\n"));
});

test("a ring belongs to one process: the second does not start, with an exit code of its own, and leaves nothing running", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "ring"));
  const rest = "paths: {gate: {record: yes, recordStore: ring}}\n";
  const { gateway } = await start(t, folder, rest);
  await assert.rejects(start(t, folder, rest), (error: Error) => {
    assert.ok(error instanceof StartFault);
    assert.equal(error.exitCode, 75); // sysexits.h EX_TEMPFAIL
    assert.match(error.message, new RegExp(`another process records to ${folder}/ring \\{"pid":${process.pid},`));
    return true;
  });
  await gateway.close();
  await start(t, folder, rest);
});
