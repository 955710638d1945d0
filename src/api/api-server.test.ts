// The control API over HTTP, with an RTSP site behind it. Every answer in JSON is held against docs/openapi.yaml.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { writeTime } from "#record/playback/time-text.ts";
import type { AccessRequest, Denial } from "#relay/access.ts";
import { enterPulledSources } from "#relay/pulled-sources.ts";
import type { Track } from "#relay/track.ts";
import { apiDocument, type Body, NOON_US, publishThree, startApi } from "#testing/api-site.ts";
import { until } from "#testing/peers/until.ts";
import { playOverTcp } from "#testing/raw-rtsp-client.ts";
import { pathConf, pulled } from "#testing/rtsp-site.ts";
import { syntheticAudioTrack, syntheticSdp, syntheticTrack } from "#testing/synthetic-track.ts";
import { type ApiServerOptions, apiRoutes } from "./api-server.ts";

const NOBODY = "11111111-2222-4333-8444-555555555555";

test("what is served is what the document describes", async (t) => {
  const { subjects } = await startApi(t);
  const served = apiRoutes(subjects).map(({ method, template }) => `${method} ${template}`);
  assert.deepEqual(served, apiDocument.operations);
  const without = apiRoutes({ ...subjects, servers: { rtsp: false, rtsps: false, webrtc: false } }).map(({ template }) => template);
  assert.deepEqual(
    without.filter((template) => template.startsWith("/v3/rtsp")),
    [],
  );
});

test("info, and keys fetched anew", async (t) => {
  const { ask, origin, refreshes } = await startApi(t);
  assert.deepEqual(await ask("/v3/info"), { version: "v1.2.3", started: writeTime(NOON_US + 1_500_000) });
  assert.equal((await fetch(`${origin}/v3/info`)).headers.get("server"), "mediamtx");
  assert.equal(refreshes(), 0);
  assert.deepEqual(await ask("/v3/auth/jwks/refresh", 200, "POST"), { status: "ok" });
  assert.equal(refreshes(), 1);
});

test("the gateway at a glance", async (t) => {
  const { ask, connect, site } = await startApi(t);
  const client = await connect();
  await publishThree(client, site.url("cam"));
  await playOverTcp(await connect(), site.url("cam"));
  const { memory, inboundBytes, outboundBytes, ...stats } = await ask("/v3/stats");
  assert.deepEqual(stats, {
    cpu: { processPct: 12.1, hostPct: 18.5 },
    paths: { total: 3, active: 1 },
    publishers: 1,
    readers: 1,
    uptimeSeconds: 60,
  });
  assert.ok(memory.processBytes > 10e6);
  assert.deepEqual([memory.hostUsedBytes, memory.hostTotalBytes], [8e8, 2e9]);
  assert.ok(inboundBytes > 9000 && outboundBytes > 0);
  client.close();
  await until("the stream's end", () => site.registry.get("cam")?.state === "empty");
  assert.equal((await ask("/v3/stats")).inboundBytes, inboundBytes, "what has passed stays counted");
});

test("paths: one that nobody feeds, one that redirects", async (t) => {
  const { ask } = await startApi(t);
  const list = await ask("/v3/paths/list");
  assert.deepEqual([list.itemCount, list.pageCount], [3, 1]);
  assert.deepEqual(
    list.items.map(({ name, source }: Body) => [name, source]),
    [
      ["cam", null],
      ["door", { type: "redirect", id: "" }],
      ["site/gate", null],
    ],
  );
  assert.deepEqual(list.items[0], {
    name: "cam",
    confName: "cam",
    ready: false,
    readyTime: null,
    available: false,
    availableTime: null,
    online: false,
    onlineTime: null,
    source: null,
    tracks: [],
    tracks2: [],
    readers: [],
    inboundBytes: 0,
    outboundBytes: 0,
    inboundFramesInError: 0,
    bytesReceived: 0,
    bytesSent: 0,
  });
});

