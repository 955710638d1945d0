import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { PublishedPath } from "#testing/published-path.ts";
import { overTcp, playOverTcp, RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { type SiteOptions, startSite } from "#testing/rtsp-site.ts";
import { scriptedSource } from "#testing/scripted-source.ts";
import { SyntheticVideo, syntheticSdp } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";

/** A site where `cam` is published, and as many clients as a test wants. */
async function setUp(t: TestContext, options: SiteOptions = {}) {
  const site = await startSite(options);
  t.after(() => site.close());
  const connect = async (): Promise<RawRtspClient> => {
    const client = await RawRtspClient.connect(site.port);
    t.after(() => client.close());
    return client;
  };
  return { site, connect, client: await connect(), url: site.url("cam") };
}

async function withCamera(t: TestContext, options: SiteOptions = {}) {
  const all = await setUp(t, options);
  return { ...all, camera: await PublishedPath.open(all.site.registry, "cam") };
}

const SDP = { "Content-Type": "application/sdp" };

test("OPTIONS tells the methods, with and without a session, for any URL", async (t) => {
  const { client, url } = await setUp(t);
  for (const target of ["*", url]) {
    const { status, headers } = await client.request("OPTIONS", target);
    assert.equal(status, 200);
    assert.equal(headers.get("public"), "DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, PAUSE, GET_PARAMETER, TEARDOWN");
    assert.ok(headers.has("server"));
  }
});

test("the answer carries the CSeq of its request; one without is answered 400", async (t) => {
  const { client, url } = await setUp(t);
  assert.equal((await client.request("OPTIONS", url, { CSeq: "77" })).headers.get("cseq"), "77");
  assert.equal((await client.request("OPTIONS", url, { CSeq: undefined })).status, 400);
  assert.equal((await client.request("OPTIONS", url)).status, 200, "the connection goes on");
});

test("DESCRIBE: 200 with an SDP, 404 without a stream, 400 for a path that cannot be", async (t) => {
  const { client, site, url } = await withCamera(t, { paths: { cam: {}, empty: {} } });
  const { status, headers, body } = await client.request("DESCRIBE", url);
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "application/sdp");
  assert.equal(headers.get("content-base"), `${url}/`);
  assert.match(body, /^m=video 0 RTP\/AVP 96\r$/m);
  assert.match(body, /^a=control:trackID=0\r$/m);
  assert.match(body, /sprop-parameter-sets=Z0LAKNkA/);
  assert.equal((await client.request("DESCRIBE", `${url}?token=1`)).headers.get("content-base"), `${url}/?token=1`);
  assert.equal((await client.request("DESCRIBE", site.url("empty"))).status, 404);
  assert.equal((await client.request("DESCRIBE", site.url("unknown"))).status, 400);
  assert.equal((await client.request("DESCRIBE", site.url("a%00b"))).status, 400);
  assert.equal((await client.request("DESCRIBE", site.url("~odd~"))).status, 400);
  assert.equal((await client.request("DESCRIBE", "*")).status, 400);
});

test("a redirect: to another path by the name the client knows us by, to another server as it stands", async (t) => {
  const { client, site } = await setUp(t, {
    paths: {
      near: { source: { kind: "redirect", target: "/cam" } },
      far: { source: { kind: "redirect", target: "rtsp://elsewhere:554/cam" } },
      gone: { fallback: "/near" },
    },
  });
  const locationOf = async (url: string): Promise<string | undefined> => {
    const { status, headers } = await client.request("DESCRIBE", url);
    assert.equal(status, 302);
    return headers.get("location");
  };
  assert.equal(await locationOf(site.url("near")), site.url("cam"));
  assert.equal(await locationOf("rtsp://camgate.example:8554/near?x=1"), "rtsp://camgate.example:8554/cam");
  assert.equal(await locationOf(site.url("far")), "rtsp://elsewhere:554/cam");
  assert.equal(await locationOf(site.url("gone")), site.url("near"));
  assert.equal((await client.request("SETUP", `${site.url("near")}/trackID=0`, { Transport: overTcp() })).status, 404);
});

test("what is not implemented is answered 501", async (t) => {
  const { client, url } = await setUp(t);
  for (const method of ["SET_PARAMETER", "REDIRECT", "FLY"]) assert.equal((await client.request(method, url)).status, 501, method);
});

test("a session that is not known is answered 454, whatever is asked", async (t) => {
  const { client, url } = await withCamera(t);
  for (const method of ["OPTIONS", "GET_PARAMETER", "DESCRIBE", "ANNOUNCE", "SETUP", "PLAY", "RECORD", "PAUSE", "TEARDOWN"])
    assert.equal((await client.request(method, url, { Session: "nobody" })).status, 454, method);
});

