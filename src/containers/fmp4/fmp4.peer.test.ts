// ffmpeg reads what was written, and what ffmpeg wrote is read: packets and times are the same, and nobody complains.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { decodeG711 } from "#codecs/g711/decode.ts";
import { mpegVideoConfig } from "#codecs/mpeg1-video/headers.ts";
import { ALL_RECIPES, encodeFragmented } from "#testing/mp4/encoded-file.ts";
import { readFragmentedFile, samplesOf, writeFragmentedFile, writeProgressiveFile } from "#testing/mp4/whole-file.ts";
import { ffmpeg, ffprobe, ffprobeStreams } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { runPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import type { ContainerTrack, Sample, TrackSamples } from "../sample.ts";
import { chunkAt } from "./progressive.ts";
import { type ParameterSetPlace, storeTracks } from "./stored-track.ts";

const skip = missingOf(ffmpeg, ffprobe);
/** Packets as ffmpeg's demuxer hands them over, sorted: stream, dts, pts, size, hash. It may not say a word about the file. */
async function packetsOf(scope: TestScope, file: string): Promise<string[]> {
  const input = ["-v", "warning", "-nostdin", "-ignore_editlist", "1", "-i", file];
  const { stdout, stderr } = await runPeer(scope, ffmpeg, [
    ...input,
    "-map",
    "0",
    "-c",
    "copy",
    "-f",
    "framehash",
    "-hash",
    "md5",
    "pipe:1",
  ]);
  assert.equal(withoutLayoutGuess(stderr), "");
  const rows = stdout.toString("utf8").split("\n");
  const packets = rows.filter((row) => row !== "" && !row.startsWith("#")).map((row) => row.split(",").map((field) => field.trim()));
  return packets.map(([stream, dts, pts, , size, hash]) => `${stream} ${dts} ${pts} ${size} ${hash}`).sort();
}

/** `ipcm` does not tell where the loudspeakers stand. */
function withoutLayoutGuess(stderr: string): string {
  return stderr.replace(/^Guessed Channel Layout for Input Stream .*\n/gm, "");
}

/** Every frame is decoded, and nothing is wrong with it. */
async function decodes(scope: TestScope, file: string, options: readonly string[] = []): Promise<number> {
  const args = ["-v", "warning", "-nostdin", ...options, "-i", file, "-map", "0", "-f", "framehash", "-fps_mode", "passthrough", "pipe:1"];
  const { stdout, stderr } = await runPeer(scope, ffmpeg, args);
  assert.equal(withoutLayoutGuess(stderr), "");
  return stdout
    .toString("utf8")
    .split("\n")
    .filter((row) => /^\d/.test(row)).length;
}

/** ffmpeg does not put the headers of MPEG-1 and MPEG-2 video beside the samples; a source finds them in the first frame. */
function completed(track: ContainerTrack, { frame }: Sample): ContainerTrack {
  const config = track.parameters.codec === "mpeg1-video" ? mpegVideoConfig(frame[0]!) : undefined;
  return config === undefined ? track : { ...track, parameters: { codec: "mpeg1-video", config } };
}

for (const name of ALL_RECIPES) {
  test(`${name}: ffmpeg's file, read and written again`, { skip }, async (t) => {
    const folder = await temporaryFolder(t);
    const source = await encodeFragmented(t, folder, name);
    const { init, fragments } = readFragmentedFile(await readFile(source))!;
    const expected = await packetsOf(t, source);
    assert.ok(expected.length > 40);

    const tracks = storeTracks(init.tracks.map((track, i) => completed(track, samplesOf(fragments, i)[0]!)));
    const fragmented = join(folder, "fragmented.mp4");
    await writeFile(fragmented, writeFragmentedFile(tracks, fragments));
    assert.deepEqual(await packetsOf(t, fragmented), expected);
    const described = ({
      codec_name,
      profile,
      width,
      height,
      channels,
      sample_rate,
    }: Awaited<ReturnType<typeof ffprobeStreams>>[number]) => {
      return { codec_name, profile, width, height, channels, sample_rate };
    };
    const streams = async (input: string) => (await ffprobeStreams(t, { input })).map(described);
    assert.deepEqual(await streams(fragmented), await streams(source));
    assert.ok((await decodes(t, fragmented)) > 40);

    const plain = join(folder, "plain.mp4");
    const samples = init.tracks.map((_, trackIndex) => samplesOf(fragments, trackIndex));
    await writeFile(plain, writeProgressiveFile(tracks, samples)!.bytes);
    assert.deepEqual(await packetsOf(t, plain), expected);
    assert.ok((await decodes(t, plain)) > 40);
  });
}

for (const place of ["first-in-entry", "in-band"] as const satisfies readonly ParameterSetPlace[]) {
  for (const name of ["h264", "h265"] as const) {
    test(`${name}, parameter sets ${place}: every frame is decoded`, { skip }, async (t) => {
      const folder = await temporaryFolder(t);
      const source = await encodeFragmented(t, folder, name);
      const { init, fragments } = readFragmentedFile(await readFile(source))!;
      const file = join(folder, "stored.mp4");
      await writeFile(file, writeFragmentedFile(storeTracks(init.tracks, place), fragments));
      assert.equal(await decodes(t, file), await decodes(t, source));
      const sync = await runPeer(t, ffprobe, ["-v", "warning", "-show_entries", "packet=flags", "-of", "csv", file]);
      assert.equal(sync.stderr, "");
      const keyframes = fragments
        .flat()
        .flatMap(({ samples }) => samples)
        .filter(({ keyframe }) => keyframe).length;
      assert.equal(sync.stdout.toString("utf8").match(/K/g)?.length, keyframes);
    });
  }
}

const PCM = [
  {
    name: "G.711 A-law",
    parameters: { codec: "g711", muLaw: false, sampleRateHz: 8000, channelCount: 1 },
    decoder: ["-f", "alaw", "-ar", "8000"],
  },
  {
    name: "G.711 µ-law",
    parameters: { codec: "g711", muLaw: true, sampleRateHz: 8000, channelCount: 1 },
    decoder: ["-f", "mulaw", "-ar", "8000"],
  },
  {
    name: "L16",
    parameters: { codec: "lpcm", bitDepth: 16, sampleRateHz: 8000, channelCount: 1 },
    decoder: ["-f", "s16be", "-ar", "8000"],
  },
  {
    name: "L24",
    parameters: { codec: "lpcm", bitDepth: 24, sampleRateHz: 8000, channelCount: 1 },
    decoder: ["-f", "s24be", "-ar", "8000"],
  },
] as const;

for (const { name, parameters, decoder } of PCM) {
  test(`${name}: ffmpeg hears what it hears in the coded stream`, { skip }, async (t) => {
    const folder = await temporaryFolder(t);
    const coded = Buffer.from(Array.from({ length: 4800 }, (_, i) => (i * 31 + (i >> 8)) & 0xff)); // every byte of both laws
    await writeFile(join(folder, "coded"), coded);
    const packetBytes = 480;
    const frameTicks = packetBytes / (parameters.codec === "lpcm" ? parameters.bitDepth / 8 : 1);
    const samples = Array.from({ length: coded.length / packetBytes }, (_, i): Sample => {
      const frame = [coded.subarray(i * packetBytes, (i + 1) * packetBytes)];
      return { dtsTicks: i * frameTicks, ptsOffsetTicks: 0, durationTicks: frameTicks, keyframe: true, frame };
    });
    const tracks = storeTracks([{ kind: "audio", clockRateHz: 8000, parameters }]);
    const fragments: TrackSamples[][] = [[{ trackIndex: 0, samples: samples.slice(0, 4) }], [{ trackIndex: 0, samples: samples.slice(4) }]];
    await writeFile(join(folder, "fragmented.mp4"), writeFragmentedFile(tracks, fragments));
    await writeFile(join(folder, "plain.mp4"), writeProgressiveFile(tracks, [samples])!.bytes);
    const heard = async (input: readonly string[], level = "warning") => {
      const { stdout, stderr } = await runPeer(t, ffmpeg, ["-v", level, "-nostdin", ...input, "-f", "s32be", "pipe:1"]);
      assert.equal(withoutLayoutGuess(stderr), "");
      return stdout;
    };
    const expected = await heard([...decoder, "-i", join(folder, "coded")], "error");
    assert.ok(expected.length > 1600);
    for (const file of ["fragmented.mp4", "plain.mp4"]) assert.ok((await heard(["-i", join(folder, file)])).equals(expected), file);
    if (parameters.codec === "g711") {
      const { stdout } = await runPeer(t, ffmpeg, ["-v", "error", ...decoder, "-i", join(folder, "coded"), "-f", "s16be", "pipe:1"]);
      assert.ok(decodeG711(coded, parameters.muLaw).equals(stdout));
    }
  });
}

test("a plain file begins where it is told, and its parts are those of the whole", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const source = await encodeFragmented(t, folder, "h264 and aac");
  const { init, fragments } = readFragmentedFile(await readFile(source))!;
  const samples = init.tracks.map((_, trackIndex) => samplesOf(fragments, trackIndex));
  const tracks = storeTracks(init.tracks);
  const [video, audio] = init.tracks;
  const originTicks = [0.6 * video!.clockRateHz + samples[0]![0]!.ptsOffsetTicks, 0.6 * audio!.clockRateHz];
  const { bytes, plan } = writeProgressiveFile(tracks, samples, { originTicks })!;
  const file = join(folder, "from.mp4");
  await writeFile(file, bytes);
  assert.ok((await decodes(t, file)) > 40);
  const { stdout } = await runPeer(t, ffprobe, ["-v", "warning", "-show_entries", "format=duration,start_time", "-of", "csv=p=0", file]);
  const [start, duration] = stdout.toString("utf8").trim().split(",").map(Number);
  assert.ok(Math.abs(start!) < 0.03 && Math.abs(duration! - 1.4) < 0.05, `${start} ${duration}`);
  // Frames that are shown: 35 of 50.
  const frames = await runPeer(t, ffmpeg, [
    "-v",
    "error",
    "-i",
    file,
    "-map",
    "0:v",
    "-f",
    "framehash",
    "-fps_mode",
    "passthrough",
    "pipe:1",
  ]);
  assert.equal(
    frames.stdout
      .toString("utf8")
      .split("\n")
      .filter((row) => /^\d/.test(row)).length,
    35,
  );
  // Any byte of the media is found through its chunk and the sizes before it.
  for (let offset = plan.head.length; offset < bytes.length; offset += 997) {
    const chunk = plan.chunks[chunkAt(plan, offset)]!;
    assert.ok(chunk.offset <= offset && offset < chunk.offset + chunk.sizeBytes);
  }
});
