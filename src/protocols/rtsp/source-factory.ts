// Opens RTSP sources for paths, and keeps what each camera taught us from one attempt to the next.
import type { Clock } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import { type CameraMemory, newCameraMemory } from "./camera-memory.ts";
import type { AddressFault } from "./client.ts";
import { writeRange } from "./range-header.ts";
import { RtspSource } from "./source.ts";

/** Silence that means a stall where the config names no readTimeout of its own (the shorter of it and these counts). */
const STALL_TCP_MS = 5000;
const STALL_UDP_MS = 3000;

/** A path's settings for an RTSP source. */
export interface RtspPathOptions {
  /** Of the certificate that is trusted alone (`rtsps`); empty: the usual authorities. */
  readonly fingerprint: string;
  readonly transport: "automatic" | "udp" | "multicast" | "tcp";
  readonly anyPort: boolean;
  readonly udpPortRange: readonly [number, number];
  readonly udpReadBufferBytes: number;
  readonly rangeType: "" | "clock" | "npt" | "smpte";
  /** `20230812T120000Z` for clock; ms as a number for the others. */
  readonly rangeStart: string | number;
  /** Empty: no Scale header. */
  readonly scale: string;
  /** What forbids to connect to an address, in words. */
  readonly addressFault?: AddressFault;
}

export interface RtspSourceFactoryOptions {
  /** `explicit`: the config names it, so it alone decides what a stall is. */
  readonly readTimeout: { readonly ms: number; readonly explicit: boolean };
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

export class RtspSourceFactory {
  readonly #options: RtspSourceFactoryOptions;
  readonly #memories = new Map<string, CameraMemory>();

  constructor(options: RtspSourceFactoryOptions) {
    this.#options = options;
  }

  /** A source for one attempt. */
  open(url: string, path: string, options: RtspPathOptions): RtspSource {
    const { readTimeout, clock, log, random } = this.#options;
    const stall = (limitMs: number): number => (readTimeout.explicit ? readTimeout.ms : Math.min(readTimeout.ms, limitMs));
    return new RtspSource({
      url,
      fingerprint: options.fingerprint,
      transport: options.transport,
      anyPort: options.anyPort,
      udpPortRange: options.udpPortRange,
      udpReadBufferBytes: options.udpReadBufferBytes,
      range: rangeOf(options),
      scale: options.scale === "" ? undefined : options.scale,
      addressFault: options.addressFault,
      stallMs: { tcp: stall(STALL_TCP_MS), udp: stall(STALL_UDP_MS) },
      memory: this.#memoryOf(`${path} ${url}`),
      clock,
      log: log.child(`path ${path}`),
      random,
    });
  }

  #memoryOf(key: string): CameraMemory {
    const known = this.#memories.get(key);
    if (known !== undefined) return known;
    const memory = newCameraMemory();
    if (this.#memories.size >= MAX_MEMORIES) this.#memories.clear();
    this.#memories.set(key, memory);
    return memory;
  }
}

/** Paths by expression may make sources without end. */
const MAX_MEMORIES = 1024;

function rangeOf({ rangeType, rangeStart }: RtspPathOptions): string {
  const startS = typeof rangeStart === "number" ? rangeStart / 1000 : 0;
  switch (rangeType) {
    case "":
      return "npt=0.000-";
    case "clock":
      return `clock=${rangeStart}-`;
    case "npt":
      return writeRange({ kind: "npt", start: startS, end: undefined });
    case "smpte": {
      const seconds = Math.floor(startS);
      const start = {
        hours: Math.floor(seconds / 3600),
        minutes: Math.floor(seconds / 60) % 60,
        seconds: seconds % 60,
        frames: 0,
        subframes: 0,
      };
      return writeRange({ kind: "smpte", framesPerS: 29.97, start, end: undefined });
    }
  }
}
