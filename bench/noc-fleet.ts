// Benchmark figures of a fleet that loses its broker: thousands of simulated gateways, each with a connection of its own, and a broker that comes back.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { freeTcpPort } from "#testing/free-ports.ts";
import { findPeer } from "#testing/peers/find-peer.ts";
import { startPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import type { Sample } from "./harness.ts";
import { withScope } from "./noc-site.ts";
import { cpuSecondsOf, memoryMibOf } from "./process-figures.ts";
import type { ServerKind } from "./server-under-test.ts";

export interface FleetSetting extends Record<string, number> {
  readonly sites: number;
  readonly downSeconds: number;
}

const PATIENCE_MS = 900_000;
const SHARE_BACK = 0.99;
/** Within so long every gateway tries once. A broker that was away for longer finds them at different waits, and its mean is that of the longest. */
const FIRST_WAIT_SECONDS = 30;

export function measureFleet(kind: ServerKind, { sites, downSeconds }: FleetSetting): Promise<Sample> {
  return withScope(async (scope) => {
    const folder = await temporaryFolder(scope);
    const port = await freeTcpPort(0);
    const file = join(folder, "mosquitto.conf");
    await writeFile(file, `listener ${port} 127.0.0.1\nuser root\npersistence false\nallow_anonymous true\nset_tcp_nodelay true\n`);
    const first = startBroker(scope, file);
    await first.listening;
    const env = { CAMGATE_NOC_BROKER: `mqtt://127.0.0.1:${port}`, CAMGATE_NOC_TENANT: "acme" };
    const own = { name: "camgate noc simulate", file: kind.file, missing: false as const };
    const fleet = startPeer(scope, own, [...kind.args, "noc", "simulate", "--sites", String(sites)], { env, timeoutMs: PATIENCE_MS });
    await until("the fleet", () => first.clients.size === sites, PATIENCE_MS);
    // Nobody is on the way any more.
    await sleep(5000);
    const cpuSeconds = cpuSecondsOf(fleet.pid);
    await first.kill();
    await sleep(downSeconds * 1000);
    const second = startBroker(scope, file);
    const upMs = await second.listening;
    await until("all of them", () => second.clients.size === sites, PATIENCE_MS);

    const times = [...second.clients.values()].map((ms) => (ms - upMs) / 1000).sort((a, b) => a - b);
    const backSeconds = times[Math.ceil(SHARE_BACK * sites) - 1]!;
    const mean = (SHARE_BACK * sites) / backSeconds;
    const peak = Math.max(...second.attempts.values());
    const attempts = [...second.attempts.values()].reduce((sum, count) => sum + count, 0);
    const { residentMib } = memoryMibOf(fleet.pid);
    return {
      mean,
      peak,
      [downSeconds < FIRST_WAIT_SECONDS ? "restartPeakToMean" : "outagePeakToMean"]: peak / mean,
      backSeconds,
      allSeconds: times.at(-1)!,
      attemptsEach: attempts / sites,
      fleetCpuMs: ((cpuSecondsOf(fleet.pid) - cpuSeconds) / sites) * 1000,
      siteKib: (residentMib * 1024) / sites,
    };
  });
}

interface LoggingBroker {
  /** Resolves with when it listens, of `performance.now()`. */
  readonly listening: Promise<number>;
  /** Connections that were begun, by the second, as the broker stamps them. */
  readonly attempts: ReadonlyMap<string, number>;
  /** When each client was let in first. */
  readonly clients: ReadonlyMap<string, number>;
  kill(): Promise<void>;
}

/** What it logs is read as it comes: a test's broker keeps all of it. */
function startBroker(scope: TestScope, configFile: string): LoggingBroker {
  const child = spawn(findPeer("mosquitto").file, ["-c", configFile], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  const attempts = new Map<string, number>();
  const clients = new Map<string, number>();
  const listening = new Promise<number>((resolve, reject) => {
    void exited.then(() => reject(new Error("mosquitto does not start")));
    createInterface({ input: child.stderr }).on("line", (line) => {
      const nowMs = performance.now();
      if (/mosquitto version \S+ running/.test(line)) resolve(nowMs);
      const [, second] = /^(\d+): New connection from/.exec(line) ?? [];
      if (second !== undefined) attempts.set(second, (attempts.get(second) ?? 0) + 1);
      const [, client] = /New client connected from \S+ as (\S+)/.exec(line) ?? [];
      if (client !== undefined && !clients.has(client)) clients.set(client, nowMs);
    });
  });
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  scope.after(kill);
  return { listening, attempts, clients, kill };
}
