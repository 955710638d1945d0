// Reading and publishing with ffmpeg, as a guide writes the command lines.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { clipFile } from "../bitstreams/clip-read.ts";
import { startCamgate } from "../peers/camgate.ts";
import { ffmpeg, ffprobe } from "../peers/ffmpeg.ts";
import { runPeer, startPeer } from "../peers/run-peer.ts";
import { ALL_OTHERS, assertEndsCleanly, probe, publishClip, withClip } from "./guide-program.ts";

for (const transport of ["udp", "tcp"] as const) {
  test(`ffmpeg saves a stream read over ${transport}`, { skip: ffmpeg.missing }, async (t) => {
    const program = await startCamgate(t, { config: ALL_OTHERS });
    publishClip(t, program, "mystream", transport);
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
  await withClip(t, program, "mystream");
  const [video] = await probe(t, program.url("mystream", "myuser:mypass"));
  assert.equal(video?.codec_name, "h264");
  await assert.rejects(probe(t, program.url("mystream", "myuser:wrong")), /401 Unauthorized/);
  assert.equal((await probe(t, program.url("mystream?user=myuser&pass=mypass")))[0]?.codec_name, "h264");
  await assert.rejects(probe(t, program.url("mystream?user=myuser&pass=wrong")));
  await assert.rejects(probe(t, program.url("mystream")), /401 Unauthorized/);
  assert.doesNotMatch(program.process.stdout.toString("utf8"), /mypass/);
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
