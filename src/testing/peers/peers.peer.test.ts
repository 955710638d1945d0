// The tools of peer tests against each other: what fails here is the tool's fault, not the gateway's.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { joinAnnexB, splitAnnexB } from "#codecs/annex-b.ts";
import { h264NalType, isH264Slice } from "#codecs/h264/nal.ts";
import { CLIP_FILES } from "../clip/clip.ts";
import { ffmpeg, ffmpegCopyElementary, ffmpegPacketHashes, ffmpegPublish, ffprobe, ffprobeStreams, nalUnitHashes } from "./ffmpeg.ts";
import { missingOf } from "./find-peer.ts";
import { gortsplib, gortsplibPublish, gortsplibRead, mediamtx, startMediamtx } from "./go-peers.ts";
import { type GstCameraOptions, gstLaunch, gstPublish, gstRead, gstRtspServer, startGstCamera } from "./gst.ts";
import { runPeer, type TestScope } from "./run-peer.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const clipFile = fileURLToPath(CLIP_FILES.video);

const CAMERAS: readonly { readonly options: GstCameraOptions; readonly codecs: readonly string[] }[] = [
  { options: { video: "h264", audio: "pcma" }, codecs: ["h264", "pcm_alaw"] },
  { options: { video: "h264-bframes", audio: "pcmu" }, codecs: ["h264", "pcm_mulaw"] },
  { options: { video: "h265", audio: "aac" }, codecs: ["hevc", "aac"] },
  { options: { video: "mjpeg", audio: "opus" }, codecs: ["mjpeg", "opus"] },
  { options: { audio: "l16" }, codecs: ["pcm_s16be"] },
];

for (const { options, codecs } of CAMERAS) {
  for (const transport of ["tcp", "udp"] as const) {
    test(`the GStreamer camera serves ${codecs.join(" and ")} over ${transport}`, {
      skip: missingOf(gstRtspServer, ffprobe),
    }, async (t) => {
      const camera = await startGstCamera(t, { ...options, protocols: [transport] });
      const streams = await ffprobeStreams(t, { input: camera.url, transport });
      assert.deepEqual(
        streams.map(({ codec_name }) => codec_name),
        codecs,
      );
    });
  }
}

for (const method of ["digest", "basic"] as const) {
  test(`the GStreamer camera asks for ${method} credentials`, { skip: missingOf(gstRtspServer, ffprobe) }, async (t) => {
    const auth = { method, user: "viewer", password: "secret one" };
    const camera = await startGstCamera(t, { video: "h264", auth });
    await assert.rejects(ffprobeStreams(t, { input: camera.url, transport: "tcp" }), /401 Unauthorized/);
    const [video] = await ffprobeStreams(t, { input: camera.urlWithCredentials, transport: "tcp" });
    assert.equal(video?.codec_name, "h264");
  });
}

test("a file comes out of the GStreamer camera bit by bit, twice alike", { skip: missingOf(gstRtspServer, ffmpeg) }, async (t) => {
  const camera = await startGstCamera(t, { video: "h264", videoFile: clipFile });
  const read = () => ffmpegCopyElementary(t, { input: camera.url, transport: "tcp" }, "h264", { frames: 25 });
  const wanted = nalUnitHashes(await readFile(clipFile));
  for (const nals of [nalUnitHashes(await read()), nalUnitHashes(await read())]) {
    assert.ok(nals.length >= 25);
    assert.deepEqual(nals, wanted.slice(0, nals.length));
  }
});

test("sound comes out of the GStreamer camera byte by byte", { skip: missingOf(gstRtspServer, ffmpeg) }, async (t) => {
  const wanted = await readFile(fileURLToPath(CLIP_FILES.audio));
  const camera = await startGstCamera(t, { audio: "pcma", audioFile: fileURLToPath(CLIP_FILES.audio) });
  const sound = await ffmpegCopyElementary(t, { input: camera.url, transport: "tcp" }, "alaw", { seconds: 1 });
  assert.ok(sound.length >= 7000);
  assert.ok(sound.equals(wanted.subarray(0, sound.length)));
});

