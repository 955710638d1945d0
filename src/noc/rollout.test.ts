// Rollouts against a model of a fleet: rings, failures, silence, absence, and a tool that is killed at whatever moment.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { type JobNews, jobInSlot, jobNewsOf } from "./job-message.ts";
import { newRollout, Rollout, type RolloutState } from "./rollout.ts";
import { parseRolloutPlan } from "./rollout-plan.ts";
import { rolloutLine, rolloutTable, siteJobLines } from "./rollout-table.ts";

const DAY_MS = 86_400_000;
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `gw-${100 + i}`);

function begun(gateways: readonly string[], fields: object = {}): Rollout {
  const text = JSON.stringify({ job: "j-1", op: "upd.install", deadline: DAY_MS, rings: ["100%"], ...fields });
  return new Rollout(newRollout(parseRolloutPlan(text, "plan", 0), "acme", gateways, true));
}

const news = (st: JobNews["st"], xv: number, err: string | null = null): JobNews => ({ job: "j-1", xv, st, step: null, pct: 0, err });

/** All that is to be sent now, as if it was; sorted. */
function send(rollout: Rollout, nowMs: number): readonly string[] {
  const steps = rollout.step(nowMs, 0);
  for (const gateway of steps.send) rollout.takeSlot(gateway, "j-1");
  for (const gateway of steps.clear) rollout.takeSlot(gateway, undefined);
  return [...steps.send].sort();
}

test("the next ring begins when everybody in this one is done, or away, and it has rested", () => {
  const rollout = begun(names(4), { rings: [["gw-100", "gw-101"], ["gw-102"], "100%"], soak_s: 60 });
  for (const gateway of ["gw-100", "gw-102", "gw-103"]) rollout.takePresence(gateway, true, 0);
  assert.deepEqual(send(rollout, 0), ["gw-100", "gw-101"]);
  assert.deepEqual(send(rollout, 1000), []);
  rollout.takeNews("gw-100", news("run", 3));
  assert.deepEqual(send(rollout, 2000), []);
  rollout.takeNews("gw-100", news("ok", 4));
  assert.deepEqual([send(rollout, 3000), send(rollout, 62_000)], [[], []], "it rests");
  assert.deepEqual(send(rollout, 63_000), ["gw-102"]);
  rollout.takeNews("gw-102", news("ok", 2));
  send(rollout, 64_000);
  assert.deepEqual(send(rollout, 124_000), ["gw-103"]);
  rollout.takeNews("gw-103", news("ok", 2));
  assert.deepEqual(send(rollout, 125_000), []);
  assert.equal(rollout.state.st, "running", "who is away may come until the deadline");
  assert.match(rolloutTable(rollout).join("\n"), /^1 +2 +0 +1 +0 +0 +1 +0 +0$/m);
  send(rollout, DAY_MS + 1);
  assert.deepEqual([rollout.state.st, rollout.state.sites["gw-101"]!.st], ["done", "missed"]);
  assert.match(siteJobLines(rollout.state)[0]!, /^gw-101 {2}missed {2}it was away until the deadline/);
});

test("too many failures stop it; what has not begun is taken back, and what had begun is heard", () => {
  const rollout = begun(names(10), { max_failed: "10%" });
  for (const gateway of names(10)) rollout.takePresence(gateway, true, 0);
  assert.equal(send(rollout, 0).length, 10);
  rollout.takeNews("gw-100", news("err", 3, "E_IO: x"));
  send(rollout, 1);
  assert.equal(rollout.state.st, "running", "one of ten is allowed");
  rollout.takeNews("gw-101", news("rolledback", 3));
  rollout.takeNews("gw-102", news("run", 3));
  rollout.takeNews("gw-103", news("wait", 2));
  const { send: more, clear } = rollout.step(2, 0);
  assert.deepEqual([rollout.state.st, rollout.state.why, more], ["stopped", "2 of 10 failed, and 10 % may", []]);
  assert.ok(clear.includes("gw-103") && clear.includes("gw-109") && !clear.includes("gw-102"));
  for (const gateway of clear) rollout.takeSlot(gateway, undefined);
  // The word that it was taken back, and one that had begun before that.
  rollout.takeNews("gw-103", news("cancel", 3));
  rollout.takeNews("gw-104", news("queued", 1));
  rollout.takeNews("gw-105", news("run", 3));
  assert.deepEqual(
    ["gw-102", "gw-103", "gw-104", "gw-105"].map((gateway) => rollout.state.sites[gateway]!.st),
    ["run", "open", "open", "run"],
  );
  rollout.resume();
  assert.deepEqual(send(rollout, 3), ["gw-103", "gw-104", "gw-106", "gw-107", "gw-108", "gw-109"]);
  rollout.takeNews("gw-103", news("queued", 4));
  assert.equal(rollout.state.sites["gw-103"]!.st, "queued");
  assert.match(rolloutLine(rollout.state), /^j-1: upd.install, running, ring 1 of 1, 0 ok and 2 failed of 10$/);
});

