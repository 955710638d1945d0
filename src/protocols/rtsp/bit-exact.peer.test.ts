// Every codec through the gateway, over every pair of ways in and ways out: the coded bytes that come out are those that went in.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type CodedFile, type CodedFormat, makeCodedFile, mediaOf } from "#testing/bitstreams/coded-file.ts";
import { assertRunOf, elementsOfFrames, elementsOfMuxed, muxerOf } from "#testing/bitstreams/elements.ts";
import { ffmpeg, ffmpegPublish } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import {
  type GstCameraOptions,
  type GstCodec,
  gstFrames,
  gstLaunch,
  gstReadFrames,
  gstRtspServer,
  startGstCamera,
} from "#testing/peers/gst.ts";
import { runPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { pulled, type Site, startSite } from "#testing/rtsp-site.ts";

/** The streams: together they hold every codec. */
const STREAMS: readonly (readonly GstCodec[])[] = [["h264", "aac"], ["h265", "opus"], ["mjpeg", "pcma"], ["pcmu"], ["l16"]];
const INPUTS = ["ffmpeg publishes over tcp", "ffmpeg publishes over udp", "camera pulled over tcp", "camera pulled over udp"] as const;
const OUTPUTS = ["ffmpeg reads over tcp", "ffmpeg reads over udp", "gstreamer reads over tcp", "gstreamer reads over udp"] as const;

type Input = (typeof INPUTS)[number];
type Output = (typeof OUTPUTS)[number];

/** Longer than the tests of one stream take: a camera does not begin anew. */
const SECONDS = 90;
/** More than a GOP of pictures, and more than half a second of sound. */
const LEAST: Readonly<Record<GstCodec, number>> = {
  h264: 30 * 3, // slices
  h265: 30 * 2,
  mjpeg: 30,
  aac: 30,
  opus: 30,
  pcma: 4000, // samples
  pcmu: 4000,
  l16: 22_050,
};
const READ_SECONDS = 1.5;

for (const codecs of STREAMS) {
  test(`${codecs.join(" and ")} come out as they went in`, {
    skip: missingOf(ffmpeg, gstLaunch, gstRtspServer),
    concurrency: 4,
  }, async (t) => {
    const folder = await temporaryFolder(t);
    const files = await Promise.all(codecs.map((codec) => makeCodedFile(t, { codec, folder, seconds: SECONDS })));
    const wanted = new Map<CodedFormat, string[]>();
    for (const file of files) wanted.set(file.codec, await elementsOfFile(t, file, folder));
    const site = await startStreams(t, files);
    const pairs = INPUTS.flatMap((input) => OUTPUTS.map((output) => ({ input, output })));
    await Promise.all(
      pairs.map(({ input, output }) =>
        t.test(`${input}, ${output}`, async (one) => {
          const got = await read(one, output, site.url(pathOf(input)), codecs);
          for (const codec of codecs) assertRunOf(wanted.get(codec)!, got.get(codec)!, LEAST[codec]);
        }),
      ),
    );
  });
}

async function elementsOfFile(scope: TestScope, { codec, file, format }: CodedFile, folder: string): Promise<string[]> {
  const copy = join(folder, `${codec}.copy`);
  await runPeer(scope, ffmpeg, ["-v", "error", "-nostdin", ...format, "-i", file, "-c", "copy", ...muxerOf(codec), copy]);
  return elementsOfMuxed(codec, copy);
}

function pathOf(input: Input): string {
  return input.replaceAll(" ", "-");
}

/** A site with a path for each way in, all of them with a stream. */
async function startStreams(scope: TestScope, files: readonly CodedFile[]): Promise<Site> {
  const [tcp, udp] = await Promise.all([startCamera(scope, files), startCamera(scope, files)]);
  const site = await startSite({
    paths: {
      [pathOf("camera pulled over tcp")]: { source: pulled(tcp, { transport: "tcp" }) },
      [pathOf("camera pulled over udp")]: { source: pulled(udp, { transport: "udp" }) },
      all_others: {},
    },
  });
  scope.after(() => site.close());
  for (const transport of ["tcp", "udp"] as const) {
    ffmpegPublish(scope, { url: site.url(pathOf(`ffmpeg publishes over ${transport}`)), files, transport, loop: true });
  }
  for (const input of INPUTS) await until(`stream of ${input}`, () => site.registry.get(pathOf(input))?.state === "available");
  return site;
}

async function startCamera(scope: TestScope, files: readonly CodedFile[]): Promise<string> {
  const options: { -readonly [K in keyof GstCameraOptions]: GstCameraOptions[K] } = {};
  for (const { codec, file } of files) {
    if (codec === "h264" || codec === "h265" || codec === "mjpeg") Object.assign(options, { video: codec, videoFile: file });
    else Object.assign(options, { audio: codec, audioFile: file });
  }
  return (await startGstCamera(scope, options)).url;
}

async function read(
  scope: TestScope,
  output: Output,
  url: string,
  codecs: readonly GstCodec[],
): Promise<ReadonlyMap<CodedFormat, readonly string[]>> {
  const transport = output.endsWith("tcp") ? "tcp" : "udp";
  const folder = await temporaryFolder(scope);
  const elements = new Map<CodedFormat, readonly string[]>();
  if (output.startsWith("ffmpeg")) {
    const outputs = codecs.flatMap((codec) => {
      const map = ["-map", mediaOf(codec) === "video" ? "0:v" : "0:a", "-c", "copy", "-t", String(READ_SECONDS)];
      return [...map, ...muxerOf(codec), join(folder, codec)];
    });
    await runPeer(scope, ffmpeg, [
      "-v",
      "error",
      "-nostdin",
      "-rtsp_transport",
      transport,
      "-analyzeduration",
      "500000",
      "-i",
      url,
      ...outputs,
    ]);
    for (const codec of codecs) elements.set(codec, await elementsOfMuxed(codec, join(folder, codec)));
    return elements;
  }
  const tracks = codecs.map((codec) => ({ media: mediaOf(codec), codec, folder: join(folder, codec) }));
  for (const track of tracks) await mkdir(track.folder);
  const reader = gstReadFrames(scope, { url, transport, tracks });
  for (const { codec, folder: frames } of tracks) {
    const enough = await until(`${LEAST[codec]} elements of ${codec}`, async () => {
      const sofar = elementsOfFrames(codec, await gstFrames(frames));
      return sofar.length >= LEAST[codec] && sofar;
    });
    elements.set(codec, enough);
  }
  await reader.kill();
  return elements;
}
