// A gateway in Home Assistant, over Debian's mosquitto: it appears, its switches record, its cameras have pictures, and it goes when it is told to.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startCamgate } from "#testing/peers/camgate.ts";
import { findPeer, missingOf } from "#testing/peers/find-peer.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { startPeer } from "#testing/peers/run-peer.ts";

const ffmpeg = findPeer("ffmpeg");
const skip = mosquittoMissing || missingOf(ffmpeg);
const TOPIC = "homeassistant/device/camgate-acme-gw-0001/config";
const ROOT = "cg/v1/acme/gw-0001";

test("it appears by itself, a switch records, a picture comes, and it goes", { skip }, async (t) => {
  const broker = await startMosquitto(t);
  const home = await broker.subscribe("homeassistant/#", `${ROOT}/up/tel`, `${ROOT}/up/res`);
  const pictures = await broker.subscribe(`${ROOT}/up/blob/+`);
  const config = `mqtt:
  urls: [mqtt://127.0.0.1:${broker.port}]
  tenant: acme
  gatewayId: gw-0001
  commands: broker
  telemetryInterval: 1s
  homeAssistantDiscovery: homeassistant
  homeAssistantPictures: 5s
paths: {gate: {}}
`;
  const camgate = await startCamgate(t, { config });
  const { json: document, isRetained } = await home.wait("its document", ({ topic, json }) => topic === TOPIC && json !== undefined);
  assert.equal(isRetained, false);
  const camera = "testsrc2=size=320x240:rate=10";
  startPeer(t, ffmpeg, ["-re", "-f", "lavfi", "-i", camera, "-c:v", "libx264", "-g", "10", "-f", "rtsp", camgate.url("gate")], {
    timeoutMs: 120_000,
  });
  await home.wait("the camera", ({ json }) => json?.cams?.gate?.st === "live");
  // biome-ignore lint/suspicious/noExplicitAny: documents of every kind
  const components: any[] = Object.values(document.components);
  const picture = components.find(({ name }) => name === "gate picture");
  const received = await pictures.wait("a picture", ({ topic }) => topic === picture.topic);
  assert.equal(received.payload.charCodeAt(0), 0xfffd, "JPEG is no text");
  const { command_topic } = components.find(({ name }) => name === "gate recording");
  await broker.publish(
    command_topic,
    JSON.stringify({ v: 1, id: "ha-1", op: "rec.set", args: { cam: "gate", on: true }, exp: Date.now() + 60_000 }),
  );
  await home.wait("the answer", ({ json }) => json?.id === "ha-1" && json.st === "ok");
  await home.wait("recording", ({ json }) => json?.rec?.cams?.gate?.st === "recording");
  await writeFile(
    join(camgate.folder, "mediamtx.yml"),
    config.replace("homeAssistantDiscovery: homeassistant", "homeAssistantDiscovery: ''"),
  );
  await home.wait("its end", ({ topic, payload }) => topic === TOPIC && payload === "");
});
