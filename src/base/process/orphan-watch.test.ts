import assert from "node:assert/strict";
import { test } from "node:test";
import { isRunning } from "#testing/is-running.ts";
import type { Peer } from "#testing/peers/find-peer.ts";
import { startPeer } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";

const node: Peer = { name: "node", file: process.execPath, missing: false };
const url = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);

/** A gateway in small: starts three groups, takes the second one back, and says when they wait for signals. */
const GATEWAY = `
import { spawn } from "node:child_process";
import { once } from "node:events";
import { OrphanWatch } from ${url("orphan-watch.ts")};
import { silentLog } from ${url("../log.ts")};
const watch = new OrphanWatch(silentLog);
for (const isDropped of [false, true, false]) {
  const script = "trap '' HUP TERM; echo waiting; while sleep 1000; do :; done";
  const child = spawn("sh", ["-c", script], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  watch.add(child.pid);
  if (isDropped) watch.drop(child.pid);
  await once(child.stdout, "data");
  console.log("child " + child.pid);
}
console.log("all there");
if (process.argv[1] === "crash") throw new Error("a bug");
setInterval(() => {}, 1000);
`;

for (const end of ["killed", "crash"] as const) {
  test(`what runs is ended with the gateway: ${end}`, async (t) => {
    const gateway = startPeer(t, node, ["--input-type=module", "-e", GATEWAY, end]);
    await gateway.match(/all there/);
    const children = [...gateway.stdout.toString("utf8").matchAll(/child (\d+)/g)].map(([, pid]) => Number(pid));
    assert.equal(children.length, 3);
    const [first, dropped, last] = children as [number, number, number];
    t.after(() => process.kill(-dropped, "SIGKILL"));
    if (end === "killed") {
      assert.deepEqual(children.map(isRunning), [true, true, true]);
      await gateway.kill();
    } else assert.equal((await gateway.exited).code, 1);
    await until("the end of those that were watched", () => !isRunning(first) && !isRunning(last));
    assert.ok(isRunning(dropped));
  });
}
