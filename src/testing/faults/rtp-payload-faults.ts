// Rows of the fault table: H.264 and JPEG in every packet form, and with pieces missing (RFC 6184, RFC 2435).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { h264NalType, isH264Slice } from "#codecs/h264/nal.ts";
import { type JpegImage, parseJpeg } from "#codecs/mjpeg/jpeg.ts";
import { quantizationTables } from "#codecs/mjpeg/quantization.ts";
import { payloadFormatOf } from "#rtp/payload/formats.ts";
import { loadClip } from "../clip/clip.ts";
import { ClipMedia } from "../clip-media.ts";
import { burstOf, splitFrames } from "../rtp-capture.ts";
import { CodedMedia, type Pack, repacked } from "./coded-media.ts";
import type { Expected, Fault, FaultCase, Range, Setting } from "./fault.ts";
import type { FaultOutcome } from "./fault-site.ts";

const UNDISTURBED = ["connecting", "probing", "live"] as const;
const LASTS_MS = 6000;
const { frames: CLIP_FRAMES, sps, pps } = loadClip();
const H264 = { codec: "h264", sps: [sps], pps: [pps] } as const;

/** RFC 6184 §5.2 table 1. */
const STAP_A = 24;
const STAP_B = 25;
const MTAP_16 = 26;
const MTAP_24 = 27;
const FU_A = 28;
const FU_B = 29;
const FU_START = 0x80;
const FU_END = 0x40;

let slices: Set<string> | undefined;

/** Every slice that a reader was given is one of the clip's, from its first byte to its last. */
function checkSlices({ rtsp, inside }: FaultOutcome): void {
  slices ??= new Set(CLIP_FRAMES.flatMap(({ nals }) => nals.map((nal) => nal.toString("latin1"))));
  const overRtsp = splitFrames([...rtsp.packets(0)]).map((group) => payloadFormatOf("h264").depacketize(burstOf(group), H264) ?? []);
  const frames = [...overRtsp, ...inside.tap.units.map(({ frame = [] }) => frame)];
  for (const nal of frames.flat())
    if (isH264Slice(h264NalType(nal[0]!))) assert.ok(slices.has(nal.toString("latin1")), "a truncated slice");
  const tooLarge = rtsp.packets(0).filter(({ length }) => length > 1452);
  assert.equal(tooLarge.length, 0, "packets that fit no datagram");
}

function packed(name: string, does: string, pack: Pack, readers: Expected["readers"] = { gaps: [] }): FaultCase {
  return {
    name,
    stimulus: {
      does,
      camera: ({ clock }: Setting) => ({ media: () => repacked(new ClipMedia({ clock }), H264, pack) }),
      lastsMs: LASTS_MS,
    },
    expected: { source: { states: UNDISTURBED }, requests: { PLAY: 1 }, readers: { latencyMs: 120, ...readers }, also: checkSlices },
  };
}

function stapA(nals: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([0x60 | STAP_A]), ...nals.flatMap((nal) => [Buffer.from([nal.length >>> 8, nal.length & 0xff]), nal])]);
}

function fuA(nal: Buffer, pieceBytes: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 1; at < nal.length; at += pieceBytes) {
    const flags = (at === 1 ? FU_START : 0) | (at + pieceBytes >= nal.length ? FU_END : 0);
    const head = Buffer.from([(nal[0]! & 0xe0) | FU_A, flags | h264NalType(nal[0]!)]);
    pieces.push(Buffer.concat([head, nal.subarray(at, at + pieceBytes)]));
  }
  return pieces;
}

/** In four pieces each, that a keyframe needs no more. */
function inPieces(nals: readonly Buffer[]): Buffer[] {
  return nals.flatMap((nal) => (isH264Slice(h264NalType(nal[0]!)) ? fuA(nal, Math.ceil((nal.length - 1) / 4)) : [nal]));
}

/** Frames that suffer: every tenth that is no keyframe, from the second second on. */
function suffers(frame: number): boolean {
  return frame > 40 && frame % 10 === 5;
}

/** How many of them there are, but for the end of the run. */
const SUFFERING: Range = { least: 8, most: 12 };
const TWICE: Range = { least: 16, most: 24 };

