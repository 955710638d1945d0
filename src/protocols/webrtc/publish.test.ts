// Publishing with a client of the test's making: what comes out of order or not at all, who takes over, and how it ends.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { PacketBurst } from "#rtp/burst.ts";
import { parseRtcp, writeSenderReport } from "#rtp/rtcp.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { until } from "#testing/peers/until.ts";
import { RawRtcClient, SEND_H264 } from "#testing/raw-rtc-client.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { SyntheticVideo } from "#testing/synthetic-track.ts";
import { UnitTap } from "#testing/unit-tap.ts";
import { startWebRtcSite, type WebRtcSite, type WebRtcSiteOptions } from "#testing/webrtc-site.ts";

const SEND_OPUS = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2", "a=sendonly"];

/** A publisher of synthetic frames, and the packets it sent. */
class Publisher {
  readonly client: RawRtcClient;
  readonly camera = new SyntheticVideo({ payloadType: 102, maxPacketBytes: 1100, firstSequence: 1000 });
  readonly #stream;

  constructor(client: RawRtcClient) {
    this.client = client;
    this.#stream = client.srtpSender!.stream({ ssrc: this.camera.ssrc, payloadType: 102, sequenceOffset: 0, timestampOffset: 0 })!;
  }

  static async open(t: TestContext, url: string, medias = [SEND_H264]): Promise<Publisher> {
    const client = await RawRtcClient.connect(url, { medias });
    t.after(() => client.close());
    return new Publisher(client);
  }

