// Commands, as a part of the gateway: the table that HTTP and MQTT ask, and the jobs that were started by it.
import { access } from "node:fs/promises";
import { resolve } from "node:path";
import type { CamgateSubjects } from "#api/camgate/camgate-routes.ts";
import { CameraWatch } from "#commands/camera-health.ts";
import { cameraCommands } from "#commands/cameras.ts";
import { clipCommands, removeClip, type SentClip, type WrittenClip } from "#commands/clips.ts";
import { configCommands } from "#commands/config.ts";
import { deviceCommands } from "#commands/device.ts";
import { RecordingWatch } from "#commands/recording-health.ts";
import { recordingCommands } from "#commands/recordings.ts";
import { scheduleCommands, schedulesHealth } from "#commands/schedules.ts";
import { snapshotCommands } from "#commands/snapshots.ts";
import { tryCamera } from "#commands/try-camera.ts";
import { CommandTable } from "#control/command.ts";
import { CommandJobs } from "#control/command-jobs.ts";
import { clockHealth } from "#device/health/clock-health.ts";
import type { ClockHealth } from "#device/health/health.ts";
import { commandAudit } from "./audit-key.ts";
import type { GatewayContext } from "./context.ts";
import type { RunningPart } from "./part.ts";
import { fileSender } from "./uploads.ts";

export interface GatewayCommands extends CamgateSubjects {
  readonly commands: CommandTable;
  readonly jobs: CommandJobs;
}

export async function start(context: GatewayContext): Promise<RunningPart> {
  const { registry, sessions, clock, fs, authenticator } = context;
  const hasRtc = await access("/sys/class/rtc/rtc0").then(
    () => true,
    () => false,
  );
  const cameras = new CameraWatch({ registry, sessions, clock });
  const indexOf = (path: string) => context.recording?.indexOf(path);
  const recording = new RecordingWatch({
    clock,
    recorders: () => context.recording?.recorders.list() ?? [],
    indexOf,
    ring: () => context.ring,
  });
  const send = fileSender(context);
  const own = [
    ...deviceCommands({
      health: { read: () => context.health!.read() },
      clock: () => clockOf(context, hasRtc),
      cameras,
      recording,
      link: () => context.fleet?.health(),
      schedules: () => schedulesHealth(context.schedules),
      security: () => ({ auth_fail: authenticator.counters.refused, banned: authenticator.counters.bans }),
    }),
    ...cameraCommands({ registry, cameras }),
    ...snapshotCommands({ send, take: (request, signal) => context.capture.takeSnapshot(request, signal) }),
    tryCamera({ openCandidate: (source, transport) => context.pathConfs.candidate(source, transport, context.config) }),
    ...recordingCommands({ indexOf, stores: () => context.recording?.indexes ?? [] }),
    ...clipCommands({ indexOf, fs, send, directory: () => clipDirectory(context) }),
    ...configCommands({ live: context.live, onSwitched: (path, isOn) => context.schedules?.switchRecording(path, isOn) }),
    ...scheduleCommands(() => context.schedules),
  ];
  const table = new CommandTable(own, commandAudit(context));
  const jobs = new CommandJobs({
    table,
    nowMs: () => Math.round(clock.utcOf(clock.nowUs()).utcUs / 1000),
    log: context.log.child("commands"),
  });
  context.commands = {
    commands: table,
    jobs,
    async removeClip(result) {
      const directory = clipDirectory(context);
      if (directory !== undefined) await removeClip(fs, directory, result as WrittenClip | SentClip);
    },
  };
  return {
    async close() {
      context.commands = undefined;
      await jobs.close();
    },
  };
}

function clipDirectory({ config }: GatewayContext): string | undefined {
  const { clipDirectory: directory } = config.global;
  return directory === "" ? undefined : resolve(directory);
}

function clockOf({ clock }: GatewayContext, hasRtc: boolean): ClockHealth {
  const { quality, errorMs } = clock.utcOf(clock.nowUs());
  const unwatched = { quality, source: undefined, errorMs, correctionMs: undefined, secondsSinceSync: undefined, steps: 0 };
  return clockHealth(clock.keeper?.status() ?? unwatched, hasRtc);
}
