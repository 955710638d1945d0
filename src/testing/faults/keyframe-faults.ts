// Rows of the fault table: parameter sets that change, and keyframes that are rare or never come.
import assert from "node:assert/strict";
import { H264NalType, h264NalType, isH264Keyframe } from "#codecs/h264/nal.ts";
import { payloadFormatOf } from "#rtp/payload/formats.ts";
import { type CameraMedia, mediaPackets } from "../camera-media.ts";
import { loadClip } from "../clip/clip.ts";
import { ClipMedia } from "../clip-media.ts";
import { readCodedClip } from "../coded-clip.ts";
import { playOverTcp, RawRtspClient } from "../raw-rtsp-client.ts";
import { burstOf, splitFrames } from "../rtp-capture.ts";
import type { ScriptedCameraOptions } from "../scripted-camera.ts";
import { SYNTHETIC_SETS, SyntheticVideo, syntheticSdp } from "../synthetic-track.ts";
import { CodedMedia, repacked, usualPack } from "./coded-media.ts";
import type { Fault, FaultCase, Setting, Step } from "./fault.ts";
import type { FaultOutcome, FaultSite } from "./fault-site.ts";

const UNDISTURBED = ["connecting", "probing", "live"] as const;
const clip = loadClip();
const H264 = { codec: "h264", sps: [clip.sps], pps: [clip.pps] } as const;

/** The clip, its SPS replaced by what `spsOf` gives for a frame; undefined: the frame has none. Slices stay as they are. */
function withSets(spsOf: (frame: number, isKeyframe: boolean) => Buffer | undefined) {
  const pack = usualPack(H264);
  return ({ clock }: Setting): ScriptedCameraOptions => ({
    media: () =>
      repacked(new ClipMedia({ clock }), H264, (nals, frame) => {
        const sps = spsOf(frame, isH264Keyframe(nals));
        const others = nals.filter((nal) => h264NalType(nal[0]!) !== H264NalType.sps);
        return pack(sps === undefined ? others : [sps, ...others], frame);
      }),
  });
}

/** What readers know of the sets is what came last, at every frame; each change is one, and the newest is what new readers are told. */
async function checkSets({ site, inside }: FaultOutcome, changes: number): Promise<void> {
  let sps: Buffer | undefined;
  let seen = 0;
  for (const [i, { track, frame = [] }] of inside.tap.units.entries()) {
    const came = frame.find((nal) => h264NalType(nal[0]!) === H264NalType.sps);
    if (came !== undefined && sps !== undefined && !came.equals(sps)) seen++;
    sps = came ?? sps;
    if (i > 0 && track !== inside.tap.units[i - 1]!.track) assert.ok(came !== undefined, "a new track comes with new sets");
    assert.ok(track.parameters.codec === "h264");
    if (sps !== undefined) assert.deepEqual(track.parameters.sps, [sps], `frame ${i}`);
  }
  assert.ok(Math.abs(seen - changes) <= changes / 50, `${seen} changes`);
  const client = await RawRtspClient.connect(site.site.port);
  const { body } = await client.request("DESCRIBE", site.site.url("cam"));
  client.close();
  assert.ok(body.includes(`sprop-parameter-sets=${sps!.toString("base64")},`), body);
}

/** `runs`: of the recording, one for each change until there are too many of them. */
function changing(name: string, does: string, spsOf: Parameters<typeof withSets>[0], changes: number, runs: number): FaultCase {
  return {
    name,
    stimulus: { does, camera: withSets(spsOf), lastsMs: 12_000 },
    expected: {
      source: { states: UNDISTURBED },
      requests: { PLAY: 1 },
      readers: { gaps: [] },
      recording: { runs },
      also: (outcome) => checkSets(outcome, changes),
    },
  };
}

const GOP_FRAMES = 50;
const { sps: fullHd, otherSps: small } = SYNTHETIC_SETS;

