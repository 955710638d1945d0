// Metrics, as part of the composition root: what the metrics server asks the other modules.

import { EventLoopDelay } from "#api/metrics/event-loop-delay.ts";
import { MetricsServer } from "#api/metrics/metrics-server.ts";
import { processFacts } from "#api/metrics/process-facts.ts";
import type { Clock, UtcTime } from "#base/clock.ts";
import { parseListenAddress } from "#base/listen-address.ts";
import type { Log } from "#base/log.ts";
import { version } from "#base/version.ts";
import type { Config } from "#config/config.ts";
import type { GatewayClock } from "#device/gateway-clock.ts";
import { nativeStatus } from "#native/ladder.ts";
import type { Authorize } from "#relay/access.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { SessionRegistry } from "#relay/session-registry.ts";
import type { Recording } from "./gateway-recording.ts";

export interface MetricsOptions {
  readonly config: Config;
  readonly registry: PathRegistry;
  readonly sessions: SessionRegistry;
  readonly clock: Clock;
  /** Undefined: nothing is recorded, and the clock is not watched. */
  readonly keeper: GatewayClock | undefined;
  readonly recording: Recording | undefined;
  readonly authorize: Authorize;
  readonly log: Log;
}

export interface Metrics {
  readonly port: number;
  close(): Promise<void>;
}

/** Opens the HTTP server of metrics; rejects when its address cannot be had. */
export async function serveMetrics(options: MetricsOptions): Promise<Metrics> {
  const { config, registry, sessions, clock, keeper, recording, authorize } = options;
  const { metricsAddress, metricsAllowOrigins, readTimeout, writeTimeout, rtsp } = config.global;
  const log = options.log.child("metrics");
  const address = parseListenAddress(metricsAddress);
  if (address === undefined) throw new Error(`'${metricsAddress}' is no address to listen on`);
  const ring = recording?.ring;
  const delay = EventLoopDelay.start();
  try {
    const server = await MetricsServer.listen({
      address,
      allowOrigins: metricsAllowOrigins,
      readTimeoutMs: readTimeout,
      writeTimeoutMs: writeTimeout,
      trustsProxy: () => false,
      log,
      authorize,
      media: {
        paths: () => registry.list().map((path) => path.snapshot()),
        rtsp: rtsp ? { connections: () => sessions.list("rtspConn"), sessions: () => sessions.list("rtspSession") } : undefined,
      },
      camgate: {
        version,
        nowUs: () => clock.nowUs(),
        recorders: () => recording?.recorders.list() ?? [],
        gaps: () => recording?.gaps.list() ?? [],
        ring: () => ring && { status: ring.status, usage: ring.usage, wear: ring.wear() },
        folders: async () => (await recording?.space.read()) ?? [],
        process: processFacts,
        eventLoopDelay: () => delay.report(),
        nativeRung: () => nativeStatus().rung,
        clock: () => keeper?.status() ?? timeNow(clock),
      },
    });
    log.info(`listener opened on ${metricsAddress} (TCP)`);
    return {
      port: server.port,
      async close() {
        delay.close();
        await server.close();
      },
    };
  } catch (error) {
    delay.close();
    throw error;
  }
}

function timeNow(clock: Clock): UtcTime {
  return clock.utcOf(clock.nowUs());
}
