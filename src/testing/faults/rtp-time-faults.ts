// Rows of the fault table: RTP timestamps that are wrong (RFC 3550 §5.1), and those that only look so.
import assert from "node:assert/strict";
import { DtsClock } from "#codecs/dts-clock.ts";
import { changedMedia } from "../camera-media.ts";
import { ClipMedia, stampOf } from "../clip-media.ts";
import { readClipTimes, readCodedClip } from "../coded-clip.ts";
import { splitFrames } from "../rtp-capture.ts";
import type { RecordedOutcome } from "./check-recording.ts";
import { CodedMedia } from "./coded-media.ts";
import type { ExpectedRecording, Fault, FaultCase, Setting, Stimulus } from "./fault.ts";
import type { FaultOutcome } from "./fault-site.ts";

const UNDISTURBED = ["connecting", "probing", "live"] as const;
const CLOCK_HZ = 90_000;
const FRAME_MS = 40;
const FRAME_TICKS = 3600;

/** The clip with other timestamps: `change` gets the right one, without its random start, and the frame's place in the connection. */
function stamped(change: (ticks: number, index: number) => number, firstTimestamp = 0) {
  return ({ clock }: Setting) => ({
    media: () => {
      let index = -1;
      let first = 0;
      return changedMedia(new ClipMedia({ clock, firstTimestamp: 0 }), (packets) => {
        if (++index === 0) first = packets[0]!.bytes.readUInt32BE(4);
        for (const { bytes } of packets) {
          const ticks = change((bytes.readUInt32BE(4) - first) >>> 0, index) + firstTimestamp;
          bytes.writeUInt32BE(((ticks % 2 ** 32) + 2 ** 32) % 2 ** 32, 4);
        }
        return packets;
      });
    },
  });
}

interface TimeLimits {
  /** Between two frames, ms; 0 is for frames of equal time. */
  readonly leastStepMs?: number;
  readonly mostStepMs: number;
  /** Of the frames behind `fromMs`, off their capture, ms. */
  readonly offMs: number;
  readonly fromMs?: number;
}

/** Times inside and over RTSP follow capture, frame by frame. */
function checkTimes(outcome: FaultOutcome, limits: TimeLimits): void {
  const { inside, rtsp, startUs } = outcome;
  const units = inside.tap.units.map(({ ptsTicks, captureUs, frame = [] }) => {
    return { ptsMs: (ptsTicks / CLOCK_HZ) * 1000, captureMs: captureUs / 1000, trueMs: stampOf(frame)!.captureUs / 1000 };
  });
  const first = units[0]!;
  for (const [i, { ptsMs, captureMs, trueMs }] of units.entries()) {
    if (i > 0) checkStep(ptsMs - units[i - 1]!.ptsMs, `frame ${i}`, limits);
    if (trueMs < startUs / 1000 + (limits.fromMs ?? 0)) continue;
    const offMs = ptsMs - first.ptsMs - (trueMs - first.trueMs);
    assert.ok(Math.abs(offMs) <= limits.offMs, `frame ${i} is ${offMs} ms off`);
    assert.ok(Math.abs(captureMs - trueMs) <= limits.offMs, `capture of frame ${i} is ${captureMs - trueMs} ms off`);
  }
  const timestamps = splitFrames([...rtsp.packets(0)]).map(([packet]) => packet!.readUInt32BE(4));
  for (let i = 1; i < timestamps.length; i++) {
    checkStep((((timestamps[i]! - timestamps[i - 1]!) | 0) / CLOCK_HZ) * 1000, `frame ${i} over RTSP`, { ...limits, leastStepMs: 0 });
  }
}

function checkStep(stepMs: number, what: string, { leastStepMs = 0.01, mostStepMs }: TimeLimits): void {
  assert.ok(stepMs >= leastStepMs && stepMs <= mostStepMs, `${what} is ${stepMs} ms behind the one before`);
}

