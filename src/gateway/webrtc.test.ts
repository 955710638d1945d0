// WebRTC of the whole gateway, from the text of the config to what clients get.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import type { Config } from "#config/config.ts";
import { parseConfig } from "#config/parse-config.ts";
import { BROWSER_OFFER } from "#testing/browser-offer.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { writeSelfSigned } from "#testing/self-signed.ts";
import { Gateway } from "./gateway.ts";

function configOf(rest: string, addresses: string): Config {
  const { config, problems } = parseConfig(`rtsp: no\n${addresses}${rest}`, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  return config;
}

/** A gateway that pulls a camera at `gate`; `reload` gives it another config, with the same addresses. */
async function start(t: TestContext, rest: (source: string) => string) {
  const camera = await ScriptedCamera.start({ frameMs: 20 });
  t.after(() => camera.close());
  const [port, udpPort] = [await freeTcpPort(0), await freeUdpPortPair(0)];
  const addresses = `webrtcAddress: 127.0.0.1:${port}\nwebrtcLocalUDPAddress: 127.0.0.1:${udpPort}\n`;
  const log = collectedLog();
  const gateway = await Gateway.start(configOf(rest(camera.url()), addresses), log);
  t.after(() => gateway.close());
  await until("the camera", () => gateway.registry.get("gate")?.state === "available");
  const reload = (text: string): Promise<void> => gateway.apply(configOf(text.replaceAll("SOURCE", camera.url()), addresses));
  return { gateway, log, port, udpPort, reload };
}

function post(port: number, path = "gate"): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}/${path}/whep`, {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: BROWSER_OFFER,
  });
}

test("settings of the server reach the answer; a path may be kept from browsers, at once", async (t) => {
  const settings = "webrtcAdditionalHosts: [192.168.50.55]\nwebrtcICEServers2: [{url: 'stun:stun.example:3478'}]\n";
  const { gateway, log, port, udpPort, reload } = await start(t, (source) => `${settings}paths: {gate: {source: '${source}'}}\n`);
  assert.equal(gateway.ports["webrtcLocalUDPAddress"], udpPort);
  assert.ok(log.lines.some((line) => line.includes(`listener opened on 127.0.0.1:${port} (TCP), 127.0.0.1:${udpPort} (UDP/ICE)`)));
  const response = await post(port);
  assert.equal(response.status, 201);
  assert.equal(response.headers.get("link"), '<stun:stun.example:3478>; rel="ice-server"');
  const answer = await response.text();
  assert.match(answer, new RegExp(`192\\.168\\.50\\.55 ${udpPort} typ host`));
  assert.match(answer, new RegExp(`127\\.0\\.0\\.1 ${udpPort} typ host`));
  await reload(`${settings}paths: {gate: {source: 'SOURCE', webrtc: no}}\n`);
  await until("the camera, again", () => gateway.registry.get("gate")?.state === "available");
  assert.equal((await post(port)).status, 400);
});

test("webrtc: no leaves both ports alone; it can be switched on while the gateway runs", async (t) => {
  const { gateway, port, reload } = await start(t, (source) => `webrtc: no\npaths: {gate: {source: '${source}'}}\n`);
  assert.equal(gateway.ports["webrtcAddress"], undefined);
  await assert.rejects(post(port));
  await reload("paths: {gate: {source: 'SOURCE'}}\n");
  assert.equal(gateway.ports["webrtcAddress"], port);
  assert.equal((await post(port)).status, 201);
  await reload("webrtc: no\npaths: {gate: {source: 'SOURCE'}}\n");
  assert.equal(gateway.sessions.list("webRTCSession").length, 0);
});

test("signalling over HTTPS", async (t) => {
  const { certFile, keyFile, cert } = await writeSelfSigned(await temporaryFolder(t));
  const tls = `webrtcEncryption: yes\nwebrtcServerCert: ${certFile}\nwebrtcServerKey: ${keyFile}\n`;
  const { port } = await start(t, (source) => `${tls}paths: {gate: {source: '${source}'}}\n`);
  const headers = { "Content-Type": "application/sdp" };
  const outgoing = request({ host: "127.0.0.1", port, path: "/gate/whep", method: "POST", ca: cert, headers, agent: false });
  outgoing.end(BROWSER_OFFER);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 201, await text(response));
});