test("paths: a stream, its publisher and its readers", async (t) => {
  const { ask, errorOf, connect, site } = await startApi(t);
  const url = site.url("yard/east");
  await publishThree(await connect(), url);
  for (let i = 0; i < 3; i++) await playOverTcp(await connect(), url);
  const path = await ask("/v3/paths/get/yard/east");
  assert.deepEqual(await ask("/v3/paths/get/yard%2Feast"), path);
  assert.deepEqual([path.name, path.confName], ["yard/east", "~^yard/.+$"]);
  assert.deepEqual([path.available, path.ready, path.online], [true, true, true]);
  assert.ok(Date.parse(path.availableTime) >= NOON_US / 1000);
  assert.deepEqual([path.readyTime, path.onlineTime], [path.availableTime, path.availableTime]);
  assert.deepEqual(path.tracks, ["H264"]);
  const codecProps = { width: 1920, height: 1080, profile: "Baseline", level: "4" };
  assert.deepEqual(path.tracks2, [{ codec: "H264", codecProps }]);
  const sessions = (await ask("/v3/rtspsessions/list")).items;
  const ids = (state: string) => sessions.filter((session: Body) => session.state === state).map(({ id }: Body) => id);
  assert.deepEqual(path.source, { type: "rtspSession", id: ids("publish")[0] });
  assert.deepEqual(
    path.readers,
    ids("read")
      .sort()
      .map((id: string) => ({ type: "rtspSession", id })),
  );
  assert.equal(path.readers.length, 3);
  assert.deepEqual(
    path.subscribers,
    path.readers.map(() => ({ protocol: "RTSP", clientIP: "127.0.0.1" })),
  );
  assert.ok(path.inboundBytes > 9000);
  assert.deepEqual([path.bytesReceived, path.bytesSent], [path.inboundBytes, path.outboundBytes]);
  assert.equal(await errorOf("/v3/paths/get/yard/west", 404), "path not found");
  assert.equal(await errorOf("/v3/paths/get/", 400), "invalid name");
});

test("publishers: clients and pulled sources, and a kick of each", async (t) => {
  const { ask, errorOf, connect, site } = await startApi(t);
  assert.deepEqual(await ask("/v3/publishers/list"), []);
  const client = await connect();
  await publishThree(client, site.url("cam"));
  const viewer = await connect();
  await playOverTcp(viewer, site.url("cam"));
  const [{ id }, { id: viewerId }] = (await ask("/v3/rtspsessions/list")).items;
  const source = pathConf("pulled", { source: pulled(site.url("cam"), { transport: "tcp" }) });
  t.after(enterPulledSources(site.registry, site.sessions));
  site.registry.reload([pathConf("cam"), source]);
  await until("the pulled stream", () => site.registry.get("pulled")?.state === "available");
  const pulledId = site.sessions.list("rtspSource")[0]!.id;
  assert.deepEqual(await ask("/v3/publishers/list"), [
    { path: "cam", clientId: id, protocol: "RTSP" },
    { path: "pulled", clientId: pulledId, protocol: "RTSP" },
  ]);

  for (const unknown of ["123abc", NOBODY, viewerId])
    assert.equal(await errorOf(`/v3/publishers/kick/${unknown}`, 404, "POST"), "publisher not found");
  const { reconnects } = site.registry.get("pulled")!.snapshot();
  assert.deepEqual(await ask(`/v3/publishers/kick/${pulledId}`, 200, "POST"), { status: "ok" });
  await until("it came back", () => {
    const path = site.registry.get("pulled")!.snapshot();
    return path.reconnects === reconnects + 1 && path.state === "available";
  });
  assert.deepEqual(await ask(`/v3/publishers/kick/${id.toUpperCase()}`, 200, "POST"), { status: "ok" });
  await client.closed;
  assert.equal((await ask("/v3/paths/get/cam")).available, false);
});