type Loss = (pieces: readonly Buffer[]) => readonly (Buffer | undefined)[];

const withoutStart: Loss = (pieces) =>
  pieces.map((piece) => ((piece[0]! & 0x1f) === FU_A && (piece[1]! & FU_START) !== 0 ? undefined : piece));
const withoutMiddle: Loss = (pieces) => pieces.map((piece, i) => (i === pieces.length - 2 ? undefined : piece));
const withoutEnd: Loss = (pieces) => pieces.map((piece, i) => (i === pieces.length - 1 ? undefined : piece));

function losing(lose: Loss): Pack {
  return (nals, frame) => (suffers(frame) ? lose(inPieces(nals)) : inPieces(nals));
}

/** As `losing`, but the numbers of the packets do not tell. */
function leavingOut(lose: Loss): Pack {
  return (nals, frame) => losing(lose)(nals, frame).filter((piece) => piece !== undefined);
}

/** A packet of a form that is for packetization mode 2, before the others. */
function ignored(payload: readonly number[]): Pack {
  return (nals) => [Buffer.from(payload), ...nals.slice(0, -1), ...fuA(nals.at(-1)!, 1000)];
}

const c60: Fault = {
  id: "C60",
  title: "H.264 in every packet form, and in pieces that are missing",
  cases: [
    packed("STAP-A", "sends each frame as one STAP-A, whatever its size", (nals) => [stapA(nals)]),
    packed("single NAL units, larger than a datagram", "sends each NAL unit in one packet, whatever its size", (nals) => nals),
    packed("FU-A", "sends slices in four pieces", inPieces),
    packed("FU-A, start and end in one", "sends each slice as one FU-A with both start and end set", (nals) =>
      nals.flatMap((nal) => (isH264Slice(h264NalType(nal[0]!)) ? fuA(nal, nal.length) : [nal])),
    ),
    packed("STAP-B among them", "sends a STAP-B before each frame", ignored([0x60 | STAP_B, 0, 1, 0, 3, 0x41, 1, 2])),
    packed("MTAP16 among them", "sends a MTAP16 before each frame", ignored([0x60 | MTAP_16, 0, 1, 0, 3, 0, 0, 0, 0x41, 1, 2])),
    packed("MTAP24 among them", "sends a MTAP24 before each frame", ignored([0x60 | MTAP_24, 0, 1, 0, 3, 0, 0, 0, 0, 0x41, 1, 2])),
    packed("FU-B among them", "sends a FU-B before each frame", ignored([0x60 | FU_B, FU_START | 1, 0, 1, 1, 2, 3])),
    packed("FU-A without its start", "leaves out the first piece of some slices", losing(withoutStart), { gaps: [], damaged: SUFFERING }),
    packed("FU-A without its middle", "leaves out a middle piece of some slices", losing(withoutMiddle), { gaps: [], damaged: SUFFERING }),
    packed("FU-A without its end", "leaves out the last piece of some slices", losing(withoutEnd), { gaps: [], damaged: TWICE }),
    packed(
      "FU-A without its start, numbered as if all were there",
      "leaves out the first piece of some slices, without a gap in the numbers",
      leavingOut(withoutStart),
      { gaps: [], corrupt: SUFFERING },
    ),
    packed(
      "FU-A without its end, numbered as if all were there",
      "leaves out the last piece of some slices, without a gap in the numbers",
      leavingOut(withoutEnd),
      { gaps: [], corrupt: SUFFERING },
    ),
    packed(
      "STAP-A cut short",
      "sends some frames as a STAP-A whose last size is larger than the packet",
      (nals, frame) => [suffers(frame) ? stapA(nals).subarray(0, -20) : stapA(nals)],
      { gaps: [], corrupt: SUFFERING },
    ),
  ],
};

interface JpegForm {
  readonly file: string;
  readonly quality: number;
  readonly restartInterval?: number;
}

