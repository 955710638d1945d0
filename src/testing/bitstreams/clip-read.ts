// The demo clip, read back from somewhere: is it what was sent?
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CLIP_FILES, loadClip } from "../clip/clip.ts";
import { ffmpeg, type RtspTransport } from "../peers/ffmpeg.ts";
import { gortsplibRead } from "../peers/go-peers.ts";
import { runPeer, type TestScope } from "../peers/run-peer.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { assertRunOf, elementsOfFrames, elementsOfMuxed, muxerOf } from "./elements.ts";

export const clipFile = fileURLToPath(CLIP_FILES.video);

/** More than one GOP of the clip. */
const LEAST_FRAMES = 60;

/** ffmpeg reads the URL, and what it gets is a part of the clip. */
export async function assertFfmpegReadsClip(scope: TestScope, url: string, transport: RtspTransport): Promise<void> {
  const file = join(await temporaryFolder(scope), "read.h264");
  const input = ["-rtsp_transport", transport, "-analyzeduration", "500000", "-i", url];
  const frames = ["-frames:v", String(LEAST_FRAMES)];
  await runPeer(scope, ffmpeg, ["-v", "error", "-nostdin", ...input, "-c", "copy", ...frames, ...muxerOf("h264"), file]);
  const whole = loadClip().frames.flatMap(({ nals }) => elementsOfFrames("h264", nals));
  assertRunOf(whole, await elementsOfMuxed("h264", file), LEAST_FRAMES);
}

/** gortsplib reads the URL for two seconds, loses nothing, and what it gets is a part of the clip, parameter sets included. */
export async function assertGortsplibReadsClip(scope: TestScope, url: string, transport: RtspTransport): Promise<void> {
  const { tracks, units } = await gortsplibRead(scope, { url, transport, seconds: 2, units: true });
  assert.equal(tracks.length, 1);
  assert.equal(tracks[0]!.lost, 0);
  const whole = loadClip().frames.map(({ nals }) => accessUnitHash(nals));
  assertRunOf(
    whole,
    units.map(({ md5 }) => md5),
    25,
  );
}

/** As the Go peers compute it: each NAL unit behind its length in four bytes. */
function accessUnitHash(nals: readonly Buffer[]): string {
  const hash = createHash("md5");
  for (const nal of nals) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(nal.length);
    hash.update(length).update(nal);
  }
  return hash.digest("hex");
}