test("paths: every codec's properties are as described", async (t) => {
  const { ask, site } = await startApi(t);
  const tracks = [
    syntheticTrack(),
    syntheticAudioTrack(1),
    ...[
      { codec: "h265", vps: [], sps: [], pps: [] } as const,
      { codec: "av1" } as const,
      { codec: "vp9" } as const,
      { codec: "vp9", picture: { profile: 0, widthPx: 640, heightPx: 360, bitDepth: 8, chromaSubsampling: 1, fullRange: false } } as const,
      { codec: "mjpeg" } as const,
      { codec: "opus", channelCount: 2 } as const,
      { codec: "ac3", sampleRateHz: 48_000, channelCount: 6 } as const,
      { codec: "lpcm", bitDepth: 16, sampleRateHz: 48_000, channelCount: 2 } as const,
      { codec: "vp8" } as const,
      { codec: "vp8", picture: { widthPx: 640, heightPx: 360 } } as const,
      { codec: "g722" } as const,
      { codec: "generic", rtpmap: "private/90000", fmtp: undefined, payloadType: 97 } as const,
    ].map(
      (parameters, i): Track => ({
        index: i + 2,
        kind: "data",
        codec: parameters.codec,
        clockRateHz: 90_000,
        parameters,
        reorderFrames: 0,
      }),
    ),
  ];
  const permit = await site.registry.permitPublish({
    action: "publish",
    path: "cam",
    protocol: "",
    remote: { address: "", port: 0 },
    query: "",
    id: "",
    credentials: { kind: "none" },
  });
  const lease = site.registry.openForPublish(permit, { type: "rtspSession", id: randomUUID(), onEnd: () => {} });
  lease.sink.ready(tracks, "packets");
  const { tracks2, tracks: labels } = await ask("/v3/paths/get/cam");
  assert.deepEqual(labels, ["H264", "G711", "H265", "AV1", "VP9", "VP9", "M-JPEG", "Opus", "AC3", "LPCM", "VP8", "VP8", "G722", "Generic"]);
  assert.deepEqual(tracks2[2].codecProps, { width: 0, height: 0, profile: "", level: "" });
  assert.equal(tracks2.at(-1).codecProps, null);
});

test("pages", async (t) => {
  const { ask, errorOf } = await startApi(t);
  const { itemCount, pageCount, items } = await ask("/v3/paths/list?itemsPerPage=2&page=1");
  assert.deepEqual([itemCount, pageCount, items.map(({ name }: Body) => name)], [3, 2, ["site/gate"]]);
  assert.deepEqual(await ask("/v3/paths/list?itemsPerPage=2&page=2"), { itemCount: 3, pageCount: 2, items: [] });
  assert.deepEqual(await ask("/v3/rtspconns/list"), { itemCount: 0, pageCount: 0, items: [] });
  for (const list of ["paths", "rtspconns", "rtspsessions", "recordings"]) {
    assert.equal(await errorOf(`/v3/${list}/list?itemsPerPage=0`, 400), "invalid items per page");
    assert.match(await errorOf(`/v3/${list}/list?page=-1`, 400), /^invalid page/);
  }
});

test("RTSP connections and their sessions", async (t) => {
  const { ask, errorOf, connect, site } = await startApi(t);
  const client = await connect();
  await client.request("OPTIONS", site.url("cam"));
  const [bare] = (await ask("/v3/rtspconns/list")).items;
  assert.deepEqual([bare.session, bare.tunnel], [null, "none"]);
  assert.equal(bare.remoteAddr, `127.0.0.1:${client.socket.localPort}`);
  assert.ok(bare.inboundBytes > 0 && bare.outboundBytes > 0);

  await publishThree(client, `${site.url("cam")}?door=3`);
  const [session] = (await ask("/v3/rtspsessions/list")).items;
  assert.deepEqual(await ask(`/v3/rtspsessions/get/${session.id.toUpperCase()}`), session);
  assert.deepEqual([session.state, session.path, session.query], ["publish", "cam", "door=3"]);
  assert.deepEqual([session.transport, session.profile, session.conns], ["TCP", "AVP", [bare.id]]);
  assert.equal((await ask(`/v3/rtspconns/get/${bare.id}`)).session, session.id);
  assert.ok(session.inboundRTPPackets > 3);
  assert.deepEqual(
    [session.rtpPacketsReceived, session.bytesReceived, session.rtpPacketsSent],
    [session.inboundRTPPackets, session.inboundBytes, 0],
  );

  assert.equal(await errorOf(`/v3/rtspconns/get/${session.id}`, 404), "connection not found");
  assert.equal(await errorOf(`/v3/rtspsessions/get/${bare.id}`, 404), "session not found");
  assert.equal(await errorOf("/v3/rtspsessions/get/7", 400), "invalid id: '7' is not a UUID");
});

