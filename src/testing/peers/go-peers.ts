// Peers written in Go: MediaMTX as a server, and a reader and publisher made of gortsplib. Both only where a variable names a binary.
// The third one, pion, is in pion.ts.
//
// What the binary of CAMGATE_PEER_GORTSPLIB has to understand, options before or after the other arguments:
//
//   read    <url> [--transport tcp|udp] [--seconds N] [--units] [--tls-insecure]
//   publish <url> <file.h264> [--transport tcp|udp] [--fps N] [--loop] [--tls-insecure]
//
// It prints one JSON object a line, each with an `event`:
//
//   read:    tracks    {tracks: GoTrack[]}             after SETUP
//            unit      {track, md5, nals, pts?, ntp}   with --units, for every access unit (H.264, H.265), every packet of G.711
//            progress  {seconds, tracks: GoTrack[]}    once a second
//            end       {seconds, tracks: GoTrack[]}    last; exit code 0 when the time was over
//   publish: publishing {accessUnits}                  after RECORD
//            end        {accessUnits, packets}         after the whole file
//   both:    error     {reason}                        exit code 1
//
// `ntp` is what PacketNTP says: the time of the packet by the newest sender report. Hashes are over the NAL units of the access units, or the
// payload of G.711, each behind its length in four bytes, big endian.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freeTcpPort, freeUdpPortPair } from "../free-ports.ts";
import type { RtspTransport } from "./ffmpeg.ts";
import { findPeer } from "./find-peer.ts";
import { type RunningPeer, runPeer, startPeer, type TestScope } from "./run-peer.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export const mediamtx = findPeer("mediamtx");
export const gortsplib = findPeer("gortsplib");

/** What gortsplib knows of one track. Times: PTS in ticks of the clock rate, NTP as RFC 3339 text; null as long as it has none. */
export interface GoTrack {
  readonly index: number;
  readonly codec: string;
  readonly clockRate: number;
  readonly packets: number;
  /** RTP payload only. */
  readonly bytes: number;
  readonly lost: number;
  readonly accessUnits: number;
  readonly firstPts: number | null;
  readonly lastPts: number | null;
  readonly firstNtp: string | null;
  readonly lastNtp: string | null;
  /** Empty for codecs that are not depacketised. */
  readonly sha256: string;
}

export interface GoUnit {
  readonly track: number;
  readonly md5: string;
  readonly nals: number;
  readonly pts?: number;
  readonly ntp: string | null;
}

export interface GoReadResult {
  readonly tracks: readonly GoTrack[];
  readonly units: readonly GoUnit[];
}

/** Reads for `seconds` and says what came. */
export async function gortsplibRead(
  scope: TestScope,
  options: { readonly url: string; readonly transport: RtspTransport; readonly seconds: number; readonly units?: boolean },
): Promise<GoReadResult> {
  const args = ["read", "--transport", options.transport, "--seconds", String(options.seconds), ...(options.units ? ["--units"] : [])];
  const { stdout } = await runPeer(scope, gortsplib, [...args, "--tls-insecure", options.url], {
    timeoutMs: 15_000 + options.seconds * 1000,
  });
  const events = parseGoEvents(stdout.toString("utf8"));
  const end = events.find(({ event }) => event === "end") as { tracks: GoTrack[] } | undefined;
  return { tracks: end?.tracks ?? [], units: events.filter(({ event }) => event === "unit") as unknown as GoUnit[] };
}

/** Reads until the test ends or `seconds` are over; each unit is a line of its output as soon as it has come. */
export function startGortsplibRead(
  scope: TestScope,
  options: { readonly url: string; readonly transport: RtspTransport; readonly seconds: number },
): RunningPeer {
  const args = ["read", "--transport", options.transport, "--seconds", String(options.seconds), "--units", "--tls-insecure"];
  return startPeer(scope, gortsplib, [...args, options.url], { timeoutMs: 15_000 + options.seconds * 1000 });
}

/** What a reader has told of its units so far. */
export function goUnits({ stdout }: RunningPeer): readonly GoUnit[] {
  const whole = stdout.toString("utf8").replace(/[^\n]*$/, "");
  return parseGoEvents(whole).filter(({ event }) => event === "unit") as unknown as GoUnit[];
}

/** Publishes a file over RTSP; wait for `match(/"publishing"/)` before reading. */
export function gortsplibPublish(
  scope: TestScope,
  options: {
    readonly url: string;
    readonly file: string;
    readonly transport: RtspTransport;
    readonly fps: number;
    readonly loop?: boolean;
  },
): RunningPeer {
  const args = ["publish", "--transport", options.transport, "--fps", String(options.fps), ...(options.loop ? ["--loop"] : [])];
  return startPeer(scope, gortsplib, [...args, "--tls-insecure", options.url, options.file], { timeoutMs: 120_000 });
}

/** The JSON lines of a Go peer. */
export function parseGoEvents(text: string): { readonly event: string }[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { event: string });
}

/** Starts MediaMTX with RTSP alone; `config` is added to its configuration file, `paths` included. Resolves when it listens. */
export async function startMediamtx(
  scope: TestScope,
  config = "paths:\n  all_others:\n",
): Promise<{ readonly port: number; readonly url: (path: string) => string; readonly process: RunningPeer }> {
  const { port, process } = await startServers(scope, config, "webrtc: no\n");
  return { port, url: (path) => `rtsp://127.0.0.1:${port}/${path}`, process };
}

/** With WebRTC as well: `http(path)` is where its WHEP and WHIP are. `settings`: of WebRTC, beside its ports. */
export async function startMediamtxWebRtc(
  scope: TestScope,
  config = "paths:\n  all_others:\n",
  settings = "",
): Promise<{ readonly url: (path: string) => string; readonly http: (path: string) => string; readonly process: RunningPeer }> {
  const [httpPort, udpPort] = [await freeTcpPort(0), await freeUdpPortPair(0)];
  const webrtc = `webrtcAddress: 127.0.0.1:${httpPort}\nwebrtcLocalUDPAddress: 127.0.0.1:${udpPort}\n${settings}`;
  const { port, process } = await startServers(scope, config, webrtc);
  await process.match(/\[WebRTC\] started/);
  return { url: (path) => `rtsp://127.0.0.1:${port}/${path}`, http: (path) => `127.0.0.1:${httpPort}/${path}`, process };
}

async function startServers(
  scope: TestScope,
  config: string,
  webrtc: string,
): Promise<{ readonly port: number; readonly process: RunningPeer }> {
  const folder = await temporaryFolder(scope);
  const [port, rtpPort] = [await freeTcpPort(0), await freeUdpPortPair(0)];
  const off = ["rtmp", "hls", "srt", "moq"].map((name) => `${name}: no\n`).join("");
  const rtsp = `rtspTransports: [tcp, udp]
rtspAddress: 127.0.0.1:${port}
rtpAddress: 127.0.0.1:${rtpPort}
rtcpAddress: 127.0.0.1:${rtpPort + 1}
`;
  const file = join(folder, "mediamtx.yml");
  await writeFile(file, `${off}${webrtc}${rtsp}${config}`);
  const process = startPeer(scope, mediamtx, [file], { cwd: folder, timeoutMs: 120_000 });
  await process.match(/\[RTSP\] started/);
  return { port, process };
}