const c63: Fault = {
  id: "C63",
  title: "parameter sets that change while the camera plays",
  cases: [
    changing(
      "another resolution, once",
      "goes from 1920x1080 to 640x360 after 4 s",
      (frame, isKeyframe) => (isKeyframe ? (frame < 100 ? fullHd : small) : undefined),
      1,
      2,
    ),
    changing(
      "another resolution with each keyframe",
      "goes from 1920x1080 to 640x360 or back with each keyframe, every 2 s",
      (frame, isKeyframe) => (isKeyframe ? (Math.floor(frame / GOP_FRAMES) % 2 === 0 ? fullHd : small) : undefined),
      5,
      5,
    ),
    changing("the same sets with every frame", "sends its sets before every frame", () => fullHd, 0, 1),
    changing(
      "other sets with every frame",
      "sends sets before every frame, of 1920x1080 and of 640x360 in turn",
      (frame) => (frame % 2 === 0 ? fullHd : small),
      300,
      1,
    ),
  ],
};

interface LateReader {
  readonly client: RawRtspClient;
  readonly joinedUs: number;
}

const late: LateReader[] = [];

/** A second reader over RTSP. */
function lateReader(atMs: number): Step {
  return {
    atMs,
    does: "another reader comes",
    actOnSite: async ({ site, clock }: FaultSite) => {
      const client = await RawRtspClient.connect(site.port, "127.0.0.1", () => clock.nowUs());
      late.push({ client, joinedUs: clock.nowUs() });
      await playOverTcp(client, site.url("cam"));
    },
  };
}

/** How long the late reader waited for its first picture, ms, and that picture's NAL units. */
function firstOfLate({ rig }: FaultOutcome): { readonly waitedMs: number; readonly nals: readonly Buffer[]; readonly frames: number } {
  const { client, joinedUs } = late.pop()!;
  const packets = client.packets.filter(({ channel }) => channel === 0);
  client.close();
  assert.ok(packets.length > 0, "it got nothing");
  const groups = splitFrames(packets.map(({ bytes }) => bytes));
  const isH265 = rig.camera.sdp.includes("H265");
  const parameters = isH265 ? ({ codec: "h265", vps: [], sps: [], pps: [] } as const) : H264;
  const nals = payloadFormatOf(parameters.codec).depacketize(burstOf(groups[0]!), parameters) ?? [];
  return { waitedMs: (packets[0]!.arrivedUs - joinedUs) / 1000, nals, frames: groups.length };
}

/** Longer than the cache is for. */
const LONG_GOP = 10_000;

function playing(media: () => CameraMedia): ScriptedCameraOptions {
  return { media };
}

function longGop(frameBytes: number): () => ScriptedCameraOptions {
  return () =>
    playing(() => {
      const video = new SyntheticVideo({ gopFrames: LONG_GOP, frameBytes });
      return { sdp: syntheticSdp(), next: () => mediaPackets(0, video.nextBurst()) };
    });
}

/** A camera that sends a keyframe when it is asked for one (RFC 4585 §6.3.1). */
function heedful(frameBytes: number): ScriptedCameraOptions {
  let asked = (): number => 0;
  return {
    script: {
      PLAY: (_request, { rtcp }) => {
        asked = () => rtcp.filter((packet) => packet[1] === 206 && (packet[0]! & 0x1f) === 1).length;
        return undefined;
      },
    },
    media: () => {
      const video = new SyntheticVideo({ gopFrames: LONG_GOP, frameBytes });
      let answered = 0;
      return {
        sdp: syntheticSdp(),
        next: () => {
          const frame = video.next();
          if (asked() === answered) return mediaPackets(0, video.burstOf(frame));
          answered = asked();
          const idr = Buffer.from(frame.frame.at(-1)!);
          idr[0] = 0x65; // H.264 §7.4.1: nal_unit_type 5
          idr[1] = 0x88;
          return mediaPackets(0, video.burstOf({ ...frame, keyframe: true, frame: [SYNTHETIC_SETS.sps, SYNTHETIC_SETS.pps, idr] }));
        },
      };
    },
  };
}

const RECOVERY_POINT = Buffer.from([0x06, 0x06, 0x01, 0xc4, 0x80]); // H.264 §D.1.8: recovery_frame_cnt 0
const RECOVERY_POINT_H265 = Buffer.from([0x4e, 0x01, 0x06, 0x01, 0xc4, 0x80]); // H.265 §D.2.8: a prefix SEI

/** P slices without an end; a recovery point with each 50th frame, the first of which is the 25th. */
function intraRefresh(): ScriptedCameraOptions {
  return playing(() => {
    const video = new SyntheticVideo({ gopFrames: LONG_GOP, frameBytes: 500 });
    video.next(); // its IDR picture
    return {
      sdp: syntheticSdp(),
      next: () => {
        const made = video.next();
        const isRefresh = made.number % GOP_FRAMES === 25;
        return mediaPackets(0, video.burstOf(isRefresh ? { ...made, frame: [RECOVERY_POINT, ...made.frame] } : made));
      },
    };
  });
}