test("a session that is set up only", async (t) => {
  const { ask, connect, site } = await startApi(t);
  const client = await connect();
  await client.request("ANNOUNCE", site.url("cam"), { "Content-Type": "application/sdp" }, syntheticSdp());
  const [session] = (await ask("/v3/rtspsessions/list")).items;
  assert.deepEqual([session.state, session.transport, session.profile], ["idle", null, null]);
});

test("WebRTC sessions: as described, before and after their clients have come; a kick ends one", async (t) => {
  const { ask, errorOf, site } = await startApi(t);
  let closed = 0;
  const waiting = {
    id: "aaaaaaaa-2222-4333-8444-555555555555",
    kind: "webRTCSession",
    created: new Date(),
    remote: { address: "192.0.2.7", port: 4711 },
    state: "read",
    path: "cam/sub",
    query: "a=1",
    user: "u",
    userAgent: "page",
    transport: undefined,
    counters: () => ({}),
    close: () => closed++,
  } as const;
  const established = {
    ...waiting,
    id: "bbbbbbbb-2222-4333-8444-555555555555",
    established: true,
    localCandidate: "host/udp/192.0.2.1/8189",
    remoteCandidate: "prflx/udp/192.0.2.7/5000",
    skippedTracks: ["audio: WebRTC cannot carry MPEG-4 Audio"],
    counters: () => ({
      outboundBytes: 5,
      outboundRTPPackets: 4,
      outboundRTPPacketsReportedLost: 3,
      outboundRTCPPackets: 2,
      inboundRTCPPackets: 1,
    }),
  } as const;
  for (const entry of [waiting, established]) site.sessions.add(entry);
  const { items } = await ask("/v3/webrtcsessions/list");
  assert.deepEqual(
    items.map((item: Body) => [
      item.peerConnectionEstablished,
      item.localCandidate,
      item.outboundRTPPackets,
      item.rtpPacketsSent,
      item.skippedTracks.length,
    ]),
    [
      [false, "", 0, 0, 0],
      [true, "host/udp/192.0.2.1/8189", 4, 4, 1],
    ],
  );
  assert.deepEqual(await ask(`/v3/webrtcsessions/get/${established.id}`), items[1]);
  assert.equal(items[1].remoteAddr, "192.0.2.7:4711");
  assert.deepEqual(await ask(`/v3/webrtcsessions/kick/${established.id}`, 200, "POST"), { status: "ok" });
  assert.equal(closed, 1);
  assert.equal(await errorOf(`/v3/webrtcsessions/get/${NOBODY}`, 404), "session not found");
  assert.match(await errorOf("/v3/webrtcsessions/kick/x", 400, "POST"), /not a UUID/);
});

test("a kick ends the session", async (t) => {
  const { ask, errorOf, connect, site } = await startApi(t);
  const client = await connect();
  await publishThree(client, site.url("cam"));
  const [{ id }] = (await ask("/v3/rtspsessions/list")).items;
  assert.deepEqual(await ask(`/v3/rtspsessions/kick/${id}`, 200, "POST"), { status: "ok" });
  await client.closed;
  assert.equal((await ask("/v3/paths/get/cam")).available, false);
  assert.equal(await errorOf(`/v3/rtspsessions/kick/${id}`, 404, "POST"), "session not found");
  assert.equal(await errorOf(`/v3/rtspsessions/kick/${NOBODY}`, 404, "POST"), "session not found");
  assert.match(await errorOf("/v3/rtspsessions/kick/x", 400, "POST"), /not a UUID/);
});

