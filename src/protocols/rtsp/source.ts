// A camera pulled over RTSP: one attempt, from connecting to the end of the session. The Path retries.
import type { Clock } from "#base/clock.ts";
import { deferred } from "#base/deferred.ts";
import { PeerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { RtpIngest } from "#relay/rtp-ingest.ts";
import type { Source, SourceSink } from "#relay/source.ts";
import { REORDER_TCP, REORDER_UDP } from "#rtp/reorder.ts";
import { writePictureLoss } from "#rtp/rtcp.ts";
import { isRtp } from "#rtp/track-receiver.ts";
import type { CameraMemory } from "./camera-memory.ts";
import { type AddressFault, isListening } from "./client.ts";
import { Keepalive } from "./keepalive.ts";
import { PlaySession, type PlaySessionOptions, TransportRefused } from "./play-session.ts";
import { ResyncLimit } from "./resync-limit.ts";
import { parseRtspUrl, type RtspUrl } from "./url.ts";

const SETUP_TOTAL_MS = 15_000;
/** UDP that a firewall keeps out is given up sooner. */
const FIRST_PACKET_MS = { tcp: 5000, udp: 3000 };
const REPORT_MS = 5000;
/** Remarks on session descriptions that are remembered. */
const MAX_TOLD = 64;

export interface RtspSourceOptions {
  readonly url: string;
  readonly fingerprint: string;
  readonly transport: "automatic" | "udp" | "multicast" | "tcp";
  readonly anyPort: boolean;
  readonly udpPortRange: readonly [number, number];
  readonly udpReadBufferBytes: number;
  readonly range: string;
  readonly scale: string | undefined;
  /** No RTP for this long is a stall, ms. */
  readonly stallMs: { readonly tcp: number; readonly udp: number };
  /** What forbids to connect to an address; undefined: nothing does. */
  readonly addressFault?: AddressFault | undefined;
  readonly memory: CameraMemory;
  readonly clock: Clock;
  readonly log: Log;
  random(): number;
}

export class RtspSource implements Source {
  readonly #options: RtspSourceOptions;

  constructor(options: RtspSourceOptions) {
    this.#options = options;
  }

  /** Rejects with a PeerFault when the session ends, `aborted` when the signal ended it. */
  async run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    const url = parseRtspUrl(this.#options.url);
    if (url === undefined) throw new PeerFault("config", "the source is no RTSP URL");
    if (url.tunnel !== "none") throw new PeerFault("config", "a tunnel through HTTP or WebSocket is not available yet");
    const { memory, log } = this.#options;
    // UDP would have to be SRTP, which few sources have.
    const transport = url.scheme === "rtsps" && this.#options.transport === "automatic" ? "tcp" : this.#options.transport;
    if (transport === "multicast")
      throw new PeerFault("config", "multicast is not available yet: set rtspTransport to automatic, tcp or udp");
    const first = transport === "automatic" ? (memory.transport ?? "tcp") : transport;
    try {
      await this.#runSession(url, first, sink, signal);
    } catch (error) {
      const mayBeOther = error instanceof NoMedia || error instanceof TransportRefused;
      if (transport !== "automatic" || !mayBeOther || signal.aborted) throw error;
      const other = first === "tcp" ? "udp" : "tcp";
      memory.transport = undefined;
      log.info(`no media over ${first.toUpperCase()}, trying ${other.toUpperCase()}`);
      await this.#runSession(url, other, sink, signal);
    }
  }

  async isReachable(signal: AbortSignal): Promise<boolean> {
    const url = parseRtspUrl(this.#options.url);
    return url !== undefined && (await isListening(url, signal, this.#options.addressFault));
  }

  async #runSession(url: RtspUrl, transport: "tcp" | "udp", sink: SourceSink, signal: AbortSignal): Promise<void> {
    const { log, clock, memory } = this.#options;
    const end = deferred<PeerFault>();
    const abort = (): void => end.resolve(new PeerFault("aborted", "closed"));
    signal.addEventListener("abort", abort, { once: true });
    // What ends the session while it is set up ends the connection, and with it whatever is awaited.
    const setup = new AbortController();
    let session: PlaySession | undefined;
    let ingest: RtpIngest | undefined;
    let cause: PeerFault | undefined;
    let playing = false;
    const resyncs = new ResyncLimit();
    void end.promise.then((fault) => {
      cause = fault;
      setup.abort();
    });
    setup.signal.addEventListener("abort", () => {
      if (!playing) session?.client.close(cause!);
    });
    const setupTimer = setTimeout(
      () => end.resolve(new PeerFault("timeout", `not set up within ${SETUP_TOTAL_MS / 1000} s`)),
      SETUP_TOTAL_MS,
    );
    try {
      session = await PlaySession.open(
        {
          ...this.#sessionOptions(url, transport),
          onPacket: (trackIndex, isRtcp, bytes, start, stop) => {
            if (ingest === undefined) return;
            if (!isRtcp && ingest.lastPacketUs === undefined && isRtp(bytes, start, stop)) ingest.start();
            ingest.onPacket(trackIndex, isRtcp, bytes, start, stop);
          },
          onResync: () => {
            if (resyncs.isPassed(clock.nowUs())) end.resolve(new PeerFault("protocol", "garbage in the stream again and again"));
          },
          onClosed: (fault) => end.resolve(fault),
        },
        setup.signal,
      );
      for (const remark of [...session.skipped.map((reason) => `skipping ${reason}`), ...session.remarks]) {
        if (memory.told.has(remark)) continue;
        log.warn(remark);
        if (memory.told.size < MAX_TOLD) memory.told.add(remark);
      }
      if (session.medias.length === 0) throw new PeerFault("unsupported", "the source has no media that can be received");
      const opened = this.#openIngest(session, transport, sink);
      ingest = opened;
      const remote = { address: session.client.remoteAddress, port: url.port };
      sink.linked?.({ remote, transport: transport.toUpperCase(), counters: () => opened.counters() });
      await session.setUpAll();
      sink.state?.("probing");
      await session.play();
      clearTimeout(setupTimer);
      playing = true;
      await this.#watch(session, ingest, transport, sink, end.promise);
    } catch (error) {
      cause ??= error as PeerFault;
      throw cause;
    } finally {
      clearTimeout(setupTimer);
      signal.removeEventListener("abort", abort);
      ingest?.stop();
      await session?.close(cause ?? new PeerFault("aborted", "closed"));
    }
  }

  #sessionOptions(url: RtspUrl, transport: "tcp" | "udp"): Omit<PlaySessionOptions, "onPacket" | "onResync" | "onClosed"> {
    const { fingerprint, addressFault, memory, anyPort, udpPortRange, udpReadBufferBytes, range, scale, random } = this.#options;
    return { url, fingerprint, addressFault, transport, memory, anyPort, udpPortRange, udpReadBufferBytes, range, scale, random };
  }

  #openIngest(session: PlaySession, transport: "tcp" | "udp", sink: SourceSink): RtpIngest {
    const { clock, memory } = this.#options;
    return new RtpIngest({
      tracks: session.medias.map((media) => media.track),
      sink,
      reorder: transport === "tcp" ? REORDER_TCP : REORDER_UDP,
      repairTime: true,
      senderClocks: (index) => {
        memory.senderClocks[index] ??= { last: undefined };
        return memory.senderClocks[index];
      },
      nowUs: () => clock.nowUs(),
      onReady: () => {
        memory.transport = transport;
        sink.state?.("live");
      },
    });
  }

  /** Keeps the session alive and reports what was received, until it ends or stalls: rejects with the cause. */
  async #watch(
    session: PlaySession,
    ingest: RtpIngest,
    transport: "tcp" | "udp",
    sink: SourceSink,
    end: Promise<PeerFault>,
  ): Promise<never> {
    const { clock, random, memory, log } = this.#options;
    const ownSsrc = Math.floor(random() * 2 ** 32);
    const startedUs = clock.nowUs();
    const video = session.medias.findIndex(({ track }) => track.kind === "video");
    sink.onKeyframeWanted = () => {
      if (video >= 0) session.sendRtcp(video, writePictureLoss(ownSsrc, ingest.receivers[video]!.ssrc >>> 0));
    };
    const stall = deferred<never>();
    const stallMs = this.#options.stallMs[transport];
    const firstPacketMs = FIRST_PACKET_MS[transport];
    const look = (): void => {
      const limitMs = ingest.lastPacketUs === undefined ? firstPacketMs : stallMs;
      const silentMs = (clock.nowUs() - (ingest.lastPacketUs ?? startedUs)) / 1000;
      if (silentMs < limitMs) {
        stallTimer = setTimeout(look, Math.ceil(limitMs - silentMs));
        return;
      }
      sink.state?.("stalled");
      stall.reject(
        ingest.lastPacketUs === undefined ? new NoMedia(firstPacketMs) : new PeerFault("stalled", `no media for ${limitMs / 1000} s`),
      );
    };
    let stallTimer = setTimeout(look, Math.min(firstPacketMs, stallMs));
    const reportTimer = setInterval(() => {
      const nowUs = clock.nowUs();
      for (const [index, receiver] of ingest.receivers.entries()) session.sendRtcp(index, receiver.writeReport(ownSsrc, nowUs));
    }, REPORT_MS);
    const keepalive = new Keepalive(session, memory, log);
    keepalive.start();
    let fault: PeerFault | undefined;
    try {
      fault = await Promise.race([stall.promise, end]);
      throw fault;
    } finally {
      clearTimeout(stallTimer);
      clearInterval(reportTimer);
      const byCamera = fault?.code !== "aborted" && ingest.lastPacketUs !== undefined;
      keepalive.stop(byCamera ? (ingest.lastPacketUs! - startedUs) / 1000 : undefined);
    }
  }
}

/** PLAY was answered, but no packet came: another transport may do. */
class NoMedia extends PeerFault {
  constructor(waitedMs: number) {
    super("stalled", `no media within ${waitedMs / 1000} s`);
  }
}
