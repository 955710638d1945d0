// An RTSP source in front of a scripted camera: what it delivers and says, on a clock that a test moves.
import type { TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { PeerFault } from "#base/errors.ts";
import { newCameraMemory } from "#protocols/rtsp/camera-memory.ts";
import { RtspSource, type RtspSourceOptions } from "#protocols/rtsp/source.ts";
import type { SourceLink, SourceState } from "#relay/source.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { collectedLog } from "./collected-log.ts";
import { FakeClock } from "./fake-clock.ts";
import { ScriptedCamera, type ScriptedCameraOptions } from "./scripted-camera.ts";

/** Asked again at every turn of the event loop: what is waited for comes over real sockets, the clock stands still. */
export async function seen(what: string, look: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!look()) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await setImmediate();
  }
}

/** A camera that sends a frame only when the test says so, closed with the test. */
export async function startCamera(t: TestContext, options: ScriptedCameraOptions = {}): Promise<ScriptedCamera> {
  const camera = await ScriptedCamera.start({ frameMs: 0, ...options });
  t.after(() => camera.close());
  return camera;
}

/** A source that pulls from `url`; timers go when the test says so. */
export function pull(t: TestContext, url: string, options: Partial<RtspSourceOptions> = {}) {
  const clock = new FakeClock();
  const log = collectedLog();
  const memory = newCameraMemory();
  const states: SourceState[] = [];
  const links: SourceLink[] = [];
  const units: Unit[] = [];
  const ready: (readonly Track[])[] = [];
  const abort = new AbortController();
  const source = new RtspSource({
    url,
    fingerprint: "",
    transport: "automatic",
    anyPort: false,
    udpPortRange: [32_768, 60_999],
    udpReadBufferBytes: 0,
    range: "npt=0.000-",
    scale: undefined,
    stallMs: { tcp: 5000, udp: 3000 },
    memory,
    clock,
    log,
    random: Math.random,
    ...options,
  });
  let isOver = false;
  const ended = source
    .run(
      {
        ready: (tracks) => {
          ready.push(tracks);
          return (unit) => units.push(unit);
        },
        state: (state) => states.push(state),
        linked: (link) => links.push(link),
      },
      abort.signal,
    )
    .then(
      () => undefined,
      (error: unknown) => error,
    )
    .finally(() => {
      isOver = true;
    });
  t.after(async () => {
    abort.abort();
    await ended; // its timers belong to this test
  });
  const fault = async (): Promise<PeerFault> => {
    const error = await ended;
    if (!(error instanceof PeerFault)) throw new Error(`no peer fault: ${error}`);
    return error;
  };
  const pass = (ms: number): void => {
    clock.passMs(ms);
    t.mock.timers.tick(ms);
  };
  return { clock, log, memory, states, links, units, ready, abort, fault, pass, isOver: () => isOver };
}

/** Timers stand still until `pass`. */
export function mockTimers(t: TestContext): void {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
}

export function isPlaying(camera: ScriptedCamera): boolean {
  return camera.connections.some(({ playing }) => playing);
}

/** A source that is live over TCP: its first frame has come. */
export async function live(
  t: TestContext,
  cameraOptions: ScriptedCameraOptions = {},
  options: Partial<RtspSourceOptions> = {},
  login = "",
) {
  const camera = await startCamera(t, cameraOptions);
  const pulled = pull(t, camera.url("stream", login), options);
  await seen("PLAY", () => isPlaying(camera) || pulled.isOver());
  camera.sendFrame();
  await seen("the first frame", () => pulled.units.length > 0 || pulled.isOver());
  return { camera, ...pulled };
}
