// The program itself, started as a user would: in a folder of its own, with a config file, on ports that were free.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freeTcpPort, freeUdpPortPair } from "../free-ports.ts";
import type { Peer } from "./find-peer.ts";
import { type PeerExit, type RunningPeer, startPeer, type TestScope } from "./run-peer.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const camgate: Peer = { name: "camgate", file: process.execPath, missing: false };
const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

export interface CamgateOptions {
  /** Contents of the config file, as it is. */
  readonly config: string;
  /** `mediamtx.yml`, which is found without being named. */
  readonly fileName?: string;
  /** Of the command line. */
  readonly words?: readonly string[];
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** In place of a folder of its own. */
  readonly folder?: string;
}

export interface Camgate {
  readonly process: RunningPeer;
  readonly folder: string;
  /** Credentials go before the host. */
  url(path: string, credentials?: string): string;
  /** Of the playback server, which listens where the config has `playback: yes`. */
  readonly playbackOrigin: string;
  /** Of the API, which listens where the config begins a line with `api: yes`. */
  readonly apiOrigin: string;
}

/** Starts the gateway; resolves when it serves RTSP, and what else the config asks for with `api: yes` and `playback: yes`. */
export async function startCamgate(scope: TestScope, options: CamgateOptions): Promise<Camgate> {
  const folder = await folderWith(scope, options);
  const [port, rtpPort] = [await freeTcpPort(0), await freeUdpPortPair(0)];
  const [playbackPort, apiPort] = [await freeTcpPort(0), await freeTcpPort(0)];
  const hasApi = /^api: yes/m.test(options.config);
  const off = ["HLS", "MOQ", "RTMP", "SRT", "WEBRTC", ...(hasApi ? [] : ["API"])];
  const env = {
    MTX_RTSPADDRESS: `127.0.0.1:${port}`,
    MTX_RTPADDRESS: `127.0.0.1:${rtpPort}`,
    MTX_RTCPADDRESS: `127.0.0.1:${rtpPort + 1}`,
    MTX_PLAYBACKADDRESS: `127.0.0.1:${playbackPort}`,
    MTX_APIADDRESS: `127.0.0.1:${apiPort}`,
    ...Object.fromEntries(off.map((name) => [`MTX_${name}`, "no"])),
    ...options.env,
  };
  const process = startPeer(scope, camgate, [MAIN, ...(options.words ?? [])], { cwd: folder, env, timeoutMs: 120_000 });
  await process.match(/\[RTSP\] listener opened/);
  if (/^playback: yes$/m.test(options.config)) await process.match(/\[playback\] listener opened/);
  if (hasApi) await process.match(/\[API\] listener opened/);
  return {
    process,
    folder,
    url: (path, credentials) => `rtsp://${credentials === undefined ? "" : `${credentials}@`}127.0.0.1:${port}/${path}`,
    playbackOrigin: `http://127.0.0.1:${playbackPort}`,
    apiOrigin: `http://127.0.0.1:${apiPort}`,
  };
}

/** Runs it to its end, which has to be near. */
export async function runCamgate(
  scope: TestScope,
  options: CamgateOptions,
): Promise<PeerExit & { readonly stdout: string; readonly stderr: string }> {
  const cwd = await folderWith(scope, options);
  const process = startPeer(scope, camgate, [MAIN, ...(options.words ?? [])], { cwd });
  const exit = await process.exited;
  return { ...exit, stdout: process.stdout.toString("utf8"), stderr: process.stderr };
}

async function folderWith(scope: TestScope, { config, fileName = "mediamtx.yml", folder: given }: CamgateOptions): Promise<string> {
  const folder = given ?? (await temporaryFolder(scope));
  await writeFile(join(folder, fileName), config);
  return folder;
}
