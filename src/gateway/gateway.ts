// The composition root: makes the modules of a gateway from its config, takes new configs while it runs, and stops it. Only this room reads the config.

import { ConnectionLimits } from "#base/connection-limits.ts";
import { DiskQueue } from "#base/disk-queue.ts";
import type { Log } from "#base/log.ts";
import { LogTap } from "#base/log-tap.ts";
import { NodeFs } from "#base/node-fs.ts";
import { timedFs } from "#base/timed-fs.ts";
import type { Config } from "#config/config.ts";
import { compileGoRegexp } from "#config/go-regexp.ts";
import { LiveConfig } from "#config/live-config.ts";
import { pathNameFault } from "#config/path-name.ts";
import { sourcePolicyFault } from "#config/source-policy.ts";
import { Authenticator } from "#control/auth/authenticator.ts";
import { SyncTimes } from "#device/health/sync-times.ts";
import { machinePower } from "#device/machine-power.ts";
import { RtspSourceFactory } from "#protocols/rtsp/source-factory.ts";
import { PathRegistry } from "#relay/path-registry.ts";
import { enterPulledSources } from "#relay/pulled-sources.ts";
import { SessionRegistry } from "#relay/session-registry.ts";
import { Capture } from "./capture.ts";
import { fromSource, type GatewaySource, withoutSource } from "./config.ts";
import { type GatewayContext, SharedClock } from "./context.ts";
import { GatewayEvents } from "./events.ts";
import { hasLink } from "./fleet-key.ts";
import type { Ports } from "./part.ts";
import { PartSet } from "./part-set.ts";
import { PARTS } from "./parts.ts";
import { PathConfs } from "./paths.ts";
import { GatewayPower } from "./power.ts";
import { isRecorded } from "./recording-key.ts";
import { endRevoked } from "./revocation.ts";
import { WhepSources } from "./whep.ts";

export class Gateway {
  #config: Config;
  readonly #context: GatewayContext;
  readonly #parts: PartSet;
  readonly #capture: Capture;
  readonly #onConfig: ((config: Config) => void) | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** How the config is read again, changed, and told of. */
  readonly live: LiveConfig;

