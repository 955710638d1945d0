// A path with AAC in a browser: transcoded where the path asks for that, left out where it does not.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { parseConfig } from "#config/parse-config.ts";
import { makeCodedFile } from "#testing/bitstreams/coded-file.ts";
import { childrenOf } from "#testing/child-processes.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { isRunning } from "#testing/is-running.ts";
import { chromium, runInChromium } from "#testing/peers/chromium.ts";
import { ffmpeg, ffmpegPublish } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { type Played, whepScript } from "#testing/peers/whep-page.ts";
import { Gateway } from "./gateway.ts";

const skip = missingOf(chromium, ffmpeg);

/** A gateway whose path `gate` has VP8 and AAC. */
async function start(t: TestContext, webrtcAudio: "copy" | "opus") {
  const [port, udpPort, rtspPort] = [await freeTcpPort(0), await freeUdpPortPair(0), await freeTcpPort(0)];
  const text = [
    `rtspAddress: 127.0.0.1:${rtspPort}`,
    "rtspTransports: [tcp]",
    `webrtcAddress: 127.0.0.1:${port}`,
    `webrtcLocalUDPAddress: 127.0.0.1:${udpPort}`,
    `paths: {gate: {webrtcAudio: ${webrtcAudio}}}`,
  ];
  const { config, problems } = parseConfig(text.join("\n"), "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  const log = collectedLog();
  const gateway = await Gateway.start(config, log);
  t.after(() => gateway.close());
  const folder = await temporaryFolder(t);
  const files = [
    await makeCodedFile(t, { codec: "vp8", folder, seconds: 10 }),
    await makeCodedFile(t, { codec: "aac", folder, seconds: 10 }),
  ];
  ffmpegPublish(t, { url: `rtsp://127.0.0.1:${rtspPort}/gate`, files, transport: "tcp", loop: true });
  await until("the publisher", () => gateway.registry.get("gate")?.state === "available");
  return { gateway, log, whep: `http://127.0.0.1:${port}/gate/whep` };
}

const encoders = (): Promise<readonly number[]> => childrenOf(process.pid, /ffmpeg .* -c:a libopus .* pipe:1 $/);

test("webrtcAudio: opus: picture and sound, together; the encoder ends with the page", { skip }, async (t) => {
  const { gateway, whep } = await start(t, "opus");
  assert.deepEqual(await encoders(), [], "nobody wants it");
  const script = whepScript(whep, { frames: 100, audioPackets: 100, muted: false });
  const playing = runInChromium<Played>(t, { script });
  const [pid] = await until("the encoder", async () => {
    const pids = await encoders();
    return pids.length > 0 && pids;
  });
  const played = await playing;
  assert.ok(played.frames >= 75 && played.audioPackets >= 100, JSON.stringify(played));
  assert.deepEqual(played.mimeTypes, ["audio/opus", "video/VP8"]);
  assert.ok(played.audioSamples > 0 && played.audioEnergy > 0, JSON.stringify(played));
  t.diagnostic(`sound ${Math.round(played.lipSyncMs)} ms after the picture`);
  await until("the session ends", () => gateway.sessions.list("webRTCSession").length === 0);
  await until("the encoder ends", () => !isRunning(pid!));
});

test("webrtcAudio: copy, the default: the picture alone, and no encoder", { skip }, async (t) => {
  const { log, whep } = await start(t, "copy");
  const played = await runInChromium<Played>(t, { script: whepScript(whep, { frames: 25 }) });
  assert.deepEqual(played.mimeTypes, ["video/VP8"]);
  assert.deepEqual(await encoders(), []);
  assert.ok(log.lines.some((line) => line.includes("path 'gate': audio is not sent: WebRTC cannot carry MPEG-4 Audio")));
});
