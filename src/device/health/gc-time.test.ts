import assert from "node:assert/strict";
import { test } from "node:test";
import { GcTime } from "./gc-time.ts";

test("the last whole minute is told; before there is one, what there is", () => {
  let collected = (_durationMs: number): void => {};
  let endMinute = (): void => {};
  let stopped = 0;
  const gc = new GcTime({
    observe: (run) => {
      collected = run;
      return () => stopped++;
    },
    everyMinute: (run) => {
      endMinute = run;
      return () => stopped++;
    },
  });
  assert.equal(gc.minuteMs, 0);
  collected(1.5);
  collected(2);
  assert.equal(gc.minuteMs, 3.5);
  endMinute();
  collected(1);
  assert.deepEqual([gc.minuteMs, gc.totalMs], [3.5, 4.5]);
  endMinute();
  endMinute();
  assert.deepEqual([gc.minuteMs, gc.totalMs], [0, 4.5]);
  gc.close();
  assert.equal(stopped, 2);
});

test("Node's own observer fits, and sees a collection", async () => {
  const gc = GcTime.start();
  const blocks: Buffer[] = [];
  while (gc.totalMs === 0) {
    for (let i = 0; i < 1000; i++) blocks.push(Buffer.from(String(i)));
    blocks.length = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  gc.close();
});
