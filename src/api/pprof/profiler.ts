// Profiles of this process for Chrome's tools: where CPU time goes, what allocates, what is in memory. One at a time.
import type { Session } from "node:inspector";
import type { Readable } from "node:stream";
import { getHeapSnapshot } from "node:v8";
import { CallerFault } from "#base/errors.ts";
import { HttpFault } from "#http/http-fault.ts";

export interface ProfilerOptions {
  /** Resolves after the time, or when the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** Of the CPU profile: finer costs more than it shows. */
const CPU_INTERVAL_US = 1000;
/** One in so many bytes of what is allocated is looked at. */
const ALLOCATION_INTERVAL_BYTES = 32_768;

/** What it makes is JSON text. */
export class Profiler {
  readonly #options: ProfilerOptions;
  #isBusy = false;

  constructor(options: ProfilerOptions) {
    this.#options = options;
  }

  /** `.cpuprofile`: what ran in so many ms. Rejects when the signal is aborted, with a CallerFault when another profile is being made. */
  cpu(ms: number, signal: AbortSignal): Promise<string> {
    return this.#withInspector(async (ask) => {
      await ask("Profiler.enable");
      await ask("Profiler.setSamplingInterval", { interval: CPU_INTERVAL_US });
      await ask("Profiler.start");
      await this.#options.wait(ms, signal);
      const { profile } = (await ask("Profiler.stop")) as { readonly profile: unknown };
      signal.throwIfAborted();
      return JSON.stringify(profile);
    });
  }

  /** `.heapprofile`: what was allocated in so many ms and is still there, by samples. */
  allocations(ms: number, signal: AbortSignal): Promise<string> {
    return this.#withInspector(async (ask) => {
      await ask("HeapProfiler.startSampling", { samplingInterval: ALLOCATION_INTERVAL_BYTES });
      await this.#options.wait(ms, signal);
      const { profile } = (await ask("HeapProfiler.stopSampling")) as { readonly profile: unknown };
      signal.throwIfAborted();
      return JSON.stringify(profile);
    });
  }

  /** `.heapsnapshot`: everything that is in memory, in pieces. The process stands still while it is taken. */
  async heap(send: (pieces: Readable) => Promise<void>): Promise<void> {
    await this.#alone(() => send(getHeapSnapshot()));
  }

  async #withInspector(work: (ask: (method: string, parameters?: object) => Promise<unknown>) => Promise<string>): Promise<string> {
    return this.#alone(async () => {
      const session = await openSession();
      const ask = (method: string, parameters: object = {}): Promise<unknown> =>
        new Promise((resolve, reject) =>
          session.post(method, parameters, (error, result) => (error === null ? resolve(result) : reject(error))),
        );
      try {
        return await work(ask);
      } finally {
        session.disconnect();
      }
    });
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) throw new CallerFault("conflict", "another profile is being made: try again when it is ready");
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      this.#isBusy = false;
    }
  }
}

/** Some distributions build Node without it. */
async function openSession(): Promise<Session> {
  const inspector = await import("node:inspector").catch(() => undefined);
  if (inspector === undefined) throw new HttpFault(501, "this Node was built without its inspector: there is the heap snapshot only");
  const session = new inspector.Session();
  session.connect();
  return session;
}