test("who is there and says nothing has failed; who has another job waits for its end; old news are none", () => {
  const rollout = begun(names(3), { silent_s: 60, max_failed: 1 });
  for (const gateway of names(3)) rollout.takePresence(gateway, true, 0);
  rollout.takeSlot("gw-102", "another");
  assert.deepEqual(send(rollout, 0), ["gw-100", "gw-101"]);
  assert.match(rolloutTable(rollout).join("\n"), /^waiting for another job to be over: 1$/m);
  rollout.takeNews("gw-101", news("wait", 2));
  rollout.takeNews("gw-101", news("queued", 1));
  rollout.takeNews("gw-101", { ...news("ok", 9), job: "another" });
  assert.equal(rollout.state.sites["gw-101"]!.st, "wait");
  send(rollout, 61_000);
  assert.equal(rollout.state.sites["gw-100"]!.st, "silent");
  rollout.takeSlot("gw-102", undefined);
  assert.deepEqual(send(rollout, 62_000), ["gw-102"]);
  rollout.takeNews("gw-100", news("ok", 3));
  assert.equal(rollout.state.sites["gw-100"]!.st, "ok", "it was late");
  // Nothing is held against gateways that nobody listened to.
  assert.equal(rollout.step(200_000, 190_000).send.length, 0);
  assert.equal(rollout.state.sites["gw-102"]!.st, "sent");
});

/** Gateways that take what the slot holds, sooner or later, and remember what they did. */
class ModelFleet {
  readonly slots = new Map<string, string>();
  readonly done = new Map<string, JobNews>();
  readonly current = new Map<string, JobNews>();
  readonly runs = new Map<string, number>();
  readonly #random: (limit: number) => number;

  constructor(random: (limit: number) => number) {
    this.#random = random;
  }

  /** One gateway does something; what it tells. */
  move(gateway: string): JobNews | undefined {
    const wanted = this.slots.get(gateway) === "j-1";
    const now = this.current.get(gateway);
    const xv = (now ?? this.done.get(gateway))?.xv ?? 0;
    if (now === undefined) {
      const isOver = this.done.has(gateway) && this.done.get(gateway)!.st !== "cancel";
      if (!wanted || isOver) return undefined;
      return this.#tell(gateway, news("wait", xv + 1));
    }
    if (now.st === "wait" && !wanted) return this.#end(gateway, news("cancel", xv + 1));
    if (now.st === "wait") {
      this.runs.set(gateway, (this.runs.get(gateway) ?? 0) + 1);
      return this.#tell(gateway, news("run", xv + 1));
    }
    return this.#end(gateway, news(this.#random(12) === 0 ? "err" : "ok", xv + 1));
  }

  #tell(gateway: string, told: JobNews): JobNews {
    this.current.set(gateway, told);
    return told;
  }

  #end(gateway: string, told: JobNews): JobNews {
    this.current.delete(gateway);
    this.done.set(gateway, told);
    return told;
  }
}