  private constructor(config: Config, below: Log, source: GatewaySource | undefined) {
    const logTap = new LogTap(below);
    const { log } = logTap;
    this.#config = config;
    this.#onConfig = source?.onConfig;
    this.live = new LiveConfig({
      config,
      ...(source === undefined ? withoutSource(config) : fromSource(source)),
      apply: (next) => this.apply(next),
      sourceFault: (url, { global }) => sourcePolicyFault(url, "api", global.sourcePolicy),
      log,
    });
    const current = (): Config => this.#config;
    const clock = new SharedClock(log);
    const events = new GatewayEvents({
      clock,
      get config() {
        return current();
      },
    });
    const authenticator = new Authenticator(config.global, {
      bruteForce: config.global.profile === "appliance" ? "ban" : "delay",
      compileExpression: pathMatcher,
      clock,
      log: log.child("auth"),
      onWrong: ({ remote, protocol }) => events.access.onRefusal(remote.address, protocol),
      onGrant: (request, user) => this.#context.audit?.onGrant(request, user),
      onBan: (ban) => events.access.onBan(ban),
    });
    const rtspSources = new RtspSourceFactory({
      get readTimeout() {
        return { ms: current().global.readTimeout, explicit: isExplicit(current(), "readTimeout") };
      },
      clock,
      log,
      random: Math.random,
    });
    this.#capture = new Capture({
      get config() {
        return current();
      },
      clock,
      log,
      registry: () => registry,
    });
    const pathConfs = new PathConfs({
      get config() {
        return current();
      },
      rtspSources,
      whepSources: new WhepSources({
        get config() {
          return current();
        },
        clock,
        log,
      }),
      capture: this.#capture,
      demand: (path, query) => this.#context.hooks!.demand(path, query),
    });
    const registry = new PathRegistry({
      clock,
      log,
      get udpMaxPayloadBytes() {
        return current().global.udpMaxPayloadSize;
      },
      authorize: authenticator.authorize,
      honours: authenticator.revalidate,
      get maxReaders() {
        return current().global.maxTotalReaders;
      },
      confs: [],
      nameFault: pathNameFault,
    });
    const sessions = new SessionRegistry();
    enterPulledSources(registry, sessions);
    const syncs = new SyncTimes(() => clock.nowUs());
    this.#context = {
      get config() {
        return current();
      },
      live: this.live,
      registry,
      sessions,
      authenticator,
      connectionLimits: new ConnectionLimits(() => {
        const { maxConnections, maxConnectionsPerAddress, maxStrangersPerAddress } = current().global;
        return { total: maxConnections, perAddress: maxConnectionsPerAddress, strangersPerAddress: maxStrangersPerAddress };
      }),
      clock,
      startedUs: clock.nowUs(),
      log,
      logTap,
      fs: new DiskQueue(timedFs(new NodeFs(), syncs.note)),
      syncs,
      pathConfs,
      capture: this.#capture,
      power: new GatewayPower({ context: () => this.#context, machine: machinePower(), restart: source?.restart }),
      outputs: undefined,
      jobOperations: new Map(),
      health: undefined,
      commands: undefined,
      noc: undefined,
      audit: undefined,
      pushes: undefined,
      hooks: undefined,
      ring: undefined,
      recording: undefined,
      fleet: undefined,
      schedules: undefined,
      events,
    };
    this.#parts = new PartSet(PARTS, this.#context);
  }

  /** Starts everything; rejects, with nothing left running, when a listener cannot be opened. */
  static async start(config: Config, log: Log, source?: GatewaySource): Promise<Gateway> {
    const gateway = new Gateway(config, log, source);
    const { clock, registry, pathConfs } = gateway.#context;
    try {
      if (isRecorded(config) || hasLink(config)) await clock.keep(config);
      registry.reload(pathConfs.of(config));
      await gateway.#parts.change(config);
      await gateway.#context.noc?.begin();
      return gateway;
    } catch (error) {
      await gateway.close();
      throw error;
    }
  }

  get registry(): PathRegistry {
    return this.#context.registry;
  }

  get sessions(): SessionRegistry {
    return this.#context.sessions;
  }

  /** The config that runs. */
  get config(): Config {
    return this.#config;
  }

  /** Ports that were bound, by the setting of the address. */
  get ports(): Ports {
    return this.#parts.ports;
  }

  /**
   * Takes another config: what differs is restarted or told, everything else goes on. Changes are made one after the other. Rejects when a server cannot be
   * started under it: then the config of before runs on.
   */
  apply(config: Config): Promise<void> {
    const applied = this.#turn.then(async () => {
      await this.#parts.change(config);
      this.#config = config;
      const { authenticator, registry, pathConfs } = this.#context;
      authenticator.update(config.global);
      registry.reload(pathConfs.of(config));
      await endRevoked(this.#context);
      this.#parts.update(config);
      this.#onConfig?.(config);
    });
    this.#turn = applied.catch(() => {});
    // One that began with this config; what it kept may be another change, which waits for its turn.
    void this.#turn.then(() => this.#context.noc?.begin());
    return applied;
  }

  async close(): Promise<void> {
    await this.live.close();
    await this.#turn;
    const { registry, clock, authenticator, hooks, events } = this.#context;
    await this.#parts.close();
    registry.close();
    await this.#capture.close();
    await clock.close();
    authenticator.close();
    events.close();
    await hooks?.close();
  }
}

function isExplicit(config: Config, field: string): boolean {
  return (config.origins.get(field)?.kind ?? "default") !== "default";
}

/** Undefined: it is no expression. Not anchored. */
function pathMatcher(source: string): ((path: string) => boolean) | undefined {
  const pattern = compileGoRegexp(source);
  return "fault" in pattern ? undefined : (path) => pattern.exec(path) !== null;
}
