// What the parts of a gateway share: the relay, who may do what, the clock, and the config of now.
import { join, resolve } from "node:path";
import { type Clock, SystemClock, type UtcTime } from "#base/clock.ts";
import type { ConnectionLimits } from "#base/connection-limits.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import type { LogTap } from "#base/log-tap.ts";
import type { Config } from "#config/config.ts";
import type { LiveConfig } from "#config/live-config.ts";
import type { Authenticator } from "#control/auth/authenticator.ts";
import { type GatewayClock, openGatewayClock } from "#device/gateway-clock.ts";
import type { GpioOutputs } from "#device/gpio-outputs.ts";
import type { SyncTimes } from "#device/health/sync-times.ts";
import type { JobOperation } from "#fleet/job-runner.ts";
import type { HookRunner } from "#hooks/hook-runner.ts";
import type { Ring } from "#record/ring/ring.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { SessionRegistry } from "#relay/session-registry.ts";
import type { GatewayAudit } from "./audit.ts";
import type { Capture } from "./capture.ts";
import type { GatewayCommands } from "./commands.ts";
import type { GatewayEvents } from "./events.ts";
import type { GatewayFleet } from "./fleet.ts";
import type { GatewayHealth } from "./health.ts";
import type { GatewayNoc } from "./noc.ts";
import type { PathConfs } from "./paths.ts";
import type { GatewayPower } from "./power.ts";
import type { GatewayPushes } from "./pushes.ts";
import type { Recording } from "./recording.ts";
import type { GatewaySchedules } from "./schedules.ts";

/** Made once for the life of a gateway. What a part asks of it at each use is always of now; what it copies grows old. */
export interface GatewayContext {
  /** The config that runs. While a change is made it is the old one: a part that starts has the new one as an argument. */
  readonly config: Config;
  /** How it is read and changed. */
  readonly live: LiveConfig;
  readonly registry: PathRegistry;
  readonly sessions: SessionRegistry;
  readonly authenticator: Authenticator;
  readonly clock: SharedClock;
  /** Of all servers together. */
  readonly connectionLimits: ConnectionLimits;
  /** When the gateway was started, by the monotonic clock. */
  readonly startedUs: number;
  readonly log: Log;
  /** Who listens to it. */
  readonly logTap: LogTap;
  /** For every file of the gateway: together they leave threads to the rest. */
  readonly fs: FsPort;
  /** How long its syncs took. */
  readonly syncs: SyncTimes;
  /** What the NOC's jobs can be, by name: an image brings its updater. */
  readonly jobOperations: ReadonlyMap<string, JobOperation>;
  readonly pathConfs: PathConfs;
  readonly capture: Pick<Capture, "takeSnapshot" | "opusFor" | "transcode">;
  readonly power: GatewayPower;
  /** Named outputs of the board; undefined: this machine has none. */
  readonly outputs: GpioOutputs | undefined;
  /** What parts made that others use; undefined while they do not run. */
  health: GatewayHealth | undefined;
  commands: GatewayCommands | undefined;
  noc: GatewayNoc | undefined;
  audit: GatewayAudit | undefined;
  pushes: GatewayPushes | undefined;
  hooks: HookRunner | undefined;
  ring: Ring | undefined;
  recording: Recording | undefined;
  fleet: GatewayFleet | undefined;
  schedules: GatewaySchedules | undefined;
  readonly events: GatewayEvents;
}

/** The clock of everything: the system's, until something is recorded or played back, whose times only a clock knows that remembers other boots. */
export class SharedClock implements Clock {
  readonly #log: Log;
  #clock: Clock = new SystemClock();
  #keeper: Promise<GatewayClock> | undefined;
  #opened: GatewayClock | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Undefined: nothing is recorded. */
  get keeper(): GatewayClock | undefined {
    return this.#opened;
  }

  nowUs(): number {
    return this.#clock.nowUs();
  }

  utcOf(stampUs: number): UtcTime {
    return this.#clock.utcOf(stampUs);
  }

  /** Becomes the clock that remembers; both count the same monotonic µs. */
  async keep({ global }: Config): Promise<GatewayClock> {
    const { directory } = global.ring;
    this.#keeper ??= openGatewayClock({
      dataDirectory: resolve(global.dataDirectory),
      log: this.#log.child("clock"),
      ...(directory !== "" && { alsoRead: [join(resolve(directory), "gwr1", "clk.log")] }),
    });
    this.#opened = await this.#keeper;
    this.#clock = this.#opened;
    return this.#opened;
  }

  async close(): Promise<void> {
    await (await this.#keeper)?.close();
  }
}
