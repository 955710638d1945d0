// Commands about the gateway itself: how it is.
import type { Command } from "#control/command.ts";
import type { ClockHealth, Health } from "#device/health/health.ts";
import type { CamerasHealth, CameraWatch } from "./camera-health.ts";
import { optionalCamera, readFields } from "./command-input.ts";
import type { RecordingHealth, RecordingWatch, RingHealth } from "./recording-health.ts";
import type { SchedulesHealth } from "./schedules.ts";

export interface DeviceCommandsOptions {
  readonly health: { read(): Promise<Health> };
  clock(): ClockHealth;
  readonly cameras: Pick<CameraWatch, "read">;
  readonly recording: Pick<RecordingWatch, "read" | "ring" | "recorders">;
  /** Undefined: there is no link to a NOC. */
  link(): LinkHealth | undefined;
  /** Undefined: there are none. */
  schedules(): SchedulesHealth | undefined;
  /** Of the door, since the start. */
  security(): SecurityHealth;
}

/** The way to the NOC. Null: it cannot be told now. */
export interface LinkHealth {
  readonly rtt_ms: number | null;
  readonly loss_pct: number | null;
  readonly dns_ms: number | null;
  readonly bytes_up_day: number;
}

export interface SecurityHealth {
  readonly auth_fail: number;
  readonly banned: number;
}

/** The health document of the MQTT contract, without its envelope. */
export interface HealthDocument extends Pick<Health, "sys" | "disk"> {
  readonly net: Health["net"] & Partial<LinkHealth>;
  readonly clk: ClockHealth;
  readonly rec: RecordingHealth;
  readonly cams: CamerasHealth;
  readonly sec: SecurityHealth;
  readonly sched?: SchedulesHealth;
}

interface RecordingState {
  /** Null: there is no ring. */
  readonly ring: RingHealth | null;
  readonly cams: RecordingHealth["cams"];
}

export function deviceCommands({ health, clock, cameras, recording, link, schedules, security }: DeviceCommandsOptions) {
  const readHealth: Command<undefined, HealthDocument> = {
    name: "health",
    scope: "read",
    summary: "Machine, network, clock, disks, recording and cameras: the document that is sent as telemetry.",
    parse: (input) => void readFields(input, []),
    run: async () => {
      const { sys, net, disk } = await health.read();
      const sched = schedules();
      const rec = await recording.read();
      return {
        sys,
        net: { ...net, ...link() },
        clk: clock(),
        disk,
        rec,
        cams: cameras.read(),
        sec: security(),
        ...(sched !== undefined && { sched }),
      };
    },
  };
  const readRecording: Command<{ readonly cam: string | undefined }, RecordingState> = {
    name: "rec.state",
    scope: "read",
    sight: "recordings",
    summary: "What the recorders do, of all cameras or of one, and the state of the ring.",
    parse: (input) => ({ cam: optionalCamera(readFields(input, ["cam"]).cam) }),
    pathOf: ({ cam }) => cam,
    run: async ({ cam }) => ({ ring: recording.ring() ?? null, cams: await recording.recorders(cam) }),
  };
  return [readHealth, readRecording] as const;
}
