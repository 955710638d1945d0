// What MediaMTX answers and what we answer to the same clients: metrics line by line, objects of the API field by field.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Body } from "#testing/api-site.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { mediamtx, startMediamtx } from "#testing/peers/go-peers.ts";
import { until } from "#testing/peers/until.ts";
import { expect200, RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { SyntheticVideo, syntheticSdp } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";

interface Answers {
  /** Without our own. */
  readonly metrics: readonly string[];
  readonly objects: Body;
}

const PATHS = "paths:\n  cam:\n  other:\n";

/** A publisher of 40 frames and a viewer of all of them; what is told of both. */
async function answersOf(
  t: TestContext,
  server: { readonly url: (path: string) => string; readonly api: string; readonly metrics: string },
): Promise<Answers> {
  const port = Number(new URL(server.url("x").replace("rtsp:", "http:")).port);
  const url = server.url("cam");
  const publisher = await RawRtspClient.connect(port);
  const viewer = await RawRtspClient.connect(port);
  t.after(() => {
    publisher.close();
    viewer.close();
  });
  await recordOverTcp(publisher, url, syntheticSdp());
  const described = await expect200(viewer.request("DESCRIBE", url));
  const control = [...described.body.matchAll(/a=control:(\S+)/g)].at(-1)![1]!;
  const trackUrl = control.startsWith("rtsp:") ? control : `${url}/${control}`;
  await expect200(viewer.request("SETUP", trackUrl, { Transport: "RTP/AVP/TCP;unicast;interleaved=0-1" }));
  await expect200(viewer.request("PLAY", url));
  const video = new SyntheticVideo({ gopFrames: 5 });
  let sent = 0;
  for (let frame = 0; frame < 40; frame++) {
    for (const packet of rtpOf(video.nextBurst())) {
      publisher.sendPacket(0, packet);
      sent++;
    }
    await new Promise((turn) => setTimeout(turn, 10));
  }
  await viewer.when("all of them", () => viewer.on(0).length === sent && viewer.on(1).length > 0);
  const get = async (target: string): Promise<Body> => (await fetch(server.api + target)).json();
  const publishing = await until("everything is counted", async () => {
    const { items } = await get("/v3/rtspsessions/list");
    const one = items.find(({ state }: Body) => state === "publish");
    return one?.inboundRTPPackets === sent && one;
  });
  const reading = (await get("/v3/rtspsessions/list")).items.find(({ state }: Body) => state === "read");
  const path = await get("/v3/paths/get/cam");
  const other = await get("/v3/paths/get/other");
  for (const one of [path, other]) delete one.subscribers; // ours alone
  const connection = await get(`/v3/rtspconns/get/${publishing.conns[0]}`);
  const metrics = await (await fetch(server.metrics)).text();
  const lines = metrics.split("\n").filter((line) => !line.includes("camgate_"));
  // Each server reports when it thinks fit.
  const reports = viewer.on(1);
  const reportBytes = reports.reduce((sum, { length }) => sum + length, 0);
  for (const name of ["outboundBytes", "bytesSent"]) reading[name] -= reportBytes;
  for (const name of ["outboundRTCPPackets", "rtcpPacketsSent"]) reading[name] -= reports.length;
  const withoutReports = (line: string): string =>
    line
      .replace(/^(rtsp_sessions_(?:outbound_bytes|bytes_sent)\S*state="read"\} )(\d+)$/, (_, head, value) => head + (value - reportBytes))
      .replace(
        /^(rtsp_sessions_(?:outbound_rtcp_packets|rtcp_packets_sent)\S*state="read"\} )(\d+)$/,
        (_, head, value) => head + (value - reports.length),
      );
  const objects = { publishing, reading, path, connection, other };
  return { metrics: lines.map((line) => comparableLine(withoutReports(line))), objects: comparable(objects) };
}

/** What is each server's own. */
const OWN: readonly (readonly [keys: RegExp, stands: string])[] = [
  [/^(?:id|session)$/, "an id"],
  [/^(?:created|.*Time)$/, "a time"],
  [/^remoteAddr$/, "an address"],
  [/Jitter$/, "a jitter"],
];

function comparable(value: Body, key = ""): Body {
  const stands = OWN.find(([keys]) => keys.test(key))?.[1];
  if (stands !== undefined && value !== null && value !== "") return stands;
  if (Array.isArray(value)) return value.map((one) => comparable(one, key === "conns" ? "id" : ""));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [name, comparable(member, name)] as const);
  // What is said in words is of different length.
  const isConnection = Object.hasOwn(value, "tunnel");
  return Object.fromEntries(
    isConnection ? entries.map(([name, member]) => [name, /[bB]ytes/.test(name) ? "bytes" : member] as const) : entries,
  );
}

function comparableLine(line: string): string {
  return line
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ID")
    .replaceAll(/127\.0\.0\.1:\d+/g, "ADDRESS")
    .replace(/^(rtsp_sessions_\S*jitter\S* )\S+$/, "$1JITTER")
    .replace(/^(rtsp_conns_\S*bytes\S* )\d+$/, "$1BYTES");
}

test("the same clients, the same answers", { skip: mediamtx.missing }, async (t) => {
  const [api, metrics, ourMetrics] = [await freeTcpPort(0), await freeTcpPort(0), await freeTcpPort(0)];
  const theirs = await startMediamtx(
    t,
    `api: yes\napiAddress: 127.0.0.1:${api}\nmetrics: yes\nmetricsAddress: 127.0.0.1:${metrics}\n${PATHS}`,
  );
  const expected = await answersOf(t, { ...theirs, api: `http://127.0.0.1:${api}`, metrics: `http://127.0.0.1:${metrics}/metrics` });
  const ours = await startCamgate(t, { config: `api: yes\nmetrics: yes\nmetricsAddress: 127.0.0.1:${ourMetrics}\n${PATHS}` });
  const answers = await answersOf(t, { ...ours, api: ours.apiOrigin, metrics: `http://127.0.0.1:${ourMetrics}/metrics` });
  assert.deepEqual(answers.metrics, expected.metrics);
  assert.deepEqual(answers.objects, expected.objects);
});
