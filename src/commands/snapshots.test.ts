import assert from "node:assert/strict";
import { test } from "node:test";
import { type SnapshotCommandsOptions, SnapshotResult, snapshotCommands } from "./snapshots.ts";

const signal = new AbortController().signal;
const PICTURE = { bytes: Buffer.from("picture"), mediaType: "image/jpeg", utcUs: 1_700_000_000_123_456 };

function setUp() {
  const asked: Parameters<SnapshotCommandsOptions["take"]>[0][] = [];
  const [command] = snapshotCommands({
    take: async (request) => {
      asked.push(request);
      return PICTURE;
    },
  });
  const context = { caller: { name: "test", may: () => true }, signal, progress: () => {} };
  return { asked, command, run: (input: unknown) => command.run(command.parse(input), context) };
}

test("a picture, and what JSON tells of it", async () => {
  const { asked, command, run } = setUp();
  const result = await run({ cam: "site/gate", max_w: 320, q: 50 });
  assert.ok(result instanceof SnapshotResult);
  assert.equal(result.bytes, PICTURE.bytes);
  assert.deepEqual(JSON.parse(JSON.stringify(result)), {
    ts: 1_700_000_000_123,
    type: "image/jpeg",
    bytes: 7,
    sha256: "2cea274d0bedc39ec4ab6ba9e59ec889e3ed6fb56a1cf088a64d9b383378dc97",
  });
  await run({ cam: "gate", fmt: "mp4" });
  await run({ cam: "gate", fmt: null, max_w: null });
  assert.deepEqual(asked, [
    { path: "site/gate", format: "jpg", maxWidth: 320, quality: 50 },
    { path: "gate", format: "mp4" },
    { path: "gate", format: "jpg" },
  ]);
  assert.equal(command.pathOf!(command.parse({ cam: "gate" })), "gate");
});

test("fields that cannot be meant are named", () => {
  const { command } = setUp();
  const wrong: [unknown, string][] = [
    [{}, "cam"],
    [{ cam: "../etc" }, "cam"],
    [{ cam: "gate", fmt: "png" }, "fmt"],
    [{ cam: "gate", max_w: 0 }, "max_w"],
    [{ cam: "gate", max_w: "320" }, "max_w"],
    [{ cam: "gate", max_w: 1e9 }, "max_w"],
    [{ cam: "gate", q: 101 }, "q"],
    [{ cam: "gate", q: 1.5 }, "q"],
    [{ cam: "gate", fmt: "mp4", q: 50 }, "q"],
    [{ cam: "gate", fmt: "mp4", max_w: 50 }, "max_w"],
    [{ cam: "gate", dest: "http://x" }, "dest"],
  ];
  for (const [input, field] of wrong) {
    assert.throws(() => command.parse(input), { code: "invalid", field }, JSON.stringify(input));
  }
});