test("B-frames come out of the GStreamer camera in decode order", { skip: missingOf(gstRtspServer, ffmpeg) }, async (t) => {
  const file = join(await temporaryFolder(t), "b-frames.mkv");
  const coded = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p"];
  await runPeer(t, ffmpeg, ["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25", "-frames:v", "50", ...coded, file]);
  const camera = await startGstCamera(t, { video: "h264-bframes", videoFile: file });
  const packets = await ffmpegPacketHashes(t, { input: camera.url, transport: "tcp" }, "v", { frames: 20 });
  const ascending = packets.slice(1).every(({ ptsTicks }, i) => ptsTicks > packets[i]!.ptsTicks);
  assert.equal(packets.length, 20);
  assert.equal(ascending, false);
});

test("GStreamer reads the NAL units that its camera sends", { skip: missingOf(gstRtspServer, gstLaunch) }, async (t) => {
  const camera = await startGstCamera(t, { video: "h264", videoFile: clipFile });
  const file = join(await temporaryFolder(t), "read.h264");
  const reader = gstRead(t, { url: camera.url, codec: "h264", file, transport: "tcp", frames: 30 });
  assert.deepEqual(await reader.exited, { code: 0, signal: null });
  const sliceHashes = async (path: string) => {
    const slices = splitAnnexB(await readFile(path), Number.POSITIVE_INFINITY).filter((nal) => isH264Slice(h264NalType(nal[0]!)));
    return nalUnitHashes(joinAnnexB(slices));
  };
  const hashes = await sliceHashes(file);
  assert.ok(hashes.length >= 30);
  assert.deepEqual(hashes, (await sliceHashes(clipFile)).slice(0, hashes.length));
});

test("packet hashes of ffmpeg are the same at each reading", { skip: ffmpeg.missing }, async (t) => {
  const read = () => ffmpegPacketHashes(t, { input: clipFile }, "v", { frames: 10 });
  const [first, second] = [await read(), await read()];
  assert.equal(first.length, 10);
  assert.ok(first.every(({ md5, sizeBytes }) => /^[0-9a-f]{32}$/.test(md5) && sizeBytes > 0));
  assert.deepEqual(first, second);
});

for (const transport of ["tcp", "udp"] as const) {
  const publishers = {
    ffmpeg: (t: TestScope, url: string) => ffmpegPublish(t, { url, files: [{ file: clipFile }], transport, loop: true }),
    gortsplib: (t: TestScope, url: string) => gortsplibPublish(t, { url, file: clipFile, transport, fps: 25, loop: true }),
    gstreamer: (t: TestScope, url: string) => gstPublish(t, { url, file: clipFile, transport }),
  };
  for (const [name, publish] of Object.entries(publishers)) {
    test(`${name} publishes to MediaMTX over ${transport}, gortsplib reads`, {
      skip: missingOf(mediamtx, gortsplib, gstLaunch),
    }, async (t) => {
      const server = await startMediamtx(t);
      publish(t, server.url("cam"));
      await server.process.match(/is publishing to path 'cam'/);
      const { tracks, units } = await gortsplibRead(t, { url: server.url("cam"), transport, seconds: 2, units: true });
      assert.equal(tracks.length, 1);
      assert.equal(tracks[0]?.codec, "H264");
      assert.equal(tracks[0]?.lost, 0);
      assert.equal(tracks[0]?.accessUnits, units.length);
      assert.ok(units.length > 0);
    });
  }
}

test("a peer that fails says why", { skip: ffmpeg.missing }, async (t) => {
  await assert.rejects(runPeer(t, ffmpeg, ["-v", "error", "-i", "/no/such/file"]), /ffmpeg ended with 1.*No such file/s);
});

test("a peer that takes too long is killed", { skip: ffmpeg.missing }, async (t) => {
  const forever = ["-v", "error", "-re", "-f", "lavfi", "-i", "testsrc", "-f", "null", "-"];
  await assert.rejects(runPeer(t, ffmpeg, forever, { timeoutMs: 300 }), /SIGKILL.*too long/s);
});
