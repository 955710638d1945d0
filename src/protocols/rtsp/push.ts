// A stream published to another RTSP server: ANNOUNCE, SETUP, RECORD (RFC 2326 §10.3, §10.11).
import type { Clock } from "#base/clock.ts";
import { deferred } from "#base/deferred.ts";
import { PeerFault } from "#base/errors.ts";
import type { ReadLease } from "#relay/path.ts";
import type { OpenRead, Push } from "#relay/push.ts";
import type { Stream } from "#relay/stream.ts";
import { type AddressFault, RtspClient, type ServerMemory } from "./client.ts";
import { RtspReader } from "./from-stream.ts";
import { parseSession } from "./headers.ts";
import { type MediaWriter, TcpMediaWriter, type UdpDestination, UdpMediaWriter } from "./media-writer.ts";
import type { RtspResponse } from "./message.ts";
import { faultOf } from "./play-session.ts";
import { describeStream } from "./sdp-tracks.ts";
import { parseTransports, type Transport, writeTransport } from "./transport-header.ts";
import { openUdpPair, type UdpPair } from "./udp-pair.ts";
import { parseRtspUrl, urlWithoutCredentials } from "./url.ts";

const REPORT_MS = 10_000;
const KEEPALIVE_MS = 20_000;

export interface RtspPushOptions {
  /** `rtsp://` or `rtsps://`. */
  readonly url: string;
  /** Of the certificate that is trusted alone (`rtsps`); empty: the usual authorities. */
  readonly fingerprint: string;
  /** PEM; they vouch beside the usual ones. */
  readonly authorities?: readonly string[];
  /** Names what the fingerprint is set with. */
  readonly fingerprintSetting: string;
  /** What forbids to connect to an address, in words; undefined: nothing does. */
  addressFault?: AddressFault | undefined;
  readonly transport: "tcp" | "udp";
  readonly udpPortRange: readonly [number, number];
  readonly writeTimeoutMs: number;
  readonly clock: Clock;
  random(): number;
}

export class RtspPush implements Push {
  readonly #options: RtspPushOptions;
  readonly #memory: ServerMemory = { digestSeen: false };
  #reader: RtspReader | undefined;

  constructor(options: RtspPushOptions) {
    this.#options = options;
  }

  get outboundBytes(): number {
    return this.#reader?.outboundBytes ?? 0;
  }

