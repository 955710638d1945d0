import assert from "node:assert/strict";
import { test } from "node:test";
import { CallerFault } from "#base/errors.ts";
import { type Caller, type Command, type CommandContext, CommandTable } from "./command.ts";

const restart: Command<{ cam: string }, string> = {
  name: "cam.restart",
  scope: "operate",
  summary: "Restarts a camera.",
  parse: (input) => {
    const { cam } = (input ?? {}) as { cam?: unknown };
    if (typeof cam !== "string") throw new CallerFault("invalid", "cam: has to be a path's name", "cam");
    return { cam };
  },
  pathOf: ({ cam }) => cam,
  run: async ({ cam }, { progress }) => {
    progress(50, "closing");
    return `restarted ${cam}`;
  },
};
const ping: Command<null, string> = {
  name: "ping",
  scope: "read",
  sight: "recordings",
  summary: "Answers.",
  parse: () => null,
  run: async () => "pong",
};

function setUp(may: Caller["may"]) {
  const steps: string[] = [];
  const context: CommandContext = {
    caller: { name: "operator", may },
    signal: new AbortController().signal,
    progress: (percent, text) => void steps.push(`${percent} ${text}`),
  };
  const table = new CommandTable([restart, ping]);
  return { steps, ask: (name: string, input?: unknown) => table.dispatch(name, input, context) };
}

test("a command runs with what it was parsed to, and tells how far it is", async () => {
  const { ask, steps } = setUp(() => true);
  assert.equal(await ask("cam.restart", { cam: "gate" }), "restarted gate");
  assert.deepEqual(steps, ["50 closing"]);
});

test("the caller is asked for with scope and path, once the input is sound", async () => {
  const asked: unknown[] = [];
  const { ask } = setUp((scope, path, sight) => asked.push([scope, path, sight]) > 0 && path !== "yard");
  await assert.rejects(ask("cam.restart", {}), { code: "invalid", field: "cam" });
  assert.deepEqual(asked, []);
  await ask("cam.restart", { cam: "gate" });
  await ask("ping");
  await assert.rejects(ask("cam.restart", { cam: "yard" }), { code: "unauthorized", message: "operator may not cam.restart" });
  assert.deepEqual(asked, [
    ["operate", "gate", "live"],
    ["read", undefined, "recordings"],
    ["operate", "yard", "live"],
  ]);
});

test("a command that is not there is named", async () => {
  const { ask } = setUp(() => true);
  for (const name of ["sys.exec", "__proto__", "constructor", ""])
    await assert.rejects(ask(name), { code: "not-found", message: `there is no command '${name}'` });
});

test("no two commands have one name", () => {
  assert.throws(() => new CommandTable([ping, ping]), /one name/);
});
