// Windows of the event loop's delay.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DelayHistogram, EventLoopDelay } from "./event-loop-delay.ts";

class Beats implements DelayHistogram {
  count = 0;
  max = 0;
  p50 = 0;
  p99 = 0;

  percentile(percentile: number): number {
    return percentile === 50 ? this.p50 : this.p99;
  }

  reset(): void {
    this.count = this.max = this.p50 = this.p99 = 0;
  }

  set(ms: readonly [p50: number, p99: number, max: number]): void {
    [this.p50, this.p99, this.max] = ms.map((value) => value * 1e6) as [number, number, number];
    this.count = 3000;
  }
}

test("the last whole minute is told, less the timer's own 20 ms; before there is one, what there is", () => {
  const histogram = new Beats();
  let endMinute = (): void => {};
  let isStopped = false;
  const delay = new EventLoopDelay({
    histogram,
    everyMinute: (run) => {
      endMinute = run;
      return () => {
        isStopped = true;
      };
    },
  });
  assert.equal(delay.report(), undefined);
  histogram.set([20, 22, 70]);
  const first = { p50Seconds: 0, p99Seconds: 0.002, maxSeconds: 0.05 };
  assert.deepEqual(delay.report(), first);
  endMinute();
  assert.equal(histogram.count, 0);
  histogram.set([19, 20.5, 30]);
  assert.deepEqual(delay.report(), first);
  assert.deepEqual(delay.report(), first, "to be asked changes nothing");
  endMinute();
  assert.deepEqual(delay.report(), { p50Seconds: 0, p99Seconds: 0.0005, maxSeconds: 0.01 });
  delay.close();
  assert.ok(isStopped);
});

test("Node's own histogram fits", () => {
  const delay = EventLoopDelay.start();
  assert.equal(delay.report(), undefined, "no beat yet");
  delay.close();
});
