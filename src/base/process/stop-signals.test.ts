import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { type SignalReceiver, stopSignals } from "./stop-signals.ts";

/** A process that is told its signals, and the time, by the test. */
function receiver() {
  const emitter = new EventEmitter();
  const killed: string[] = [];
  const process: SignalReceiver = {
    pid: 4711,
    on: (signal, receive) => emitter.on(signal, receive),
    kill: (pid, signal) => killed.push(`${pid} ${signal}`),
  };
  const clock = { nowMs: 1000 };
  const signals = stopSignals(process, () => clock.nowMs);
  const deliver = (signal: NodeJS.Signals) => void emitter.emit(signal, signal);
  return { signals, clock, killed, deliver };
}

test("the first signal is told, and ends nothing by itself", async () => {
  const { signals, killed, deliver } = receiver();
  deliver("SIGINT");
  assert.equal(await signals.first, "SIGINT");
  await signals.settled;
  assert.deepEqual(killed, []);
});

test("a signal that is delivered twice, to the process and to its group, is one", async () => {
  const { signals, clock, killed, deliver } = receiver();
  deliver("SIGTERM");
  clock.nowMs += 99;
  deliver("SIGTERM");
  assert.equal(await signals.first, "SIGTERM");
  assert.deepEqual(killed, []);
});

test("the same signal later, and another one at any time, end the process at once", () => {
  const later = receiver();
  later.deliver("SIGTERM");
  later.clock.nowMs += 100;
  later.deliver("SIGTERM");
  assert.deepEqual(later.killed, ["4711 SIGKILL"]);
  const other = receiver();
  other.deliver("SIGTERM");
  other.deliver("SIGINT");
  assert.deepEqual(other.killed, ["4711 SIGKILL"]);
});