  async run(open: OpenRead, signal: AbortSignal): Promise<void> {
    const url = parseRtspUrl(this.#options.url);
    if (url === undefined || url.tunnel !== "none")
      throw new PeerFault("config", "the destination is neither a rtsp:// nor a rtsps:// URL");
    if (url.scheme === "rtsps" && this.#options.transport === "udp") throw new PeerFault("config", "rtsps is published over TCP only");
    const end = deferred<PeerFault>();
    const abort = (): void => end.resolve(new PeerFault("aborted", "closed"));
    signal.addEventListener("abort", abort, { once: true });
    const channels = new Map<number, number>();
    const pairs: UdpPair[] = [];
    const reader = new RtspReader({
      name: `RTSP push to ${url.host}`,
      clock: this.#options.clock,
      writeTimeoutMs: this.#options.writeTimeoutMs,
      onEnd: (reason) => end.resolve(new PeerFault(reason === "too-slow" ? "stalled" : "ended", `the stream ended: ${reason}`)),
    });
    this.#reader = reader;
    const { fingerprint, authorities, fingerprintSetting, addressFault } = this.#options;
    const target = urlWithoutCredentials(url);
    const timers: NodeJS.Timeout[] = [];
    let lease: ReadLease | undefined;
    let client: RtspClient | undefined;
    let writer: MediaWriter | undefined;
    try {
      lease = await open(reader);
      const { stream } = lease;
      client = await RtspClient.connect(
        {
          url,
          ...{ fingerprint, fingerprintSetting, addressFault, memory: this.#memory },
          ...(authorities !== undefined && { authorities }),
          isKnownChannel: (channel) => [...channels.values()].some((first) => channel === first || channel === first + 1),
          onPacket: (_channel, bytes, start, stop) => reader.onRtcp(bytes, start, stop),
          onClosed: (fault) => end.resolve(fault),
        },
        signal,
      );
      const connected = client;
      // What ends it while it is set up ends the connection, and with it whatever is awaited.
      void end.promise.then((fault) => {
        if (writer === undefined) connected.close(fault);
      });
      await expectOk(
        "ANNOUNCE",
        client.request("ANNOUNCE", target, { "Content-Type": "application/sdp" }, Buffer.from(describeStream(stream))),
      );
      const setUp = await this.#setUpAll(client, target, stream, reader, channels, pairs);
      await expectOk("RECORD", client.request("RECORD", target, { Range: "npt=0.000-" }));
      writer = setUp;
      reader.prepare(
        stream,
        stream.tracks.map((track) => track.index),
        writer,
      );
      lease.start();
      timers.push(setInterval(() => reader.sendReports(), REPORT_MS));
      timers.push(setInterval(() => void connected.request("OPTIONS", target).catch(() => {}), KEEPALIVE_MS));
      const fault = await end.promise;
      if (fault.code !== "aborted") throw fault;
      await client.request("TEARDOWN", target).catch(() => {});
    } finally {
      signal.removeEventListener("abort", abort);
      for (const timer of timers) clearInterval(timer);
      lease?.close();
      writer?.close();
      client?.close(new PeerFault("aborted", "closed"));
      for (const pair of pairs) pair.close();
    }
  }

  async #setUpAll(
    client: RtspClient,
    target: string,
    stream: Stream,
    reader: RtspReader,
    channels: Map<number, number>,
    pairs: UdpPair[],
  ): Promise<MediaWriter> {
    const { transport, udpPortRange, random } = this.#options;
    const destinations = new Map<number, UdpDestination>();
    for (const { index } of stream.tracks) {
      if (transport === "tcp") {
        const interleaved = [index * 2, index * 2 + 1] as const;
        const granted = await setUp(client, target, index, { lower: "tcp", interleaved });
        channels.set(index, granted?.interleaved?.[0] ?? interleaved[0]);
        continue;
      }
      // A pair for each track: many servers tell tracks apart by the port they come from.
      const from = await openUdpPair(client.remoteAddress, udpPortRange, random, { readBufferBytes: 0 });
      pairs.push(from);
      const granted = await setUp(client, target, index, { lower: "udp", clientPorts: [from.rtp.port, from.rtcp.port] });
      const ports = granted?.serverPorts;
      if (ports === undefined || ports.includes(0)) throw new PeerFault("protocol", "SETUP was answered without server ports");
      const [rtpPort, rtcpPort] = ports;
      from.rtcp.expect(client.remoteAddress, rtcpPort, (bytes) => reader.onRtcp(bytes, 0, bytes.length));
      destinations.set(index, { from, address: from.rtp.addressFor(client.remoteAddress), rtpPort, rtcpPort });
    }
    return transport === "tcp" ? new TcpMediaWriter(client.socket, channels) : new UdpMediaWriter(destinations);
  }
}

/** One track; returns what the server granted. */
async function setUp(
  client: RtspClient,
  target: string,
  index: number,
  offer: Pick<Transport, "lower" | "interleaved" | "clientPorts">,
): Promise<Transport | undefined> {
  const header = writeTransport({ profile: "RTP/AVP", multicast: false, mode: "record", ...offer });
  const response = await expectOk("SETUP", client.request("SETUP", `${target}/trackID=${index}`, { Transport: header }));
  const session = parseSession(response.headers.get("Session") ?? "");
  if (session !== undefined) client.setSession(session.id);
  return parseTransports(response.headers.getAll("Transport"))[0];
}

async function expectOk(method: string, answer: Promise<RtspResponse>): Promise<RtspResponse> {
  const response = await answer;
  if (response.status !== 200) throw faultOf(method, response);
  return response;
}