function mended(
  name: string,
  does: string,
  camera: NonNullable<Stimulus["camera"]>,
  lastsMs: number,
  limits: TimeLimits,
  recording: ExpectedRecording = {},
): FaultCase {
  return {
    name,
    stimulus: { does, camera, lastsMs },
    expected: {
      source: { states: UNDISTURBED },
      requests: { PLAY: 1 },
      readers: { gaps: [] },
      recording,
      also: (outcome) => checkTimes(outcome, limits),
    },
  };
}

/** A step of the simulated time may lie between a frame's capture and its arrival. */
const SOUND: TimeLimits = { mostStepMs: 2 * FRAME_MS, offMs: FRAME_MS };

const c54: Fault = {
  id: "C54",
  title: "single frames stamped hours off (Intelbras DVR)",
  cases: [37_600, -9800].map((offS) =>
    mended(
      `${offS} s`,
      `stamps every 50th frame ${offS} s off`,
      stamped((ticks, index) => ticks + (index % 50 === 30 ? offS * CLOCK_HZ : 0)),
      12_000,
      SOUND,
    ),
  ),
};

/** From frame 100 on. */
function jumping(name: string, does: string, byTicks: number, firstTimestamp = 0): FaultCase {
  const camera = stamped((ticks, index) => ticks + (index >= 100 ? byTicks : 0), firstTimestamp);
  return mended(name, `${does} after 4 s, for good`, camera, 10_000, SOUND);
}

const c55: Fault = {
  id: "C55",
  title: "a clock that jumps and goes on from there (Tapo)",
  cases: [
    jumping("an hour ahead", "its timestamps jump an hour ahead", 3600 * CLOCK_HZ),
    jumping("an hour back", "its timestamps jump an hour back", -3600 * CLOCK_HZ),
    jumping("to 0", "its timestamps begin at 0 again", -(1_500_000_000 + 100 * FRAME_TICKS), 1_500_000_000),
    jumping("half of all that can be counted", "its timestamps jump by 2^31", 2 ** 31),
    mended(
      "an hour ahead, and back after 10 s",
      "its timestamps jump an hour ahead after 4 s, and back after 14 s",
      stamped((ticks, index) => ticks + (index >= 100 && index < 350 ? 3600 * CLOCK_HZ : 0)),
      20_000,
      SOUND,
    ),
  ],
};

/** Times are right to half a percent of a minute once the clock was found wrong and made good. */
const RESTORED: TimeLimits = { leastStepMs: 0.01, mostStepMs: 100, offMs: 300, fromMs: 45_000 };

/** Until it is found wrong, and made good, the times of what is recorded are as wrong. */
const FOUND_LATE: ExpectedRecording = { utcMs: 2000, also: (recorded) => checkRecordedTimes(recorded, RESTORED) };

/** What a run in files may be off by before another one begins, ms. */
const FILES_OFF_MS = 1000 + 2 * FRAME_MS;

/** As `checkTimes`, of what is recorded. */
function checkRecordedTimes({ frames, copy, outcome: { site, startUs } }: RecordedOutcome, limits: TimeLimits): void {
  const { fromMs = 0 } = limits;
  const offMs = copy.store === "files" ? FILES_OFF_MS : limits.offMs;
  for (const { frame, utcUs } of frames) {
    const { captureUs, number } = stampOf(frame)!;
    if (captureUs < startUs + fromMs * 1000) continue;
    const recordedOffMs = (utcUs - site.clock.utcOf(captureUs).utcUs) / 1000;
    assert.ok(Math.abs(recordedOffMs) <= offMs, `${copy.store}: frame ${number} is ${recordedOffMs} ms off`);
  }
}

function atRate(name: string, does: string, factor: number): FaultCase {
  return mended(
    name,
    does,
    stamped((ticks) => Math.round(ticks * factor)),
    65_000,
    RESTORED,
    FOUND_LATE,
  );
}

