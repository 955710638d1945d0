import assert from "node:assert/strict";
import { test } from "node:test";
import { timesOf } from "./plan.ts";
import { StandingOrder } from "./standing-order.ts";

function orderOf(lines: readonly (readonly [string, string])[], timeZone = "UTC"): StandingOrder<string> {
  const plan = { timeZone, do: "telemetry", path: "", value: "" } as const;
  return new StandingOrder(lines.map(([cron, value]) => ({ times: timesOf({ ...plan, cron }), value })));
}

function at(order: StandingOrder<string>, time: string): string | undefined {
  return order.at(Date.parse(time))?.value;
}

test("on from 22 to 6, whenever it is asked, and in whatever order", () => {
  const order = orderOf([
    ["0 22 * * *", "on"],
    ["0 6 * * *", "off"],
  ]);
  const answers = ["23:00", "05:59", "06:00", "21:59", "22:00", "00:30", "12:00"].map((time) => at(order, `2026-11-30T${time}:00Z`));
  assert.deepEqual(answers, ["on", "on", "off", "off", "on", "on", "off"]);
});

test("weekdays: Monday's morning stands until Friday's evening", () => {
  const order = orderOf([
    ["0 7 * * 1", "day"],
    ["0 19 * * 5", "rest"],
  ]);
  assert.equal(at(order, "2026-12-03T03:00:00Z"), "day");
  assert.equal(at(order, "2026-12-05T12:00:00Z"), "rest");
  assert.equal(at(order, "2026-12-07T06:59:59Z"), "rest");
});

test("of two at one time the later one counts", () => {
  const order = orderOf([
    ["0 6 * * *", "first"],
    ["0 6 * * *", "second"],
  ]);
  assert.equal(at(order, "2026-11-30T07:00:00Z"), "second");
});

test("autumn: an hour that comes twice switches once", () => {
  const order = orderOf(
    [
      ["15 2 * * *", "on"],
      ["45 2 * * *", "off"],
    ],
    "Europe/Berlin",
  );
  const answers = ["00:10", "00:20", "00:50", "01:20", "01:50"].map((time) => at(order, `2026-10-25T${time}:00Z`));
  assert.deepEqual(answers, ["off", "on", "off", "off", "off"]);
});

test("spring: switching on at a time that is left out, and off at the end of it, leaves it off", () => {
  const order = orderOf(
    [
      ["30 2 * * *", "on"],
      ["0 3 * * *", "off"],
    ],
    "Europe/Berlin",
  );
  assert.equal(at(order, "2026-03-29T00:59:00Z"), "off");
  assert.equal(at(order, "2026-03-29T01:01:00Z"), "off");
});

test("nothing stands that was never due", () => {
  assert.equal(orderOf([]).at(Date.parse("2026-11-30T00:00:00Z")), undefined);
});

test("it is the same standing until the next time, so that a change can be told", () => {
  const order = orderOf([
    ["0 22 * * *", "on"],
    ["0 6 * * *", "off"],
  ]);
  const first = order.at(Date.parse("2026-11-30T22:10:00Z"));
  assert.equal(order.at(Date.parse("2026-11-30T23:10:00Z")), first);
  assert.notEqual(order.at(Date.parse("2026-12-01T06:10:00Z")), first);
});
