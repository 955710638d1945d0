// Rows of the fault table: what cameras write in their session descriptions (RFC 8866, RFC 6184 §8.1, RFC 3640 §4.1).
import assert from "node:assert/strict";
import { mediaPackets } from "../camera-media.ts";
import { ClipMedia, clipSdp } from "../clip-media.ts";
import { readAdtsFrames } from "../coded-clip.ts";
import { RawRtspClient } from "../raw-rtsp-client.ts";
import { SyntheticVideo, syntheticSdp } from "../synthetic-track.ts";
import { aacHbr, besideClip, type OtherTrack, packetPerFrame } from "./beside-clip.ts";
import type { Fault, FaultCase, Setting } from "./fault.ts";
import type { FaultOutcome } from "./fault-site.ts";

const UNDISTURBED = ["connecting", "probing", "live"] as const;
const LASTS_MS = 4000;
const GOP_MS = 2000;
/** A camera is joined in the middle of a group of pictures, 20 of 50 frames behind its keyframe. */
const MISSED_FRAMES = 20;

const [SPS, PPS] = /sprop-parameter-sets=(\S+),(\S+)/.exec(clipSdp())!.slice(1) as [string, string];

/** The clip from the middle of a group of pictures on, its parameter sets before each keyframe; `sprop` is what the description has of them. */
function startingLate(sprop: string | undefined) {
  return ({ clock }: Setting) => ({
    media: () => {
      const media = new ClipMedia({ clock, describedSets: false });
      media.next(-MISSED_FRAMES);
      const described = sprop === undefined ? media.sdp : media.sdp.replace("packetization-mode=1", `$&; sprop-parameter-sets=${sprop}`);
      return { sdp: described, next: (frame: number) => media.next(frame) };
    },
  });
}

/** The stream begins with the first keyframe, and readers are told the sets it brought. */
async function checkSets({ site, inside }: FaultOutcome): Promise<void> {
  const { parameters } = site.site.registry.get("cam")!.snapshot().tracks[0]!;
  assert.ok(parameters.codec === "h264");
  assert.deepEqual([parameters.sps, parameters.pps].map(base64), [[SPS], [PPS]]);
  assert.ok(inside.tap.units[0]!.keyframe, "it begins with a keyframe");
  assert.ok(inside.frames()[0]!.captureUs - inside.joinedUs! <= GOP_MS * 1000);
  const client = await RawRtspClient.connect(site.site.port);
  const { body } = await client.request("DESCRIBE", site.site.url("cam"));
  client.close();
  assert.ok(body.includes(`sprop-parameter-sets=${SPS},${PPS}`), body);
}

function base64(sets: readonly Buffer[]): string[] {
  return sets.map((set) => set.toString("base64"));
}

const NO_WARNING = [{ line: /parameter sets/, times: 0 }];
const ONE_WARNING = [{ line: /track 0: the parameter sets in its description cannot be read/, times: 1 }];

function withSprop(name: string, sprop: string | undefined, log: FaultCase["expected"]["log"] = NO_WARNING): FaultCase {
  const what = sprop === undefined ? "no sprop-parameter-sets" : `sprop-parameter-sets=${sprop}`;
  return {
    name,
    stimulus: {
      does: `describes its video with ${what}; the sets come with the first keyframe, after a second`,
      camera: startingLate(sprop),
      lastsMs: LASTS_MS,
    },
    expected: {
      source: { states: UNDISTURBED },
      readers: { gaps: [{ fromMs: 0, toMs: 1200 }] },
      log: [...log!],
      also: checkSets,
    },
  };
}

const c01: Fault = {
  id: "C01",
  title: "no sprop-parameter-sets: they come in the stream only",
  cases: [withSprop("", undefined)],
};

const c02: Fault = {
  id: "C02",
  title: "sprop-parameter-sets that are empty or half there",
  cases: [
    withSprop("empty", ""),
    withSprop("a SPS only, trailing comma", `${SPS},`),
    withSprop("a SPS only", SPS),
    withSprop("commas", ",,"),
  ],
};

