// Trying a camera before it is configured: one session, ended as soon as its tracks are known.
import { setTimeout as sleep } from "node:timers/promises";
import { CallerFault, PeerFault } from "#base/errors.ts";
import { codecProperties } from "#codecs/properties.ts";
import type { Command } from "#control/command.ts";
import type { Source } from "#relay/source.ts";
import type { Track } from "#relay/track.ts";
import { fault, readFields } from "./command-input.ts";

export interface TryCameraOptions {
  /** Undefined: nothing can be tried there. Throws a PeerFault `config`: the address cannot be one. */
  openCandidate(source: string, transport: Transport): Source | undefined;
}

const TRANSPORTS = ["automatic", "tcp", "udp", "multicast"] as const;
export type Transport = (typeof TRANSPORTS)[number];

const PATIENCE_MS = 10_000;
const MAX_SOURCE_LENGTH = 2048;

interface Input {
  readonly source: string;
  readonly transport: Transport;
}

export function tryCamera({ openCandidate }: TryCameraOptions): Command<Input, { readonly tracks: readonly string[] }> {
  return {
    name: "cam.try",
    scope: "admin",
    summary: "Connects to a camera that is not configured, and tells what tracks it has.",
    parse: parseInput,
    run: async ({ source, transport }, { signal }) => {
      try {
        const candidate = openCandidate(source, transport);
        if (candidate === undefined) throw fault("source", "has to be the address of a camera that can be pulled: rtsp:// or rtsps://");
        const tracks = await tracksOf(candidate, signal);
        return { tracks: tracks.map(({ parameters }) => codecProperties(parameters).label) };
      } catch (error) {
        // To whoever asks, the camera's fault is an answer.
        throw error instanceof PeerFault ? new CallerFault("no-stream", `the camera cannot be used: ${error.message}`, "source") : error;
      }
    },
  };
}

/** Rejects with a PeerFault. */
async function tracksOf(source: Source, signal: AbortSignal): Promise<readonly Track[]> {
  const done = new AbortController();
  let found: readonly Track[] | undefined;
  const run = source.run(
    {
      ready: (tracks) => {
        found ??= tracks;
        done.abort();
        return () => {};
      },
    },
    AbortSignal.any([done.signal, signal]),
  );
  const late = sleep(PATIENCE_MS, undefined, { signal: done.signal, ref: false }).then(
    () => {
      done.abort();
      throw new PeerFault("timeout", `no picture within ${PATIENCE_MS / 1000} s`);
    },
    () => {},
  );
  try {
    await Promise.race([run, late.then(() => run)]);
  } catch (error) {
    if (found === undefined) throw error;
  } finally {
    done.abort();
  }
  if (found === undefined) throw new PeerFault("aborted", "it was given up");
  return found;
}

function parseInput(input: unknown): Input {
  const { source, transport = "automatic" } = readFields(input, ["source", "transport"]);
  if (typeof source !== "string" || source === "" || source.length > MAX_SOURCE_LENGTH) throw fault("source", "has to be a URL");
  const known = TRANSPORTS.find((one) => one === transport);
  if (known === undefined) throw fault("transport", `has to be one of ${TRANSPORTS.join(", ")}`);
  return { source, transport: known };
}