/** As `intraRefresh`, a recovery point with each 11th frame, the first included. */
function intraRefreshH265(): ScriptedCameraOptions {
  const { parameters, frames } = readCodedClip(new URL("../../codecs/testdata/h265-main10-no-b.h265", import.meta.url));
  const [, first, ...others] = frames; // without its IDR picture
  return playing(() => new CodedMedia({ parameters, frames: [[RECOVERY_POINT_H265, ...first!], ...others] }));
}

function refreshed(
  name: string,
  does: string,
  camera: () => ScriptedCameraOptions,
  startMs: number,
  isStart: (nal: Buffer) => boolean,
): FaultCase {
  return {
    name,
    stimulus: { does, camera, steps: [lateReader(12_300)], lastsMs: 13_000 },
    expected: {
      source: { states: UNDISTURBED },
      requests: { PLAY: 1 },
      readers: {},
      also: (outcome) => {
        const { inside, rtsp, startUs } = outcome;
        const start = inside.tap.units.find(({ keyframe }) => keyframe)!;
        assert.ok(start.frame!.some(isStart));
        const firstMs = (rtsp.client!.packets[0]!.arrivedUs - startUs) / 1000;
        assert.ok(Math.abs(firstMs - startMs) <= 200, `a reader's first picture came after ${firstMs} ms`);
        const { nals, waitedMs } = firstOfLate(outcome);
        assert.ok(nals.some(isStart) && waitedMs <= 200, `${waitedMs} ms`);
      },
    },
  };
}

const c64: Fault = {
  id: "C64",
  title: "keyframes that are rare, or never come",
  cases: [
    {
      name: "none for 60 s: a new reader is served from the cache",
      stimulus: {
        does: "sends one keyframe, and then none for 60 s",
        camera: longGop(500),
        steps: [lateReader(50_000)],
        lastsMs: 60_000,
      },
      expected: {
        source: { states: UNDISTURBED },
        requests: { PLAY: 1 },
        readers: { gaps: [] },
        also: (outcome) => {
          const { nals, waitedMs, frames } = firstOfLate(outcome);
          assert.ok(isH264Keyframe(nals) && waitedMs <= 200, `${waitedMs} ms`);
          assert.ok(frames > 60_000 / 40 - 25, `${frames} frames: it gets all of them`);
        },
      },
    },
    {
      name: "none, and more than the cache holds: one is asked for",
      stimulus: {
        does: "sends one keyframe of 3 Mbit/s, and then none unless it is asked by a picture loss indication",
        camera: () => heedful(20_000),
        steps: [lateReader(20_000)],
        lastsMs: 21_000,
      },
      expected: {
        source: { states: UNDISTURBED },
        requests: { PLAY: 1 },
        readers: { gaps: [] },
        also: (outcome) => {
          const { nals, waitedMs } = firstOfLate(outcome);
          assert.ok(isH264Keyframe(nals) && waitedMs <= 200, `${waitedMs} ms`);
        },
      },
    },
    refreshed(
      "intra refresh with recovery points",
      "sends no keyframe at all, but a recovery point with each 50th frame",
      intraRefresh,
      1000,
      (nal) => nal.equals(RECOVERY_POINT),
    ),
    refreshed("intra refresh in H.265", "sends no keyframe at all, but a recovery point with each 11th frame", intraRefreshH265, 0, (nal) =>
      nal.equals(RECOVERY_POINT_H265),
    ),
    {
      name: "a recovery point with every frame, keyframes among them",
      stimulus: {
        does: "marks every frame as a recovery point; every 50th is a keyframe",
        camera: ({ clock }) => ({
          media: () => repacked(new ClipMedia({ clock }), H264, (nals, frame) => usualPack(H264)([RECOVERY_POINT, ...nals], frame)),
        }),
        lastsMs: 9000,
      },
      expected: {
        source: { states: UNDISTURBED },
        readers: { gaps: [] },
        also: ({ inside }) => {
          for (const { frame, keyframe } of inside.tap.units) assert.equal(keyframe, isH264Keyframe(frame!));
        },
      },
    },
  ],
};

export const keyframeFaults: readonly Fault[] = [c63, c64];