/** Ten frames of one time are needed to tell. */
const STILL: TimeLimits = { leastStepMs: 0, mostStepMs: 2 * FRAME_MS, offMs: 100, fromMs: 10_000 };

function still(name: string, does: string, timestamp: number): FaultCase {
  return mended(
    name,
    does,
    stamped(() => timestamp),
    30_000,
    STILL,
    { utcMs: 400, also: (recorded) => checkRecordedTimes(recorded, STILL) },
  );
}

const c56: Fault = {
  id: "C56",
  title: "a clock that runs fast, slow, or not at all",
  cases: [
    {
      ...mended(
        "25 frames a second by its stamps, 21 in truth",
        "stamps its frames 40 ms apart, and sends them 48 ms apart",
        ({ clock }) => ({ media: () => new ClipMedia({ clock }), frameMs: 48 }),
        65_000,
        { ...RESTORED, mostStepMs: 120 },
        FOUND_LATE,
      ),
    },
    atRate("2 % fast", "its timestamps run 2 % fast", 1.02),
    atRate("2 % slow", "its timestamps run 2 % slow", 0.98),
    atRate("20 % fast", "its timestamps run 20 % fast", 1.2),
    still("it stands still", "stamps every frame 777", 777),
    still("always 0", "stamps every frame 0", 0),
  ],
};

/** Frames that are shown in another order than they are sent. */
function withBFrames(name: string): FaultCase {
  const file = new URL(`../../codecs/testdata/${name}`, import.meta.url);
  const { parameters, frames } = readCodedClip(file);
  const { pts, clockRateHz } = readClipTimes(file);
  const displayOrder = pts.map((ticks) => (ticks * 25) / clockRateHz);
  return {
    name,
    stimulus: {
      does: `plays ${name}, whose timestamps go back and forth`,
      camera: () => ({ media: () => new CodedMedia({ parameters, frames, displayOrder }) }),
      lastsMs: 8000,
    },
    expected: {
      source: { states: UNDISTURBED },
      requests: { PLAY: 1 },
      readers: { gaps: [] },
      recording: { utcMs: 200 }, // the first frames tell how far those that come late are put off
      also: ({ inside: { tap } }) => {
        const { track, frame, ptsTicks: firstTicks } = tap.units[0]!;
        assert.ok(track.reorderFrames > 0);
        const start = frames.findIndex((nals) => sameNals(nals, frame!));
        const dts = new DtsClock(track.parameters, CLOCK_HZ);
        let lastDts = Number.NEGATIVE_INFINITY;
        for (const [i, unit] of tap.units.entries()) {
          const place = start + i;
          assert.ok(sameNals(unit.frame!, frames[place % frames.length]!), `frame ${i} is the clip's`);
          const shown = place - (place % frames.length) + displayOrder[place % frames.length]!;
          assert.equal(unit.ptsTicks - firstTicks, (shown - displayOrder[start]!) * FRAME_TICKS, `frame ${i}`);
          const dtsTicks = dts.next(unit.frame!, unit.ptsTicks);
          assert.ok(dtsTicks > lastDts && dtsTicks <= unit.ptsTicks, `frame ${i}: DTS ${dtsTicks}, PTS ${unit.ptsTicks}`);
          lastDts = dtsTicks;
        }
        assert.equal(dts.faults, 0);
        assert.ok(tap.units.length > 150, `${tap.units.length} frames`);
      },
    },
  };
}

function sameNals(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  return a.length === b.length && a.every((nal, i) => nal.equals(b[i]!));
}

const c65: Fault = {
  id: "C65",
  title: "B-frames: timestamps that are not in the order of decoding",
  cases: [
    withBFrames("h264-main-b3.h264"),
    withBFrames("h264-high-pyramid-open-gop.h264"),
    withBFrames("h265-main-closed-gop.h265"),
    withBFrames("h265-main-open-gop.h265"),
  ],
};

export const rtpTimeFaults: readonly Fault[] = [c54, c55, c56, c65];
