// A camera's picture made smaller for one reader, by a real ffmpeg: of the rate and size that was asked for, and only while it is wanted.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { PeerFault } from "#base/errors.ts";
import { codecProperties } from "#codecs/properties.ts";
import type { ReadLease } from "#relay/path.ts";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { startCameras } from "#testing/camera/cameras.ts";
import { childrenOf } from "#testing/child-processes.ts";
import { openInlet } from "#testing/inlet.ts";
import { ffmpeg } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { until } from "#testing/peers/until.ts";
import { pulled, startSite } from "#testing/rtsp-site.ts";
import { UnitTap } from "#testing/unit-tap.ts";
import { FfmpegSources } from "./ffmpeg-sources.ts";
import type { TranscodeTarget } from "./transcode-command.ts";
import { transcodedRead } from "./transcoded-read.ts";

const skip = missingOf(ffmpeg);
const PATIENCE_MS = 60_000;

async function setUp(t: TestContext, { program }: { readonly program?: string } = {}) {
  const cameras = await startCameras({ port: 0, count: 1, login: undefined });
  const log = new AwaitedLog();
  const site = await startSite({ paths: { gate: { source: pulled(cameras.url("gate")) } } });
  const sources = new FfmpegSources({
    ...{ inlet: openInlet(t, { log }), log, rtspPort: 8554, packetBytes: 1452 },
    ...(program !== undefined && { program }),
  });
  t.after(async () => {
    await site.close();
    await sources.close();
    await cameras.close();
  });
  await until("the camera", () => site.registry.get("gate")?.state === "available");
  const read = (tap: UnitTap, target: TranscodeTarget): Promise<ReadLease> =>
    transcodedRead({
      open: (reader) => site.registry.openForOwn("gate", reader, { type: "push", id: "1" }),
      encoder: (feed) => sources.openTranscoded("gate", target, feed),
      makeStream: (tracks, native) => site.registry.makeStream(tracks, native, site.clock),
    })(tap);
  const encoders = () => childrenOf(process.pid, /^\S*ffmpeg .*\/gate\/[0-9a-f]{32} $/);
  return { site, cameras, read, encoders };
}

test("narrower, slower and of a bounded rate; one reader of the path, and gone when it leaves", { skip }, async (t) => {
  const { site, read, encoders } = await setUp(t);
  const tap = new UnitTap();
  const lease = await read(tap, { maxKbps: 100, maxWidth: 320, maxFps: 10 });
  assert.equal(site.registry.get("gate")!.snapshot().readers.length, 1);
  assert.deepEqual(
    lease.stream.tracks.map(({ codec, reorderFrames }) => [codec, reorderFrames]),
    [["h264", 0]],
  );
  lease.start();
  const units = await until("five seconds of it", () => (tap.units.length > 50 ? tap.units : undefined), PATIENCE_MS);
  const { props } = codecProperties(units[0]!.track.parameters);
  assert.deepEqual([props?.["width"], props?.["height"]], [320, 180]);
  assert.ok(units[0]!.keyframe);
  const seconds = (units.at(-1)!.ptsTicks - units[0]!.ptsTicks) / 90_000;
  assert.ok(seconds >= (units.length - 1) / 10.5, `${units.length} pictures in ${seconds} s are more than 10 a second`);
  const bits = units.reduce((sum, { packets }) => sum + (packets?.bytes.length ?? 0), 0) * 8;
  assert.ok(bits / (seconds + 1) < 150_000, `${bits} bits in ${seconds} s`);
  assert.equal((await encoders()).length, 1);
  lease.close();
  assert.equal(site.registry.get("gate")!.snapshot().readers.length, 0);
  await until("no encoder", async () => (await encoders()).length === 0, PATIENCE_MS);
  assert.deepEqual(tap.ends, ["closed"]);
});

test("the camera goes: the reader is told, and no encoder is left", { skip }, async (t) => {
  const { site, read, encoders } = await setUp(t);
  const tap = new UnitTap();
  const lease = await read(tap, { maxKbps: 300, maxWidth: undefined, maxFps: undefined });
  lease.start();
  await until("a picture", () => tap.units.length > 0, PATIENCE_MS);
  site.registry.reload([]);
  assert.deepEqual(tap.ends, ["path-removed"]);
  await until("no encoder", async () => (await encoders()).length === 0, PATIENCE_MS);
});

test("an encoder that does not run is a fault, and gives the place back", async (t) => {
  const { site, read } = await setUp(t, { program: "/nowhere/ffmpeg" });
  const tap = new UnitTap();
  await assert.rejects(read(tap, { maxKbps: 300, maxWidth: 320, maxFps: 10 }), (fault: PeerFault) => {
    assert.ok(fault instanceof PeerFault);
    assert.equal(fault.code, "config");
    return true;
  });
  assert.equal(site.registry.get("gate")!.snapshot().readers.length, 0);
});
