// A guide's WebRTC blocks in a real browser: the page of a stream, a player of its own, and a page that shows all streams of a server.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { freeTcpPort, freeUdpPort } from "../free-ports.ts";
import { type Camgate, startCamgate } from "../peers/camgate.ts";
import { chromium } from "../peers/chromium.ts";
import { type ChromiumPage, openInChromium } from "../peers/chromium-page.ts";
import { ffmpeg } from "../peers/ffmpeg.ts";
import { missingOf } from "../peers/find-peer.ts";
import type { TestScope } from "../peers/run-peer.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { until } from "../peers/until.ts";
import { ALL_OTHERS, withClip } from "./guide-program.ts";

const GUIDE = new URL("../../../../shared/guide/mediamtx-guide-zh.md", import.meta.url);
const noPeers = missingOf(chromium, ffmpeg);

interface WebProgram extends Camgate {
  readonly webOrigin: string;
}

async function startWeb(
  scope: TestScope,
  config: string,
  env: Readonly<Record<string, string>> = {},
  host = "127.0.0.1",
): Promise<WebProgram> {
  const [port, udp] = [await freeTcpPort(0), await freeUdpPort(0)];
  const web = { MTX_WEBRTC: "yes", MTX_WEBRTCADDRESS: `${host}:${port}`, MTX_WEBRTCLOCALUDPADDRESS: `${host}:${udp}` };
  const program = await startCamgate(scope, { config, env: { ...web, ...env } });
  await program.process.match(/\[WebRTC\] listener opened/);
  return { ...program, webOrigin: `http://${host}:${port}` };
}