const c03: Fault = {
  id: "C03",
  title: "sprop-parameter-sets that are garbage: one warning",
  cases: [
    withSprop("no parameter sets in base64", "QUJDREVGR0g=,SUpLTA==", ONE_WARNING),
    withSprop("no base64", "*?%$,(none)", ONE_WARNING),
    withSprop("a SPS that is cut short", `${SPS.slice(0, 4)},${PPS}`, ONE_WARNING),
    {
      ...withSprop("the warning comes once, not with each connection", "QUJDREVGR0g=,SUpLTA==", ONE_WARNING),
      stimulus: {
        does: "describes its video with sprop-parameter-sets=QUJDREVGR0g=,SUpLTA==; the connection breaks after 4 s",
        camera: startingLate("QUJDREVGR0g=,SUpLTA=="),
        steps: [{ atMs: LASTS_MS, does: "the connection breaks", act: ({ proxy }) => proxy.drop() }],
        lastsMs: 2 * LASTS_MS,
      },
      expected: {
        source: { states: [...UNDISTURBED, "backoff", ...UNDISTURBED], faults: ["ended"] },
        readers: {
          gaps: [
            { fromMs: 0, toMs: 1200 },
            { fromMs: LASTS_MS, toMs: LASTS_MS + 1200 },
          ],
        },
        log: ONE_WARNING,
      },
    },
  ],
};

const AAC_FRAMES = readAdtsFrames(new URL("../../codecs/testdata/aac-lc.aac", import.meta.url));
const AAC_CONFIG = "1190"; // AAC LC, 48 kHz, two channels (ISO/IEC 14496-3 §1.6.2.1)
const HBR = "streamtype=5;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3";

/** AAC at payload type 104 beside the clip. */
function aacWith(fmtp: string): OtherTrack {
  return {
    sdp: ["m=audio 0 RTP/AVP 104", "a=rtpmap:104 mpeg4-generic/48000/2", ...(fmtp === "" ? [] : [`a=fmtp:${fmtp}`])],
    next: aacHbr(AAC_FRAMES, { payloadType: 104, sampleRateHz: 48_000 }),
  };
}

function withAac(name: string, fmtp: string, codecs: readonly string[]): FaultCase {
  const isTaken = codecs.length > 1;
  return {
    name,
    stimulus: {
      does: `has sound as AAC at rtpmap 104 with ${fmtp === "" ? "no fmtp" : `fmtp:${fmtp}`}`,
      camera: besideClip(() => [aacWith(fmtp)]),
      lastsMs: LASTS_MS,
    },
    expected: {
      source: { states: UNDISTURBED },
      requests: { SETUP: codecs.length },
      readers: { gaps: [] },
      log: [{ line: /skipping media 2 \(audio mpeg4-generic\/48000\/2\): its settings are missing or wrong/, times: isTaken ? 0 : 1 }],
      also: (outcome) => {
        assert.deepEqual(codecsOf(outcome), codecs);
        if (isTaken) checkSound(outcome, 1, AAC_FRAMES);
      },
    },
  };
}

function codecsOf({ site }: FaultOutcome): string[] {
  return site.site.registry
    .get("cam")!
    .snapshot()
    .tracks.map(({ codec }) => codec);
}

/** The frames of a track are those of `frames`, over and over, without one missing. */
function checkSound({ inside }: FaultOutcome, index: number, frames: readonly Buffer[]): void {
  const got = inside.tap.units.filter(({ track }) => track.index === index).flatMap(({ frame = [] }) => frame);
  assert.ok(got.length > 100, `${got.length} frames`);
  const first = frames.findIndex((frame) => frame.equals(got[0]!));
  for (const [i, frame] of got.entries()) assert.ok(frame.equals(frames[(first + i) % frames.length]!), `frame ${i}`);
}

const c05: Fault = {
  id: "C05",
  title: "AAC whose settings are missing, or are those of another payload type",
  cases: [
    withAac("fmtp 97 beside rtpmap 104", `97 ${HBR};config=${AAC_CONFIG}`, ["h264", "aac"]),
    withAac("sound", `104 ${HBR};config=${AAC_CONFIG}`, ["h264", "aac"]),
    withAac("fmtp 97, no config", `97 ${HBR}`, ["h264"]),
    withAac("no config", `104 ${HBR}`, ["h264"]),
    withAac("empty config", `104 ${HBR};config=`, ["h264"]),
    withAac("a config that is none", `104 ${HBR};config=zz`, ["h264"]),
    withAac("no fmtp", "", ["h264"]),
  ],
};

