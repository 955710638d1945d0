// A faulty camera ready to be pulled: the camera of a stimulus behind proxies, and the stimulus's steps once somebody connects.
import type { Clock } from "#base/clock.ts";
import { ClipMedia } from "../clip-media.ts";
import { type Random, seededRandom } from "../mutate.ts";
import { ScriptedCamera, type ScriptedCameraOptions } from "../scripted-camera.ts";
import { TcpFaultProxy } from "../tcp-fault-proxy.ts";
import { UdpFaultProxy } from "../udp-fault-proxy.ts";
import type { Setting, Step, Stimulus } from "./fault.ts";

export const CLIP_FRAME_MS = 40;

export interface FaultRigOptions {
  readonly clock: Clock;
  /** Of the proxy in front of the camera. Default: any free one. */
  readonly port?: number;
  readonly seed?: number;
  /** Told of each step as it is done. */
  onStep?(step: Step): void;
}

export class FaultRig {
  readonly camera: ScriptedCamera;
  /** What the gateway connects to. */
  readonly proxy: TcpFaultProxy;
  /** One for each track that was set up over UDP, in order. */
  readonly udp: readonly UdpFaultProxy[];
  readonly clock: Clock;
  readonly random: Random;
  /** Of the first connection, monotonic. */
  startUs: number | undefined;
  readonly #stimulus: Stimulus;
  readonly #timers: NodeJS.Timeout[] = [];

  private constructor(stimulus: Stimulus, setting: Setting, camera: ScriptedCamera, proxy: TcpFaultProxy, udp: readonly UdpFaultProxy[]) {
    this.#stimulus = stimulus;
    this.clock = setting.clock;
    this.random = setting.random;
    this.camera = camera;
    this.proxy = proxy;
    this.udp = udp;
  }

  static async start(stimulus: Stimulus, { clock, port = 0, seed = 1, onStep }: FaultRigOptions): Promise<FaultRig> {
    const setting: Setting = { clock, random: seededRandom(seed) };
    const udp: UdpFaultProxy[] = [];
    const camera = await ScriptedCamera.start({
      media: () => new ClipMedia({ clock }),
      frameMs: CLIP_FRAME_MS,
      udpPath: async (client, server) => {
        const between = await UdpFaultProxy.open({ client, server, faults: stimulus.datagrams ?? {}, random: setting.random });
        udp.push(between);
        return between.ports;
      },
      ...stimulus.camera?.(setting),
    } satisfies ScriptedCameraOptions);
    let proxy: TcpFaultProxy;
    try {
      proxy = await TcpFaultProxy.listen({ target: { host: "127.0.0.1", port: camera.port }, port, random: setting.random });
    } catch (error) {
      await camera.close();
      throw error;
    }
    const rig = new FaultRig(stimulus, setting, camera, proxy, udp);
    proxy.onFirst = () => rig.#begin(onStep);
    return rig;
  }

  /** `rtsp://user:pass@127.0.0.1:port/stream` */
  get url(): string {
    const { login } = this.#stimulus;
    return `rtsp://${login === undefined ? "" : `${login}@`}127.0.0.1:${this.proxy.port}/stream`;
  }

  /** Since the first connection; 0 before it. */
  get elapsedMs(): number {
    return this.startUs === undefined ? 0 : (this.clock.nowUs() - this.startUs) / 1000;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const between of this.udp) between.close();
    await this.proxy.close();
    await this.camera.close();
  }

  #begin(onStep?: (step: Step) => void): void {
    this.startUs = this.clock.nowUs();
    for (const step of this.#stimulus.steps ?? []) {
      const run = (): void => {
        onStep?.(step);
        void step.act?.(this);
      };
      this.#timers.push(setTimeout(run, step.atMs));
    }
  }
}
