// What real encoders make, with B-frames and open groups of pictures, through relay and recorder.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { silentLog } from "#base/log.ts";
import { isH264Keyframe } from "#codecs/h264/nal.ts";
import { isH265Keyframe } from "#codecs/h265/nal.ts";
import { reorderFramesOf } from "#codecs/reorder.ts";
import { PathRegistry } from "#relay/path-registry.ts";
import type { Track } from "#relay/track.ts";
import { readAdtsFrames, readClipTimes, readCodedClip } from "#testing/coded-clip.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { RecorderSite } from "#testing/recorder-site.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { ScriptedStore } from "#testing/scripted-store.ts";
import { FrameMemory } from "./frame-memory.ts";
import { HoldBudget } from "./hold-budget.ts";
import { Recorder } from "./recorder.ts";

const fileOf = (name: string) => new URL(`../codecs/testdata/${name}`, import.meta.url);

for (const name of [
  "h264-baseline-slices.h264",
  "h264-main-b3.h264",
  "h264-high-pyramid-open-gop.h264",
  "h264-high-interlaced.h264",
  "h265-main-open-gop.h265",
  "h265-main-closed-gop.h265",
]) {
  test(`${name}: every frame in order, with the times of the encoder`, async () => {
    const clip = readCodedClip(fileOf(name));
    const times = readClipTimes(fileOf(name));
    const { codec } = clip.parameters;
    assert.ok(codec === "h264" || codec === "h265");
    const track: Track = {
      index: 0,
      kind: "video",
      codec,
      clockRateHz: times.clockRateHz,
      parameters: clip.parameters,
      reorderFrames: reorderFramesOf(clip.parameters),
    };
    const isKeyframe = codec === "h264" ? isH264Keyframe : isH265Keyframe;
    const site = new RecorderSite({ limits: { maxMs: 400 } });
    site.attach(track);
    const startUs = site.clock.us;
    for (const [i, frame] of clip.frames.entries()) {
      const ptsTicks = 1e6 + times.pts[i]!;
      const captureUs = startUs + Math.round((times.pts[i]! / times.clockRateHz) * 1e6);
      site.recorder.onUnit({ track, ptsTicks, captureUs, keyframe: isKeyframe(frame), damaged: false, frame });
      if (i === 0) await setImmediate();
    }
    site.end();
    await setImmediate();
    const firstDts = times.dts[0]!;
    const samples = site.fragments.flatMap((fragment) => fragment.samples.flatMap((one) => one.samples));
    assert.deepEqual(
      samples.map(({ dtsTicks }) => dtsTicks + firstDts),
      times.dts,
    );
    assert.deepEqual(
      samples.map(({ dtsTicks, ptsOffsetTicks }) => dtsTicks + firstDts + ptsOffsetTicks),
      times.pts,
    );
    assert.deepEqual(
      samples.slice(0, -1).map(({ durationTicks }) => durationTicks),
      times.dts.slice(1).map((dts, i) => dts - times.dts[i]!),
    );
    assert.deepEqual(
      samples.map(({ frame }) => frame),
      clip.frames,
    );
    assert.ok(site.fragments.length > 1);
    for (const fragment of site.fragments) assert.equal(fragment.keyframe, fragment.samples[0]?.samples[0]?.keyframe);
    const { captureUs } = site.store.runs[0]!;
    assert.equal(captureUs, startUs + Math.round((firstDts / times.clockRateHz) * 1e6), "of the first frame's decoding");
  });
}

test("from packets of a live path: coded video and AAC, without being its reader", async () => {
  const clock = new FakeClock();
  const store = new ScriptedStore();
  const registry = new PathRegistry({
    clock,
    log: silentLog,
    udpMaxPayloadBytes: 1452,
    authorize: () => Promise.resolve({ allowed: true, user: "" }),
    confs: [pathConf("cam", { maxReaders: 1 })],
    nameFault: () => undefined,
  });
  const path = registry.get("cam")!;
  const recorder = new Recorder({
    name: "cam",
    clock,
    log: silentLog,
    store,
    memory: new FrameMemory(),
    budget: new HoldBudget(),
    keeps: () => true,
    follow: (reader) => path.follow(reader),
    schedule: new ManualTimers(clock).schedule,
  });
  recorder.start();
  const clip = readCodedClip(fileOf("h264-main-b3.h264"));
  const times = readClipTimes(fileOf("h264-main-b3.h264"));
  const aacFrames = readAdtsFrames(fileOf("aac-lc.aac"));
  const video: Track = {
    index: 0,
    kind: "video",
    codec: "h264",
    clockRateHz: times.clockRateHz,
    parameters: clip.parameters,
    reorderFrames: 1,
  };
  const config = Buffer.from("1210", "hex");
  const audio: Track = {
    index: 1,
    kind: "audio",
    codec: "aac",
    clockRateHz: 44_100,
    parameters: { codec: "aac", config, sampleRateHz: 44_100, channelCount: 2, sizeLength: 13, indexLength: 3, indexDeltaLength: 3 },
    reorderFrames: 0,
  };
  const lease = path.publish({ type: "test", id: "1", onEnd: () => {} });
  const publish = lease.sink.ready([video, audio], "frame");
  const startUs = clock.us;
  let heard = 0;
  for (const [i, frame] of clip.frames.entries()) {
    const atS = times.pts[i]! / times.clockRateHz;
    publish({
      track: video,
      ptsTicks: times.pts[i]!,
      captureUs: startUs + atS * 1e6,
      keyframe: isH264Keyframe(frame),
      damaged: false,
      frame,
    });
    await setImmediate();
    for (; heard < aacFrames.length - 1 && (heard * 1024) / 44_100 <= atS; heard += 2) {
      const captureUs = startUs + (heard * 1024 * 1e6) / 44_100;
      publish({
        track: audio,
        ptsTicks: heard * 1024,
        captureUs,
        keyframe: true,
        damaged: false,
        frame: aacFrames.slice(heard, heard + 2),
      });
    }
  }
  assert.equal(path.snapshot().readers.length, 0);
  lease.close();
  await setImmediate();
  const of = (trackIndex: number) =>
    store.fragments.flatMap(({ samples }) => samples.flatMap((one) => (one.trackIndex === trackIndex ? one.samples : [])));
  assert.deepEqual(
    of(0).map(({ frame }) => frame),
    clip.frames,
  );
  assert.deepEqual(
    of(1).map(({ frame }) => frame),
    aacFrames.slice(0, heard).map((frame) => [frame]),
  );
  assert.ok(heard > 10 && of(1).every(({ durationTicks }) => durationTicks === 1024));
  const firstDtsS = times.dts[0]! / times.clockRateHz;
  assert.equal(of(1)[0]?.dtsTicks, Math.round(-firstDtsS * 44_100), "both count from the same instant");
  assert.deepEqual([recorder.state.state, recorder.state.droppedUnits], ["waiting", 0]);
  await recorder.stop();
  registry.close();
});
