// A server under test with the loads around it: started together, and ended together whatever happens.
import { setTimeout as sleep } from "node:timers/promises";
import type { CameraLoadOptions } from "./load-camera.ts";
import { LoadProcess } from "./load-messages.ts";
import type { ReadOptions } from "./load-read.ts";
import { RtspConnection, type Transport } from "./rtsp-connection.ts";
import { type PulledPath, type RecordStore, type RunningServer, type ServerKind, startServer } from "./server-under-test.ts";
import { CAMERA_LOAD } from "./synthetic-h264.ts";

/** Cameras that the server pulls from a load process. */
export interface PulledCameras extends CameraLoadOptions {
  readonly transport: Transport;
  readonly record?: RecordStore | undefined;
}

export interface Site {
  readonly server: RunningServer;
  /** The process of the cameras, where the server pulls some. */
  readonly cameras: LoadProcess | undefined;
  /** What readers of the cameras use. */
  readonly urls: readonly string[];
  /** Starts a load that ends with the site. */
  load<Options extends object>(file: string, options: Options): Promise<LoadProcess>;
  /** Readers in as many processes as they need, all set up. */
  readers(options: ReadOptions): Promise<readonly LoadProcess[]>;
}

export const GOP_SECONDS = CAMERA_LOAD.gopFrames / CAMERA_LOAD.framesPerSecond;
/** One camera with the load of all benchmarks. */
export const ONE_CAMERA: PulledCameras = { cameras: 1, gopSeconds: GOP_SECONDS, lineMbit: 0, transport: "tcp" };

/**
 * What cameras send with where nothing else is said. Over UDP that of a common network port: a keyframe that came all at once would not fit
 * into the receive buffer that the kernel gives a socket by default, of whichever server.
 */
export const LINE_MBIT: Readonly<Record<Transport, number>> = { tcp: 0, udp: 100 };

const PATH_TIMEOUT_MS = 15_000;
const PATH_RETRY_MS = 100;
/** More than these, and a load process limits what is measured. */
const READERS_PER_PROCESS: Readonly<Record<Transport, number>> = { tcp: 100, udp: 50 };

/** Runs `measure` with a server that pulls `pulled`, or takes a publisher at `cam`, and ends everything. */
export async function withSite<T>(kind: ServerKind, pulled: PulledCameras | undefined, measure: (site: Site) => Promise<T>): Promise<T> {
  const loads: LoadProcess[] = [];
  let server: RunningServer | undefined;
  const load = async <Options extends object>(file: string, options: Options) => {
    const started = await LoadProcess.start(file, options);
    loads.push(started);
    return started;
  };
  const readers = async (options: ReadOptions) => {
    const perProcess = READERS_PER_PROCESS[options.transport];
    const started: LoadProcess[] = [];
    for (let first = 0; first < options.readers; first += perProcess) {
      const urls = options.urls.map((_, i) => options.urls[(first + i) % options.urls.length]!);
      started.push(await load("load-read.ts", { ...options, urls, readers: Math.min(perProcess, options.readers - first) }));
    }
    return started;
  };
  try {
    const cameras = pulled && (await load<CameraLoadOptions>("load-camera.ts", pulled));
    const paths = pulled ? pulledPaths(cameras!, pulled) : [];
    const started = await startServer(kind, paths);
    server = started;
    const urls = (pulled ? paths : [{ name: "cam" }]).map(({ name }) => started.rtspUrl(name));
    if (pulled) for (const url of urls) await hasStream(url, kind.name);
    return await measure({ server, cameras, urls, load, readers });
  } catch (error) {
    const lastWords = server?.lastWords();
    throw lastWords === undefined ? error : new Error(`${kind.name} ended while it was measured ${lastWords}`, { cause: error });
  } finally {
    await Promise.all(loads.map((each) => each.stop()));
    await server?.stop();
  }
}

/** A path for each camera. */
export function pulledPaths({ url }: LoadProcess, { cameras, transport, record }: PulledCameras): PulledPath[] {
  return Array.from({ length: cameras }, (_, i) => ({ name: `cam${i}`, source: `${url}/cam${i}`, transport, record }));
}

/** Resolves when the path can be described: its camera is there. */
async function hasStream(url: string, name: string): Promise<void> {
  const deadlineMs = performance.now() + PATH_TIMEOUT_MS;
  for (;;) {
    const connection = await RtspConnection.open(url, Buffer.allocUnsafe(16_384));
    try {
      await connection.request("DESCRIBE", { Accept: "application/sdp" });
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw new Error(`${name} does not serve a pulled camera: ${(error as Error).message}`);
    } finally {
      connection.close();
    }
    await sleep(PATH_RETRY_MS);
  }
}

/** The length of a window of whole GOPs: one with a keyframe more than another would not compare. */
export function wholeGopsMs(seconds: number): number {
  return 1000 * Math.max(1, Math.round(seconds / GOP_SECONDS)) * GOP_SECONDS;
}

/** Sleeps until a camera that has sent `frames` is halfway between two keyframes: a window begun here cuts none. */
export async function untilMidGop(frames: number): Promise<void> {
  const { gopFrames, framesPerSecond } = CAMERA_LOAD;
  const ahead = (1.5 * gopFrames - (frames % gopFrames)) % gopFrames;
  await sleep((1000 * ahead) / framesPerSecond);
}
