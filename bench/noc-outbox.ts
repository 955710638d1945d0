// Benchmark figures of the outbox through SIGKILL: what was safe and did not arrive, and what arrived more than once.
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { seededRandom } from "#testing/mutate.ts";
import { type RunningPeer, startPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import type { Sample } from "./harness.ts";
import { NocEar, ROOT, startBroker, withScope } from "./noc-site.ts";

export interface OutboxSetting extends Record<string, number> {
  readonly events: number;
  /** While they are taken down, and as often while they are sent. */
  readonly kills: number;
}

const PROGRAM = fileURLToPath(new URL("../src/testing/outbox-program.ts", import.meta.url));
const PATIENCE_MS = 300_000;
/** That the program takes down together. */
const AT_ONCE = 50;

/** Events of the critical class, taken down during an outage and sent after it, by a process that is killed again and again. */
export function measureOutbox({ events, kills }: OutboxSetting): Promise<Sample> {
  return withScope(async (scope) => {
    const folder = await temporaryFolder(scope);
    const random = seededRandom(7);
    const run = (broker: string, first: number, count: number): RunningPeer => {
      const node = { name: "outbox", file: process.execPath, missing: false as const };
      return startPeer(scope, node, [PROGRAM, folder, broker, String(first), String(count)], { timeoutMs: PATIENCE_MS });
    };
    const safeIn = (program: RunningPeer): number[] => [...program.stdout.toString().matchAll(/^(\d+)$/gm)].map(([, id]) => Number(id));

    const safe = new Set<number>();
    const share = Math.ceil(events / kills);
    for (let i = 0; i < kills; i++) {
      const program = run("-", i * share, share);
      const some = 1 + random(share - 1);
      await until("events that are safe", () => safeIn(program).length >= some, PATIENCE_MS);
      await program.kill();
      for (const id of safeIn(program)) safe.add(id);
    }
    // As many as there are to be: of the critical 10,000 are kept, and what a killed process could not tell of any more counts.
    const rest = run("-", events, events - safe.size - kills * AT_ONCE);
    await rest.match(/^taken$/m);
    await rest.kill();
    for (const id of safeIn(rest)) safe.add(id);

    const port = await startBroker(scope);
    const ear = await NocEar.open(scope, port, [`${ROOT}/up/evt`]);
    const broker = `mqtt://127.0.0.1:${port}`;
    const sessions = new Set<string>();
    for (let i = 1; i <= kills; i++) {
      const program = run(broker, 0, 0);
      await until("some of them", () => ear.messages.length >= (i * events) / (kills + 1), PATIENCE_MS);
      await sleep(random(50));
      await program.kill();
    }
    const startMs = performance.now();
    const before = ear.messages.length;
    await run(broker, 0, 0).match(/^empty$/m);
    const drainedPerSecond = (ear.messages.length - before) / ((performance.now() - startMs) / 1000);
    const arrived = new Map<number, number>();
    for (const { json } of ear.messages) {
      arrived.set(json.id, (arrived.get(json.id) ?? 0) + 1);
      sessions.add(json.sid);
    }
    const ids = [...arrived.keys()];
    return {
      safe: safe.size,
      lost: [...safe].filter((id) => !arrived.has(id)).length,
      // Taken down, and killed before it could say so.
      unannounced: ids.filter((id) => !safe.has(id)).length,
      again: ear.messages.length - ids.length,
      sessions: sessions.size,
      drainedPerSecond,
    };
  });
}