test("PLAY, PAUSE and RECORD without a session are answered 454, TEARDOWN and GET_PARAMETER 200", async (t) => {
  const { client, url } = await withCamera(t);
  const statuses = [];
  for (const method of ["PLAY", "PAUSE", "RECORD", "TEARDOWN", "GET_PARAMETER"]) statuses.push((await client.request(method, url)).status);
  assert.deepEqual(statuses, [454, 454, 454, 200, 200]);
});

test("a reader's session: what each method answers in each state", async (t) => {
  const { client, url, site } = await withCamera(t);
  const ask = async (method: string, headers = {}, target = url): Promise<number> => (await client.request(method, target, headers)).status;
  const setUpTrack = (): Promise<number> => ask("SETUP", { Transport: overTcp() }, `${url}/trackID=0`);
  assert.equal(await setUpTrack(), 200);
  assert.equal(await setUpTrack(), 400, "the track is set up already");
  assert.equal(await ask("RECORD"), 455);
  assert.equal(await ask("ANNOUNCE", SDP), 455);
  assert.equal(await ask("PAUSE"), 200);
  assert.equal(await ask("PLAY"), 200);
  assert.equal(await ask("PLAY"), 200);
  assert.equal(await ask("SETUP", { Transport: overTcp(2) }, `${url}/trackID=1`), 455);
  assert.equal(await ask("RECORD"), 455);
  assert.equal(await ask("ANNOUNCE", SDP), 455);
  assert.equal(await ask("GET_PARAMETER"), 200);
  assert.equal(await ask("OPTIONS"), 200);
  assert.equal(await ask("DESCRIBE"), 200);
  assert.equal(await ask("PAUSE"), 200);
  assert.equal(await ask("PLAY"), 200);
  assert.equal(site.sessions.list("rtspSession").length, 1);
  assert.equal(await ask("TEARDOWN"), 200);
  assert.equal(site.sessions.list("rtspSession").length, 0);
  assert.equal(await ask("PLAY"), 454);
  client.session = undefined;
  assert.equal(await ask("PLAY"), 454);
  assert.equal(await setUpTrack(), 200, "a new session on the same connection");
  assert.equal(await ask("PLAY"), 200);
});

test("a publisher's session: what each method answers in each state", async (t) => {
  const { client, url, site } = await setUp(t);
  const ask = async (method: string, headers = {}, body = "", target = url): Promise<number> =>
    (await client.request(method, target, headers, body)).status;
  const setUpTrack = (track = 0): Promise<number> => ask("SETUP", { Transport: `${overTcp()};mode=record` }, "", `${url}/trackID=${track}`);
  assert.equal(await ask("ANNOUNCE", {}, syntheticSdp()), 415);
  assert.equal(await ask("ANNOUNCE", { "Content-Type": "text/plain" }, syntheticSdp()), 415);
  assert.equal(await ask("ANNOUNCE", SDP, "nonsense"), 400);
  assert.equal(await ask("ANNOUNCE", SDP, syntheticSdp().replace("m=video 0 RTP/AVP", "m=video 0 UDP")), 400, "nothing to receive");
  assert.equal(site.sessions.list("rtspSession").length, 0);
  assert.equal(await ask("ANNOUNCE", SDP, syntheticSdp()), 200);
  assert.equal(await ask("RECORD"), 455, "before the track is set up");
  assert.equal(await ask("PLAY"), 455);
  assert.equal(await setUpTrack(7), 404);
  assert.equal(await setUpTrack(), 200);
  assert.equal(await ask("PLAY"), 455);
  assert.equal(await ask("RECORD"), 200);
  assert.equal(await ask("RECORD"), 200);
  assert.equal(await setUpTrack(), 455);
  assert.equal(await ask("ANNOUNCE", SDP, syntheticSdp()), 455);
  assert.equal(site.registry.get("cam")?.state, "available");
  assert.equal(await ask("PAUSE"), 200);
  assert.equal(site.registry.get("cam"), undefined);
  assert.equal(await ask("RECORD"), 200);
  assert.equal(site.registry.get("cam")?.state, "available");
  assert.equal(await ask("TEARDOWN"), 200);
  assert.equal(site.registry.get("cam"), undefined);
});

test("who may not publish is told at RECORD: 400", async (t) => {
  const { connect, site, client } = await setUp(t, {
    paths: { taken: { source: { kind: "publisher", overridePublisher: false } }, pulled: { source: { kind: "redirect", target: "/x" } } },
  });
  await recordOverTcp(client, site.url("taken"), syntheticSdp());
  for (const path of ["taken", "pulled"])
    await assert.rejects(recordOverTcp(await connect(), site.url(path), syntheticSdp()), /answered 400/);
});

