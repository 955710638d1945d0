// When an encoder is started, taken for another, waited for and ended; the encoders are the test's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { deferred } from "#base/deferred.ts";
import { GopMemory } from "#relay/gop-cache.ts";
import { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { UnitTap } from "#testing/unit-tap.ts";
import { OpusAudio } from "./opus-audio.ts";
import type { EncodedPacket, OpusEncoder } from "./opus-encoder.ts";

const AAC: Track = {
  index: 0,
  kind: "audio",
  codec: "aac",
  clockRateHz: 16_000,
  parameters: {
    codec: "aac",
    config: Buffer.of(0x14, 0x08),
    sampleRateHz: 16_000,
    channelCount: 1,
    sizeLength: 13,
    indexLength: 3,
    indexDeltaLength: 3,
  },
  reorderFrames: 0,
};

class ScriptedEncoder {
  readonly fed: number[] = [];
  isClosed = false;
  goesOn = true;
  readonly end = deferred<string>();
  readonly ended = this.end.promise;
  readonly gone = Promise.resolve();
  readonly #onPacket: (packet: EncodedPacket) => void;

  constructor(onPacket: (packet: EncodedPacket) => void) {
    this.#onPacket = onPacket;
  }

  continues(): boolean {
    return this.goesOn;
  }

  feed({ ptsTicks }: { readonly ptsTicks: number }): void {
    this.fed.push(ptsTicks);
  }

  close(): void {
    this.isClosed = true;
  }

  packet(startSamples: number): void {
    this.#onPacket({ bytes: Buffer.of(0xfc, 1), startSamples, captureUs: 1e6 + startSamples / 0.048 });
  }
}

function setUp() {
  const clock = new FakeClock();
  const timers = new ManualTimers(clock);
  const log = new AwaitedLog();
  const streamOptions = { clock, udpMaxPayloadBytes: 1452, gopMemory: new GopMemory() };
  const source = new Stream([AAC], "frame", streamOptions);
  const encoders: ScriptedEncoder[] = [];
  let closed = 0;
  const audio = new OpusAudio({
    source,
    track: AAC,
    clock,
    schedule: timers.schedule,
    log,
    makeStream: (opus) => new Stream([opus], "frame", streamOptions),
    startEncoder: ({ onPacket }) => {
      const encoder = new ScriptedEncoder(onPacket);
      encoders.push(encoder);
      return encoder as unknown as OpusEncoder;
    },
    onClose: () => closed++,
  });
  let publish = source.begin([AAC], "frame");
  let ticks = 0;
  const unit = (): void => {
    publish({ track: AAC, ptsTicks: ticks, captureUs: clock.us, keyframe: true, damaged: false, frame: [Buffer.of(1)] });
    ticks += 1024;
    timers.passMs(64);
  };
  const restart = (): void => {
    publish = source.begin([AAC], "frame");
  };
  return { audio, source, encoders, unit, restart, timers, log, closed: () => closed };
}

test("an encoder is started with the first unit, and closed with the last lease", () => {
  const { audio, source, encoders, unit, closed } = setUp();
  unit();
  assert.equal(encoders.length, 0);
  const [first, second] = [audio.lease(), audio.lease()];
  assert.equal(encoders.length, 0, "nothing to encode yet");
  unit();
  unit();
  assert.equal(encoders.length, 1);
  assert.equal(encoders[0]!.fed.length, 2);
  first.close();
  first.close();
  assert.ok(!encoders[0]!.isClosed);
  second.close();
  assert.ok(encoders[0]!.isClosed);
  assert.equal(closed(), 1);
  assert.equal(source.readers.size, 0);
  unit();
  assert.equal(encoders.length, 1);
});

test("a source that begins anew, and times that jump, get another encoder; the stream goes on", () => {
  const { audio, encoders, unit, restart, timers } = setUp();
  const { stream } = audio.lease();
  const tap = new UnitTap({ wants: () => "frame" });
  stream.addReader(tap);
  unit();
  encoders[0]!.packet(-120);
  encoders[0]!.packet(840);
  timers.passMs(10_000);
  restart();
  assert.ok(encoders[0]!.isClosed);
  unit();
  assert.equal(encoders.length, 2);
  encoders[0]!.packet(1800); // what was on its way
  encoders[1]!.packet(-120);
  assert.equal(tap.units.length, 3);
  assert.ok(tap.units[2]!.ptsTicks > tap.units[1]!.ptsTicks);
  timers.passMs(10_000);
  encoders[1]!.goesOn = false;
  unit();
  assert.ok(encoders[1]!.isClosed);
  assert.equal(encoders[2]!.fed.length, 1, "the unit that did not fit is the first of the next");
});

test("times that jump all the while do not start programs all the while", () => {
  const { audio, encoders, unit } = setUp();
  audio.lease();
  for (let i = 0; i < 150; i++) {
    unit(); // 9.6 s
    for (const encoder of encoders) encoder.goesOn = false;
  }
  assert.ok(encoders.length >= 2 && encoders.length < 8, `${encoders.length}`);
});

test("one that dies is told of once, and tried again after growing waits, until it makes something", async () => {
  const { audio, encoders, unit, timers, log } = setUp();
  const lease = audio.lease();
  const die = async (): Promise<void> => {
    unit();
    encoders.at(-1)!.end.resolve("ffmpeg exited with code 1");
    await setImmediate();
  };
  await die();
  assert.equal(lease.fault, "ffmpeg exited with code 1");
  unit();
  assert.equal(encoders.length, 1, "it waits");
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    waits.push(timers.delaysMs[0]!);
    timers.passMs(waits.at(-1)!);
    await die();
    assert.equal(encoders.length, i + 2);
  }
  assert.ok(
    waits.every((wait, i) => i === 0 || wait > waits[i - 1]!),
    waits.join(" "),
  );
  timers.passMs(60_000);
  unit();
  encoders.at(-1)!.packet(0);
  assert.equal(lease.fault, undefined);
  assert.deepEqual(
    log.lines.filter((line) => line.includes("not transcoded")),
    ["audio is not transcoded: ffmpeg exited with code 1; it is tried again"],
  );
  lease.close();
  assert.deepEqual(timers.delaysMs, []);
});
