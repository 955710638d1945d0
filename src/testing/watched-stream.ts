// A site with one live stream and two readers of it, over TCP and over UDP, that must not miss a packet whatever else happens there.
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { PathSource } from "#relay/path-options.ts";
import type { Source, SourceSink } from "#relay/source.ts";
import { until } from "./peers/until.ts";
import { expect200, playOverTcp, RawRtspClient } from "./raw-rtsp-client.ts";
import { type Site, type SiteOptions, startSite } from "./rtsp-site.ts";
import { frameNumberOfPacket, SyntheticVideo, syntheticTrack } from "./synthetic-track.ts";
import { packetUnit } from "./unit-tap.ts";

const FRAME_MS = 20;
const LIVE_PATH = "live";

/** One frame per tick, never two: a process that was held up sends later, not faster, so that datagrams find room. */
class LiveSource implements Source {
  lastFrame = -1;

  run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    const track = syntheticTrack();
    const video = new SyntheticVideo({ gopFrames: 25, frameBytes: 2000 });
    const publish = sink.ready([track], "packets");
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        this.lastFrame++;
        publish(packetUnit(video, track, performance.now() * 1000));
      }, FRAME_MS);
      signal.addEventListener("abort", () => {
        clearInterval(timer);
        resolve();
      });
    });
  }
}

/** An RTP and an RTCP socket of a client on 127.0.0.1. */
export interface ClientPorts {
  readonly rtp: Socket;
  readonly rtcp: Socket;
  /** What came on the RTP socket. */
  readonly received: readonly Buffer[];
  /** For a Transport header. */
  readonly clientPort: string;
  close(): void;
}

export async function openClientPorts(): Promise<ClientPorts> {
  const [rtp, rtcp] = [createSocket("udp4"), createSocket("udp4")];
  const received: Buffer[] = [];
  rtp.on("message", (bytes) => received.push(bytes));
  for (const socket of [rtp, rtcp]) {
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
  }
  const close = (): void => [rtp, rtcp].forEach((socket) => void socket.close());
  return { rtp, rtcp, received, clientPort: `client_port=${rtp.address().port}-${rtcp.address().port}`, close };
}

/** The ports that a SETUP's answer names. */
export function serverPorts(transport: string | undefined): readonly [rtp: number, rtcp: number] {
  const match = /server_port=(\d+)-(\d+)/.exec(transport ?? "");
  assert.ok(match, `no server ports in ${transport}`);
  return [Number(match[1]), Number(match[2])];
}

export interface WatchedStream {
  readonly site: Site;
  readonly overTcp: RawRtspClient;
  readonly overUdp: RawRtspClient;
  /** The sockets of the reader over UDP, and those it is sent from. */
  readonly ports: ClientPorts;
  readonly serverPorts: readonly [rtp: number, rtcp: number];
  /** Entries of the session registry while nobody else is there. */
  readonly entries: number;
  /** Waits until nobody else is there and both readers have what is sent from now on; fails when either missed a packet. */
  checkUndisturbed(): Promise<void>;
  close(): Promise<void>;
}

export async function watchStream(options: SiteOptions): Promise<WatchedStream> {
  const source = new LiveSource();
  const live: PathSource = { kind: "pull", type: "rtspSource", url: "live", open: () => source, onDemand: undefined };
  const site = await startSite({ ...options, paths: { [LIVE_PATH]: { source: live }, all_others: {} } });
  await until("the stream has begun", () => source.lastFrame >= 0);
  const url = site.url(LIVE_PATH);

  const overTcp = await RawRtspClient.connect(site.port);
  await playOverTcp(overTcp, url);
  const overUdp = await RawRtspClient.connect(site.port);
  const ports = await openClientPorts();
  const setup = await expect200(overUdp.request("SETUP", `${url}/trackID=0`, { Transport: `RTP/AVP;unicast;${ports.clientPort}` }));
  await expect200(overUdp.request("PLAY", url));

  const entries = site.sessions.size;
  const readers: readonly { readonly name: string; packets(): readonly Buffer[] }[] = [
    { name: "TCP", packets: () => overTcp.on(0) },
    { name: "UDP", packets: () => ports.received },
  ];
  return {
    site,
    overTcp,
    overUdp,
    ports,
    serverPorts: serverPorts(setup.headers.get("transport")),
    entries,
    checkUndisturbed: async () => {
      await until("the others are gone", () => site.sessions.size === entries);
      const frame = source.lastFrame + 2;
      for (const { name, packets } of readers) {
        await until(`frame ${frame} over ${name}`, () => packets().some((packet) => frameNumberOfPacket(packet) === frame));
        assertGapless(name, packets());
      }
      assert.ok(!overTcp.isClosed && !overUdp.isClosed);
    },
    close: async () => {
      overTcp.close();
      overUdp.close();
      ports.close();
      await site.close();
    },
  };
}

/** Every packet and every frame from the first on. */
export function assertGapless(name: string, packets: readonly Buffer[]): void {
  for (let i = 1; i < packets.length; i++) {
    assert.equal(packets[i]!.readUInt16BE(2), (packets[i - 1]!.readUInt16BE(2) + 1) & 0xffff, `a packet is missing over ${name}`);
  }
  const frames = packets.flatMap((packet) => frameNumberOfPacket(packet) ?? []);
  assert.deepEqual(
    frames,
    Array.from({ length: frames.length }, (_, i) => frames[0]! + i),
  );
}
