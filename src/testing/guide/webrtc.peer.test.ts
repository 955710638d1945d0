// Pages as a guide has them: a player of one camera whose offer lacks media, and a page of another origin that shows every stream of a server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { freeTcpPort, freeUdpPortPair } from "../free-ports.ts";
import { type Camgate, startCamgate } from "../peers/camgate.ts";
import { chromium, runInChromium } from "../peers/chromium.ts";
import { ffmpeg } from "../peers/ffmpeg.ts";
import { missingOf } from "../peers/find-peer.ts";
import type { TestScope } from "../peers/run-peer.ts";
import { until } from "../peers/until.ts";
import { ALL_OTHERS, assertEndsCleanly, publishClip, THREE_LINES, withClip } from "./guide-program.ts";

const skip = missingOf(chromium, ffmpeg);

/** The program with WebRTC on ports of its own, and where that is. */
async function startWithWebRtc(scope: TestScope): Promise<Camgate & { readonly webRtcOrigin: string }> {
  const port = await freeTcpPort(0);
  const env = {
    MTX_WEBRTC: "yes",
    MTX_WEBRTCADDRESS: `127.0.0.1:${port}`,
    MTX_WEBRTCLOCALUDPADDRESS: `127.0.0.1:${await freeUdpPortPair(0)}`,
    MTX_WEBRTCADDITIONALHOSTS: "192.168.50.55",
  };
  const program = await startCamgate(scope, { config: `${THREE_LINES}${ALL_OTHERS}`, env });
  await program.process.match(/\[WebRTC\] listener opened/);
  return { ...program, webRtcOrigin: `http://127.0.0.1:${port}` };
}

test("a page leads to itself with a slash; an endpoint answers with a way back", { skip }, async (t) => {
  const program = await startWithWebRtc(t);
  await withClip(t, program, "mystream");
  const page = await fetch(`${program.webRtcOrigin}/mystream`, { redirect: "manual" });
  assert.deepEqual([page.status, page.headers.get("location")], [302, "/mystream/"]);
  const script = `
    const pc = new RTCPeerConnection();
    const post = async () => {
      await pc.setLocalDescription(await pc.createOffer());
      const headers = { "Content-Type": "application/sdp" };
      const url = "${program.webRtcOrigin}/mystream/whep";
      const response = await fetch(url, { method: "POST", headers, body: pc.localDescription.sdp });
      return { status: response.status, location: response.headers.get("Location"), text: await response.text() };
    };
    const bare = await post();
    const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true });
    document.body.append(video);
    const streams = [];
    pc.ontrack = (event) => { streams.push(event.streams.length); if (event.track.kind === "video") video.srcObject = event.streams[0]; };
    for (const kind of ["video", "audio"]) pc.addTransceiver(kind, { direction: "recvonly" });
    const cured = await post();
    await pc.setRemoteDescription({ type: "answer", sdp: cured.text });
    for (let shown = 0; shown < 10; shown++) await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    pc.close();
    return { bare, cured, streams };`;
  interface Answer {
    readonly status: number;
    readonly location: string | null;
    readonly text: string;
  }
  const { bare, cured, streams } = await runInChromium<{ bare: Answer; cured: Answer; streams: number[] }>(t, { script });
  assert.equal(bare.status, 400);
  assert.equal(JSON.parse(bare.text).error, "the offer has no media: add transceivers (video, recvonly) before createOffer");
  assert.equal(cured.status, 201);
  assert.match(cured.location!, /^\/mystream\/whep\/[0-9a-f-]{36}$/);
  assert.match(cured.text, /192\.168\.50\.55 \d+ typ host/);
  assert.match(cured.text, /a=msid:camgate video\r\n/);
  assert.deepEqual(streams, [1]);
  await assertEndsCleanly(program);
});

test("every stream of a server, on a page from elsewhere: all are played, and all are stopped", { skip }, async (t) => {
  const program = await startWithWebRtc(t);
  const names = Array.from({ length: 10 }, (_, i) => `stream_${i + 1}`);
  for (const name of names) publishClip(t, program, name, "udp");
  await until("ten streams", async () => {
    const { items } = (await (await fetch(`${program.apiOrigin}/v3/paths/list`)).json()) as { items: readonly { ready: boolean }[] };
    return items.filter(({ ready }) => ready).length === 10;
  });
  // Offers go out before there are candidates: the server learns of the page by its checks alone.
  const script = `
    const headers = { Authorization: "Basic " + btoa("admin:anything") };
    const { items } = await (await fetch("${program.apiOrigin}/v3/rtspsessions/list", { headers })).json();
    const paths = items.filter(({ state }) => state === "publish").map(({ path }) => path);
    const players = await Promise.all(paths.map(async (path) => {
      const pc = new RTCPeerConnection({});
      const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true });
      document.body.append(video);
      pc.ontrack = (event) => { if (event.track.kind === "video") video.srcObject = event.streams[0]; };
      for (const kind of ["video", "audio"]) pc.addTransceiver(kind, { direction: "recvonly" });
      const offer = await pc.createOffer();
      await pc.setLocalDescription(offer);
      const url = "${program.webRtcOrigin}/" + path + "/whep";
      const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/sdp" }, body: offer.sdp });
      await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
      return { path, pc, video, offered: offer.sdp.includes("a=candidate") };
    }));
    await Promise.all(players.map(({ video }) => new Promise((resolve) => video.requestVideoFrameCallback(resolve))));
    const states = players.map(({ pc }) => pc.connectionState);
    const listed = await (await fetch("${program.apiOrigin}/v3/webrtcsessions/list")).json();
    for (const { pc } of players) pc.close();
    return { paths, states, listed: listed.itemCount, offered: players.some(({ offered }) => offered) };`;
  interface Seen {
    readonly paths: readonly string[];
    readonly states: readonly string[];
    readonly listed: number;
    readonly offered: boolean;
  }
  const seen = await runInChromium<Seen>(t, { script });
  assert.deepEqual(new Set(seen.paths), new Set(names));
  assert.deepEqual([new Set(seen.states), seen.listed, seen.offered], [new Set(["connected"]), 10, false]);
  await until("no session is left", async () => {
    const { itemCount } = (await (await fetch(`${program.apiOrigin}/v3/webrtcsessions/list`)).json()) as { itemCount: number };
    return itemCount === 0;
  });
});
