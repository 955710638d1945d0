// The first steps of a guide: where a config is found, what it says of itself, and paths that are pulled.
import assert from "node:assert/strict";
import { test } from "node:test";
import { clipFile } from "../bitstreams/clip-read.ts";
import { runCamgate, startCamgate } from "../peers/camgate.ts";
import { ffmpeg, ffmpegPublish } from "../peers/ffmpeg.ts";
import { until } from "../peers/until.ts";
import { startSite } from "../rtsp-site.ts";
import { ALL_OTHERS, assertEndsCleanly, publishClip, THREE_LINES } from "./guide-program.ts";

test("a config of three lines: the check finds one thing to say", async (t) => {
  const { code, stdout } = await runCamgate(t, { config: THREE_LINES, words: ["check"] });
  const lines = stdout.trimEnd().split("\n");
  const warnings = lines.filter((line) => line.includes(": warning: ") && !line.includes("not in this version"));
  assert.equal(code, 0);
  assert.equal(warnings.length, 1, stdout);
  assert.match(warnings[0]!, /^mediamtx\.yml:2: warning: allowOrigin/);
  assert.match(lines.at(-1)!, /0 errors/);
});

test("nobody publishes to a name that no entry has, and the log names the cure", { skip: ffmpeg.missing }, async (t) => {
  const program = await startCamgate(t, { config: THREE_LINES });
  const publisher = publishClip(t, program, "stream_1");
  assert.notEqual((await publisher.exited).code, 0);
  assert.match(publisher.stderr, /400 Bad Request/);
  await program.process.match(/ANNOUNCE refused: path 'stream_1' is not configured \(.*all_others/);
  await assertEndsCleanly(program);
});

test("mediamtx.yml in the current folder is found", async (t) => {
  const program = await startCamgate(t, { config: ALL_OTHERS });
  await program.process.match(/configuration loaded from \S*mediamtx\.yml/);
  await assertEndsCleanly(program);
});

test("a source that cannot be resolved is tried again, and the program lives", async (t) => {
  const program = await startCamgate(t, { config: "paths:\n  proxied:\n    source: rtsp://no-such-host.invalid\n" });
  await program.process.match(/(\[path proxied\] source: cannot resolve no-such-host\.invalid.*){2}/s);
  await assertEndsCleanly(program);
});

test("sources by RTMP and HLS whose servers are nowhere: the paths are listed, and the program lives", async (t) => {
  const config = `${THREE_LINES}paths:
  proxied1:
    source: rtmp://original-url
  proxied2:
    source: http://original-url/stream/index.m3u8
`;
  const { code, stdout } = await runCamgate(t, { config, words: ["check"] });
  assert.equal(code, 0);
  const warned = stdout.match(/warning: .*/g) ?? [];
  for (const name of ["proxied1", "proxied2"])
    assert.ok(warned.filter((line) => line.includes(name)).length <= 1, "one, or none once it is there");
  const program = await startCamgate(t, { config });
  const list = (await (await fetch(`${program.apiOrigin}/v3/paths/list`)).json()) as { items: { name: string }[] };
  assert.deepEqual(
    list.items.map(({ name }) => name),
    ["proxied1", "proxied2"],
  );
  await assertEndsCleanly(program);
});

test("two paths with one URL are two sessions of the camera", { skip: ffmpeg.missing }, async (t) => {
  const camera = await startSite();
  t.after(() => camera.close());
  ffmpegPublish(t, { url: camera.url("cam"), files: [{ file: clipFile }], transport: "tcp", loop: true });
  await until("the camera", () => camera.registry.get("cam")?.state === "available");
  const source = camera.url("cam");
  const program = await startCamgate(t, { config: `paths:\n  proxied1:\n    source: ${source}\n  proxied2:\n    source: ${source}\n` });
  for (const path of ["proxied1", "proxied2"]) await program.process.match(new RegExp(`\\[path ${path}\\] stream is available`));
  assert.equal(camera.registry.get("cam")!.snapshot().readers.length, 2);
  await assertEndsCleanly(program);
  await until("the end of both sessions", () => camera.registry.get("cam")!.snapshot().readers.length === 0);
});
