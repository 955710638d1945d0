// Rows of the fault table: what cameras say of their clocks.
import assert from "node:assert/strict";
import { stampOf } from "../clip-media.ts";
import type { CameraConnection } from "../scripted-camera.ts";
import type { Expected, Fault, FaultCase, Setting, Step } from "./fault.ts";
import type { FaultRig } from "./fault-rig.ts";
import type { FaultOutcome } from "./fault-site.ts";
import { readTimes } from "./read-times.ts";
import { honest, ReportingMedia, type ReportingMediaOptions, type ToldFrame, type TrueReport, WallClock } from "./reporting-media.ts";

const LIVE = ["connecting", "probing", "live"] as const;
const LASTS_MS = 25_000;
const HOUR_US = 3600e6;
/** A camera's clock is rarely right. */
const OFFSET_US = 12_345_678;
const NTP_1970_S = 2_208_988_800;
/** An accepted clock is told to readers this well; one that is held, or ours, as well as a frame's arrival says. */
const TOLD_TOLERANCE_US = 1000;
const ARRIVAL_TOLERANCE_US = 50_000;

/** The offset of the camera's clock that the gateway knows at a frame, µs; undefined: none. */
type Known = (told: ToldFrame) => number | undefined;

const never: Known = () => undefined;
/** Two reports have to agree. */
const fromSecond: Known = ({ reports, offsetUs }) => (reports >= 2 ? offsetUs : undefined);

/** The old time counts until two reports say the new one. */
const followingAStep: Known = ({ reports, reportsSinceStep, offsetUs }) => {
  if (reports < 2) return undefined;
  return reportsSinceStep < 2 ? OFFSET_US : offsetUs;
};

/** `offsetUs`: of its clock, at first. */
type Media = Pick<ReportingMediaOptions, "write" | "firstReportFrame"> & { readonly offsetUs?: number };

function camera({ offsetUs = OFFSET_US, ...media }: Media) {
  return ({ clock }: Setting) => {
    const wall = new WallClock(offsetUs);
    let session = -1; // the first one made describes the camera, and is not played
    return { media: () => new ReportingMedia({ clock, ...media, wall, session: session++ }) };
  };
}

function mediaOf({ media }: CameraConnection): ReportingMedia {
  return media as ReportingMedia;
}

/** The camera's clock steps, for every connection. */
function step(atMs: number, byUs: number): Step {
  const does = `the clock steps by ${byUs / 1e6} s`;
  return { atMs, does, act: (rig) => mediaOf(rig.camera.connections.at(-1)!).wall.step(byUs) };
}

/**
 * Frames inside carry the camera's time where it is known, and no other; whatever it is, they were captured when they were. Readers over RTSP
 * read, with absolute time, the camera's, held where it is not known any more, else the gateway's.
 */
function checkTimes(known: Known, absoluteTime: boolean): NonNullable<Expected["also"]> {
  return (outcome) => {
    const told = new Map(outcome.rig.camera.connections.flatMap((connection) => [...mediaOf(connection).told]));
    checkInside(outcome, told, known);
    checkOverRtsp(outcome, told, absoluteTime ? known : never);
  };
}

function checkInside({ site, inside }: FaultOutcome, told: ReadonlyMap<number, ToldFrame>, known: Known): void {
  for (const { frame = [], captureUs, senderUtcUs } of inside.tap.units) {
    const stamp = stampOf(frame)!;
    const offsetUs = known(told.get(stamp.number)!);
    assertNear(`capture of frame ${stamp.number}`, captureUs, stamp.captureUs, ARRIVAL_TOLERANCE_US);
    if (offsetUs === undefined) assert.equal(senderUtcUs, undefined, `frame ${stamp.number}`);
    else assertNear(`frame ${stamp.number}`, senderUtcUs, site.clock.utcOf(stamp.captureUs).utcUs + offsetUs, TOLD_TOLERANCE_US);
  }
}

function checkOverRtsp({ site, rtsp, inside }: FaultOutcome, told: ReadonlyMap<number, ToldFrame>, known: Known): void {
  const read = readTimes(rtsp.client!.packets, inside.tap.units[0]!.track);
  assert.ok(read.length > 500, `${read.length} frames have a time`);
  let heldUs = 0;
  for (const { stamp, utcUs } of read) {
    const offsetUs = known(told.get(stamp.number)!);
    heldUs = offsetUs ?? heldUs;
    const toleranceUs = offsetUs === undefined ? ARRIVAL_TOLERANCE_US : TOLD_TOLERANCE_US;
    assertNear(`frame ${stamp.number} over RTSP`, utcUs, site.clock.utcOf(stamp.captureUs).utcUs + heldUs, toleranceUs);
  }
}

