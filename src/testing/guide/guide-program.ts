// What the tests of guides' blocks have in common: the program as it is started there, and ffmpeg beside it.
import assert from "node:assert/strict";
import { clipFile } from "../bitstreams/clip-read.ts";
import type { Camgate } from "../peers/camgate.ts";
import { ffmpegPublish, ffprobeStreams, type ProbedStream, type RtspTransport } from "../peers/ffmpeg.ts";
import type { RunningPeer, TestScope } from "../peers/run-peer.ts";

/** The three lines that a first config has. */
export const THREE_LINES = 'api: yes\nallowOrigin: "*"\nwebrtc: yes\n';
export const ALL_OTHERS = "paths:\n  all_others:\n";

/** The demo's clip, over and over. */
export function publishClip(scope: TestScope, program: Camgate, path: string, transport: RtspTransport = "tcp"): RunningPeer {
  return ffmpegPublish(scope, { url: program.url(path), files: [{ file: clipFile }], transport, loop: true });
}

/** Publishes the clip and waits until it can be read. */
export async function withClip(scope: TestScope, program: Camgate, path: string): Promise<RunningPeer> {
  const publisher = publishClip(scope, program, path);
  await program.process.match(new RegExp(`\\[path ${path}\\] stream is available`));
  return publisher;
}

export function probe(scope: TestScope, input: string): Promise<ProbedStream[]> {
  return ffprobeStreams(scope, { input, transport: "tcp" });
}

export async function assertEndsCleanly({ process }: Camgate): Promise<void> {
  assert.deepEqual(await process.interrupt(), { code: 0, signal: null });
  assert.equal(process.stderr, "");
}
