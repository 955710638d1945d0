// The servers that are measured: each runs as its own process from an equivalent configuration in MediaMTX's format.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** How a server is started: the command takes the path of the configuration file as its last argument. */
export interface ServerKind {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly args: readonly string[];
}

export interface RunningServer {
  readonly pid: number;
  rtspUrl(path: string): string;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 5_000;
/** A small young generation: what the units and the bin wrapper start camgate with. */
const NODE_OPTIONS = ["--max-semi-space-size=2"];

/** camgate as it stands here: the bundle that ships, or with `src` the sources themselves. */
export function camgateServer(from: "dist" | "src"): ServerKind | undefined {
  const entry = fileURLToPath(new URL(from === "dist" ? "../dist/camgate.mjs" : "../src/main.ts", import.meta.url));
  if (!existsSync(entry)) return undefined;
  return { name: "camgate", version: `${from}, Node ${process.version}`, file: process.execPath, args: [...NODE_OPTIONS, entry] };
}

/** A peer from the command line: `mediamtx=/path/of/the/binary`. */
export function peerServer(argument: string): ServerKind {
  const [name, file] = argument.split("=");
  if (name !== "mediamtx" || file === undefined) throw new Error(`--peer ${argument}: only mediamtx=<path> is known`);
  return { name, version: execFileSync(file, ["--version"], { encoding: "utf8" }).trim(), file, args: [] };
}

/** Starts the server and resolves when it accepts RTSP connections. */
export async function startServer(kind: ServerKind): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), "camgate-bench-"));
  const [rtspPort, rtpPort] = await Promise.all([freePort(), freePortPair()]);
  const configFile = join(folder, "bench.yml");
  writeFileSync(configFile, configuration(rtspPort, rtpPort));

  const child = spawn(kind.file, [...kind.args, configFile], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      log = (log + chunk).slice(-4096);
    });
  }
  const stop = async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await accepting(rtspPort, child);
  } catch (error) {
    await stop();
    throw new Error(`${kind.name} did not start: ${(error as Error).message}\n${log}`);
  }
  return { pid: child.pid!, rtspUrl: (path) => `rtsp://127.0.0.1:${rtspPort}/${path}`, stop };
}

function configuration(rtspPort: number, rtpPort: number): string {
  return `logLevel: error
rtsp: yes
rtspTransports: [tcp, udp]
rtspAddress: 127.0.0.1:${rtspPort}
rtpAddress: 127.0.0.1:${rtpPort}
rtcpAddress: 127.0.0.1:${rtpPort + 1}
rtmp: no
hls: no
webrtc: no
srt: no
moq: no
paths:
  all_others:
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

/** An even UDP port whose neighbour above is free too: RTP takes it, RTCP the other (RFC 3550 §11). */
async function freePortPair(): Promise<number> {
  for (;;) {
    const even = (await freePort()) & ~1;
    if ((await isFreeUdp(even)) && (await isFreeUdp(even + 1))) return even;
  }
}

async function isFreeUdp(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  const free = new Promise<boolean>((resolve) => socket.once("error", () => resolve(false)).bind(port, "127.0.0.1", () => resolve(true)));
  return free.finally(() => socket.close());
}
