import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ffmpeg, ffprobe, ffprobeStreams } from "#testing/peers/ffmpeg.ts";
import { missingOf, type Peer } from "#testing/peers/find-peer.ts";
import { type RunningPeer, startPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";
import { type Site, startSite } from "#testing/rtsp-site.ts";
import { parsePushOptions } from "./push-options.ts";

const node: Peer = { name: "push-streams", file: process.execPath, missing: false };
const PROGRAM = fileURLToPath(new URL("push-streams.ts", import.meta.url));

function push(t: TestScope, site: Site, ...args: string[]): RunningPeer {
  return startPeer(t, node, [PROGRAM, "--server", site.url(""), ...args], { timeoutMs: 100_000 });
}

function publishing(site: Site): readonly { readonly path: string; readonly transport: string | undefined }[] {
  return site.sessions.list("rtspSession").filter(({ state }) => state === "publish");
}

async function start(t: TestScope): Promise<Site> {
  const site = await startSite();
  t.after(() => site.close());
  return site;
}

for (const transport of ["udp", "tcp"] as const) {
  test(`ten streams over ${transport} of the clip, until it is interrupted`, { skip: ffprobe.missing }, async (t) => {
    const site = await start(t);
    const program = push(t, site, "--transport", transport);
    await until("ten streams", () => site.registry.list().filter(({ state }) => state === "available").length === 10);
    const sessions = publishing(site);
    assert.deepEqual(sessions.map(({ path }) => path).sort(), Array.from({ length: 10 }, (_, i) => `stream_${i + 1}`).sort());
    assert.ok(sessions.every((session) => session.transport === transport.toUpperCase()));
    const streams = await ffprobeStreams(t, { input: site.url("stream_10"), transport: "tcp" });
    assert.deepEqual(
      streams.map(({ codec_name }) => codec_name),
      ["h264", "pcm_alaw"],
    );
    assert.deepEqual(await program.interrupt(), { code: 0, signal: null });
    await until("the end of all", () => publishing(site).length === 0);
    assert.equal(program.stderr, "");
  });
}

test("one ffmpeg for all streams of an input", { skip: missingOf(ffmpeg, ffprobe) }, async (t) => {
  const site = await start(t);
  const card = "-re -f lavfi -i testsrc2=size=320x240:rate=25 -c:v libx264 -preset ultrafast -tune zerolatency -g 25";
  const program = push(t, site, "--count", "3", "--prefix", "cams/x", `--input=${card}`);
  await until("three streams", () => site.registry.list().filter(({ state }) => state === "available").length === 3);
  const [video] = await ffprobeStreams(t, { input: site.url("cams/x_3"), transport: "tcp" });
  assert.deepEqual([video?.codec_name, video?.width], ["h264", 320]);
  assert.deepEqual(await program.interrupt(), { code: 0, signal: null });
});

test("streams that were thrown out come again; the time given is kept", async (t) => {
  const site = await start(t);
  const program = push(t, site, "--count", "1", "--seconds", "8");
  const [first] = await until("the stream", () => (publishing(site).length === 1 ? site.sessions.list("rtspSession") : undefined));
  first!.close();
  await program.match(/\[stream_1\] .*; trying again/);
  await until("the stream again", () => publishing(site).length === 1 && site.sessions.list("rtspSession")[0] !== first);
  assert.deepEqual(await program.exited, { code: 0, signal: null });
});

test("arguments that cannot be meant are told", () => {
  const wrong: [string[], RegExp][] = [
    [["--server", "http://x"], /--server http:\/\/x: must be a rtsp/],
    [["--count", "0"], /--count 0/],
    [["--count", "1e9"], /--count 1e9/],
    [["--transport", "sctp"], /--transport sctp: tcp or udp/],
    [["--seconds", "-1"], /seconds/],
    [["--prefix", "a b"], /--prefix a b/],
    [["--unknown"], /unknown/],
    [["rtsp://x"], /rtsp:\/\/x/],
  ];
  for (const [args, message] of wrong) assert.throws(() => parsePushOptions(args), message, args.join(" "));
  assert.deepEqual(parsePushOptions(["--server", "rtsps://u:p@h:1/", "--count", "2"]).urls, [
    "rtsps://u:p@h:1/stream_1",
    "rtsps://u:p@h:1/stream_2",
  ]);
});
