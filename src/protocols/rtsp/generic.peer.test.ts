// Formats whose packets nobody needs to take apart, and packets that do not fit a datagram.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Codec } from "#codecs/codec.ts";
import { FRAMING_BYTES, type PacketBurst } from "#rtp/burst.ts";
import { type CodedFile, type CodedFormat, makeCodedFile, mediaOf } from "#testing/bitstreams/coded-file.ts";
import { assertRunOf, elementsOfMuxed, muxerOf } from "#testing/bitstreams/elements.ts";
import { ffmpeg, ffmpegDecodeGray, ffmpegPublish, type RtspTransport } from "#testing/peers/ffmpeg.ts";
import { runPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { watchUnits } from "#testing/peers/watch-units.ts";
import { type Site, startSite } from "#testing/rtsp-site.ts";

/** More than a GOP. */
const LEAST_FRAMES = 30;

const PASSED: readonly (readonly [CodedFormat, Codec])[] = [
  ["vp8", "vp8"],
  ["mpeg4", "mpeg4-video"],
  ["mpeg2", "mpeg1-video"],
];

for (const [codec, known] of PASSED) {
  for (const transport of ["tcp", "udp"] as const) {
    test(`${codec} passes through as it comes over ${transport}, and plays`, { skip: ffmpeg.missing }, async (t) => {
      const { site, whole } = await published(t, { codec, seconds: 20 }, transport);
      const { tracks } = site.registry.get("cam")!.snapshot();
      assert.deepEqual(
        tracks.map((track) => track.codec),
        [known],
      );
      const [frames, pictures] = await Promise.all([
        read(t, site, codec, transport),
        ffmpegDecodeGray(t, { input: site.url("cam"), transport, width: 160, height: 128 }, { frames: LEAST_FRAMES }),
      ]);
      assertRunOf(whole, frames, LEAST_FRAMES);
      assert.equal(pictures.length, LEAST_FRAMES);
    });
  }
}

for (const codec of ["h264", "h265", "mjpeg", "mpeg4", "mpeg2", "aac", "mp3"] as const) {
  test(`${codec} in packets of 20 kB is cut anew for all readers`, { skip: ffmpeg.missing }, async (t) => {
    const { site, whole } = await published(t, { codec, seconds: 30, size: "640x352" }, "tcp", ["-pkt_size", "20000"]);
    const units = await watchUnits(site, "cam");
    const [overTcp, overUdp] = await Promise.all([read(t, site, codec, "tcp"), read(t, site, codec, "udp")]);
    assertRunOf(whole, overTcp, LEAST_FRAMES);
    assertRunOf(whole, overUdp, LEAST_FRAMES);
    const sizes = units.flatMap(({ packets }) => packetSizes(packets!));
    assert.ok(Math.max(...sizes) <= 1452, "each fits a datagram");
    const publisher = site.sessions
      .list("rtspSession")
      .find(({ state }) => state === "publish")!
      .counters();
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    assert.ok(publisher["inboundBytes"]! / publisher["inboundRTPPackets"]! > mean, "they came in larger ones");
  });
}

function packetSizes({ offsets, count }: PacketBurst): number[] {
  return Array.from({ length: count }, (_, i) => offsets[i + 1]! - offsets[i]! - FRAMING_BYTES);
}

/** A site to which ffmpeg publishes a file, and the elements of that file. */
async function published(
  scope: TestScope,
  options: { readonly codec: CodedFormat; readonly seconds: number; readonly size?: string },
  transport: RtspTransport,
  muxerOptions: readonly string[] = [],
): Promise<{ readonly site: Site; readonly whole: readonly string[] }> {
  const folder = await temporaryFolder(scope);
  const coded: CodedFile = await makeCodedFile(scope, { ...options, folder });
  const copy = join(folder, "copy");
  await runPeer(scope, ffmpeg, ["-v", "error", "-nostdin", "-i", coded.file, "-c", "copy", ...muxerOf(coded.codec), copy]);
  const site = await startSite();
  scope.after(() => site.close());
  ffmpegPublish(scope, { url: site.url("cam"), files: [coded], transport, loop: true, muxerOptions });
  await until("a stream on path cam", () => site.registry.get("cam")?.state === "available");
  return { site, whole: await elementsOfMuxed(coded.codec, copy) };
}

async function read(scope: TestScope, site: Site, codec: CodedFormat, transport: RtspTransport): Promise<string[]> {
  const file = join(await temporaryFolder(scope), codec);
  const input = ["-rtsp_transport", transport, "-analyzeduration", "500000", "-i", site.url("cam")];
  const frames = [`-frames:${mediaOf(codec) === "video" ? "v" : "a"}`, String(LEAST_FRAMES + 10)];
  await runPeer(scope, ffmpeg, ["-v", "error", "-nostdin", ...input, "-c", "copy", ...frames, ...muxerOf(codec), file]);
  return elementsOfMuxed(codec, file);
}