function assertNear(what: string, actualUs: number | undefined, expectedUs: number, toleranceUs: number): void {
  const offMs = (actualUs! - expectedUs) / 1000;
  assert.ok(Math.abs(offMs) <= toleranceUs / 1000, `${what} is ${offMs} ms off`);
}

/** A camera whose reports are as `media` writes them; its media flows whatever they say, also with absolute time. */
function reports(
  name: string,
  does: string,
  known: Known,
  media: Media,
  more: { readonly steps?: readonly Step[]; readonly absoluteTime?: boolean } = {},
): FaultCase {
  const { absoluteTime = true, steps = [] } = more;
  return {
    name,
    stimulus: { does, camera: camera(media), steps, lastsMs: LASTS_MS },
    expected: { source: { states: LIVE, absoluteTime }, readers: { gaps: [] }, also: checkTimes(known, absoluteTime) },
  };
}

/** One that is away for half a second after 12 s; gets its first frame of the second session through at 12.5 s. */
function reconnects(name: string, does: string, known: Known, media: Media, act?: (rig: FaultRig) => void): FaultCase {
  const reboot: Step = {
    atMs: 12_000,
    does: "the camera restarts",
    act: (rig) => {
      act?.(rig);
      rig.camera.drop();
    },
  };
  return {
    name,
    stimulus: { does, camera: camera(media), steps: [reboot], lastsMs: LASTS_MS },
    expected: {
      source: { states: [...LIVE, "backoff", ...LIVE], faults: ["ended"], absoluteTime: true },
      readers: { gaps: [{ fromMs: 12_000, toMs: 12_500 }] },
      also: checkTimes(known, true),
    },
  };
}

/** The report with other bytes in place of its NTP time (§6.4.1: bytes 8 to 15). */
function withNtp(report: TrueReport, seconds: number, fraction = 0): readonly Buffer[] {
  const [bytes] = honest(report);
  bytes!.writeUInt32BE(seconds, 8);
  bytes!.writeUInt32BE(fraction, 12);
  return [bytes!];
}

/** RTCP that is none, or is cut, or lies about its length; the true report among it, with garbage behind it in the same compound. */
function amongGarbage(report: TrueReport): readonly Buffer[] {
  const [bytes] = honest(report);
  const longer = Buffer.from(bytes!);
  longer.writeUInt16BE(0xffff, 2);
  const version0 = Buffer.from(bytes!);
  version0[0]! &= 0x3f;
  const noise = Buffer.alloc(64, "not RTCP at all ");
  return [noise, Buffer.alloc(0), bytes!.subarray(0, 7), bytes!.subarray(0, 20), longer, version0, Buffer.concat([bytes!, noise]), noise];
}

const c80: Fault = {
  id: "C80",
  title: "sender reports that are missing or wrong: no packet is dropped, and no time is made of them",
  cases: [
    reports("none", "sends no report", never, { write: () => [] }),
    reports("sound", "sends a report each 5 s; its clock is 12 s ahead", fromSecond, {}),
    reports("NTP time 0", "has no clock and says 0", never, { write: (report) => withNtp(report, 0) }),
    reports("local time", "sends the time of a zone eight hours ahead as UTC", fromSecond, { offsetUs: 8 * HOUR_US }),
    reports("seconds since 1970", "counts NTP seconds from 1970", never, {
      write: (report) => withNtp(report, Math.floor(report.utcUs / 1e6)),
    }),
    reports("a clock that was never set", "says that it is 1970", never, {
      write: (report, index) => withNtp(report, NTP_1970_S + index * 5),
    }),
    reports("a jump by an hour", "puts its clock an hour ahead after 12 s", followingAStep, {}, { steps: [step(12_000, HOUR_US)] }),
    reports("one of them an hour off", "is wrong by an hour in its third report only", fromSecond, {
      write: (report, index) => honest(index === 2 ? { ...report, utcUs: report.utcUs + HOUR_US } : report),
    }),
    reports("at random", "says another time with each report", never, {
      write: (report, index) => honest({ ...report, utcUs: report.utcUs + ((index * 7919) % 13) * HOUR_US }),
    }),
    reports(
      "before the first packet of RTP",
      "sends a report before its first packet, which belongs to nothing, and one each 5 s behind it",
      ({ reports, offsetUs }) => (reports >= 3 ? offsetUs : undefined),
      { firstReportFrame: 0 },
    ),
    reports("of another SSRC", "reports on an SSRC that sends nothing", never, {
      write: (report) => honest({ ...report, ssrc: report.ssrc ^ 1 }),
    }),
    reports("among garbage", "sends garbage as RTCP, sound reports among it", fromSecond, { write: amongGarbage }),
    reconnects(
      "after a restart",
      "restarts after 12 s and goes on with its reports",
      ({ session, reports, offsetUs }) => (reports >= (session === 0 ? 2 : 1) ? offsetUs : undefined),
      {},
    ),
    reconnects(
      "none after a restart",
      "restarts after 12 s and sends no more reports",
      ({ session, reports, offsetUs }) => (session === 0 && reports >= 2 ? offsetUs : undefined),
      { write: (report, _index, session) => (session === 0 ? honest(report) : []) },
    ),
  ],
};

