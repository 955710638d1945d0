import assert from "node:assert/strict";
import { test } from "node:test";
import { EventCounter, type EventReport, eventReportText } from "./event-counter.ts";

function setup() {
  const reports: EventReport[] = [];
  const timers: { run: () => void; delayMs: number; cancelled: boolean }[] = [];
  const schedule = (run: () => void, delayMs: number) => {
    const timer = { run, delayMs, cancelled: false };
    timers.push(timer);
    return () => {
      timer.cancelled = true;
    };
  };
  return { reports, timers, counter: new EventCounter((report) => reports.push(report), { schedule }) };
}

test("many events are one report, a second after the first", () => {
  const { reports, timers, counter } = setup();
  counter.count("gap");
  counter.count("bad FU-A");
  counter.count("gap");
  assert.deepEqual(reports, []);
  assert.deepEqual(
    timers.map((timer) => timer.delayMs),
    [1000],
  );
  timers[0]?.run();
  assert.deepEqual(reports, [{ total: 3, causes: new Map(Object.entries({ gap: 2, "bad FU-A": 1 })), lastCause: "gap" }]);
});

test("each report starts from zero, and nothing is scheduled without events", () => {
  const { reports, timers, counter } = setup();
  counter.count("gap");
  timers[0]?.run();
  assert.equal(timers.length, 1);
  counter.count("gap");
  timers[1]?.run();
  assert.deepEqual(
    reports.map((report) => report.total),
    [1, 1],
  );
});

test("flush reports the rest, cancels the timer, and says nothing when there is nothing", () => {
  const { reports, timers, counter } = setup();
  counter.flush();
  assert.deepEqual(reports, []);
  counter.count("gap");
  counter.flush();
  assert.equal(reports.length, 1);
  assert.equal(timers[0]?.cancelled, true);
});

test("the number of causes is bounded, their total is not", () => {
  const { reports, counter } = setup();
  for (let i = 0; i < 100; i++) counter.count(`cause ${i}`);
  counter.flush();
  assert.equal(reports[0]?.total, 100);
  assert.equal(reports[0]?.causes.size, 17);
  assert.equal(reports[0]?.causes.get("other"), 84);
  assert.equal(reports[0]?.lastCause, "cause 99");
});

test("the report as text names the last cause where there are several", () => {
  assert.equal(eventReportText({ total: 2, causes: new Map([["gap", 2]]), lastCause: "gap" }), "2 × gap");
  const causes = new Map(Object.entries({ gap: 2, "bad FU-A": 1 }));
  assert.equal(eventReportText({ total: 3, causes, lastCause: "gap" }), "2 × gap, 1 × bad FU-A (last: gap)");
});
