// Rows of the fault table: sound whose clock is not the picture's, that pauses, or that is alone.
import assert from "node:assert/strict";
import type { Clock } from "#base/clock.ts";
import { writeSenderReport } from "#rtp/rtcp.ts";
import type { CameraMedia, MediaPacket } from "../camera-media.ts";
import { ClipMedia, stampOf } from "../clip-media.ts";
import type { ScriptedCameraOptions } from "../scripted-camera.ts";
import { rtp, sdpOf } from "./beside-clip.ts";
import type { Fault, FaultCase, Setting } from "./fault.ts";
import type { FaultOutcome } from "./fault-site.ts";

const UNDISTURBED = ["connecting", "probing", "live"] as const;
const AUDIO_SSRC = 0x5011_d000;
const AUDIO_HZ = 8000;
const VIDEO_HZ = 90_000;
const PCMA_TYPE = 8; // RFC 3551 §6
const SAMPLES = 160;
/** What a viewer does not notice. */
const MAX_SKEW_MS = 80;

interface SoundOptions {
  readonly clock: Clock;
  /** Its crystal against the camera's, parts per million. */
  readonly ppm?: number;
  /** A pause, in seconds since the first packet. */
  readonly pause?: { readonly fromS: number; readonly toS: number; readonly countsOn: boolean };
}

/** G.711 as it is sampled: packets of 20 ms by a crystal of its own. Each begins with the time its first sample was taken at, for comparison. */
class SampledSound {
  readonly #options: Required<Omit<SoundOptions, "pause">> & Pick<SoundOptions, "pause">;
  #startUs: number | undefined;
  #sequence = 0;
  #sent = 0;
  #left = 0;

  constructor(options: SoundOptions) {
    this.#options = { ppm: 0, ...options };
  }

