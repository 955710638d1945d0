// Benchmark figures of a day without a broker: memory, disk, and what is written on the way.
import { fileURLToPath } from "node:url";
import { runPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import type { Sample } from "./harness.ts";
import { withScope } from "./noc-site.ts";

export interface OfflineSetting extends Record<string, number> {
  readonly hours: number;
  readonly eventsPerHour: number;
}

const MIB = 2 ** 20;
const PROGRAM = fileURLToPath(new URL("load-offline.ts", import.meta.url));

export function measureOffline({ hours, eventsPerHour }: OfflineSetting): Promise<Sample> {
  return withScope(async (scope) => {
    const folder = await temporaryFolder(scope);
    const node = { name: "offline", file: process.execPath, missing: false as const };
    const words = ["--expose-gc", "--no-flush-bytecode", PROGRAM, folder, String(hours), String(eventsPerHour)];
    const { stdout } = await runPeer(scope, node, words, { timeoutMs: 900_000 });
    const day = JSON.parse(stdout.toString()) as Readonly<Record<string, number>>;
    return {
      memoryMib: day["memoryBytes"]! / MIB,
      diskMib: day["diskBytes"]! / MIB,
      writtenMib: day["writtenBytes"]! / MIB,
      syncs: day["syncs"]!,
      waiting: day["waiting"]!,
    };
  });
}
