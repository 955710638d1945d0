// WHEP and WHIP over HTTP: every request, status, header and error that MediaMTX's clients know.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { AccessRequest } from "#relay/access.ts";
import { BROWSER_OFFER, BROWSER_PUBLISH_OFFER } from "#testing/browser-offer.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { PublishedPath } from "#testing/published-path.ts";
import { RawRtcClient } from "#testing/raw-rtc-client.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { startWebRtcSite, type WebRtcSite, type WebRtcSiteOptions } from "#testing/webrtc-site.ts";
import { NO_MEDIA } from "./offer.ts";
import { B_FRAMES } from "./read-negotiation.ts";

const NOBODY = "11111111-2222-4333-8444-555555555555";

/** A site with a stream at `gate`. */
async function setUp(t: TestContext, options: WebRtcSiteOptions = {}): Promise<WebRtcSite & { readonly gate: PublishedPath }> {
  const site = await startWebRtcSite(options);
  t.after(() => site.close());
  const gate = await PublishedPath.open(site.registry, "gate");
  gate.frame();
  return { ...site, gate };
}

function post(url: string, body = BROWSER_OFFER, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "Content-Type": "application/sdp", ...headers }, body });
}

async function errorOf(response: Response, status: number): Promise<string> {
  assert.equal(response.status, status, await response.clone().text());
  const body = (await response.json()) as { status: string; error: string };
  assert.equal(body.status, "error");
  return body.error;
}

test("a reader's offer: 201 with everything a client needs", async (t) => {
  const iceServers = [{ url: "stun:stun.example:3478", username: "", password: "" }];
  const site = await setUp(t, { webrtc: { iceServers } });
  const response = await post(`${site.whep("gate")}?a=1&b=x%20y`, BROWSER_OFFER, {
    Origin: "https://page.example",
    "Content-Type": "application/sdp; charset=utf-8",
  });
  assert.equal(response.status, 201);
  const { headers } = response;
  assert.equal(headers.get("server"), "mediamtx");
  assert.equal(headers.get("content-type"), "application/sdp");
  assert.equal(headers.get("etag"), "*");
  assert.equal(headers.get("accept-patch"), "application/trickle-ice-sdpfrag");
  assert.equal(headers.get("link"), '<stun:stun.example:3478>; rel="ice-server"');
  assert.equal(headers.get("access-control-expose-headers"), "ETag, ID, Accept-Patch, Link, Location");
  assert.equal(headers.get("access-control-allow-origin"), "*");
  const [session] = site.sessions.list("webRTCSession");
  assert.equal(headers.get("id"), session!.id);
  assert.match(headers.get("location")!, /^\/gate\/whep\/[0-9a-f-]{36}\?a=1&b=x%20y$/);
  assert.ok(!headers.get("location")!.includes(session!.id), "the secret is another than the id");
  assert.deepEqual([session!.state, session!.path, session!.query], ["read", "gate", "a=1&b=x%20y"]);
  const answer = await response.text();
  assert.match(answer, new RegExp(`a=candidate:\\S+ 1 udp \\d+ 127\\.0\\.0\\.1 ${site.webrtc.udpPort} typ host\r\n`));
  assert.match(answer, /a=end-of-candidates\r\n/);
});