  /** The RTP timestamp of this instant. */
  get timestamp(): number {
    const { clock, ppm } = this.#options;
    return Math.round(((clock.nowUs() - this.#startUs!) / 1e6) * AUDIO_HZ * (1 + ppm * 1e-6)) - this.#left * SAMPLES;
  }

  next(track: number): readonly MediaPacket[] {
    const { clock, ppm, pause } = this.#options;
    const nowUs = clock.nowUs();
    this.#startUs ??= nowUs - 1.001 * (SAMPLES / AUDIO_HZ) * 1e6; // the first packet is complete
    const elapsedUs = nowUs - this.#startUs;
    const packets: MediaPacket[] = [];
    for (; (this.#sent + 1) * SAMPLES <= (elapsedUs / 1e6) * AUDIO_HZ * (1 + ppm * 1e-6); this.#sent++) {
      const isPaused = pause !== undefined && elapsedUs >= pause.fromS * 1e6 && elapsedUs < pause.toS * 1e6;
      if (isPaused && !pause.countsOn) this.#left++;
      if (isPaused) continue;
      const payload = Buffer.alloc(SAMPLES, 0xd5);
      payload.writeDoubleBE(this.#startUs + (this.#sent * SAMPLES * 1e6) / (AUDIO_HZ * (1 + ppm * 1e-6)), 0);
      const bytes = rtp(
        { payloadType: PCMA_TYPE, sequence: this.#sequence++, timestamp: (this.#sent - this.#left) * SAMPLES, ssrc: AUDIO_SSRC },
        payload,
      );
      packets.push({ track, isRtcp: false, bytes });
    }
    return packets;
  }
}

interface PairOptions extends SoundOptions {
  readonly framesPerSecond: number;
  readonly reports: boolean;
}

/** The clip and sampled sound; where wanted, a sender report for both every 5 s (RFC 3550 §6.4.1), by one wall clock. */
function pictureAndSound({ framesPerSecond, reports, ...options }: PairOptions): CameraMedia {
  const { clock } = options;
  const video = new ClipMedia({ clock, framesPerSecond });
  const sound = new SampledSound(options);
  let frames = 0;
  const report = (track: number, ssrc: number, timestamp: number): MediaPacket => {
    const { utcUs } = clock.utcOf(clock.nowUs());
    return { track, isRtcp: true, bytes: writeSenderReport({ ssrc, utcUs, timestamp, packets: 1, octets: 1 }) };
  };
  return {
    sdp: video.sdp + sdpOf([{ sdp: [`m=audio 0 RTP/AVP ${PCMA_TYPE}`], next: () => [] }], 1),
    next: (frame) => {
      const pictures = video.next(frame);
      const sounds = sound.next(1);
      if (!reports || frames++ % (5 * framesPerSecond) !== 1) return [...pictures, ...sounds];
      return [...pictures, ...sounds, report(0, video.ssrc, pictures[0]!.bytes.readUInt32BE(4)), report(1, AUDIO_SSRC, sound.timestamp)];
    },
  };
}

/** How far a track's stream time is ahead of the time its units were captured at, ms, for each of them. */
function aheadOf(
  { inside, startUs }: FaultOutcome,
  index: number,
  clockRateHz: number,
): { readonly atMs: number; readonly aheadMs: number }[] {
  return inside.tap.units.flatMap(({ track, ptsTicks, frame = [] }) => {
    if (track.index !== index) return [];
    const trueUs = track.kind === "audio" ? frame[0]!.readDoubleBE(0) : stampOf(frame)!.captureUs;
    return [{ atMs: (trueUs - startUs) / 1000, aheadMs: (ptsTicks / clockRateHz) * 1000 - trueUs / 1000 }];
  });
}

/** Sound stays with the picture from the first second to the last. */
function checkSkew(outcome: FaultOutcome): void {
  const pictures = aheadOf(outcome, 0, VIDEO_HZ);
  const sounds = aheadOf(outcome, 1, AUDIO_HZ);
  assert.ok(sounds.length > 100, `${sounds.length} packets of sound`);
  let picture = 0;
  for (const { atMs, aheadMs } of sounds) {
    while (picture + 1 < pictures.length && pictures[picture + 1]!.atMs <= atMs) picture++;
    const skewMs = aheadMs - pictures[picture]!.aheadMs;
    assert.ok(Math.abs(skewMs) <= MAX_SKEW_MS, `after ${atMs / 1000} s sound and picture are ${skewMs} ms apart`);
  }
}

const DRIFT_LASTS_MS = 600_000;
const DRIFT_FPS = 2;

function drifting(ppm: number, reports: boolean): FaultCase {
  return {
    name: `${ppm} ppm, ${reports ? "with" : "without"} sender reports`,
    stimulus: {
      does: `has sound whose clock is ${ppm} ppm off, ${reports ? "and says so in sender reports" : "and sends no reports"}; 180 ms in ten minutes`,
      camera: ({ clock }: Setting): ScriptedCameraOptions => ({
        media: () => pictureAndSound({ clock, ppm, reports, framesPerSecond: DRIFT_FPS }),
        frameMs: 1000 / DRIFT_FPS,
      }),
      lastsMs: DRIFT_LASTS_MS,
    },
    expected: { source: { states: UNDISTURBED }, readers: { gaps: [], latencyMs: 1000 }, also: checkSkew, stepMs: 1000 / DRIFT_FPS },
  };
}

function pausing(name: string, does: string, countsOn: boolean): FaultCase {
  return {
    name,
    stimulus: {
      does,
      camera: ({ clock }: Setting): ScriptedCameraOptions => ({
        media: () => pictureAndSound({ clock, reports: false, framesPerSecond: 25, pause: { fromS: 5, toS: 25, countsOn } }),
      }),
      lastsMs: 32_000,
    },
    expected: {
      source: { states: UNDISTURBED },
      requests: { PLAY: 1 },
      readers: { gaps: [] },
      also: (outcome) => {
        checkSkew(outcome);
        const times = aheadOf(outcome, 1, AUDIO_HZ).map(({ atMs }) => atMs);
        assert.ok(times.some((atMs) => atMs > 26_000) && !times.some((atMs) => atMs > 6000 && atMs < 24_000));
      },
    },
  };
}

const c71: Fault = {
  id: "C71",
  title: "sound that drifts, pauses, or is alone",
  cases: [
    drifting(300, true),
    drifting(-300, true),
    drifting(300, false),
    drifting(-300, false),
    pausing("stops for 20 s, its clock goes on", "has sound that stops after 5 s and is back after 25 s, in time", true),
    pausing("stops for 20 s, and its clock with it", "has sound that stops after 5 s and goes on after 25 s where it was", false),
    {
      name: "no video",
      stimulus: {
        does: "has sound only",
        camera: ({ clock }: Setting): ScriptedCameraOptions => ({
          media: () => {
            const sound = new SampledSound({ clock });
            const head = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=camera", "t=0 0", ""].join("\r\n");
            return { sdp: head + sdpOf([{ sdp: [`m=audio 0 RTP/AVP ${PCMA_TYPE}`], next: () => [] }], 0), next: () => sound.next(0) };
          },
        }),
        lastsMs: 10_000,
      },
      expected: {
        source: { states: UNDISTURBED },
        requests: { PLAY: 1 },
        readers: {},
        also: ({ rtsp, inside }) => {
          assert.ok(rtsp.packets(0).length >= 10_000 / 20 - 20, `${rtsp.packets(0).length} packets over RTSP`);
          assert.ok(inside.tap.units.length >= 10_000 / 20 - 20, `${inside.tap.units.length} frames inside`);
        },
      },
    },
  ],
};

export const audioTimeFaults: readonly Fault[] = [c71];
