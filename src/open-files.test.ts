// The program when the system lets it open few files: streams that are there live on, who came too many is told of in the log, and later clients come in.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { until } from "#testing/peers/until.ts";
import { expect200, playOverTcp, RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { frameNumberOfPacket, SyntheticVideo, syntheticSdp } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";
import { assertGapless } from "#testing/watched-stream.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const OPEN_FILES = 120;
/** 64 of them are not for clients. */
const MOST_CLIENTS = 56;
const FRAME_MS = 20;

/** Runs the program with a lowered limit; resolves with its port and the lines it logs once it listens. */
async function startProgram(t: TestContext): Promise<{ readonly port: number; readonly lines: readonly string[] }> {
  const folder = await mkdtemp(join(tmpdir(), "camgate-files-"));
  const port = await freeTcpPort(0);
  const rtpPort = await freeUdpPortPair(0);
  const config = join(folder, "camgate.yml");
  await writeFile(
    config,
    `webrtc: no\nrtspAddress: 127.0.0.1:${port}\nrtpAddress: 127.0.0.1:${rtpPort}\nrtcpAddress: 127.0.0.1:${rtpPort + 1}\npaths:\n  all_others:\n`,
  );
  const limited = ["-c", `ulimit -n ${OPEN_FILES}; exec "$0" "$@"`, process.execPath, MAIN, config];
  const child = spawn("sh", limited, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(async () => {
    child.kill("SIGKILL");
    await once(child, "close");
    await rm(folder, { recursive: true, force: true });
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  await until("it listens", () => lines.some((line) => line.includes("listener opened")));
  return { port, lines };
}

test("more clients than files", { skip: process.platform !== "linux" }, async (t) => {
  const { port, lines } = await startProgram(t);
  const url = `rtsp://127.0.0.1:${port}/cam`;
  const connect = async (): Promise<RawRtspClient> => {
    const client = await RawRtspClient.connect(port);
    t.after(() => client.close());
    return client;
  };
  const logged = (pattern: RegExp): readonly string[] => lines.filter((line) => pattern.test(line));

  const publisher = await connect();
  await recordOverTcp(publisher, url, syntheticSdp());
  const video = new SyntheticVideo({ frameBytes: 2000 });
  let lastFrame = -1;
  const timer = setInterval(() => {
    for (const packet of rtpOf(video.nextBurst())) publisher.sendPacket(0, packet);
    lastFrame++;
  }, FRAME_MS);
  t.after(() => clearInterval(timer));
  const reader = await connect();
  await playOverTcp(reader, url);
  const checkUndisturbed = async (): Promise<void> => {
    const frame = lastFrame + 2;
    await reader.when(`frame ${frame}`, (packets) => packets.some(({ bytes }) => frameNumberOfPacket(bytes) === frame));
    assertGapless("TCP", reader.on(0));
    assert.ok(!publisher.isClosed);
  };

  // Strangers that say nothing: the oldest of them make room, so that whoever speaks comes in.
  const silent: RawRtspClient[] = [];
  for (let i = 0; i < 300; i++) silent.push(await connect());
  await expect200((await connect()).request("DESCRIBE", url));
  await until("most of them are closed", () => silent.filter(({ isClosed }) => isClosed).length >= 300 - MOST_CLIENTS);
  await until("it is told", () => logged(/connections not accepted: .*× closed before a request, 56 are open/).length > 0);
  await checkUndisturbed();

  // Clients that spoke keep their place: the next one is refused.
  const speakers: RawRtspClient[] = [];
  for (let isRefused = false; !isRefused; ) {
    assert.ok(speakers.length < MOST_CLIENTS, "one is refused at last");
    const speaker = await connect();
    isRefused = await speaker.request("OPTIONS", url).then(
      () => false,
      () => true,
    );
    if (!isRefused) speakers.push(speaker);
  }
  assert.ok(speakers.length > MOST_CLIENTS / 2 && speakers.every(({ isClosed }) => !isClosed));
  for (let i = 0; i < 300; i++) await (await connect()).closed;
  await until("it is told", () => logged(/connections not accepted: .*× refused, 56 are open/).length > 0);
  assert.ok(logged(/not accepted/).length < 100, "not a line for each");
  await checkUndisturbed();

  for (const speaker of speakers) speaker.close();
  await until("a place is free", async () => {
    const late = await connect();
    return late.request("DESCRIBE", url).then(
      ({ status }) => status === 200,
      () => false,
    );
  });
  await checkUndisturbed();
});