test("killed at whatever moment, paused and gone on with: each gateway does it once, and nothing is left", () => {
  const random = fuzzRandom(0x726f6c);
  for (let round = fuzzRounds(150); round > 0; round--) {
    const gateways = names(8);
    const fleet = new ModelFleet(random);
    let kept = JSON.stringify(begun(gateways, { rings: ["20%", "100%"], max_failed: 2, deadline: DAY_MS }).state);
    let rollout = new Rollout(JSON.parse(kept) as RolloutState);
    const begin = (): void => {
      rollout = new Rollout(JSON.parse(kept) as RolloutState);
      if (rollout.state.st === "paused" || rollout.state.st === "stopped") rollout.resume();
      for (const gateway of gateways) {
        rollout.takePresence(gateway, true, 0);
        rollout.takeSlot(gateway, fleet.slots.get(gateway));
        const told = fleet.current.get(gateway) ?? fleet.done.get(gateway);
        if (told !== undefined) rollout.takeNews(gateway, told); // its inventory
      }
    };
    begin();
    for (let moves = 0; rollout.state.st !== "done"; moves++) {
      assert.ok(moves < 5000, rolloutTable(rollout).join("\n"));
      const gateway = gateways[random(gateways.length)]!;
      const told = fleet.move(gateway);
      if (told !== undefined) rollout.takeNews(gateway, told);
      if (random(40) === 0) rollout.pause("a test");
      const { send: toSend, clear } = rollout.step(moves, 0);
      kept = JSON.stringify(rollout.state);
      let isKilled = random(30) === 0;
      for (const one of [...toSend.map((name) => [name, "j-1"] as const), ...clear.map((name) => [name, undefined] as const)]) {
        isKilled ||= random(30) === 0;
        if (isKilled) break;
        const [name, job] = one;
        if (job !== undefined) assert.ok(!["ok", "err"].includes(rollout.state.sites[name]!.st));
        if (job === undefined) fleet.slots.delete(name);
        else fleet.slots.set(name, job);
        rollout.takeSlot(name, job);
      }
      if (isKilled || rollout.state.st === "paused" || rollout.state.st === "stopped") begin();
    }
    for (let left = 0; left < 3; left++) for (const name of rollout.step(9999, 0).clear) fleet.slots.delete(name);
    assert.deepEqual(
      [...fleet.runs.values()],
      gateways.map(() => 1),
      "each once",
    );
    assert.equal(fleet.slots.size, 0);
    for (const gateway of gateways) assert.equal(rollout.state.sites[gateway]!.st, fleet.done.get(gateway)!.st);
  }
});

test("nothing that gateways say of jobs makes it throw", () => {
  const random = fuzzRandom(0x6a6f62);
  const update = { v: 1, job: "j-1", xv: 3, st: "err", step: "run", pct: 3, e: { c: "E_IO", m: "x" } };
  const info = { v: 1, jobs: [{ job: "j-1", st: "ok", xv: 9 }, null, 7] };
  const bulk = gzipSync(`${JSON.stringify({ t: "job", ...update })}\n{"t":"evt"}\n{`);
  assert.deepEqual(
    ["job", "info", "bulk", "res"].map(
      (kind, i) => jobNewsOf(kind, i === 2 ? bulk : Buffer.from(JSON.stringify(i === 1 ? info : update)))[0]?.st,
    ),
    ["err", "ok", "err", undefined],
  );
  assert.equal(jobInSlot(Buffer.from(JSON.stringify(update))), "j-1");
  for (let round = fuzzRounds(600); round > 0; round--) {
    const rollout = begun(names(1));
    const seeds = [
      ["job", Buffer.from(JSON.stringify(update))],
      ["info", Buffer.from(JSON.stringify(info))],
      ["bulk", bulk],
    ] as const;
    const [kind, bytes] = seeds[round % 3]!;
    const payload = mutate(Buffer.from(bytes), random);
    for (const one of jobNewsOf(kind, payload)) rollout.takeNews("gw-100", one);
    rollout.takeSlot("gw-100", jobInSlot(payload));
    rollout.step(1, 0);
    rolloutTable(rollout);
  }
  const strange = begun(["constructor", "gw-1"]);
  strange.takeNews("toString", news("ok", 1));
  assert.ok(!strange.has("valueOf") && strange.has("constructor"));
});
