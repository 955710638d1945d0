// The servers that are measured: each runs as its own process from an equivalent configuration in MediaMTX's format.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Transport } from "./rtsp-connection.ts";
import { openUdpPair } from "./udp-pair.ts";

/** How a server is started: the command takes the path of the configuration file as its last argument. */
export interface ServerKind {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A path that pulls a camera over RTSP. */
export interface PulledPath {
  readonly name: string;
  readonly source: string;
  readonly transport: Transport;
  /** Recorded, a fragment a second. */
  readonly record?: RecordStore | undefined;
}

/** Only camgate has the ring. */
export type RecordStore = "files" | "ring";

export interface RunningServer {
  readonly pid: number;
  rtspUrl(path: string): string;
  whepUrl(path: string): string;
  /** What it logged last, once it has ended without having been asked to. */
  lastWords(): string | undefined;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 5_000;
/** Sixteen cameras at 4 Mbit/s write over it after little more than a minute. */
const RING_SIZE = "640M";
/** What the ratios of a report are of. */
export const OWN_NAME = "camgate";

/** Servers that have not been stopped: whatever ends the benchmark ends them. */
const running = new Map<ChildProcess, string>();
process.on("exit", () => {
  for (const [child, folder] of running) {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});

/** camgate as it stands here: the bundle that ships, or with `src` the sources themselves. */
export function camgateServer(from: "dist" | "src"): ServerKind | undefined {
  const entry = fileURLToPath(new URL(from === "dist" ? "../dist/camgate.mjs" : "../src/main.ts", import.meta.url));
  if (!existsSync(entry)) return undefined;
  return { name: OWN_NAME, version: `${from}, Node ${process.version}`, file: process.execPath, args: [entry] };
}

/** The same without what koffi calls. */
export function plainServer(own: ServerKind): ServerKind {
  return { ...own, name: "without koffi", env: { CAMGATE_NATIVE: "off" } };
}

/** A peer from the command line: `mediamtx=/path/of/the/binary`. */
export function peerServer(argument: string): ServerKind {
  const [name, file] = argument.split("=");
  if (name !== "mediamtx" || file === undefined) throw new Error(`--peer ${argument}: only mediamtx=<path> is known`);
  return { name, version: execFileSync(file, ["--version"], { encoding: "utf8" }).trim(), file, args: [] };
}

/** Starts the server and resolves when it accepts RTSP connections. Paths that are not pulled take publishers. */
export async function startServer(kind: ServerKind, pulled: readonly PulledPath[] = []): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), "camgate-bench-"));
  const [rtspPort, rtpPort, webRtcPort, icePort] = await Promise.all([freePort(), freePortPair(), freePort(), freePortPair()]);
  const configFile = join(folder, "bench.yml");
  mkdirSync(join(folder, "ring"));
  writeFileSync(configFile, configuration({ rtspPort, rtpPort, webRtcPort, icePort }, pulled));

  const child = spawn(kind.file, [...kind.args, configFile], {
    cwd: folder,
    env: { ...process.env, ...kind.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.set(child, folder);
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      log = (log + chunk).slice(-4096);
    });
  }
  const stop = async () => {
    await end(child);
    running.delete(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await accepting(rtspPort, child);
  } catch (error) {
    await stop();
    throw new Error(`${kind.name} did not start: ${(error as Error).message}\n${log}`);
  }
  return {
    pid: child.pid!,
    rtspUrl: (path) => `rtsp://127.0.0.1:${rtspPort}/${path}`,
    whepUrl: (path) => `http://127.0.0.1:${webRtcPort}/${path}/whep`,
    lastWords: () => (child.exitCode === null && child.signalCode === null ? undefined : `(${child.exitCode ?? child.signalCode}) ${log}`),
    stop,
  };
}

interface Ports {
  readonly rtspPort: number;
  readonly rtpPort: number;
  readonly webRtcPort: number;
  readonly icePort: number;
}

function configuration({ rtspPort, rtpPort, webRtcPort, icePort }: Ports, pulled: readonly PulledPath[]): string {
  const paths = pulled.map(
    ({ name, source, transport, record }) =>
      `  ${name}:\n    source: ${source}\n    rtspTransport: ${transport}\n    record: ${record === undefined ? "no" : "yes"}\n${
        record === "ring" ? "    recordStore: ring\n" : ""
      }`,
  );
  const ring = pulled.some(({ record }) => record === "ring") ? `ring:\n  directory: ring\n  size: ${RING_SIZE}\n` : "";
  return `logLevel: error
rtsp: yes
rtspTransports: [tcp, udp]
rtspAddress: 127.0.0.1:${rtspPort}
rtpAddress: 127.0.0.1:${rtpPort}
rtcpAddress: 127.0.0.1:${rtpPort + 1}
rtmp: no
hls: no
webrtc: yes
webrtcAddress: 127.0.0.1:${webRtcPort}
webrtcLocalUDPAddress: 127.0.0.1:${icePort}
srt: no
moq: no
${ring}paths:
${paths.join("")}  all_others:
`;
}

async function accepting(port: number, child: ChildProcess): Promise<void> {
  const deadlineMs = Date.now() + START_TIMEOUT_MS;
  while (child.exitCode === null && child.signalCode === null && Date.now() < deadlineMs) {
    const socket = connect(port, "127.0.0.1");
    const connected = await Promise.race([once(socket, "connect").then(() => true), once(socket, "error").then(() => false)]).catch(
      () => false,
    );
    socket.destroy();
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(child.exitCode === null ? "it does not listen" : `it ended with ${child.exitCode}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  const force = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  child.kill("SIGTERM");
  await exited;
  clearTimeout(force);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

async function freePortPair(): Promise<number> {
  const pair = await openUdpPair();
  pair.close();
  return pair.rtpPort;
}