test("recordings", async (t) => {
  const segments = new Map([
    ["cam", [NOON_US, NOON_US + 60_123_456]],
    ["yard/east", [NOON_US]],
  ]);
  const recordings: ApiServerOptions["recordings"] = {
    paths: async () => [...segments.keys()],
    startsOf: async (path) => segments.get(path) ?? [],
    deleteSegment: async (path, startUtcUs) => {
      const left = segments.get(path)!.filter((start) => start !== startUtcUs);
      segments.set(path, left);
    },
  };
  const { ask, errorOf } = await startApi(t, { recordings });
  const cam = { name: "cam", segments: [{ start: writeTime(NOON_US) }, { start: writeTime(NOON_US + 60_123_456) }] };
  const yard = { name: "yard/east", segments: [{ start: writeTime(NOON_US) }] };
  assert.deepEqual(await ask("/v3/recordings/list"), { itemCount: 2, pageCount: 1, items: [cam, yard] });
  assert.deepEqual(await ask("/v3/recordings/list?itemsPerPage=1&page=1"), { itemCount: 2, pageCount: 2, items: [yard] });
  assert.deepEqual(await ask("/v3/recordings/get/yard/east"), yard);
  assert.deepEqual(await ask("/v3/recordings/get/site/gate"), { name: "site/gate", segments: [] });
  assert.equal(await errorOf("/v3/recordings/get/other", 400), "path 'other' is not configured");
  assert.match(await errorOf("/v3/recordings/get/cam%2F..%2Fx", 400), /^invalid path name: /);
  assert.equal(await errorOf("/v3/recordings/get/", 400), "invalid name");

  const remove = (path: string, start: string) => `/v3/recordings/deletesegment?${new URLSearchParams({ path, start })}`;
  assert.match(await errorOf(remove("cam", "yesterday"), 400, "DELETE"), /^invalid start: 'yesterday'/);
  assert.match(await errorOf(remove("../cam", "2026-03-01T12:00:00Z"), 400, "DELETE"), /^invalid path name: /);
  assert.equal(await errorOf(remove("other", "2026-03-01T12:00:00Z"), 400, "DELETE"), "path 'other' is not configured");
  assert.deepEqual(await ask(remove("cam", cam.segments[1]!.start), 200, "DELETE"), { status: "ok" });
  assert.deepEqual(await ask(remove("cam", "2026-03-01T14:30:00+02:30"), 200, "DELETE"), { status: "ok" });
  assert.deepEqual(await ask("/v3/recordings/get/cam"), { name: "cam", segments: [] });
});

test("without recordings the lists are empty", async (t) => {
  const { ask, errorOf } = await startApi(t);
  assert.deepEqual(await ask("/v3/recordings/list"), { itemCount: 0, pageCount: 0, items: [] });
  assert.deepEqual(await ask("/v3/recordings/get/cam"), { name: "cam", segments: [] });
  const target = "/v3/recordings/deletesegment?path=cam&start=2026-03-01T12:00:00Z";
  assert.equal(await errorOf(target, 404, "DELETE"), "nothing is recorded");
});

test("who may not in is told so, whatever was asked for", async (t) => {
  const denial = ({ credentials: { kind } }: AccessRequest): Denial => {
    return { allowed: false, challenge: kind === "none", delayMs: 0, reason: "wrong password" };
  };
  const { asked, origin, errorOf, log } = await startApi(t, { authorize: async (request) => denial(request) });
  assert.equal(await errorOf("/v3/info?x=1", 401), "authentication error");
  const bare = await fetch(`${origin}/v3/nothing`);
  assert.deepEqual([bare.status, bare.headers.get("www-authenticate")], [401, 'Basic realm="mediamtx"']);
  assert.deepEqual(log.lines, []);
  const headers = { authorization: `Basic ${Buffer.from("ann:b").toString("base64")}`, "user-agent": "dashboard" };
  assert.equal((await fetch(`${origin}/v3/info`, { headers })).headers.get("www-authenticate"), null);
  assert.deepEqual(log.lines, ["connection 127.0.0.1 failed to authenticate: wrong password"]);
  const { action, path, protocol, query, id } = asked[0]!;
  assert.deepEqual([action, path, protocol, query, id], ["api", "", "", "x=1", ""]);
  const { credentials, userAgent, remote } = asked[2]!;
  assert.deepEqual([credentials, userAgent, remote.address], [{ kind: "basic", user: "ann", pass: "b" }, "dashboard", "127.0.0.1"]);
});

