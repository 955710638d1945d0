// The program with the configs and command lines that guides to MediaMTX give, RTSP's part of them.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { clipFile } from "#testing/bitstreams/clip-read.ts";
import { type Camgate, runCamgate, startCamgate } from "#testing/peers/camgate.ts";
import { ffmpeg, ffmpegPublish, ffprobe, ffprobeStreams, type RtspTransport } from "#testing/peers/ffmpeg.ts";
import { type RunningPeer, runPeer, startPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";
import { startSite } from "#testing/rtsp-site.ts";

const THREE_LINES = 'api: yes\nallowOrigin: "*"\nwebrtc: yes\n';
const ALL_OTHERS = "paths:\n  all_others:\n";

/** A list of actions stands where `permissions:` is missing before it. */
const LIST_WITHOUT_KEY = `authMethod: internal
# people
authInternalUsers:
  # everybody
  # with and without a name
- user: any
  # no password
  pass:
  # from anywhere
  ips: []
  # and what they may do:
    # publish, read, playback
  - action: publish
    path:
  - action: read
    path:
  - action: playback
    path:
`;

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
  const publisher = publish(t, program, "stream_1", "tcp");
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

for (const transport of ["udp", "tcp"] as const) {
  test(`ffmpeg saves a stream read over ${transport}`, { skip: ffmpeg.missing }, async (t) => {
    const program = await startCamgate(t, { config: ALL_OTHERS });
    publish(t, program, "mystream", transport);
    await program.process.match(/\[path mystream\] stream is available/);
    const output = join(program.folder, "output.mp4");
    const input = [...(transport === "tcp" ? ["-rtsp_transport", "tcp"] : []), "-i", program.url("mystream")];
    await runPeer(t, ffmpeg, ["-v", "error", "-nostdin", ...input, "-c", "copy", "-t", "3", output]);
    const { stdout, stderr } = await runPeer(t, ffmpeg, ["-i", output, "-fps_mode", "passthrough", "-f", "framemd5", "-"]);
    assert.ok(stdout.toString("utf8").split("\n").length > 60);
    assert.doesNotMatch(stderr, /error|concealing|missing/i);
    await assertEndsCleanly(program);
  });
}

test("user and password of a URL", { skip: ffprobe.missing }, async (t) => {
  const users = [
    "- {user: myuser, pass: mypass, permissions: [{action: read}]}",
    "- {user: any, ips: [127.0.0.1], permissions: [{action: publish}]}",
  ];
  const config = `rtspAuthMethods: [basic, digest]\nauthInternalUsers:\n${users.join("\n")}\n${ALL_OTHERS}`;
  const program = await startCamgate(t, { config });
  publish(t, program, "mystream", "tcp");
  await program.process.match(/\[path mystream\] stream is available/);
  const [video] = await probe(t, program.url("mystream", "myuser:mypass"));
  assert.equal(video?.codec_name, "h264");
  await assert.rejects(probe(t, program.url("mystream", "myuser:wrong")), /401 Unauthorized/);
  await assert.rejects(probe(t, program.url("mystream")), /401 Unauthorized/);
  assert.doesNotMatch(program.process.stdout.toString("utf8"), /mypass/);
});

test("a list of actions without `permissions:` is refused with its line, and works with it", { skip: ffprobe.missing }, async (t) => {
  const refused = await runCamgate(t, { config: LIST_WITHOUT_KEY });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^mediamtx\.yml:11: .*permissions/);
  const cured = LIST_WITHOUT_KEY.replace("  # and what", "  permissions:\n  # and what");
  const program = await startCamgate(t, { config: `${cured}${ALL_OTHERS}` });
  publish(t, program, "cam", "tcp");
  await program.process.match(/\[path cam\] stream is available/);
  assert.equal((await probe(t, program.url("cam"))).length, 1);
});

test("ten publishers over UDP leave nothing behind", { skip: ffmpeg.missing }, async (t) => {
  const program = await startCamgate(t, { config: ALL_OTHERS });
  const names = Array.from({ length: 10 }, (_, i) => `stream_${i + 1}`);
  // No transport is asked for: ffmpeg takes UDP.
  const publishers = names.map((name) => {
    const input = ["-hide_banner", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", clipFile];
    return startPeer(t, ffmpeg, [...input, "-c", "copy", "-an", "-f", "rtsp", program.url(name)]);
  });
  for (const name of names) await program.process.match(new RegExp(`is publishing to path '${name}', with UDP`));
  for (const name of names) await program.process.match(new RegExp(`\\[path ${name}\\] stream is available`));
  await Promise.all(publishers.map((publisher) => publisher.interrupt()));
  for (const name of names) await program.process.match(new RegExp(`\\[path ${name}\\] stream is not available any more`));
  const log = program.process.stdout.toString("utf8");
  assert.equal(log.match(/\[session \w+\] is over/g)?.length, 10);
  await assertEndsCleanly(program);
});

function publish(scope: TestScope, program: Camgate, path: string, transport: RtspTransport): RunningPeer {
  return ffmpegPublish(scope, { url: program.url(path), files: [{ file: clipFile }], transport, loop: true });
}

function probe(scope: TestScope, input: string): ReturnType<typeof ffprobeStreams> {
  return ffprobeStreams(scope, { input, transport: "tcp" });
}

async function assertEndsCleanly({ process }: Camgate): Promise<void> {
  assert.deepEqual(await process.interrupt(), { code: 0, signal: null });
  assert.equal(process.stderr, "");
}
