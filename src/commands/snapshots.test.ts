import assert from "node:assert/strict";
import { test } from "node:test";
import { type SnapshotCommandsOptions, SnapshotResult, snapshotCommands } from "./snapshots.ts";

const signal = new AbortController().signal;
const PICTURE = { bytes: Buffer.from("picture"), mediaType: "image/jpeg", utcUs: 1_700_000_000_123_456 };

function setUp() {
  const asked: Parameters<SnapshotCommandsOptions["take"]>[0][] = [];
  const sent: [string, string, string][] = [];
  const [command] = snapshotCommands({
    take: async (request) => {
      asked.push(request);
      return PICTURE;
    },
    send: async (wish, { sizeBytes, bytes, mediaType }, context) => {
      const chunks: Buffer[] = [];
      for await (const chunk of bytes(0, sizeBytes, context.signal)) chunks.push(chunk);
      sent.push([wish.url, mediaType, Buffer.concat(chunks).toString()]);
      return { parts: 1, bytes: sizeBytes, sha256: "00" };
    },
  });
  const context = { caller: { name: "test", may: () => true }, signal, progress: () => {} };
  return { asked, sent, command, run: (input: unknown) => command.run(command.parse(input), context) };
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

test("one that is sent to a server: the caller has to be an operator, and is not told the signature again", async () => {
  const { command, run, sent } = setUp();
  const dest = { put: "https://clips.noc.example/a.jpg?signature=abc" };
  assert.deepEqual(await run({ cam: "gate", dest }), {
    url: "https://clips.noc.example/a.jpg",
    ts: 1_700_000_000_123,
    type: "image/jpeg",
    bytes: 7,
    sha256: "00",
  });
  assert.deepEqual(sent, [[dest.put, "image/jpeg", "picture"]]);
  assert.deepEqual(
    [{ cam: "gate" }, { cam: "gate", dest: null }, undefined, null, "x", { cam: "gate", dest }, { dest: 0 }].map((input) =>
      command.scopeOf!(input),
    ),
    ["read", "read", "read", "read", "read", "operate", "operate"],
  );
});
