// Named outputs: set, set for a time, set by two at once, and what cannot be set.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CallerFault, errorText } from "#base/errors.ts";
import { CommandTable } from "#control/command.ts";
import type { GpioOutputs } from "#device/gpio-outputs.ts";
import { outputCommands } from "./outputs.ts";

/** Tells each value that is set, to whoever waits for it. */
class Board implements GpioOutputs {
  readonly names = ["siren", "lamp"];
  readonly levels: string[] = [];
  #waiting: (() => void)[] = [];

  async set(name: string, value: 0 | 1): Promise<void> {
    this.levels.push(`${name} ${value}`);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async count(n: number): Promise<void> {
    while (this.levels.length < n) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

function tableOf(board: GpioOutputs | undefined) {
  const table = new CommandTable(outputCommands({ outputs: board }));
  return (args: object, signal = new AbortController().signal): Promise<unknown> =>
    table.dispatch("io.set", args, { caller: { name: "test", may: () => true }, signal, progress: () => {} });
}

test("an output is set, and one that is set for a time goes back", async () => {
  const board = new Board();
  const set = tableOf(board);
  assert.deepEqual(await set({ pin: "lamp", v: 1 }), {});
  assert.deepEqual(await set({ pin: "siren", v: 1, ms: 1 }), {});
  assert.deepEqual(await set({ pin: "lamp", v: 0, ms: 1 }), {});
  assert.deepEqual(board.levels, ["lamp 1", "siren 1", "siren 0", "lamp 0", "lamp 1"]);
});

test("cancelled, as when the gateway stops, it goes back at once", async () => {
  const board = new Board();
  const stop = new AbortController();
  const done = tableOf(board)({ pin: "siren", v: 1, ms: 3_600_000 }, stop.signal);
  await board.count(1);
  stop.abort();
  await assert.rejects(done);
  assert.deepEqual(board.levels, ["siren 1", "siren 0"]);
});

test("who sets it last decides", async () => {
  const board = new Board();
  const set = tableOf(board);
  const stop = new AbortController();
  const first = set({ pin: "siren", v: 1, ms: 3_600_000 }, stop.signal);
  await board.count(1);
  await set({ pin: "siren", v: 1 });
  stop.abort();
  await assert.rejects(first);
  assert.deepEqual(board.levels, ["siren 1", "siren 1"]);
});

test("what cannot be set is said, and nothing is", async () => {
  const board = new Board();
  for (const [args, code, words] of [
    [{ pin: "door", v: 1 }, "not-found", /pin: there is no output 'door': there are siren, lamp/],
    [{ pin: "siren", v: 2 }, "invalid", /^v: has to be 0 or 1/],
    [{ pin: "siren", v: true }, "invalid", /^v: /],
    [{ pin: 17, v: 1 }, "invalid", /^pin: /],
    [{ pin: "siren", v: 1, ms: 0 }, "invalid", /^ms: /],
    [{ pin: "siren", v: 1, ms: 3_600_001 }, "invalid", /^ms: /],
    [{ pin: "siren", v: 1, hold: 0 }, "invalid", /^hold: /],
  ] as const)
    await assert.rejects(tableOf(board)(args), (error: CallerFault) => error.code === code && words.test(errorText(error)));
  await assert.rejects(tableOf(undefined)({ pin: "siren", v: 1 }), /this gateway has no outputs/);
  assert.deepEqual(board.levels, []);
});
