// The bundle of diagnostics: what is in it, what is not, and that nothing that fails, hangs or grows keeps the rest out of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { collectDiagnostics, type DiagnosticsEntry, diagnosticsCommands, type SentBundle } from "./diagnostics.ts";
import type { SendFile } from "./upload-input.ts";

const never = new AbortController().signal;
const hide = (text: string): string => text.replaceAll("canary", "<redacted>");
const DEST = { put: "https://noc.example/up/site.tar.gz" };
const entry = (name: string, read: DiagnosticsEntry["read"]): DiagnosticsEntry => ({ name, read });

async function collect(...entries: DiagnosticsEntry[]): Promise<ReadonlyMap<string, string>> {
  const files = await collectDiagnostics({ entries: () => entries, hide }, never);
  return new Map(files.map(({ name, bytes }) => [name.replace("camgate-diagnostics/", ""), bytes.toString("utf8")]));
}

test("texts as they are, all else as JSON; what is not there is left out; secrets are nowhere", async () => {
  const files = await collect(
    entry("log.txt", async () => "one\npassword canary\n"),
    entry("health.json", async () => ({ rtsp: "rtsp://a:canary@b/", at: new Map([["x", 1n]]), set: new Set(["y"]) })),
    entry("none", async () => undefined),
    entry("broken", async () => {
      throw new Error("canary is away");
    }),
  );
  assert.deepEqual([...files.keys()], ["log.txt", "health.json", "errors.txt"]);
  assert.equal(files.get("log.txt"), "one\npassword <redacted>\n");
  assert.deepEqual(JSON.parse(files.get("health.json")!), { rtsp: "rtsp://a:<redacted>@b/", at: { x: "1" }, set: ["y"] });
  assert.equal(files.get("errors.txt"), "broken: <redacted> is away\n");
});

test("bounded: a long text loses its middle, and what there is no room for is said", async () => {
  const files = await collect(
    ...Array.from({ length: 12 }, (_, i) => entry(`${i}`, async () => `begin${"x".repeat(3_000_000)}end`)),
    entry("small", async () => "here"),
  );
  const total = [...files.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  assert.ok(total <= 4 * 2 ** 20 + 2000, String(total));
  assert.match(files.get("0")!, /^beginx+\n… \d+ characters left out …\nx+end$/);
  assert.match(files.get("errors.txt")!, /^7: there is no room for it in the bundle$/m);
  assert.equal(files.get("small"), "here");
});

test("what hangs is told to stop, and is left out", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let reading: AbortSignal | undefined;
  const collected = collect(
    entry("hangs", (signal) => {
      reading = signal;
      return new Promise(() => {});
    }),
    entry("small", async () => "here"),
  );
  t.mock.timers.tick(10_000);
  const files = await collected;
  assert.deepEqual(
    [...files],
    [
      ["small", "here"],
      ["errors.txt", "hangs: it took longer than 10 s\n"],
    ],
  );
  assert.equal(reading?.aborted, true);
});

function setUp(entries: readonly DiagnosticsEntry[], send?: SendFile) {
  const sent: { readonly url: string; readonly bytes: Buffer; readonly mediaType: string }[] = [];
  const [command] = diagnosticsCommands({
    entries: () => entries,
    hide,
    utcMs: () => 1_800_000_000_000,
    send:
      send ??
      (async ({ url }, { sizeBytes, bytes, mediaType }, { signal }) => {
        const chunks: Buffer[] = [];
        for await (const chunk of bytes(0, sizeBytes, signal)) chunks.push(chunk);
        sent.push({ url, bytes: Buffer.concat(chunks), mediaType });
        return { parts: 1, bytes: sizeBytes, sha256: "00" };
      }),
  });
  const context = { caller: { name: "noc", may: () => true }, progress: () => {} };
  const run = (input: unknown, signal = never): Promise<SentBundle> => command.run(command.parse(input), { ...context, signal });
  return { command, sent, run };
}

test("it is one archive, sent where it is wanted, and told of", async () => {
  const { run, sent } = setUp([entry("about.json", async () => ({ camgate: "1" })), entry("proc/meminfo", async () => "MemTotal: 1")]);
  const result = await run({ dest: DEST });
  const [{ url, bytes, mediaType } = { url: "", bytes: Buffer.alloc(0), mediaType: "" }] = sent;
  assert.deepEqual(result, { parts: 1, bytes: bytes.length, sha256: "00", files: ["about.json", "proc/meminfo"] });
  assert.deepEqual([url, mediaType], [DEST.put, "application/gzip"]);
  const archive = gunzipSync(bytes).toString("latin1");
  assert.ok(archive.includes("camgate-diagnostics/proc/meminfo\0") && archive.includes("MemTotal: 1"));
});

test("one at once; an abort ends it; dest is needed", async () => {
  let go = (): void => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  const { command, run } = setUp([entry("slow", () => held)]);
  const first = run({ dest: DEST });
  await assert.rejects(run({ dest: DEST }), { code: "too-many" });
  go();
  await first;
  const abort = new AbortController();
  const hanging = setUp([entry("hangs", () => new Promise(() => {}))]);
  const ended = hanging.run({ dest: DEST }, abort.signal);
  abort.abort(new Error("cancelled"));
  await assert.rejects(ended, /cancelled/);
  await assert.rejects(hanging.run({ dest: DEST }, abort.signal), /cancelled/);
  for (const input of [undefined, {}, { dest: null }]) assert.throws(() => command.parse(input), { code: "invalid", field: "dest" });
  assert.throws(() => command.parse({ dest: DEST, files: "/etc/shadow" }), { code: "invalid", field: "files" });
});