  /** One frame's packets, protected, in order. */
  next(): { readonly burst: PacketBurst; readonly datagrams: readonly Buffer[] } {
    const burst = this.camera.nextBurst();
    const { bytes, offsets, count } = this.client.srtpSender!.protect(burst, this.#stream)!;
    return { burst, datagrams: Array.from({ length: count }, (_, i) => bytes.subarray(offsets[i]!, offsets[i + 1]!)) };
  }

  frames(count: number): void {
    for (let i = 0; i < count; i++) for (const datagram of this.next().datagrams) this.client.send(datagram);
  }

  /** What the server said in RTCP so far. */
  get heard(): readonly ReturnType<typeof parseRtcp>[number][] {
    return this.client.rtcp.flatMap((compound) => parseRtcp(compound, 0, compound.length));
  }
}

async function setUp(
  t: TestContext,
  options: WebRtcSiteOptions = {},
): Promise<WebRtcSite & { readonly log: ReturnType<typeof collectedLog> }> {
  const log = collectedLog();
  const site = await startWebRtcSite({ log, ...options });
  t.after(() => site.close());
  return { ...site, log };
}

async function tap(site: WebRtcSite, path: string): Promise<UnitTap> {
  await until("the path is available", () => site.registry.get(path)?.state === "available");
  const reader = new UnitTap();
  const access = { action: "read", path, protocol: "rtsp", query: "", id: "", credentials: { kind: "none" } } as const;
  (await site.registry.openForRead({ ...access, remote: { address: "", port: 0 } }, reader, { type: "test", id: "tap" })).start();
  return reader;
}

test("frames of a publisher; reports and an estimate for it; its end is the path's", async (t) => {
  const site = await setUp(t);
  const publisher = await Publisher.open(t, site.whip("desk"));
  publisher.frames(3);
  const reader = await tap(site, "desk");
  publisher.client.sendRtcp(
    writeSenderReport({ ssrc: publisher.camera.ssrc, utcUs: Date.now() * 1000, timestamp: 1, packets: 9, octets: 9 }),
  );
  publisher.frames(10);
  await until("the frames", () => reader.units.length >= 13);
  assert.deepEqual(reader.numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const [session] = site.sessions.list("webRTCSession");
  assert.deepEqual([session!.state, session!.path], ["publish", "desk"]);
  const counters = session!.counters();
  assert.deepEqual([counters["inboundRTPPackets"], counters["inboundRTPPacketsLost"], counters["inboundRTCPPackets"]], [41, 0, 1]);
  await until("a report", () => publisher.heard.some(({ kind }) => kind === "receiver-report"));
  assert.ok(publisher.client.rtcp.some((compound) => compound.includes("REMB")));
  const { type, id } = site.registry.get("desk")!.snapshot().source!;
  assert.deepEqual([type, id], ["webRTCSession", session!.id]);
  await fetch(publisher.client.location, { method: "DELETE" });
  await until("the path is over", () => reader.ends.length === 1);
  assert.deepEqual([reader.ends, site.sessions.list("webRTCSession").length], [["source-ended"], 0]);
});

test("packets out of order are put in order; lost ones are asked for and come in time", async (t) => {
  const site = await setUp(t);
  const publisher = await Publisher.open(t, site.whip("desk"));
  publisher.frames(2);
  const reader = await tap(site, "desk");
  const { datagrams: crossed } = publisher.next();
  for (const datagram of [...crossed].reverse()) publisher.client.send(datagram);
  const { datagrams, burst } = publisher.next();
  publisher.client.send(datagrams[0]!);
  publisher.client.send(datagrams[2]!);
  const missing = (burst.bytes.readUInt16BE(burst.offsets[1]! + 6) + 0) & 0xffff;
  await until("it is asked for", () =>
    publisher.heard.some((packet) => packet.kind === "lost" && packet.ssrc === publisher.camera.ssrc && packet.sequences.includes(missing)),
  );
  publisher.client.send(datagrams[1]!);
  publisher.frames(1);
  await until("every frame", () => reader.units.length >= 5);
  assert.deepEqual(reader.numbers, [0, 1, 2, 3, 4]);
  assert.ok(reader.units.every(({ damaged }) => !damaged));
});

test("a frame that stays broken has a keyframe asked for; so has a new reader", async (t) => {
  const site = await setUp(t);
  const publisher = await Publisher.open(t, site.whip("desk"));
  publisher.frames(2);
  const reader = await tap(site, "desk");
  const keyframesAsked = (): number => publisher.heard.filter(({ kind }) => kind === "keyframe-request").length;
  const before = keyframesAsked();
  const { datagrams } = publisher.next();
  publisher.client.send(datagrams[0]!);
  publisher.client.send(datagrams[2]!);
  publisher.frames(2);
  await until("the broken frame", () => reader.units.some(({ damaged }) => damaged));
  await until("a keyframe is asked for", () => keyframesAsked() > before);
});

test("a publisher may send whichever of the formats that it offers, not only the first", async (t) => {
  const site = await setUp(t);
  const later = ["m=video 9 UDP/TLS/RTP/SAVPF 96 102", "a=rtpmap:96 VP8/90000", ...SEND_H264.slice(1)];
  const publisher = await Publisher.open(t, site.whip("desk"), [later]);
  publisher.frames(3);
  const reader = await tap(site, "desk");
  publisher.frames(2);
  await until("the frames", () => reader.units.length >= 5);
  assert.deepEqual(reader.numbers, [0, 1, 2, 3, 4]);
  assert.match(publisher.client.answer, /m=video 9 UDP\/TLS\/RTP\/SAVPF 96 102\r\n/);
});

test("a track that does not come is not waited for longer than the gather time", async (t) => {
  const site = await setUp(t, { webrtc: { trackGatherTimeoutMs: 1500 } });
  const publisher = await Publisher.open(t, site.whip("desk"), [SEND_H264, SEND_OPUS]);
  publisher.frames(3);
  const reader = await tap(site, "desk");
  assert.deepEqual(
    site.registry
      .get("desk")!
      .snapshot()
      .tracks.map(({ codec }) => codec),
    ["h264"],
  );
  publisher.frames(1);
  await until("nothing of what came before is missing", () => reader.units.length >= 4);
  const mute = await Publisher.open(t, site.whip("other"));
  await until("it is over", () => mute.client.dtlsClosed);
  assert.ok(site.log.lines.some((line) => line.endsWith("is over: no media came within 1.5 s")));
});

test("another publisher takes over once it sends; where it may not, it is told and ended", async (t) => {
  const source = { kind: "publisher", overridePublisher: false } as const;
  const site = await setUp(t, { paths: { desk: {}, owned: { source } } });
  assert.equal(pathConf("owned", { source }).options.source.kind, "publisher");
  const first = await Publisher.open(t, site.whip("desk"));
  first.frames(2);
  await tap(site, "desk");
  const second = await Publisher.open(t, site.whip("desk"));
  assert.equal(first.client.dtlsClosed, false);
  second.frames(2);
  await until("the first is ended", () => first.client.dtlsClosed);
  const owner = await Publisher.open(t, site.whip("owned"));
  owner.frames(2);
  await tap(site, "owned");
  const intruder = await Publisher.open(t, site.whip("owned"));
  intruder.frames(2);
  await until("the intruder is ended", () => intruder.client.dtlsClosed);
  assert.ok(site.log.lines.some((line) => line.includes("someone is already publishing to path 'owned'")));
  assert.equal(owner.client.dtlsClosed, false);
});