test("OPTIONS: a preflight for pages, and what an endpoint takes", async (t) => {
  const asked: AccessRequest[] = [];
  const iceServers = [{ url: "turn:turn.example:3478", username: "u", password: "p" }];
  const authorize: WebRtcSiteOptions["authorize"] = async (request) => {
    asked.push(request);
    return { allowed: true, user: "" };
  };
  const site = await setUp(t, { authorize, webrtc: { iceServers } });
  const preflight = await fetch(site.whep("gate"), {
    method: "OPTIONS",
    headers: { Origin: "null", "Access-Control-Request-Method": "POST" },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-methods"), "OPTIONS, GET, POST, PATCH, DELETE");
  assert.equal(preflight.headers.get("access-control-allow-headers"), "Authorization, Content-Type, If-Match");
  assert.equal(preflight.headers.get("access-control-allow-origin"), "*");
  asked.length = 0;
  for (const [url, action] of [
    [site.whep("gate"), "read"],
    [site.whip("gate"), "publish"],
  ] as const) {
    const response = await fetch(url, { method: "OPTIONS" });
    assert.equal(response.status, 204);
    assert.equal(response.headers.get("accept-post"), "application/sdp");
    assert.equal(response.headers.get("access-control-expose-headers"), "Accept-Post, Link");
    assert.equal(
      response.headers.get("link"),
      '<turn:turn.example:3478>; rel="ice-server"; username="u"; credential="p"; credential-type="password"',
    );
    assert.equal(asked.at(-1)!.action, action);
  }
});

test("who may not: 401, with a challenge where nothing was supplied", async (t) => {
  let challenge = true;
  const site = await startWebRtcSite({ authorize: async () => ({ allowed: false, challenge, delayMs: 0, reason: "no" }) });
  t.after(() => site.close());
  for (const [method, url] of [
    ["POST", site.whep("gate")],
    ["POST", site.whip("gate")],
    ["OPTIONS", site.whep("gate")],
  ] as const) {
    const response = await fetch(url, {
      method,
      headers: { "Content-Type": "application/sdp" },
      ...(method === "POST" && { body: BROWSER_OFFER }),
    });
    assert.equal(await errorOf(response, 401), "authentication error");
    assert.equal(response.headers.get("www-authenticate"), 'Basic realm="mediamtx"');
  }
  challenge = false;
  assert.equal((await post(site.whep("gate"))).headers.get("www-authenticate"), null);
});

test("a reader's offer that cannot be answered", async (t) => {
  const log = collectedLog();
  const site = await setUp(t, { log, webrtc: { mayRead: (path) => path !== "closed" }, paths: { gate: {}, closed: {}, empty: {} } });
  assert.match(await errorOf(await fetch(site.whep("gate"), { method: "POST", body: BROWSER_OFFER }), 400), /^invalid Content-Type/);
  assert.equal(await errorOf(await post(site.whep("gate"), "v=0\r\ns=-\r\nt=0 0\r\n"), 400), NO_MEDIA);
  assert.equal(await errorOf(await post(site.whep("gate"), "hello"), 400), "the body is no SDP offer");
  assert.match(await errorOf(await post(site.whep("gate"), "v=0\r\n".repeat(40_000)), 400), /longer than 131072 bytes/);
  assert.equal(await errorOf(await post(site.whep("empty")), 404), "no stream is available on path 'empty'");
  assert.match(await errorOf(await post(site.whep("none")), 400), /path 'none' is not configured/);
  assert.match(await errorOf(await post(site.whep("a%20b")), 400), /invalid path name/);
  const closed = await PublishedPath.open(site.registry, "closed");
  closed.frame();
  assert.match(await errorOf(await post(site.whep("closed")), 400), /may not be read over WebRTC/);
  const audioOnly = BROWSER_OFFER.replace("m=video 9", "m=video 0");
  assert.equal(
    await errorOf(await post(site.whep("gate"), audioOnly), 400),
    "nothing of path 'gate' can be sent: the client wants no video",
  );
  assert.equal(site.sessions.list("webRTCSession").length, 0);
  assert.deepEqual(site.registry.get("gate")!.snapshot().readers, []);
});

test("a stream with B-frames is refused in MediaMTX's words, and logged once", async (t) => {
  const log = collectedLog();
  const site = await startWebRtcSite({ log });
  t.after(() => site.close());
  const announced = Buffer.from("67640028acd940780227e5c05a808080a0000003002000000781e30632c0", "hex");
  const track = { ...syntheticTrack(), parameters: { codec: "h264", sps: [announced], pps: [] }, reorderFrames: 2 } as const;
  await PublishedPath.open(site.registry, "film", { tracks: [track] });
  for (let i = 0; i < 3; i++) assert.equal(await errorOf(await post(site.whep("film")), 400), B_FRAMES);
  assert.equal(log.lines.filter((line) => line.includes(B_FRAMES)).length, 1);
});

test("a publisher's offer: 201; what cannot be taken is 406", async (t) => {
  const site = await setUp(t);
  const response = await post(site.whip("desk"), BROWSER_PUBLISH_OFFER);
  assert.equal(response.status, 201);
  assert.match(response.headers.get("location")!, /^\/desk\/whip\/[0-9a-f-]{36}$/);
  assert.match(await response.text(), /a=recvonly\r\n/);
  assert.match(await errorOf(await post(site.whip("desk"), BROWSER_OFFER), 406), /^the offer sends nothing/);
  assert.match(
    await errorOf(await post(site.whip("desk"), BROWSER_PUBLISH_OFFER.replaceAll(/(a=rtpmap:\d+) \S+/g, "$1 NEW/1")), 406),
    /NEW/,
  );
  assert.equal(await errorOf(await post(site.whip("desk"), "v=0\r\n"), 400), NO_MEDIA);
});

test("methods that are none, and places that are none", async (t) => {
  const site = await setUp(t);
  for (const method of ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
    for (const url of [site.whep("gate"), site.whip("gate")]) assert.equal((await fetch(url, { method })).status, 405, `${method} ${url}`);
  for (const method of ["GET", "POST"]) assert.equal((await fetch(`${site.whep("gate")}/${NOBODY}`, { method })).status, 405);
  assert.equal(await errorOf(await fetch(`${site.origin}/nothing/here`), 404), "not found");
});

test("a session is changed and ended by whoever knows its secret, and nobody else", async (t) => {
  const site = await setUp(t);
  await PublishedPath.open(site.registry, "yard").then((yard) => yard.frame());
  const client = await RawRtcClient.open();
  t.after(() => client.close());
  await client.post(site.whep("gate"));
  const [session] = site.sessions.list("webRTCSession");
  const change = (url: string, method: string, body?: string, type = "application/trickle-ice-sdpfrag"): Promise<Response> =>
    fetch(url, { method, headers: { "Content-Type": type }, ...(body !== undefined && { body }) });
  const fragment = `a=ice-ufrag:${client.ufrag}\r\na=ice-pwd:${client.password}\r\nm=video 9 UDP/TLS/RTP/SAVPF 102\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n`;
  assert.equal((await change(client.location, "PATCH", fragment)).status, 204);
  assert.match(await errorOf(await change(client.location, "PATCH", fragment, "application/sdp"), 400), /Content-Type/);
  assert.match(await errorOf(await change(client.location, "PATCH", "hello"), 400), /no SDP fragment/);
  const secret = client.location.split("/").at(-1)!;
  for (const [url, status] of [
    [`${site.whep("gate")}/${NOBODY}`, 404],
    [`${site.whep("gate")}/${session!.id}`, 404],
    [`${site.whep("yard")}/${secret}`, 404],
    [`${site.whip("gate")}/${secret}`, 404],
    [`${site.whep("gate")}/x`, 400],
  ] as const) {
    for (const method of ["DELETE", "PATCH"]) await errorOf(await change(url, method, fragment), status);
  }
  assert.equal(site.sessions.list("webRTCSession").length, 1);
  const deleted = await change(client.location, "DELETE");
  assert.deepEqual([deleted.status, await deleted.json()], [200, { status: "ok" }]);
  assert.equal(site.sessions.list("webRTCSession").length, 0);
  await errorOf(await change(client.location, "DELETE"), 404);
});

test("ICE restart: new credentials on both sides, the session goes on", async (t) => {
  const site = await setUp(t);
  const client = await RawRtcClient.connect(site.whep("gate"));
  t.after(() => client.close());
  const before = client.server!;
  const body = `a=ice-ufrag:newufrag\r\na=ice-pwd:${"n".repeat(24)}\r\nm=video 9 UDP/TLS/RTP/SAVPF 102\r\na=mid:0\r\n`;
  const response = await fetch(client.location, {
    method: "PATCH",
    headers: { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*" },
    body,
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/trickle-ice-sdpfrag");
  const text = await response.text();
  const [, ufrag] = /a=ice-ufrag:(\S+)/.exec(text)!;
  const [, password] = /a=ice-pwd:(\S+)/.exec(text)!;
  assert.equal(response.headers.get("etag"), `"${ufrag}"`);
  assert.notEqual(ufrag, before.ufrag);
  assert.equal((await client.check()).kind, "success", "the old credentials are good until the new ones are used");
  client.server = { ...before, ufrag: ufrag!, password: password! };
  assert.equal((await client.check({ username: `${ufrag}:newufrag` })).kind, "success");
  const answers = client.datagrams.stun;
  void client.check({ username: `${before.ufrag}:${client.ufrag}`, password: before.password });
  assert.equal((await client.check({ username: `${ufrag}:newufrag` })).kind, "success");
  assert.equal(client.datagrams.stun, answers + 1, "the old credentials are nobody's");
  assert.equal(site.sessions.list("webRTCSession").length, 1);
});
