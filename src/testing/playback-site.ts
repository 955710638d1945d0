// A playback server over footage in memory, on a port of this machine.
import { type Log, silentLog } from "#base/log.ts";
import { PlaybackServer, type PlaybackServerOptions } from "#record/playback/playback-server.ts";
import type { AccessRequest, Grant } from "#relay/access.ts";
import { MemoryIndex, type MemoryRun } from "./memory-index.ts";
import type { TestScope } from "./peers/run-peer.ts";
import { NOON_US } from "./recorded-clip.ts";

export interface PlaybackSite {
  readonly index: MemoryIndex;
  readonly origin: string;
  /** Every question at the door. */
  readonly asked: readonly AccessRequest[];
  /** URL of footage of path `cam`, by seconds after noon. */
  url(from: number, seconds: number, more?: Readonly<Record<string, string>>): string;
  /** Ends what is being sent to whom `honours` does not hold for. */
  revoke(honours: (grant: Grant) => boolean): void;
  close(): Promise<void>;
}

export interface SiteOptions extends Partial<PlaybackServerOptions> {
  readonly runs?: Readonly<Record<string, readonly MemoryRun[]>>;
  readonly log?: Log;
}

/** Anybody may see everything; paths with footage are configured, and `empty`. */
export async function startPlaybackSite(scope: TestScope, { runs = {}, log = silentLog, ...more }: SiteOptions): Promise<PlaybackSite> {
  const index = new MemoryIndex(runs);
  const asked: AccessRequest[] = [];
  const server = await PlaybackServer.listen({
    address: { host: "127.0.0.1", port: 0 },
    allowOrigins: ["*"],
    readTimeoutMs: 10_000,
    writeTimeoutMs: 10_000,
    trustsProxy: () => false,
    log,
    pathNameFault: (path) => (/^[\w/-]+$/.test(path) ? undefined : "bad characters"),
    indexOf: (path) => (index.runs.has(path) || path === "empty" ? index : undefined),
    ...more,
    authorize: async (request) => {
      asked.push(request);
      return (await more.authorize?.(request)) ?? { allowed: true, user: "" };
    },
  });
  scope.after(() => server.close());
  const origin = `http://127.0.0.1:${server.port}`;
  const url = (from: number, seconds: number, parameters: Readonly<Record<string, string>> = {}): string => {
    const start = new Date(NOON_US / 1000 + Math.round(from * 1000)).toISOString();
    return `${origin}/get?${new URLSearchParams({ path: "cam", start, duration: String(seconds), ...parameters })}`;
  };
  return { index, origin, asked, url, revoke: (honours) => server.revoke(honours), close: () => server.close() };
}