test("a publisher that takes over ends the other one's connection; the path goes on", async (t) => {
  const { connect, client, url, site } = await setUp(t);
  await recordOverTcp(client, url, syntheticSdp());
  const second = await connect();
  await recordOverTcp(second, url, syntheticSdp());
  await client.closed;
  const reader = await connect();
  await playOverTcp(reader, url);
  const camera = new SyntheticVideo();
  for (const packet of rtpOf(camera.nextBurst())) second.sendPacket(0, packet);
  await reader.when("the first frame", () => reader.on(0).length >= 3);
  assert.equal(site.registry.get("cam")?.state, "available");
});

test("a session answers only to the address it was made from, and tells its timeout", async (t) => {
  const { client, url, connect } = await withCamera(t);
  const { headers } = await client.request("SETUP", `${url}/trackID=0`, { Transport: overTcp() });
  assert.match(headers.get("session") ?? "", /^[0-9a-f-]{36};timeout=55$/);
  const other = await connect();
  other.session = client.session;
  assert.equal((await other.request("OPTIONS", url)).status, 200, "another connection of the same client");
});

test("without a Session header a request belongs to the connection's session", async (t) => {
  const { client, url } = await withCamera(t);
  await client.request("SETUP", `${url}/trackID=0`, { Transport: overTcp() });
  assert.equal((await client.request("PLAY", url, { Session: undefined })).status, 200);
  assert.equal((await client.request("TEARDOWN", url, { Session: undefined })).status, 200);
});

test("RTP-Info and Transport say what the first packet says", async (t) => {
  const { client, url, camera } = await withCamera(t);
  camera.frame(14);
  const { headers } = await client.request("SETUP", `${url}/trackID=0`, { Transport: overTcp() });
  const ssrc = Number.parseInt(/ssrc=([0-9A-F]{8})/.exec(headers.get("transport") ?? "")?.[1] ?? "", 16);
  const play = await client.request("PLAY", `${url}/`);
  const info = /^url=(.*);seq=(\d+);rtptime=(\d+)$/.exec(play.headers.get("rtp-info") ?? "");
  assert.equal(info?.[1], `${url}/trackID=0`);
  await client.when("the backlog", () => client.on(0).length >= 5);
  const [first] = client.on(0);
  assert.equal(first!.readUInt16BE(2), Number(info?.[2]));
  assert.equal(first!.readUInt32BE(4), Number(info?.[3]));
  assert.equal(first!.readUInt32BE(8), ssrc);
});

test("the query of a DESCRIBE counts for a SETUP whose URL has lost it", async (t) => {
  const queries: string[] = [];
  const { client, url } = await withCamera(t, {
    authorize: ({ action, query }) => {
      if (action === "read") queries.push(query);
      return Promise.resolve({ allowed: true, user: "" });
    },
  });
  await client.request("DESCRIBE", `${url}?token=x`);
  await client.request("SETUP", `${url}/trackID=0`, { Transport: overTcp() });
  assert.deepEqual(queries, ["token=x", "token=x"]);
});

test("on demand: the first DESCRIBE starts the source and waits; many at once start one", async (t) => {
  const scripted = scriptedSource({ onDemand: { startTimeoutMs: 60_000, closeAfterMs: 60_000 } });
  const { site, connect } = await setUp(t, { paths: { cam: { source: scripted.source } } });
  const clients = await Promise.all(Array.from({ length: 20 }, connect));
  const answers = clients.map((client) => client.request("DESCRIBE", site.url("cam")));
  while (scripted.attempts.length === 0) await setImmediate();
  scripted.last.ready();
  assert.deepEqual(new Set((await Promise.all(answers)).map(({ status }) => status)), new Set([200]));
  assert.equal(scripted.attempts.length, 1);
});

test("on demand: a source that does not come is answered 400; who hangs up meanwhile harms nobody", async (t) => {
  const scripted = scriptedSource({ onDemand: { startTimeoutMs: 100, closeAfterMs: 100 } });
  const { site, client, connect } = await setUp(t, { paths: { cam: { source: scripted.source } } });
  const impatient = await connect();
  void impatient.request("SETUP", `${site.url("cam")}/trackID=0`, { Transport: overTcp() }).catch(() => {});
  const answer = client.request("DESCRIBE", site.url("cam"));
  while (scripted.attempts.length === 0) await setImmediate();
  impatient.close();
  assert.equal((await answer).status, 400);
  assert.ok(scripted.last.aborted);
  assert.equal(site.registry.get("cam")?.idle, true);
  assert.equal(site.sessions.list("rtspSession").length, 0);
});