/** A page on another origin than the gateway's; returns where it is. */
async function serve(scope: TestScope, html: string): Promise<string> {
  const server = createServer((_, response) => response.setHeader("Content-Type", "text/html").end(html));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("a stream's page: one redirect away, and it plays", { skip: noPeers }, async (t) => {
  const program = await startWeb(t, ALL_OTHERS);
  await withClip(t, program, "mystream");
  const response = await fetch(`${program.webOrigin}/mystream`, { redirect: "manual" });
  assert.deepEqual([response.status, response.headers.get("location")], [302, "/mystream/"]);
  const page = await openInChromium(t, `${program.webOrigin}/mystream`);
  await page.until("pictures", "document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames > 20");
  assert.equal(await page.evaluate("document.title"), "mystream");
  assert.deepEqual(page.errors, []);
});

/** What a player of somebody's does; `cure` runs before it makes its offer. */
function playerScript(whep: string, cure: string): string {
  return `(async () => {
    const pc = new RTCPeerConnection();
    const video = document.body.appendChild(document.createElement("video"));
    video.muted = true;
    video.autoplay = true;
    let streams = 0;
    pc.ontrack = (event) => {
      streams += event.streams.length;
      if (event.track.kind === "video") video.srcObject = event.streams[0];
    };
    ${cure}
    await pc.setLocalDescription(await pc.createOffer());
    const headers = { "Content-Type": "application/sdp" };
    const response = await fetch(${JSON.stringify(whep)}, { method: "POST", headers, body: pc.localDescription.sdp });
    const text = await response.text();
    if (response.status !== 201) return { status: response.status, text };
    await pc.setRemoteDescription({ type: "answer", sdp: text });
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    return { status: 201, text: response.headers.get("Location"), streams };
  })()`;
}

test("an offer without media is told its cure; cured, it plays", { skip: noPeers }, async (t) => {
  const program = await startWeb(t, ALL_OTHERS);
  await withClip(t, program, "cam101");
  const page = await openInChromium(t, await serve(t, "<!doctype html><title>somebody's page</title>"));
  await page.until("the page", "document.title !== ''");
  const whep = `${program.webOrigin}/cam101/whep`;
  const refused = await page.evaluate<{ status: number; text: string }>(playerScript(whep, ""));
  assert.equal(refused.status, 400);
  const cure = "the offer has no media: add transceivers (video, recvonly) before createOffer";
  assert.equal(JSON.parse(refused.text).error, cure);
  const cured = await page.evaluate<{ status: number; text: string; streams: number }>(
    playerScript(whep, 'for (const kind of ["video", "audio"]) pc.addTransceiver(kind, { direction: "recvonly" });'),
  );
  assert.equal(cured.status, 201);
  assert.match(cured.text, /^\/cam101\/whep\/[0-9a-f-]{36}$/);
  assert.ok(cured.streams >= 1, "event.streams[0] is there");
});

/** The guide's page that shows all streams of a server: the last HTML block of the guide. */
function multiStreamPage(): string {
  const blocks = [...readFileSync(GUIDE, "utf8").matchAll(/```html\n(.*?)```/gs)].map(([, html = ""]) => html);
  return blocks.findLast((html) => html.includes("RTCPeerConnection") && html.includes("rtspsessions")) ?? "";
}

/** It looks for the API on its usual port: the server gets a loopback address of its own. */
async function startServerOfPage(scope: TestScope, html: string) {
  const host = `127.89.97.${1 + (process.pid % 250)}`;
  const [user = "", pass = ""] = Buffer.from(/Basic ([\w+/=]+)/.exec(html)?.[1] ?? "", "base64")
    .toString("utf8")
    .split(":");
  const config = `api: yes
allowOrigin: "*"
authInternalUsers:
- {user: any, permissions: [{action: publish}, {action: read}]}
- {user: ${user}, pass: ${pass}, permissions: [{action: api}]}
${ALL_OTHERS}`;
  const program = await startWeb(scope, config, { MTX_APIADDRESS: `${host}:9997` }, host);
  for (let i = 1; i <= 3; i++) await withClip(scope, program, `stream_${i}`);
  const sessions = async (): Promise<readonly { readonly state: string }[]> => {
    const headers = { Authorization: `Basic ${btoa(`${user}:${pass}`)}` };
    const response = await fetch(`http://${host}:9997/v3/webrtcsessions/list`, { headers });
    return ((await response.json()) as { readonly items: readonly { readonly state: string }[] }).items;
  };
  return { program, sessions };
}

async function playAll(page: ChromiumPage, origin: string): Promise<void> {
  await page.until("the page", "document.readyState === 'complete' && document.getElementById('batchServerUrl') !== null");
  await page.evaluate(`document.getElementById("batchServerUrl").value = ${JSON.stringify(origin)}`);
  await page.evaluate(`document.getElementById("fetchStreamsBtn").click()`);
  await page.until("three tiles", "document.querySelectorAll('.stream-item').length === 3");
  assert.match(await page.evaluate("document.getElementById('streamCountDisplay').textContent"), /\b3\b/);
  await page.evaluate(`document.getElementById("playAllBtn").click()`);
  await page.until("every tile is connected", "document.querySelectorAll('.status.success').length === 3");
  const moving = "[...document.querySelectorAll('video')].every((video) => video.getVideoPlaybackQuality().totalVideoFrames > 10)";
  await page.until("pictures in every tile", moving);
}

const noGuide = existsSync(GUIDE) ? noPeers : "the guide is not here";

test("the page of all streams, from another origin", { skip: noGuide }, async (t) => {
  const html = multiStreamPage();
  const { program, sessions } = await startServerOfPage(t, html);
  const page = await openInChromium(t, await serve(t, html));
  await playAll(page, program.webOrigin);
  assert.deepEqual(
    (await sessions()).map(({ state }) => state),
    ["read", "read", "read"],
  );
  await page.evaluate(`document.getElementById("stopAllBtn").click()`);
  await until("closed players are noticed", async () => (await sessions()).length === 0);
});

test("the page of all streams, from a file", { skip: noGuide }, async (t) => {
  const html = multiStreamPage();
  const { program } = await startServerOfPage(t, html);
  const file = join(await temporaryFolder(t), "page.html");
  await writeFile(file, html);
  await playAll(await openInChromium(t, pathToFileURL(file).href), program.webOrigin);
});
