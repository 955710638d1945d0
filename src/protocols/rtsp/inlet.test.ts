import assert from "node:assert/strict";
import { test } from "node:test";
import { SystemClock } from "#base/clock.ts";
import { deferred } from "#base/deferred.ts";
import type { SourceSink } from "#relay/source.ts";
import type { Unit } from "#relay/unit.ts";
import { collectedLog } from "#testing/collected-log.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { SyntheticVideo, syntheticSdp } from "#testing/synthetic-track.ts";
import { frameNumberOfUnit, rtpOf } from "#testing/unit-tap.ts";
import { RtspInlet, type RtspInletOptions } from "./inlet.ts";

const SDP = { "Content-Type": "application/sdp" };

function openInlet(t: TestScope, options: Partial<RtspInletOptions> = {}) {
  const log = collectedLog();
  const inlet = new RtspInlet({ clock: new SystemClock(), log, readTimeoutMs: 10_000, ...options });
  t.after(() => inlet.close());
  return { inlet, log };
}

/** A sink whose first frame can be waited for. */
function firstFrameSink(): SourceSink & { readonly first: Promise<Unit> } {
  const { promise, resolve } = deferred<Unit>();
  return { first: promise, ready: () => resolve };
}

async function connect(t: TestScope, url: string): Promise<RawRtspClient> {
  const client = await RawRtspClient.connect(Number(new URL(url).port));
  t.after(async () => client.close());
  return client;
}

test("what is published to a place goes to its sink, and its end is told", async (t) => {
  const { inlet, log } = openInlet(t);
  const [one, two] = [firstFrameSink(), firstFrameSink()];
  const [first, second] = await Promise.all([inlet.open("gate", one), inlet.open("yard/east", two)]);
  assert.match(first.url, /^rtsp:\/\/127\.0\.0\.1:\d+\/gate\/[0-9a-f]{32}$/);
  const [late, early] = [await connect(t, first.url), await connect(t, second.url)];
  await recordOverTcp(early, second.url, syntheticSdp());
  await recordOverTcp(late, first.url, syntheticSdp());
  const videos = [new SyntheticVideo(), new SyntheticVideo()];
  videos[1]!.next();
  for (const [i, client] of [late, early].entries()) {
    for (const packet of rtpOf(videos[i]!.nextBurst())) client.sendPacket(0, packet);
  }
  assert.deepEqual([frameNumberOfUnit(await one.first), frameNumberOfUnit(await two.first)], [0, 1]);
  late.close();
  await first.left;
  assert.ok(!early.isClosed);
  assert.deepEqual(log.lines, []);
});

test("a place is for one publisher, once; nothing else is there", async (t) => {
  const { inlet } = openInlet(t);
  const place = await inlet.open("gate", firstFrameSink());
  const client = await connect(t, place.url);
  const status = async (method: string, url: string): Promise<number> =>
    (await client.request(method, url, method === "ANNOUNCE" ? SDP : {}, method === "ANNOUNCE" ? syntheticSdp() : "")).status;
  assert.equal(await status("ANNOUNCE", place.url.replace(/[0-9a-f]{32}$/, "0".repeat(32))), 404);
  assert.equal(await status("ANNOUNCE", place.url.replace(/gate\/.*/, "gate")), 404);
  assert.equal(await status("DESCRIBE", place.url), 404);
  const publisher = await connect(t, place.url);
  await recordOverTcp(publisher, place.url, syntheticSdp());
  const another = await connect(t, place.url);
  assert.equal((await another.request("ANNOUNCE", place.url, SDP, syntheticSdp())).status, 404);
  assert.equal((await another.request("DESCRIBE", place.url)).status, 404);
  assert.ok(!publisher.isClosed);
});

test("a closed place drops its publisher, and lets nobody in", async (t) => {
  const { inlet } = openInlet(t);
  const [used, unused, announced] = [
    await inlet.open("a", firstFrameSink()),
    await inlet.open("b", firstFrameSink()),
    await inlet.open("c", firstFrameSink()),
  ];
  const publisher = await connect(t, used.url);
  await recordOverTcp(publisher, used.url, syntheticSdp());
  const late = await connect(t, announced.url);
  await late.request("ANNOUNCE", announced.url, SDP, syntheticSdp());
  await late.request("SETUP", `${announced.url}/trackID=0`, { Transport: "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record" });
  for (const place of [used, unused, announced]) place.close();
  await publisher.closed;
  await used.left;
  assert.equal((await late.request("RECORD", announced.url)).status, 400);
  const client = await connect(t, unused.url);
  assert.equal((await client.request("ANNOUNCE", unused.url, SDP, syntheticSdp())).status, 404);
});

test("a publisher that sends nothing is dropped", async (t) => {
  const { inlet } = openInlet(t, { readTimeoutMs: 200 });
  const place = await inlet.open("gate", firstFrameSink());
  const publisher = await connect(t, place.url);
  await recordOverTcp(publisher, place.url, syntheticSdp());
  await place.left;
  await publisher.closed;
});

test("another user of the machine, who has read the URL, does not get in", { skip: process.geteuid === undefined }, async (t) => {
  const asked: number[] = [];
  const { inlet } = openInlet(t, {
    ownerOf: async (port, peerPort) => {
      asked.push(port, peerPort);
      return asked.length === 2 ? process.geteuid!() + 1 : process.geteuid!();
    },
  });
  const place = await inlet.open("gate", firstFrameSink());
  const client = await connect(t, place.url);
  assert.equal((await client.request("ANNOUNCE", place.url, SDP, syntheticSdp())).status, 404);
  assert.deepEqual(asked, [client.socket.remotePort, client.socket.localPort]);
  const child = await connect(t, place.url);
  await recordOverTcp(child, place.url, syntheticSdp());
});

test("what cannot be used of a stream is in the log, without the secret", async (t) => {
  const { inlet, log } = openInlet(t);
  const place = await inlet.open("gate", firstFrameSink());
  const client = await connect(t, place.url);
  const sdp = `${syntheticSdp()}m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=fmtp:97 mode=AAC-hbr; config=zz\r\na=control:trackID=1\r\n`;
  await client.request("ANNOUNCE", place.url, SDP, sdp);
  assert.equal(log.lines.length, 1, log.lines.join("\n"));
  assert.match(log.lines[0]!, /^path 'gate': skipping /);
});

test("after its end nothing is opened", async (t) => {
  const { inlet } = openInlet(t);
  await inlet.open("gate", firstFrameSink());
  await inlet.close();
  await assert.rejects(inlet.open("gate", firstFrameSink()), /closed/);
});
