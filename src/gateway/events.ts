// What happens at the gateway, gathered from its parts: each tells what it knows, and whoever wants to know listens to the bus.
import { resolve } from "node:path";
import type { Clock } from "#base/clock.ts";
import { afterDelay } from "#base/schedule.ts";
import type { Config } from "#config/config.ts";
import { EventBus } from "#control/event-bus.ts";
import type { ResetReason } from "#device/reset-reason.ts";
import { AccessEvents } from "#events/access-events.ts";
import { MachineEvents } from "#events/machine-events.ts";
import { RecordingEvents } from "#events/recording-events.ts";

export interface GatewayEventsOptions {
  readonly clock: Clock;
  readonly config: Config;
}

/** Made once for the life of a gateway. */
export class GatewayEvents {
  readonly bus = new EventBus();
  readonly access: AccessEvents;
  readonly machine: MachineEvents;
  readonly recording: RecordingEvents;

  /** Why the machine was booted, once that is known. */
  reset: ResetReason | undefined;
  #isFirst = true;

  constructor(options: GatewayEventsOptions) {
    const { clock } = options;
    const { emit } = this.bus;
    const nowUs = (): number => clock.nowUs();
    this.access = new AccessEvents({ emit, nowUs, schedule: afterDelay });
    this.machine = new MachineEvents({ emit, nowUs });
    this.recording = new RecordingEvents({
      emit,
      nowUs,
      utcMs: (atUs) => Math.round(clock.utcOf(atUs).utcUs / 1000),
      ringDirectory: () => resolve(options.config.global.ring.directory),
    });
  }

  /** True once: who listens first tells of the start. */
  takeFirst(): boolean {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    return isFirst;
  }

  close(): void {
    this.access.close();
  }
}