/** RFC 2435 §3.1: main header, restart header, tables in the first packet; pieces of 1,000 bytes. */
function jpegPack({ quality, restartInterval = 0 }: JpegForm, image: JpegImage): Pack {
  const type = (image.components[0]!.vertical === 2 ? 1 : 0) + (restartInterval > 0 ? 64 : 0);
  return () => {
    const payloads: Buffer[] = [];
    for (let at = 0; at < image.scan.length; at += 1000) {
      const head = Buffer.from([
        0,
        at >>> 16,
        (at >>> 8) & 0xff,
        at & 0xff,
        type,
        quality,
        Math.ceil(image.width / 8),
        Math.ceil(image.height / 8),
      ]);
      const restart = Buffer.from(restartInterval > 0 ? [0, restartInterval, 0xff, 0xff] : []);
      const tables = quality >= 128 && at === 0 ? [Buffer.from([0, 0, 0, 128]), ...tablesOf(image)] : [];
      payloads.push(Buffer.concat([head, restart, ...tables, image.scan.subarray(at, at + 1000)]));
    }
    return payloads;
  };
}

/** For luma and for chroma. */
function tablesOf({ components, quantization }: JpegImage): Buffer[] {
  return components.slice(0, 2).map(({ table }) => quantization[table]!);
}

function jpeg(name: string, form: JpegForm): FaultCase {
  const bytes = readFileSync(new URL(`../../codecs/testdata/${form.file}`, import.meta.url));
  const image = parseJpeg(bytes)!;
  const { luma, chroma } = quantizationTables(form.quality);
  return {
    name,
    stimulus: {
      does: `plays ${form.file} 25 times a second, as RTP with Q = ${form.quality}${form.restartInterval === undefined ? "" : " and restart markers"}`,
      camera: () => ({ media: () => new CodedMedia({ parameters: { codec: "mjpeg" }, frames: [[bytes]], pack: jpegPack(form, image) }) }),
      lastsMs: 3000,
    },
    expected: {
      source: { states: UNDISTURBED },
      requests: { PLAY: 1 },
      readers: { gaps: [] },
      also: ({ inside: { tap }, rtsp }) => {
        assert.ok(tap.units.length > 60 && tap.units.every(({ keyframe }) => keyframe));
        assert.ok(rtsp.packets(0).length > 60 * Math.ceil(image.scan.length / 1000));
        const { parameters } = tap.units.at(-1)!.track;
        assert.deepEqual(parameters, { codec: "mjpeg", picture: { widthPx: image.width, heightPx: image.height } });
        for (const { frame } of tap.units) {
          const got = parseJpeg(frame![0]!)!;
          assert.deepEqual(got.scan, image.scan);
          assert.deepEqual([got.width, got.height, got.restartInterval], [image.width, image.height, form.restartInterval ?? 0]);
          assert.deepEqual(
            got.components.map(({ horizontal, vertical }) => [horizontal, vertical]),
            image.components.map(({ horizontal, vertical }) => [horizontal, vertical]),
          );
          assert.deepEqual(tablesOf(got), form.quality < 128 ? [luma, chroma] : tablesOf(image));
        }
      },
    },
  };
}

const c66: Fault = {
  id: "C66",
  title: "JPEG with tables by number and in the packets, in both samplings, with restart markers",
  cases: [
    jpeg("Q 1", { file: "mjpeg-420-q20.jpg", quality: 1 }),
    jpeg("Q 50", { file: "mjpeg-420-q20.jpg", quality: 50 }),
    jpeg("Q 99", { file: "mjpeg-420-q20.jpg", quality: 99 }),
    jpeg("tables in the packets, Q 128", { file: "mjpeg-420-q8.jpg", quality: 128 }),
    jpeg("tables in the packets, Q 255", { file: "mjpeg-420-q8.jpg", quality: 255 }),
    jpeg("4:2:2, Q 80", { file: "mjpeg-422-gst.jpg", quality: 80 }),
    jpeg("4:2:2, tables in the packets", { file: "mjpeg-422-gst.jpg", quality: 255 }),
    jpeg("4:2:0, restart markers", { file: "mjpeg-420-q8.jpg", quality: 255, restartInterval: 5 }),
    jpeg("4:2:2, restart markers, Q 60", { file: "mjpeg-422-gst.jpg", quality: 60, restartInterval: 10 }),
  ],
};

export const rtpPayloadFaults: readonly Fault[] = [c60, c66];
