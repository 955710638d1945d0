// MediaMTX's own OpenAPI document against a whole gateway: every operation of the servers that there are, each list with an object that lives,
// compared with what its client knows of itself.
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import { builtFeatures, type Feature } from "#config/built-features.ts";
import { parseConfig } from "#config/parse-config.ts";
import type { Body } from "#testing/api-site.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { OpenApiDocument } from "#testing/openapi.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { RawRtcClient } from "#testing/raw-rtc-client.ts";
import { RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { writeSelfSigned } from "#testing/self-signed.ts";
import { SyntheticVideo, syntheticSdp } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";
import { Gateway } from "./gateway.ts";

const DOCUMENT = new URL("../../../shared/fixtures/mediamtx-openapi.yaml", import.meta.url);
const skip = existsSync(DOCUMENT) ? false : "MediaMTX's OpenAPI document is not here";
const NOBODY = "11111111-2222-4333-8444-555555555555";

/** RFC 7714 §14: what the encryption adds to each packet. */
const SRTP_TAG_BYTES = 16;

/** Servers that operations belong to: before they are built, their operations are skipped. */
const GROUPS: readonly (readonly [prefix: string, feature: Feature])[] = [
  ["/v3/hls", "hls"],
  ["/v3/rtmp", "rtmp"],
  ["/v3/srt", "srt"],
  ["/v3/moq", "moq"],
  ["/v3/paths/forward", "forward"],
];
/** What the guide that this project implements has beyond MediaMTX. */
const ADDED = new Set(["body.subscribers is not described"]);

type Client = "publisher" | "viewer" | "secure" | "browser";

/** Of a gateway whose clients have sent and received all they will. */
interface Site {
  readonly document: OpenApiDocument;
  readonly gateway: Gateway;
  readonly clients: Readonly<Record<Exclude<Client, "browser">, RawRtspClient>>;
  readonly browser: RawRtcClient;
  /** RTP packets that the publisher has sent, and their bytes. */
  readonly sent: { packets: number; bytes: number };
  /** The body of an answer with this status, held against the document. */
  ask(operation: string, target?: string, status?: number, sent?: unknown): Promise<Body>;
  errorOf(operation: string, target: string, status: number, sent?: unknown): Promise<string>;
}

async function start(t: TestContext): Promise<Site> {
  const folder = await temporaryFolder(t);
  const { keyFile, certFile, cert } = await writeSelfSigned(folder);
  const [rtsp, rtsps, webrtc, rtp, ice] = [
    await freeTcpPort(0),
    await freeTcpPort(0),
    await freeTcpPort(0),
    await freeUdpPortPair(0),
    await freeUdpPortPair(0),
  ];
  const text = `
readTimeout: 60s
api: yes
apiAddress: 127.0.0.1:${await freeTcpPort(0)}
rtspAddress: 127.0.0.1:${rtsp}
rtspEncryption: optional
rtspsAddress: 127.0.0.1:${rtsps}
rtspServerKey: ${keyFile}
rtspServerCert: ${certFile}
rtpAddress: 127.0.0.1:${rtp}
rtcpAddress: 127.0.0.1:${rtp + 1}
rtspTransports: [tcp, udp]
webrtcAddress: 127.0.0.1:${webrtc}
webrtcLocalUDPAddress: 127.0.0.1:${ice}
webrtcIPsFromInterfaces: no
webrtcAdditionalHosts: [127.0.0.1]
dataDirectory: ${folder}/data
pathDefaults: {recordPartDuration: 100ms, recordPath: '${folder}/files/%path/%Y-%m-%d_%H-%M-%S-%f'}
paths:
  site/gate: {record: yes}
  there: {source: redirect, sourceRedirect: rtsp://elsewhere/x}
`;
  const { config, problems } = parseConfig(text, "mediamtx.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  const gateway = await Gateway.start(config, collectedLog());
  t.after(() => gateway.close());

  const document = new OpenApiDocument(DOCUMENT);
  const origin = `http://127.0.0.1:${gateway.ports["apiAddress"]}`;
  const ask: Site["ask"] = async (operation, target, status = 200, sent) => {
    const [method = "", template = ""] = operation.split(" ");
    const init = sent === undefined ? {} : { body: JSON.stringify(sent), headers: { "content-type": "application/json" } };
    const response = await fetch(origin + (target ?? template), { method, ...init });
    const body: Body = await response.json();
    assert.equal(response.status, status, `${operation}: ${JSON.stringify(body)}`);
    assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
    const answer = { method, path: template, status, body };
    assert.deepEqual(
      document.faultsOf(answer).filter((fault) => !ADDED.has(fault)),
      [],
    );
    assert.deepEqual(document.absentFrom(answer), []);
    return body;
  };

  const url = `rtsp://127.0.0.1:${rtsp}/site/gate`;
  const opened = async (client: RawRtspClient | Promise<RawRtspClient>): Promise<RawRtspClient> => {
    const one = await client;
    t.after(() => one.close());
    return one;
  };
  const publisher = await opened(RawRtspClient.connect(rtsp));
  const sent = { packets: 0, bytes: 0 };
  const announced = { "Content-Type": "application/sdp", "User-Agent": "camera/1.0" };
  await ok(publisher.request("ANNOUNCE", `${url}?door=3`, announced, syntheticSdp()));
  await ok(publisher.request("SETUP", `${url}/trackID=0`, { Transport: "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record" }));
  await ok(publisher.request("RECORD", url));
  const video = new SyntheticVideo({ gopFrames: 5 });
  const frame = (): void => {
    for (const packet of rtpOf(video.nextBurst())) {
      publisher.sendPacket(0, packet);
      sent.packets++;
      sent.bytes += packet.length;
    }
  };
  const timer = setInterval(frame, 20);
  t.after(() => clearInterval(timer));
  await until("the stream", () => gateway.registry.get("site/gate")?.state === "available");

  const play = async (client: RawRtspClient, ofUrl: string): Promise<void> => {
    const headers = { "User-Agent": "viewer/2.0", Transport: "RTP/AVP/TCP;unicast;interleaved=0-1" };
    await ok(client.request("SETUP", `${ofUrl}/trackID=0?user=me`, headers));
    await ok(client.request("PLAY", ofUrl));
    await client.when("pictures", () => client.on(0).length > 10);
  };
  const viewer = await opened(RawRtspClient.connect(rtsp));
  await play(viewer, url);
  const socket = tlsConnect({ host: "127.0.0.1", port: rtsps, ca: cert });
  await once(socket, "secureConnect");
  const secure = await opened(RawRtspClient.on(socket));
  await play(secure, `rtsps://127.0.0.1:${rtsps}/site/gate`);
  const browser = await RawRtcClient.connect(`http://127.0.0.1:${webrtc}/site/gate/whep?door=4`, {
    headers: { "User-Agent": "browser/3.0" },
  });
  t.after(() => browser.close());
  await until("pictures in the browser", () => browser.rtp.length > 10);
  clearInterval(timer); // from here on counters stand still
  return {
    document,
    gateway,
    clients: { publisher, viewer, secure },
    browser,
    sent,
    ask,
    errorOf: async (...args) => (await ask(...args)).error,
  };
}

async function ok(answer: ReturnType<RawRtspClient["request"]>): Promise<void> {
  assert.equal((await answer).status, 200);
}

/** Not before now, nor long ago. */
function isRecent(time: string): boolean {
  return Math.abs(Date.now() - Date.parse(time)) < 120_000;
}

function lengthOf(packets: readonly Buffer[]): number {
  return packets.reduce((sum, { length }) => sum + length, 0);
}

/** The item whose address is that of a client's socket, once everything that was sent is counted. */
async function itemOf(
  site: Site,
  operation: string,
  client: Exclude<Client, "browser">,
  isSettled: (item: Body) => boolean = () => true,
): Promise<Body> {
  const { localPort } = site.clients[client].socket;
  return await until(`${client} in ${operation}`, async () => {
    const { items } = await site.ask(operation);
    const item = items.find(({ remoteAddr }: Body) => remoteAddr === `127.0.0.1:${localPort}`);
    return item !== undefined && isSettled(item) && item;
  });
}

async function checkList(site: Site, operation: string, count: number): Promise<void> {
  const { itemCount, pageCount, items } = await site.ask(operation);
  assert.deepEqual([itemCount, pageCount, items.length], [count, 1, count]);
  const [, target = ""] = operation.split(" ");
  const second = await site.ask(operation, `${target}?itemsPerPage=1&page=${count - 1}`);
  assert.deepEqual([second.itemCount, second.pageCount, second.items.length], [count, count, 1]);
  assert.deepEqual((await site.ask(operation, `${target}?page=99`)).items, []);
  for (const query of ["page=-1", "page=x", "page=1.5", "page=99999999999", "itemsPerPage=0", "itemsPerPage=x"])
    assert.match(await site.errorOf(operation, `${target}?${query}`, 400), /^invalid (?:page|items)/);
}

function checkConnection(item: Body, client: RawRtspClient): void {
  assert.deepEqual([item.tunnel, item.inboundBytes, item.outboundBytes], ["none", client.socket.bytesWritten, client.socket.bytesRead]);
  assert.deepEqual([item.bytesReceived, item.bytesSent], [item.inboundBytes, item.outboundBytes]);
  assert.ok(isRecent(item.created));
}

function checkReader(item: Body, client: RawRtspClient, profile: string): void {
  const { state, path, query, user, userAgent, transport } = item;
  assert.deepEqual(
    [state, path, query, user, userAgent, transport, item.profile],
    ["read", "site/gate", "user=me", "", "viewer/2.0", "TCP", profile],
  );
  const [rtp, rtcp] = [client.on(0), client.on(1)];
  assert.deepEqual([item.outboundRTPPackets, item.outboundRTCPPackets], [rtp.length, rtcp.length]);
  assert.equal(item.outboundBytes, lengthOf(rtp) + lengthOf(rtcp));
  assert.deepEqual(
    [item.rtpPacketsSent, item.bytesSent, item.outboundRTPPacketsDiscarded],
    [item.outboundRTPPackets, item.outboundBytes, 0],
  );
  assert.deepEqual([item.inboundRTPPackets, item.inboundBytes, item.outboundRTPPacketsReportedLost], [0, 0, 0]);
}

/** Kicked by its id; the second time it is not there. */
async function checkKick(site: Site, operation: string, id: string, closed: Promise<unknown>, gone: string): Promise<void> {
  const target = (one: string): string => operation.split(" ")[1]!.replace("{id}", one);
  assert.match(await site.errorOf(operation, target("123abc"), 400), /^invalid id/);
  assert.equal(await site.errorOf(operation, target(NOBODY), 404), gone);
  assert.deepEqual(await site.ask(operation, target(id)), { status: "ok" });
  await closed;
  assert.equal(await site.errorOf(operation, target(id), 404), gone);
}

/** What each operation must do, by its name in the document. They are asked in the order of the document. */
const CHECKS: Readonly<Record<string, (site: Site, operation: string) => Promise<void>>> = {
  "GET /v3/info": async ({ ask }, operation) => {
    const { version, started } = await ask(operation);
    assert.match(version, /^v\d+\.\d+\.\d+/);
    assert.ok(isRecent(started));
  },
  "POST /v3/auth/jwks/refresh": async ({ ask }, operation) => assert.deepEqual(await ask(operation), { status: "ok" }),
  "GET /v3/config/global/get": async ({ ask }, operation) => {
    const { api, rtspTransports, readTimeout } = await ask(operation);
    assert.deepEqual([api, rtspTransports.sort(), readTimeout], [true, ["tcp", "udp"], "1m0s"]);
  },
  "PATCH /v3/config/global/patch": async ({ ask, errorOf }, operation) => {
    assert.deepEqual(await ask(operation, undefined, 200, { logLevel: "warn" }), { status: "ok" });
    assert.equal((await ask("GET /v3/config/global/get")).logLevel, "warn");
    assert.match(await errorOf(operation, "/v3/config/global/patch", 400, { readTimeout: 3, x: 1 }), /x|readTimeout/);
  },
  "GET /v3/config/pathdefaults/get": async ({ ask }, operation) => assert.equal((await ask(operation)).recordPartDuration, "100ms"),
  "PATCH /v3/config/pathdefaults/patch": async ({ ask }, operation) => {
    assert.deepEqual(await ask(operation, undefined, 200, { recordDeleteAfter: "2d" }), { status: "ok" });
    assert.equal((await ask("GET /v3/config/pathdefaults/get")).recordDeleteAfter, "2d");
  },
  "GET /v3/config/paths/list": (site, operation) => checkList(site, operation, 2),
  "GET /v3/config/paths/get/{name}": async ({ ask, errorOf }, operation) => {
    const gate = await ask(operation, "/v3/config/paths/get/site/gate");
    assert.deepEqual([gate.name, gate.record, gate.recordDeleteAfter], ["site/gate", true, "2d"]);
    assert.equal(await errorOf(operation, "/v3/config/paths/get/elsewhere", 404), "path configuration not found");
  },
  "POST /v3/config/paths/add/{name}": async ({ ask, errorOf }, operation) => {
    const target = "/v3/config/paths/add/new";
    assert.deepEqual(await ask(operation, target, 200, { maxReaders: 3 }), { status: "ok" });
    assert.equal(await errorOf(operation, target, 400, {}), "path already exists");
    for (const name of ["..%2Fnew", "a%2F..%2F..%2Fb", "new%00", "a%5Cb", "%C0%AE"])
      assert.match(await errorOf(operation, `/v3/config/paths/add/${name}`, 400, {}), /path|escapes/, name);
  },
  "PATCH /v3/config/paths/patch/{name}": async ({ ask, errorOf }, operation) => {
    assert.deepEqual(await ask(operation, "/v3/config/paths/patch/new", 200, { maxReaders: 4 }), { status: "ok" });
    assert.equal(await errorOf(operation, "/v3/config/paths/patch/elsewhere", 404, {}), "path not found");
  },
  "POST /v3/config/paths/replace/{name}": async ({ ask }, operation) => {
    assert.deepEqual(await ask(operation, "/v3/config/paths/replace/new", 200, { fallback: "/there" }), { status: "ok" });
    const { maxReaders, fallback } = await ask("GET /v3/config/paths/get/{name}", "/v3/config/paths/get/new");
    assert.deepEqual([maxReaders, fallback], [0, "/there"]);
  },
  "DELETE /v3/config/paths/delete/{name}": async ({ ask, errorOf }, operation) => {
    assert.deepEqual(await ask(operation, "/v3/config/paths/delete/new"), { status: "ok" });
    assert.equal(await errorOf(operation, "/v3/config/paths/delete/new", 404), "path not found");
  },
  "GET /v3/paths/list": async (site, operation) => {
    await checkList(site, operation, 2);
    const [gate, there] = (await site.ask(operation)).items;
    assert.deepEqual([gate.name, there.name, there.source, there.ready], ["site/gate", "there", { type: "redirect", id: "" }, false]);
  },
  "GET /v3/paths/get/{name}": async (site, operation) => {
    const { gateway, clients, browser } = site;
    const path = await until("everything is counted", async () => {
      const one = await site.ask(operation, "/v3/paths/get/site/gate");
      const received = [
        lengthOf(clients.viewer.on(0)),
        lengthOf(clients.secure.on(0)),
        browser.rtp.length * SRTP_TAG_BYTES + lengthOf(browser.rtp),
      ];
      return one.outboundBytes === received.reduce((sum, length) => sum + length, 0) && one;
    });
    const idOf = (kind: "rtspSession" | "rtspsSession", state: string) =>
      gateway.sessions.list(kind).find((one) => one.state === state)!.id;
    assert.deepEqual([path.confName, path.available, path.ready, path.online], ["site/gate", true, true, true]);
    assert.ok(isRecent(path.availableTime) && path.readyTime === path.availableTime && path.onlineTime === path.availableTime);
    assert.deepEqual(path.source, { type: "rtspSession", id: idOf("rtspSession", "publish") });
    assert.deepEqual(path.readers, [
      { type: "rtspSession", id: idOf("rtspSession", "read") },
      { type: "rtspsSession", id: idOf("rtspsSession", "read") },
      { type: "webRTCSession", id: browser.response!.headers.get("id") },
    ]);
    assert.deepEqual(
      path.subscribers.map(({ protocol, clientIP }: Body) => `${protocol} ${clientIP}`),
      ["RTSP 127.0.0.1", "RTSPS 127.0.0.1", "WebRTC 127.0.0.1"],
    );
    assert.deepEqual(path.tracks, ["H264"]);
    assert.deepEqual(path.tracks2, [{ codec: "H264", codecProps: { width: 1920, height: 1080, profile: "Baseline", level: "4" } }]);
    assert.deepEqual([path.inboundBytes, path.bytesReceived], [site.sent.bytes, site.sent.bytes]);
    assert.deepEqual([path.bytesSent, path.inboundFramesInError], [path.outboundBytes, 0]);
    assert.equal(await site.errorOf(operation, "/v3/paths/get/elsewhere", 404), "path not found");
  },
  "GET /v3/rtspconns/list": (site, operation) => checkList(site, operation, 2),
  "GET /v3/rtspconns/get/{id}": async (site, operation) => {
    for (const client of ["publisher", "viewer"] as const) {
      const { bytesWritten, bytesRead } = site.clients[client].socket;
      const isSettled = (item: Body): boolean => item.inboundBytes === bytesWritten && item.outboundBytes === bytesRead;
      const item = await itemOf(site, "GET /v3/rtspconns/list", client, isSettled);
      assert.deepEqual(await site.ask(operation, `/v3/rtspconns/get/${item.id}`), item);
      checkConnection(item, site.clients[client]);
      assert.equal((await itemOf(site, "GET /v3/rtspsessions/list", client)).conns[0], item.id);
      assert.equal(item.session, (await itemOf(site, "GET /v3/rtspsessions/list", client)).id);
    }
    assert.equal(await site.errorOf(operation, `/v3/rtspconns/get/${NOBODY}`, 404), "connection not found");
  },
  "GET /v3/rtspsessions/list": (site, operation) => checkList(site, operation, 2),
  "GET /v3/rtspsessions/get/{id}": async (site, operation) => {
    const { sent, clients } = site;
    const item = await itemOf(site, "GET /v3/rtspsessions/list", "publisher", ({ inboundBytes }) => inboundBytes === sent.bytes);
    assert.deepEqual(await site.ask(operation, `/v3/rtspsessions/get/${item.id}`), item);
    const { state, path, query, userAgent, transport, profile, conns } = item;
    assert.deepEqual([state, path, query, userAgent, transport, profile], ["publish", "site/gate", "door=3", "camera/1.0", "TCP", "AVP"]);
    assert.equal(conns.length, 1);
    assert.deepEqual([item.inboundRTPPackets, item.rtpPacketsReceived, item.bytesReceived], [sent.packets, sent.packets, sent.bytes]);
    assert.deepEqual(
      [item.inboundRTPPacketsLost, item.inboundRTPPacketsInError, item.inboundRTCPPackets, item.outboundBytes],
      [0, 0, 0, 0],
    );
    assert.ok(item.inboundRTPPacketsJitter >= 0 && isRecent(item.created));
    checkReader(await itemOf(site, "GET /v3/rtspsessions/list", "viewer"), clients.viewer, "AVP");
    assert.equal(await site.errorOf(operation, `/v3/rtspsessions/get/${NOBODY}`, 404), "session not found");
  },
  "POST /v3/rtspsessions/kick/{id}": async (site, operation) => {
    const { id } = await itemOf(site, "GET /v3/rtspsessions/list", "viewer");
    await checkKick(site, operation, id, site.clients.viewer.closed, "session not found");
  },
  "GET /v3/rtspsconns/list": (site, operation) => checkList(site, operation, 1),
  "GET /v3/rtspsconns/get/{id}": async (site, operation) => {
    const item = await itemOf(site, "GET /v3/rtspsconns/list", "secure");
    assert.deepEqual(await site.ask(operation, `/v3/rtspsconns/get/${item.id}`), item);
    assert.ok(item.inboundBytes > 0 && item.outboundBytes > lengthOf(site.clients.secure.on(0)));
    assert.equal(item.session, (await itemOf(site, "GET /v3/rtspssessions/list", "secure")).id);
  },
  "GET /v3/rtspssessions/list": (site, operation) => checkList(site, operation, 1),
  "GET /v3/rtspssessions/get/{id}": async (site, operation) => {
    const item = await itemOf(site, "GET /v3/rtspssessions/list", "secure");
    assert.deepEqual(await site.ask(operation, `/v3/rtspssessions/get/${item.id}`), item);
    checkReader(item, site.clients.secure, item.profile);
  },
  "POST /v3/rtspssessions/kick/{id}": async (site, operation) => {
    const { id } = await itemOf(site, "GET /v3/rtspssessions/list", "secure");
    await checkKick(site, operation, id, site.clients.secure.closed, "session not found");
  },
  "GET /v3/webrtcsessions/list": (site, operation) => checkList(site, operation, 1),
  "GET /v3/webrtcsessions/get/{id}": async (site, operation) => {
    const { browser } = site;
    const id = browser.response!.headers.get("id");
    const item = await site.ask(operation, `/v3/webrtcsessions/get/${id}`);
    assert.deepEqual((await site.ask("GET /v3/webrtcsessions/list")).items, [item]);
    const { state, path, query, user, userAgent, peerConnectionEstablished } = item;
    assert.deepEqual(
      [item.id, state, path, query, user, userAgent, peerConnectionEstablished],
      [id, "read", "site/gate", "door=4", "", "browser/3.0", true],
    );
    assert.equal(item.localCandidate, `host/udp/127.0.0.1/${browser.server!.port}`);
    assert.equal(item.remoteCandidate, `prflx/udp/127.0.0.1/${browser.socket.address().port}`);
    assert.match(item.remoteAddr, /^127\.0\.0\.1:\d+$/);
    assert.deepEqual([item.outboundRTPPackets, item.outboundRTCPPackets], [browser.rtp.length, browser.rtcp.length]);
    assert.ok(item.outboundBytes >= lengthOf(browser.rtp) + browser.rtp.length * SRTP_TAG_BYTES);
    assert.deepEqual([item.rtpPacketsSent, item.bytesSent, item.outboundFramesDiscarded], [item.outboundRTPPackets, item.outboundBytes, 0]);
    assert.equal(await site.errorOf(operation, `/v3/webrtcsessions/get/${NOBODY}`, 404), "session not found");
  },
  "POST /v3/webrtcsessions/kick/{id}": async (site, operation) => {
    const { gateway, browser } = site;
    const gone = until("the session's end", () => gateway.sessions.list("webRTCSession").length === 0);
    await checkKick(site, operation, browser.response!.headers.get("id")!, gone, "session not found");
  },
  "GET /v3/recordings/list": async (site, operation) => {
    site.clients.publisher.close(); // its file is complete then
    await until("the end of the stream", () => site.gateway.registry.get("site/gate")?.state === "empty");
    const [{ name, segments }] = (await site.ask(operation)).items;
    assert.deepEqual([name, segments.length], ["site/gate", 1]);
    assert.ok(isRecent(segments[0].start));
    await checkList(site, operation, 1);
  },
  "GET /v3/recordings/get/{name}": async (site, operation) => {
    const [item] = (await site.ask("GET /v3/recordings/list")).items;
    assert.deepEqual(await site.ask(operation, "/v3/recordings/get/site/gate"), item);
    for (const name of ["elsewhere", "site%2F..%2F..%2Fetc", "..%2f..%2fetc"])
      await site.errorOf(operation, `/v3/recordings/get/${name}`, 400);
  },
  "DELETE /v3/recordings/deletesegment": async (site, operation) => {
    const target = (path: string, start: string): string => `/v3/recordings/deletesegment?${new URLSearchParams({ path, start })}`;
    const { segments } = await site.ask("GET /v3/recordings/get/{name}", "/v3/recordings/get/site/gate");
    const [{ start }] = segments;
    for (const path of ["../site/gate", "site/../../gate", "/site/gate", "site\\gate"])
      await site.errorOf(operation, target(path, start), 400);
    await site.errorOf(operation, target("site/gate", "yesterday"), 400);
    await until("the file is complete", async () => {
      const response = await fetch(`http://127.0.0.1:${site.gateway.ports["apiAddress"]}${target("site/gate", start)}`, {
        method: "DELETE",
      });
      await response.arrayBuffer();
      return response.status === 200;
    });
    assert.deepEqual((await site.ask("GET /v3/recordings/get/{name}", "/v3/recordings/get/site/gate")).segments, []);
  },
};

test("every operation of MediaMTX's document", { skip }, async (t) => {
  const site = await start(t);
  const seen = new Set<string>();
  for (const operation of site.document.operations) {
    const [, path = ""] = operation.split(" ");
    const group = GROUPS.find(([prefix]) => path.startsWith(prefix))?.[1];
    const missing = group !== undefined && !builtFeatures.has(group) && `${group} is no feature of this version`;
    await t.test(operation, { skip: missing }, async () => {
      const check = CHECKS[operation];
      assert.ok(check !== undefined, "nobody checks this operation");
      await check(site, operation);
    });
    seen.add(operation);
  }
  assert.deepEqual(
    Object.keys(CHECKS).filter((operation) => !seen.has(operation)),
    [],
  );
});
