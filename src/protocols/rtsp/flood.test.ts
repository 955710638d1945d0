// Peers that mean harm, while two readers watch a live stream: nothing they do is unbounded, stays behind, or costs the readers a packet.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { openFileLimit } from "#base/open-file-limit.ts";
import { writeReceiverReport } from "#rtp/rtcp.ts";
import { SDP_LIMITS } from "#rtp/sdp.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { fuzzRandom, mutate } from "#testing/mutate.ts";
import { until } from "#testing/peers/until.ts";
import { expect200, overTcp, playOverTcp, RawRtspClient, recordOverTcp } from "#testing/raw-rtsp-client.ts";
import { SyntheticVideo, syntheticSdp } from "#testing/synthetic-track.ts";
import { rtpOf } from "#testing/unit-tap.ts";
import { assertGapless, openClientPorts, serverPorts, type WatchedStream, watchStream } from "#testing/watched-stream.ts";
import type { ServerConnection } from "./server-connection.ts";

/** Each has two ends in this process. */
const MANY = Math.min(1000, Math.floor((openFileLimit() ?? 4096) / 4));
/** As many as the listener's backlog surely holds. */
const AT_ONCE = 100;
/** More than garbage that is not collected yet, less than anything that grows with what a peer sends or announces. */
const MAX_GROWTH_BYTES = 256 << 20;

const log = collectedLog();
let watched: WatchedStream;

before(async () => {
  watched = await watchStream({ log, server: { handshakeTimeoutMs: 3000, maxConnections: 2 * MANY } });
});
after(() => watched.close());

/** The most that were in the registry at once. */
let mostEntries = 0;

async function connectMany(count: number): Promise<RawRtspClient[]> {
  const clients: RawRtspClient[] = [];
  while (clients.length < count) {
    const some = Math.min(AT_ONCE, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: some }, () => RawRtspClient.connect(watched.site.port)))));
    mostEntries = Math.max(mostEntries, watched.site.sessions.size);
  }
  return clients;
}

/** Sends until the server has had enough. */
async function pour(client: RawRtspClient, head: string, piece: string): Promise<void> {
  client.send(head);
  while (!client.isClosed) {
    if (!client.socket.write(piece)) await Promise.race([once(client.socket, "drain"), client.closed]);
    await setImmediate();
  }
}

function told(text: string): number {
  return log.lines.filter((line) => line.includes(text)).length;
}

