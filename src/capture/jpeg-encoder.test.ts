import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { JpegEncoder } from "./jpeg-encoder.ts";

const OPTIONS = { input: "mp4", maxWidth: undefined, quality: 80 } as const;

/** A shell script in the place of ffmpeg. */
async function programOf(t: TestScope, script: string): Promise<string> {
  const file = join(await temporaryFolder(t), "ffmpeg");
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

test("bytes in, bytes out, and nothing else to read from", async (t) => {
  const encoder = new JpegEncoder({ program: await programOf(t, 'echo "$*"; cat') });
  const said = (await encoder.encode(Buffer.from("picture"), { input: "mjpeg", maxWidth: 320, quality: 100 })).toString("utf8");
  assert.match(said, /-protocol_whitelist pipe .*-f mjpeg -i pipe:0 .*-vf scale='min\(320,iw\)':-2 .*-q:v 2 .*pipe:1\npicture$/);
  assert.match(
    (await encoder.encode(Buffer.alloc(0), { ...OPTIONS, quality: 1 })).toString("utf8"),
    /-f mp4 -i pipe:0(?!.*scale).*-q:v 31 /,
  );
});

test("what it says last is the reason; without a word or a picture there is none", async (t) => {
  const encode = async (script: string) => new JpegEncoder({ program: await programOf(t, script) }).encode(Buffer.from("x"), OPTIONS);
  await assert.rejects(encode("echo first >&2; echo 'rtsp://u:secret@h/ is bad' >&2; exit 1"), {
    code: "no-stream",
    message: "ffmpeg cannot make a picture of it: rtsp://u:***@h/ is bad",
  });
  await assert.rejects(encode("cat >/dev/null"), { code: "no-stream", message: "ffmpeg cannot make a picture of it" });
  await assert.rejects(encode("exec 0<&-; exit 3"), { code: "no-stream" });
});

test("no ffmpeg; one that hangs; one that does not end to write", async (t) => {
  const none = new JpegEncoder({ program: "no-such-program" });
  await assert.rejects(none.encode(Buffer.from("x"), OPTIONS), {
    code: "invalid",
    field: "format",
    message: /no ffmpeg|there is none on the PATH/,
  });
  const hangs = new JpegEncoder({ program: await programOf(t, "exec sleep 1000"), timeoutMs: 50 });
  await assert.rejects(hangs.encode(Buffer.from("x"), OPTIONS), { code: "timed-out" });
  const floods = new JpegEncoder({ program: await programOf(t, "exec yes") });
  await assert.rejects(floods.encode(Buffer.from("x"), OPTIONS), { code: "no-stream" });
});

test("two at once; others wait for their turn, and too many are told to ask again", async (t) => {
  const folder = await temporaryFolder(t);
  // Each waits until the test lets it go.
  const program = await programOf(t, `until [ -e "${folder}/go" ]; do sleep 0.01; done; echo picture`);
  const encoder = new JpegEncoder({ program });
  const all = Array.from({ length: 18 }, () => encoder.encode(Buffer.alloc(0), OPTIONS));
  await assert.rejects(encoder.encode(Buffer.alloc(0), OPTIONS), { code: "too-many" });
  await writeFile(join(folder, "go"), "");
  for (const image of await Promise.all(all)) assert.equal(image.toString("utf8"), "picture\n");
  assert.equal((await encoder.encode(Buffer.alloc(0), OPTIONS)).toString("utf8"), "picture\n");
});
