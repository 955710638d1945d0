import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect } from "mqtt";
import { leftoverMarker, takeLeftovers } from "../../scripts/leftovers.ts";
import { readFragmentedFile, samplesOf } from "./mp4/whole-file.ts";
import { until } from "./peers/until.ts";
import { overTcp, RawRtspClient } from "./raw-rtsp-client.ts";

const DEMO = fileURLToPath(new URL("demo.ts", import.meta.url));
/** The screen's last line. */
const READY = "The gateway's log:";

/** Starts the demo with a folder for temporary files of its own, and waits for its screen. */
async function startDemo(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "camgate-demo-test-"));
  const marker = leftoverMarker();
  const env = { ...process.env, TMPDIR: folder, [marker.name]: marker.value };
  const demo: ChildProcess = spawn(process.execPath, [DEMO, "--any-port"], { env, stdio: ["ignore", "pipe", "pipe"] });
  t.after(async () => {
    demo.kill("SIGKILL");
    await takeLeftovers(marker, 0);
    rmSync(folder, { recursive: true, force: true });
  });
  const closed = once(demo, "close");
  let output = "";
  await new Promise<void>((resolve, reject) => {
    const take = (chunk: string): void => {
      output += chunk;
      if (output.includes(READY)) resolve();
    };
    for (const stream of [demo.stdout!, demo.stderr!]) stream.setEncoding("utf8").on("data", take);
    void closed.then(() => reject(new Error(`the demo ended before it was ready\n${output}`)));
  });
  return {
    demo,
    urls: [...output.matchAll(/^ {2}(rtsp:\S+)$/gm)].map(([, url]) => url!),
    lists: [...output.matchAll(/^ {2}(http:\S+\/list\?path=\S+)$/gm)].map(([, url]) => url!),
    pidOf: (program: string) => Number(new RegExp(`^${program} +process (\\d+)`, "m").exec(output)![1]),
    output: () => output,
    /** Its exit code, once it has ended, and what it left behind. */
    end: async () => {
      const [code] = await closed;
      return { code, processes: await takeLeftovers(marker, 0), files: readdirSync(folder) };
    },
  };
}

/** Plays a path over TCP until three frames and some sound have come. */
async function play(url: string) {
  const client = await RawRtspClient.connect(Number(new URL(url).port));
  try {
    const { body: sdp } = await client.request("DESCRIBE", url);
    for (const track of [0, 1]) await client.request("SETUP", `${url}/trackID=${track}`, { Transport: overTcp(2 * track) });
    await client.request("PLAY", url);
    const video = () => client.on(0);
    const audio = () => client.on(2);
    const isFrameEnd = (packet: Buffer) => packet[1]! >> 7 === 1; // the marker, RFC 6184 §5.1
    await client.when("three frames and sound", () => video().filter(isFrameEnd).length >= 3 && audio().length > 0);
    return { sdp, video: video(), audio: audio() };
  } finally {
    client.close();
  }
}

/** The next that comes. */
// biome-ignore lint/suspicious/noExplicitAny: a document of the contract
async function telemetryOf(t: TestContext, broker: string): Promise<any> {
  const client = connect(broker, { reconnectPeriod: 0 });
  t.after(() => client.endAsync(true));
  const received = new Promise<Buffer>((resolve) => client.once("message", (_, payload) => resolve(payload)));
  await client.subscribeAsync("cg/v1/demo/+/up/tel");
  return JSON.parse((await received).toString());
}

/** The first clip of a list, once it has a second. */
async function playBack(list: string) {
  const span = await until(`a second of ${list}`, async () => {
    const response = await fetch(list);
    const spans = response.status === 200 ? ((await response.json()) as { readonly url: string; readonly duration: number }[]) : [];
    return spans.find(({ duration }) => duration >= 1);
  });
  const clip = await fetch(span.url);
  return readFragmentedFile(Buffer.from(await clip.arrayBuffer()))!;
}

test("the demo shows pictures with sound on every path, records all, and Ctrl-C leaves nothing behind", async (t) => {
  const { demo, urls, lists, output, end } = await startDemo(t);
  assert.deepEqual(
    urls.map((url) => new URL(url).pathname),
    ["/gate", "/yard", "/dock", "/lobby"],
  );
  for (const url of urls) {
    const { sdp, video, audio } = await play(url);
    assert.match(sdp, /^a=fmtp:\d+ .*sprop-parameter-sets=[^;\s]+,/m);
    assert.match(sdp, /^m=audio /m);
    const times = new Set(video.map((packet) => packet.readUInt32BE(4)));
    assert.ok(times.size >= 3);
    assert.ok(audio.every((packet) => packet.length === 12 + 320));
  }
  const telemetry = await telemetryOf(t, /mqtt:\/\/[\d.:]+/.exec(output())![0]);
  assert.deepEqual(Object.keys(telemetry.cams).sort(), ["dock", "gate", "lobby", "yard"]);
  assert.equal(lists.length, urls.length);
  for (const list of lists) {
    const { init, fragments } = await playBack(list);
    assert.deepEqual(
      init.tracks.map(({ kind }) => kind),
      ["video", "audio"],
    );
    assert.ok(samplesOf(fragments, 0).length >= 25);
  }
  demo.kill("SIGINT");
  demo.kill("SIGINT"); // from the terminal, and again from npm
  assert.deepEqual(await end(), { code: 0, processes: [], files: [] });
});

test("SIGTERM ends it as well", async (t) => {
  const { demo, end } = await startDemo(t);
  demo.kill("SIGTERM");
  assert.deepEqual(await end(), { code: 0, processes: [], files: [] });
});

for (const program of ["gateway", "cameras", "broker"]) {
  test(`without the process of its ${program} the demo ends, and says so`, async (t) => {
    const { pidOf, output, end } = await startDemo(t);
    process.kill(pidOf(program), "SIGKILL");
    assert.deepEqual(await end(), { code: 1, processes: [], files: [] });
    assert.match(output(), new RegExp(`the ${program}'s? process ended by itself \\(signal SIGKILL\\)`));
  });
}

test("a demo that is killed takes its programs along", async (t) => {
  const { demo, pidOf } = await startDemo(t);
  const ended = ["gateway", "cameras", "broker"].map((program) => pidOf(program));
  demo.kill("SIGKILL");
  for (const pid of ended) await processEnd(pid);
});

/** Resolves once there is no such process; the test's time limit is the patience. */
async function processEnd(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
