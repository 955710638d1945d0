import assert from "node:assert/strict";
import { test } from "node:test";
import { CallerFault } from "#base/errors.ts";
import { CommandTable } from "#control/command.ts";
import { operationByName } from "./contract/operations.table.ts";
import { LINK_COMMAND_LIMITS, linkCommands } from "./link-commands.ts";
import type { ReconnectWindow } from "./reconnect-policy.ts";

function setUp() {
  const windows: ReconnectWindow[] = [];
  const cancelled: string[] = [];
  let births = 0;
  const site = { rebirth: async () => void births++ };
  const commands = linkCommands({
    nowMs: () => 5000.6,
    utcMs: () => 1_795_360_017_123,
    rebirth: () => site.rebirth(),
    cancel: (id) => id === "01A" && cancelled.push(id) > 0,
    setWindow: (window) => windows.push(window),
  });
  const table = new CommandTable(commands);
  const context = { caller: { name: "the NOC", may: () => true }, signal: new AbortController().signal, progress: () => {} };
  const ask = (name: string, input: unknown) => table.dispatch(name, input, context);
  return { ask, windows, cancelled, site, births: () => births, commands };
}

test("ping answers with the clocks", async () => {
  assert.deepEqual(await setUp().ask("ping", undefined), { ts: 1_795_360_017_123, mono: 5001 });
});

test("rebirth is done when it is told, and fails where there is no link", async () => {
  const { ask, births, site } = setUp();
  assert.deepEqual(await ask("rebirth", {}), {});
  assert.equal(births(), 1);
  site.rebirth = () => Promise.reject(new Error("there is no connection"));
  await assert.rejects(ask("rebirth", {}), /no connection/);
});

test("a command that runs is cancelled; one that does not is not found", async () => {
  const { ask, cancelled } = setUp();
  assert.deepEqual(await ask("cmd.cancel", { id: "01A" }), {});
  assert.deepEqual(cancelled, ["01A"]);
  await assert.rejects(
    ask("cmd.cancel", { id: "x".repeat(500) }),
    (error: CallerFault) => error.code === "not-found" && error.message.length < 100,
  );
  for (const input of [undefined, null, {}, { id: 1 }, [], "01A"]) {
    await assert.rejects(
      ask("cmd.cancel", input),
      (error) => error instanceof CallerFault && error.code === "invalid" && error.field === "id",
    );
  }
});

test("backoff sets a window from now on", async () => {
  const { ask, windows } = setUp();
  assert.deepEqual(await ask("backoff", { min_s: 10, max_s: 600, ttl_s: 3600 }), {});
  await ask("backoff", { min_s: 0, max_s: 0, ttl_s: 1 });
  assert.deepEqual(windows, [
    { minMs: 10_000, maxMs: 600_000, untilMs: 3_605_000.6 },
    { minMs: 0, maxMs: 0, untilMs: 6000.6 },
  ]);
});

test("a window that is none is refused by the field's name", async () => {
  const { ask, windows } = setUp();
  for (const [input, field] of [
    [undefined, "min_s"],
    [{}, "min_s"],
    [{ min_s: -1, max_s: 5, ttl_s: 5 }, "min_s"],
    [{ min_s: 3601, max_s: 3601, ttl_s: 5 }, "min_s"],
    [{ min_s: Number.NaN, max_s: 5, ttl_s: 5 }, "min_s"],
    [{ min_s: "1", max_s: 5, ttl_s: 5 }, "min_s"],
    [{ min_s: 10, max_s: 9, ttl_s: 5 }, "max_s"],
    [{ min_s: 10, max_s: Number.POSITIVE_INFINITY, ttl_s: 5 }, "max_s"],
    [{ min_s: 10, max_s: 20, ttl_s: 0 }, "ttl_s"],
    [{ min_s: 10, max_s: 20, ttl_s: 86_401 }, "ttl_s"],
  ] as const) {
    await assert.rejects(ask("backoff", input), (error) => error instanceof CallerFault && error.field === field, JSON.stringify(input));
  }
  assert.deepEqual(windows, []);
});

test("they are those of the contract, and need no signature", () => {
  for (const { name, scope } of setUp().commands) {
    assert.equal(operationByName.get(name)?.isPrivileged, false, name);
    assert.equal(scope, "read");
  }
  assert.ok([...LINK_COMMAND_LIMITS.keys()].every((name) => setUp().commands.some((command) => command.name === name)));
});