/** One packet of text a frame. */
function textTrack(sdp: readonly string[], payloadType: number, ticksPerFrame: number): OtherTrack {
  return {
    sdp,
    next: packetPerFrame({ payloadType, ticksPerFrame, payloadOf: (frame) => Buffer.from(`<tt:MetadataStream n="${frame}"/>`) }),
  };
}

/** `packets`: how many RTP packets of each track a reader gets each second, at least. */
function withOthers(
  name: string,
  others: () => readonly OtherTrack[],
  codecs: readonly string[],
  change: (sdp: string) => string = (sdp) => sdp,
): FaultCase {
  return {
    name,
    stimulus: { does: `plays the clip; beside it: ${name}`, camera: besideClip(others, change), lastsMs: LASTS_MS },
    expected: {
      source: { states: UNDISTURBED },
      requests: { SETUP: codecs.length },
      readers: { gaps: [] },
      also: (outcome) => {
        assert.deepEqual(codecsOf(outcome), codecs);
        for (const track of codecs.keys()) {
          const count = outcome.rtsp.packets(track).length;
          assert.ok(count >= LASTS_MS / 40 - 5, `${count} packets of track ${track}`);
        }
      },
    },
  };
}

/** Another camera's H.264 beside the clip. */
function secondVideo(): OtherTrack {
  const video = new SyntheticVideo({ frameBytes: 500 });
  const sdp = syntheticSdp().split("\r\n");
  return { sdp: sdp.slice(sdp.findIndex((line) => line.startsWith("m="))), next: (_, track) => mediaPackets(track, video.nextBurst()) };
}

const METADATA = ["m=application 0 RTP/AVP 107", "a=rtpmap:107 vnd.onvif.metadata/90000"];

const c06: Fault = {
  id: "C06",
  title: "medias that nobody knows, several videos, metadata, directions",
  cases: [
    withOthers("sound in an unknown codec", () => [textTrack(["m=audio 0 RTP/AVP 98", "a=rtpmap:98 X-VOICE/16000"], 98, 640)], [
      "h264",
      "generic",
    ]),
    withOthers("ONVIF metadata", () => [textTrack(METADATA, 107, 3600)], ["h264", "generic"]),
    withOthers("metadata without an rtpmap", () => [textTrack(["m=application 0 RTP/AVP 107"], 107, 3600)], ["h264", "generic"]),
    withOthers("video in an unknown codec", () => [textTrack(["m=video 0 RTP/AVP 99", "a=rtpmap:99 H266/90000"], 99, 3600)], [
      "h264",
      "generic",
    ]),
    withOthers("a second H.264", () => [secondVideo()], ["h264", "h264"]),
    withOthers(
      "a kind of media that RFC 8866 does not have",
      () => [textTrack(["m=x-radar 0 RTP/AVP 107", "a=rtpmap:107 X/1000"], 107, 40)],
      ["h264", "generic"],
    ),
    withOthers("a media that is no RTP", () => [{ sdp: ["m=application 0 TCP/WS *"], next: () => [] }], ["h264"]),
    withOthers(
      "a=recvonly everywhere",
      () => [textTrack([...METADATA, "a=recvonly"], 107, 3600), textTrack(["m=audio 0 RTP/AVP 8", "a=recvonly"], 8, 320)],
      ["h264", "generic", "g711"],
      (sdp) => sdp.replace("t=0 0", "$&\r\na=recvonly").replace("m=video 0 RTP/AVP 96", "$&\r\na=recvonly"),
    ),
    withOthers("a back channel", () => [{ sdp: ["m=audio 0 RTP/AVP 0", "a=sendonly"], next: () => [] }], ["h264"]),
  ],
};

export const sdpFaults: readonly Fault[] = [c01, c02, c03, c05, c06];