/** An attack: afterwards nothing of it is left, and during it nobody else noticed. */
function attack(name: string, run: () => Promise<void>): void {
  it(name, async () => {
    const usedBytes = (): number => {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const usedBefore = usedBytes();
    await run();
    await watched.checkUndisturbed();
    assert.ok(usedBytes() - usedBefore < MAX_GROWTH_BYTES, `${usedBytes() - usedBefore} bytes more`);
  });
}

describe("connections", () => {
  attack(`${MANY} that say nothing, and halves of requests`, async () => {
    const before = told("sent no request in time");
    const silent = await connectMany(MANY);
    const halves = await connectMany(50);
    assert.ok(mostEntries > watched.entries + AT_ONCE);
    const url = watched.site.url("cam");
    const starts = [
      "O",
      "OPTIONS",
      `OPTIONS ${url} RTSP/1.0\r\nCSeq: 1\r\n`,
      `ANNOUNCE ${url} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 131072\r\n\r\nv=0`,
      "$\0\xff\xff",
    ];
    for (const [i, client] of halves.entries()) client.send(Buffer.from(starts[i % starts.length]!, "latin1"));
    await Promise.all([...silent, ...halves].map((client) => client.closed));
    assert.equal(told("sent no request in time") - before, MANY + halves.length);
  });

  attack("that come and go", async () => {
    for (let round = 0; round < 10; round++) {
      const clients = await connectMany(AT_ONCE);
      for (const [i, client] of clients.entries()) {
        if (i % 3 === 0) client.send(client.write("DESCRIBE", watched.site.url("live")));
        if (i % 2 === 0) client.close();
        else client.socket.resetAndDestroy();
      }
    }
  });

  attack("200 that ask as fast as they are answered", async () => {
    const clients = await connectMany(200);
    const statuses = await Promise.all(
      clients.map(async (client) => {
        for (let i = 0; i < 50; i++) await expect200(client.request("OPTIONS", "*"));
        return client.isClosed;
      }),
    );
    assert.ok(statuses.every((isClosed) => !isClosed));
    for (const client of clients) client.close();
  });

  attack("that ask faster than they are answered", async () => {
    const clients = await connectMany(20);
    for (const client of clients) client.send(client.write("OPTIONS", "*").repeat(1000));
    await Promise.all(clients.map((client) => client.closed));
    assert.ok(told("sends requests faster than they are answered") >= clients.length);
  });

  attack("that do not read the answers", async () => {
    const [client] = await connectMany(1);
    await expect200(client!.request("OPTIONS", "*"));
    client!.socket.pause();
    const { localPort } = client!.socket;
    const connection = watched.site.sessions.list("rtspConn").find(({ remote }) => remote?.port === localPort) as ServerConnection;
    const answerBytes = 8000;
    const request = client!.write("OPTIONS", "*", { CSeq: "1".repeat(answerBytes) });
    let isOpen = true;
    connection.socket.once("close", () => {
      isOpen = false;
    });
    let mostPending = 0;
    for (let sent = 0; isOpen; sent++) {
      assert.ok(sent < 20_000, "it is closed at last");
      client!.send(request);
      await setImmediate();
      mostPending = Math.max(mostPending, connection.socket.writableLength);
    }
    assert.ok(mostPending > 0 && mostPending < 1 << 20, `${mostPending} bytes of answers wait`);
    client!.close();
  });
});

describe("messages", () => {
  const endless: readonly (readonly [what: string, head: string, piece: string, why: string])[] = [
    ["start line", "OPTIONS rtsp://x/", "a", "start line too long"],
    ["header line", "OPTIONS * RTSP/1.0\r\nA: ", "a", "header too long"],
    ["folded header", "OPTIONS * RTSP/1.0\r\nA: a\r\n", " a\r\n", "header too long"],
    ["header block", "OPTIONS * RTSP/1.0\r\n", "A: a\r\n", "too many headers"],
    ["block of long headers", "OPTIONS * RTSP/1.0\r\n", `A: ${"a".repeat(8000)}\r\n`, "message head too long"],
  ];
  for (const [what, head, piece, why] of endless) {
    attack(`a ${what} without an end, as the first request and later`, async () => {
      const before = told(why);
      const clients = await connectMany(20);
      await Promise.all(clients.filter((_, i) => i % 2 === 0).map((client) => expect200(client.request("OPTIONS", "*"))));
      await Promise.all(clients.map((client) => pour(client, head, piece.repeat(Math.ceil(4096 / piece.length)))));
      assert.equal(told(why) - before, clients.length);
    });
  }

  const lengths = ["2147483648", "-1", "+5", "1e9", "0x10", "garbage", "5, 6", "9".repeat(100), "131073"];
  attack(`Content-Length: ${lengths.map((length) => length.slice(0, 20)).join(" | ")}`, async () => {
    const url = watched.site.url("cam");
    const requests = [
      ...lengths.map((length) => `ANNOUNCE ${url} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: ${length}\r\n\r\n`),
      `ANNOUNCE ${url} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nv=0\r\n`,
    ];
    const before = told("Content-Length is not a number") + told("a body of");
    const clients = await connectMany(requests.length * 10);
    for (const [i, client] of clients.entries()) client.send(requests[i % requests.length]!);
    await Promise.all(clients.map((client) => client.closed));
    assert.equal(told("Content-Length is not a number") + told("a body of") - before, clients.length);
  });

  attack("descriptions too large to be true", async () => {
    const url = watched.site.url("cam");
    const media = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
    const announce = async (body: string): Promise<number> => {
      const [client] = await connectMany(1);
      const response = await client!.request("ANNOUNCE", url, { "Content-Type": "application/sdp" }, body);
      client!.close();
      return response.status;
    };
    await assert.rejects(announce(`${syntheticSdp()}a=${"x".repeat(1 << 20)}\r\n`), /closed/);
    for (let round = 0; round < 20; round++) {
      assert.equal(await announce(syntheticSdp() + "a=x:y\r\n".repeat(10_000)), 400);
      assert.equal(await announce(syntheticSdp() + media.repeat(1000)), 400);
      assert.equal(await announce(`v=0\r\n${media.repeat(SDP_LIMITS.medias)}`), 200);
    }
  });
});

describe("packets", () => {
  const random = fuzzRandom(7);
  const noise = (): Buffer => Buffer.from(Array.from({ length: random(200) }, () => random(256)));

  attack("datagrams of strangers, and a reader's garbage", async () => {
    const { serverPorts: toPorts, ports, site, overTcp: reader } = watched;
    const stranger = createSocket("udp4");
    const stolen = reader.on(0).at(-1)!;
    const forged = [stolen, writeReceiverReport(stolen.readUInt32BE(8), undefined), Buffer.from("81cb000112345678", "hex")]; // the last a BYE
    for (let sent = 0; sent < 3000; sent++) {
      const bytes = sent % 2 === 0 ? noise() : mutate(forged[random(forged.length)]!, random);
      stranger.send(bytes, toPorts[sent & 1]!, "127.0.0.1");
      ports.rtcp.send(bytes, toPorts[1], "127.0.0.1");
      ports.rtp.send(bytes, toPorts[0], "127.0.0.1");
      if (sent % 20 === 0) await setImmediate();
    }
    stranger.close();
    const session = site.sessions.list("rtspSession").find(({ transport }) => transport === "UDP")!;
    await until("the garbage is counted", () => session.counters()["inboundRTCPPacketsInError"]! > 100);
  });

  attack("datagrams that pretend to be a publisher's", async () => {
    const { site } = watched;
    const url = site.url("pushed");
    const [publisher, reader] = await connectMany(2);
    const ports = await openClientPorts();
    await expect200(publisher!.request("ANNOUNCE", url, { "Content-Type": "application/sdp" }, syntheticSdp()));
    const transport = `RTP/AVP;unicast;${ports.clientPort};mode=record`;
    const setup = await expect200(publisher!.request("SETUP", `${url}/trackID=0`, { Transport: transport }));
    await expect200(publisher!.request("RECORD", url));
    const [toRtp, toRtcp] = serverPorts(setup.headers.get("transport"));
    await playOverTcp(reader!, url);
    const stranger = createSocket("udp4");
    const video = new SyntheticVideo({ frameBytes: 2000 });
    let sentPackets = 0;
    for (let frame = 0; frame < 50; frame++) {
      for (const packet of rtpOf(video.nextBurst())) {
        stranger.send(mutate(packet, random), toRtp, "127.0.0.1");
        stranger.send(packet, toRtcp, "127.0.0.1");
        stranger.send(packet, toRtp, "127.0.0.1");
        ports.rtp.send(packet, toRtp, "127.0.0.1");
        sentPackets++;
      }
      await until("it came", () => reader!.on(0).length === sentPackets);
    }
    stranger.close();
    assertGapless("a publisher's UDP", reader!.on(0));
    await expect200(publisher!.request("TEARDOWN", url));
    await reader!.closed;
    publisher!.close();
    ports.close();
  });

  attack("a publisher's interleaved garbage, then no framing at all", async () => {
    const { site } = watched;
    const url = site.url("noise");
    const [publisher, reader] = await connectMany(2);
    await recordOverTcp(publisher!, url, syntheticSdp());
    await playOverTcp(reader!, url);
    const video = new SyntheticVideo({ frameBytes: 3000 });
    for (let sent = 0; sent < 3000; sent++) {
      if (sent % 3 === 0) for (const packet of rtpOf(video.nextBurst())) publisher!.sendPacket(0, packet);
      const packet = random(2) === 0 ? noise() : mutate(rtpOf(video.nextBurst())[0]!, random);
      publisher!.sendPacket([0, 1, 2, 255][random(4)]!, packet);
      reader!.sendPacket([0, 1, 7][random(3)]!, packet);
      if (publisher!.socket.writableNeedDrain) await once(publisher!.socket, "drain");
    }
    await reader!.when("some of what was whole", (packets) => packets.length > 100);
    const session = site.sessions.list("rtspSession").find(({ path, state }) => path === "noise" && state === "publish")!;
    const { inboundRTPPacketsInError = 0, inboundRTCPPacketsInError = 0 } = session.counters();
    assert.ok(inboundRTPPacketsInError > 0 && inboundRTCPPacketsInError > 0);
    await pour(publisher!, "", "\u0001".repeat(4096));
    await reader!.closed;
    assert.ok(told("garbage in the stream") > 0);
  });

  attack("channels that nobody set up", async () => {
    const [client] = await connectMany(1);
    await expect200(client!.request("OPTIONS", "*"));
    for (let sent = 0; sent < 200; sent++) client!.sendPacket(sent & 0xff, Buffer.alloc(0xffff));
    await expect200(client!.request("SETUP", `${watched.site.url("live")}/trackID=0`, { Transport: overTcp() }));
    client!.close();
  });
});