const BYE = Buffer.from([0x81, 203, 0, 1, 0x56, 0x78, 0x12, 0x34]); // RFC 3550 §6.6

function sayGoodbye({ camera: { connections } }: FaultRig): void {
  connections.at(-1)!.send([{ track: 0, isRtcp: true, bytes: BYE }]);
}

const c81: Fault = {
  id: "C81",
  title: "BYE is a hint: silence decides",
  cases: [
    {
      name: "RTP goes on",
      stimulus: {
        does: "says BYE each 5 s and goes on",
        steps: [5000, 10_000].map((atMs) => ({ atMs, does: "BYE", act: sayGoodbye })),
        lastsMs: 15_000,
      },
      expected: { source: { states: LIVE }, readers: { gaps: [] } },
    },
    {
      name: "RTP stops",
      stimulus: {
        does: "says BYE after 5 s and sends no more, until it is asked to play again",
        steps: [
          {
            atMs: 5000,
            does: "BYE, and no more RTP on this connection",
            act: (rig) => {
              sayGoodbye(rig);
              rig.camera.connections.at(-1)!.playing = false;
            },
          },
        ],
        lastsMs: 15_000,
      },
      expected: {
        source: { states: [...LIVE, "stalled", "backoff", ...LIVE], faults: ["stalled"] },
        requests: { TEARDOWN: 1, PLAY: 2 },
        readers: { gaps: [{ fromMs: 5000, toMs: 10_500 }] },
      },
    },
    {
      name: "RTP goes on after a pause",
      stimulus: {
        does: "says BYE after 5 s, is silent for 4 s and goes on",
        steps: [
          {
            atMs: 5000,
            does: "BYE",
            act: (rig) => {
              sayGoodbye(rig);
              rig.camera.muted = true;
            },
          },
          {
            atMs: 9000,
            does: "RTP again",
            act: (rig) => {
              rig.camera.muted = false;
            },
          },
        ],
        lastsMs: 15_000,
      },
      expected: {
        source: { states: LIVE },
        requests: { PLAY: 1 },
        readers: { gaps: [{ fromMs: 5000, toMs: 9000 }] },
      },
    },
  ],
};

const STEP_BACK_US = -3600e6;

const c82: Fault = {
  id: "C82",
  title: "the camera's clock steps back by an hour while it is live: the gateway's does not",
  cases: [
    reports(
      "readers are told our time",
      "puts its clock an hour back after 12 s",
      followingAStep,
      {},
      { steps: [step(12_000, STEP_BACK_US)], absoluteTime: false },
    ),
    reports(
      "readers are told the camera's time",
      "puts its clock an hour back after 12 s",
      followingAStep,
      {},
      { steps: [step(12_000, STEP_BACK_US)] },
    ),
    reconnects("while it restarts", "restarts after 12 s, its clock an hour behind", fromSecond, {}, ({ camera: { connections } }) =>
      mediaOf(connections.at(-1)!).wall.step(STEP_BACK_US),
    ),
  ],
};

export const rtcpTimeFaults: readonly Fault[] = [c80, c81, c82];
