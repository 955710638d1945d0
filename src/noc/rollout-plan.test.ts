// Plans of rollouts: what may stand in them, and who is in which ring.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CallerFault } from "#base/errors.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { parseRolloutPlan, ringMembers } from "./rollout-plan.ts";

const NOW_MS = Date.UTC(2026, 2, 1);
const plan = (fields: object) =>
  parseRolloutPlan(JSON.stringify({ job: "j-1", op: "cam.restart", args: { cam: "gate" }, ...fields }), "plan", NOW_MS);

test("a plan makes a job as the contract has it", () => {
  const text = `
job: upd-7
op: upd.install
args: {ver: 1.5.0}
window: 01:00-04:00 local
spread_s: 7200
not_before: 2026-03-02T00:00:00Z
deadline: 2026-03-05T00:00:00+01:00
rings: [[gw-0001, gw-0002], 10%, 100%]
max_failed: 3
`;
  const { request, rings, maxFailed, gateways, deadlineMs } = parseRolloutPlan(text, "plan.yml", NOW_MS);
  assert.deepEqual(contractFaults("dn-job", request), []);
  assert.deepEqual(request, {
    ...{ v: 1, job: "upd-7", op: "upd.install", args: { ver: "1.5.0" }, window: "01:00-04:00 local", spread_s: 7200 },
    ...{ nb: Date.UTC(2026, 2, 2), deadline: Date.UTC(2026, 2, 4, 23) },
  });
  assert.deepEqual(
    [rings, maxFailed, gateways],
    [[{ gateways: ["gw-0001", "gw-0002"] }, { percent: 10 }, { percent: 100 }], { count: 3 }, undefined],
  );
  assert.equal(deadlineMs, Date.UTC(2026, 2, 4, 23));
  const usual = plan({});
  assert.deepEqual([usual.rings.length, usual.maxFailed, usual.silentSeconds, usual.soakSeconds], [4, { percent: 5 }, 300, 0]);
  assert.equal(usual.request["deadline"], NOW_MS + 7 * 86_400_000, "none is without an end");
});

test("what is wrong is said with its field", () => {
  const bad: readonly [fields: object, fault: RegExp][] = [
    [{ jobs: "x" }, /^jobs: is no field of a rollout: job, op/],
    [{ job: "a b" }, /^job: has to be/],
    [{ op: "Reboot now" }, /^op: has to be/],
    [{ op: "cam.restrat" }, /^op: 'cam.restrat' cannot be a job: cam.restart, /],
    [{ op: "ping", args: {} }, /^op: 'ping' cannot be a job/],
    [{ args: { camera: "gate" } }, /^camera: is no argument of cam.restart/],
    [{ args: {} }, /^cam: has to be given/],
    [{ window: "night" }, /^window: has to be/],
    [{ spread_s: -1 }, /^spread_s: /],
    [{ tries: 0 }, /^tries: /],
    [{ not_before: "tomorrow" }, /^not_before: has to be a time/],
    [{ not_before: "2026-03-01T00:00" }, /^not_before: has to be a time with its zone/],
    [{ deadline: "2026-02-01T00:00:00Z" }, /^deadline: has passed/],
    [{ rings: [] }, /^rings: has to be a list/],
    [{ rings: "all" }, /^rings: has to be a list/],
    [{ rings: ["10%", "5%"] }, /^rings\[1\]: per cents count from the beginning/],
    [{ rings: ["101%"] }, /^rings\[0\]: has to be per cents/],
    [{ rings: [["gw-0001", "gw-0001"]] }, /^rings\[0\]: names a gateway twice/],
    [{ gateways: ["GW"] }, /^gateways: 'GW' has to be 3 to 32/],
    [{ gateways: [] }, /^gateways: has to be a list/],
    [{ max_failed: "some" }, /^max_failed: has to be/],
    [{ max_failed: -1 }, /^max_failed: has to be/],
    [{ silent_s: 0 }, /^silent_s: has to be/],
    [{ soak_s: "1 h" }, /^soak_s: has to be/],
    [{ op: "diag.bundle", args: {} }, /^dest: /],
    [{ op: "diag.bundle", args: {}, receive: "https://noc.test" }, /^receive: has to be url and name/],
    [{ op: "diag.bundle", args: {}, receive: { url: "https://noc.test", name: "x.tgz" } }, /^receive.name: has to have {gateway} in it/],
    [{ op: "diag.bundle", args: {}, receive: { url: "http://noc.test", name: "{gateway}.tgz" } }, /^receive.url: has to be where/],
    [{ op: "diag.bundle", args: {}, receive: { url: "https://noc.test", name: "../{gateway}" } }, /^receive.name: '..\/gw-0001'/],
  ];
  for (const [fields, fault] of bad)
    assert.throws(
      () => plan(fields),
      (error) => error instanceof CallerFault && fault.test(error.message),
      JSON.stringify(fields),
    );
  for (const text of ["[", "7", "a: [1", ""]) assert.throws(() => parseRolloutPlan(text, "plan.yml", NOW_MS), /^CallerFault: plan.yml: /);
});

test("rings take a share each, nobody twice, in an order of the job's own", () => {
  const gateways = Array.from({ length: 200 }, (_, i) => `gw-${1000 + i}`);
  const rings = ringMembers(plan({ rings: ["1%", ["gw-1007", "gw-1008"], "50%", "100%"] }), gateways);
  assert.equal(rings[0]!.length, 2);
  assert.equal(new Set(rings.flat()).size, 200);
  assert.equal(rings.flat().length, 200);
  assert.ok(Math.abs(rings[2]!.length - 97) <= 2);
  assert.notDeepEqual(ringMembers(plan({ job: "j-2", rings: ["1%"] }), gateways)[0], rings[0]);
  assert.deepEqual(
    ringMembers(plan({ rings: ["1%", "50%"] }), ["gw-1", "gw-2"]).map(({ length }) => length),
    [1, 0],
  );
  assert.throws(() => ringMembers(plan({ rings: [["gw-9"]] }), gateways), /rings\[0\]: gw-9 is not among the gateways/);
});