test("what is not there", async (t) => {
  const { origin } = await startApi(t, { servers: { rtsp: false, rtsps: false, webrtc: false } });
  for (const [method, target] of [
    ["GET", "/"],
    ["GET", "/v3/info/x"],
    ["POST", "/v3/info"],
    ["GET", "/v3/rtspsessions/list"],
    ["GET", `/v3/rtspsessions/kick/${NOBODY}`],
    ["GET", "/v3/rtspsessions/get/a/b"],
    ["GET", "/v3/webrtcsessions/list"],
    ["GET", "/V3/paths/list"],
  ] as const) {
    const response = await fetch(origin + target, { method });
    assert.deepEqual(
      [response.status, response.headers.get("content-type"), await response.text()],
      [404, "text/plain", "404 page not found"],
      `${method} ${target}`,
    );
  }
  assert.equal((await fetch(`${origin}/v3/paths/get/%ff`)).status, 400);
});

test("pages of other sites: preflight before any question at the door", async (t) => {
  const { origin, asked } = await startApi(t, { allowOrigins: ["https://noc.example"] });
  const headers = { origin: "https://noc.example", "access-control-request-method": "DELETE" };
  const preflight = await fetch(`${origin}/v3/recordings/deletesegment`, { method: "OPTIONS", headers });
  assert.equal(preflight.status, 204);
  assert.deepEqual(
    ["origin", "methods", "headers"].map((name) => preflight.headers.get(`access-control-allow-${name}`)),
    ["https://noc.example", "OPTIONS, GET, POST, PATCH, DELETE", "Authorization, Content-Type"],
  );
  assert.equal(asked.length, 0);
  const other = await fetch(`${origin}/v3/info`, { headers: { origin: "https://other.example" } });
  assert.equal(other.headers.get("access-control-allow-origin"), null);
});

test("the document tells right answers from wrong ones", () => {
  const faults = (body: unknown, path = "/v3/info", status = 200) => apiDocument.faultsOf({ method: "GET", path, status, body });
  const good = { version: "v1", started: "2026-03-01T12:00:00+01:00" };
  assert.deepEqual(faults(good), []);
  assert.deepEqual(faults({ version: 1, started: "2026-03-01" }), [
    "body.version is of type number, not string",
    "body.started is '2026-03-01', not a time",
  ]);
  assert.deepEqual(faults({ version: "v1" }), ["body.started is missing"]);
  assert.deepEqual(faults({ ...good, more: 1 }), ["body.more is not described"]);
  assert.deepEqual(faults(null), ["body is null"]);
  assert.deepEqual(faults(good, "/v3/info", 418), ["GET /v3/info: status 418 is not described"]);
  assert.deepEqual(faults(good, "/v3/other"), ["GET /v3/other is not described"]);
  assert.deepEqual(faults({ itemCount: -1, pageCount: 0.5, items: {} }, "/v3/paths/list"), [
    "body.itemCount is -1, below 0",
    "body.pageCount is 0.5, not a whole number",
    "body.items is of type object, not array",
  ]);
});

test("/docs: the page, its style and the document, and no other asset", async (t) => {
  const { origin } = await startApi(t);
  const bare = await fetch(`${origin}/docs`, { redirect: "manual" });
  assert.deepEqual([bare.status, bare.headers.get("location")], [302, "docs/"]);
  for (const [name, asset] of [
    ["", "docs.html"],
    ["docs.css", "docs.css"],
    ["openapi.yaml", "openapi.yaml"],
  ] as const)
    assert.equal(await (await fetch(`${origin}/docs/${name}`)).text(), `asset ${asset}`);
  for (const name of ["site.html", "player.js", "constructor", "__proto__", "..%2f..%2fpackage.json"])
    assert.equal((await fetch(`${origin}/docs/${name}`)).status, 404, name);
  assert.equal((await fetch(`${origin}/docs/`, { method: "POST" })).status, 404);
});
