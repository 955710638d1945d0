// Rows of the fault table: H.265 in every packet form, with order numbers, and with sets that are not where they should be (RFC 7798).
import assert from "node:assert/strict";
import { H265NalType, h265NalType } from "#codecs/h265/nal.ts";
import { payloadFormatOf } from "#rtp/payload/formats.ts";
import { readCodedClip } from "../coded-clip.ts";
import { burstOf, splitFrames } from "../rtp-capture.ts";
import { CodedMedia, type CodedMediaOptions, type Pack } from "./coded-media.ts";
import type { ExpectedRecording, Fault, FaultCase } from "./fault.ts";
import type { FaultOutcome } from "./fault-site.ts";

const UNDISTURBED = ["connecting", "probing", "live"] as const;
const LASTS_MS = 4000;

const clip = readCodedClip(new URL("../../codecs/testdata/h265-main10-no-b.h265", import.meta.url));
const { frames } = clip;
if (clip.parameters.codec !== "h265") throw new Error("the clip is H.265");
const parameters = clip.parameters;

/** §4.4: payload structures in place of a NAL unit type. */
const AP = 48;
const FU = 49;
const PACI = 50;
const FU_START = 0x80;
const FU_END = 0x40;

function typed(header: Buffer, type: number): Buffer {
  return Buffer.from([(header[0]! & 0x81) | (type << 1), header[1]!]);
}

function uint16(value: number): Buffer {
  return Buffer.from([(value >>> 8) & 0xff, value & 0xff]);
}

/** Packets of one connection; order numbers where `withOrder` says so. */
class Packer {
  #order = 0;
  readonly #withOrder: boolean;

  constructor(withOrder: boolean) {
    this.#withOrder = withOrder;
  }

  /** §4.4.1 */
  single(nal: Buffer): Buffer {
    return Buffer.concat([nal.subarray(0, 2), this.#donl(), nal.subarray(2)]);
  }

  /** §4.4.2: the first NAL unit has DONL, the others DOND 0. */
  aggregate(nals: readonly Buffer[]): Buffer {
    const first = this.#donl();
    this.#order += nals.length - 1;
    const units = nals.flatMap((nal, i) => [i === 0 ? first : Buffer.alloc(this.#withOrder ? 1 : 0), uint16(nal.length), nal]);
    return Buffer.concat([typed(nals[0]!, AP), ...units]);
  }

  /** §4.4.3: the first piece has DONL. */
  fragments(nal: Buffer, pieceBytes: number): Buffer[] {
    const pieces: Buffer[] = [];
    for (let at = 2; at < nal.length; at += pieceBytes) {
      const flags = (at === 2 ? FU_START : 0) | (at + pieceBytes >= nal.length ? FU_END : 0) | h265NalType(nal[0]!);
      const order = at === 2 ? this.#donl() : Buffer.alloc(0);
      pieces.push(Buffer.concat([typed(nal, FU), Buffer.from([flags]), order, nal.subarray(at, at + pieceBytes)]));
    }
    return pieces;
  }

  #donl(): Buffer {
    return this.#withOrder ? uint16(this.#order++) : Buffer.alloc(0);
  }
}

/** §4.4.4: a payload with three bytes of temporal scalability information before it. */
function paci(payload: Buffer): Buffer {
  const type = h265NalType(payload[0]!);
  const extensionBytes = 3;
  const head = Buffer.from([(type << 1) | (extensionBytes >> 4), ((extensionBytes & 0x0f) << 4) | 0x08]); // F0: TSCI is there
  return Buffer.concat([typed(payload, PACI), head, Buffer.from([0, 0x12, 0]), payload.subarray(2)]);
}

const each =
  (pack: (packer: Packer, nals: readonly Buffer[]) => readonly Buffer[], withOrder = false) =>
  (): Pack => {
    const packer = new Packer(withOrder);
    return (nals) => pack(packer, nals);
  };

interface Sent {
  readonly pack: () => Pack;
  readonly fmtp?: string;
  /** What the camera leaves out of its frames. */
  readonly without?: (nal: Buffer) => boolean;
  /** What readers know of the sets, as counts. */
  readonly sets?: readonly [vps: number, sps: number, pps: number];
  readonly recording?: ExpectedRecording;
}

/** Frames come out as they went in; what a decoder must know is known. */
function check({ inside, rtsp }: FaultOutcome, expected: readonly (readonly Buffer[])[], sets: readonly number[]): void {
  const { track } = inside.tap.units.at(-1)!;
  assert.ok(track.parameters.codec === "h265");
  assert.deepEqual([track.parameters.vps.length, track.parameters.sps.length, track.parameters.pps.length], sets);
  assert.ok(inside.tap.units[0]!.keyframe);
  assert.ok(inside.tap.units.length > 80, `${inside.tap.units.length} frames`);
  const overRtsp = splitFrames([...rtsp.packets(0)]).map(
    (group) => payloadFormatOf("h265").depacketize(burstOf(group), track.parameters) ?? [],
  );
  for (const got of [inside.tap.units.map(({ frame = [] }) => frame), overRtsp]) {
    const start = expected.findIndex((nals) => same(nals, got[0]!));
    for (const [i, nals] of got.entries()) assert.ok(same(nals, expected[(start + i) % expected.length]!), `frame ${i}`);
  }
}

function same(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  return a.length === b.length && a.every((nal, i) => nal.equals(b[i]!));
}

function sent(name: string, does: string, { pack, fmtp, without = () => false, sets = [1, 1, 1], recording = {} }: Sent): FaultCase {
  const kept = frames.map((nals) => nals.filter((nal) => !without(nal)));
  return {
    name,
    stimulus: {
      does,
      camera: () => ({
        media: () => {
          const options: CodedMediaOptions = { parameters, frames: kept, pack: pack() };
          return new CodedMedia(fmtp === undefined ? options : { ...options, fmtp });
        },
      }),
      lastsMs: LASTS_MS,
    },
    expected: {
      source: { states: UNDISTURBED },
      requests: { PLAY: 1 },
      readers: { gaps: [] },
      recording,
      also: (outcome) => check(outcome, kept, sets),
    },
  };
}

const isSet = (nal: Buffer): boolean => {
  const type = h265NalType(nal[0]!);
  return type >= H265NalType.vps && type <= H265NalType.pps;
};
const isVps = (nal: Buffer): boolean => h265NalType(nal[0]!) === H265NalType.vps;

const singles = each((packer, nals) => nals.map((nal) => packer.single(nal)));
const aggregates = each((packer, nals) => [packer.aggregate(nals)]);
const fragments = each((packer, nals) => nals.flatMap((nal) => (isSet(nal) ? [packer.single(nal)] : packer.fragments(nal, 100))));

const spropOf = (kinds: readonly ("vps" | "sps" | "pps")[]): string =>
  kinds.map((kind) => `sprop-${kind}=${parameters[kind].map((set) => set.toString("base64")).join(",")}`).join(";");
const ORDERED = `${spropOf(["vps", "sps", "pps"])};sprop-max-don-diff=2`;

const c62: Fault = {
  id: "C62",
  title: "H.265 in every packet form, with order numbers, and with sets missing",
  cases: [
    sent("single NAL units", "sends each NAL unit in one packet", { pack: singles }),
    sent("aggregation packets", "sends each frame as one aggregation packet", { pack: aggregates }),
    sent("fragmentation units", "sends slices in pieces of 100 bytes", { pack: fragments }),
    sent("single NAL units with DONL", "says sprop-max-don-diff=2; each packet has an order number", {
      pack: each((packer, nals) => nals.map((nal) => packer.single(nal)), true),
      fmtp: ORDERED,
    }),
    sent("aggregation packets with DONL", "says sprop-max-don-diff=2; sends each frame as one aggregation packet", {
      pack: each((packer, nals) => [packer.aggregate(nals)], true),
      fmtp: ORDERED,
    }),
    sent("fragmentation units with DONL", "says sprop-max-don-diff=2; sends slices in pieces of 100 bytes", {
      pack: each((packer, nals) => nals.flatMap((nal) => (isSet(nal) ? [packer.single(nal)] : packer.fragments(nal, 100))), true),
      fmtp: ORDERED,
    }),
    sent("PACI", "puts each NAL unit into a PACI packet", { pack: each((packer, nals) => nals.map((nal) => paci(packer.single(nal)))) }),
    sent("PACI around fragmentation units", "puts slices in pieces, and each into a PACI packet", {
      pack: each((packer, nals) => nals.flatMap((nal) => (isSet(nal) ? [nal] : packer.fragments(nal, 100).map(paci)))),
    }),
    sent("no sets in the description", "describes itself without sprop", { pack: aggregates, fmtp: "" }),
    sent("the VPS is not in the description", "describes itself without sprop-vps", { pack: singles, fmtp: spropOf(["sps", "pps"]) }),
    sent("the VPS is in the description only", "sends no VPS in its stream", { pack: singles, without: isVps }),
    sent("the VPS is nowhere", "has no VPS, neither in its description nor in its stream", {
      pack: singles,
      without: isVps,
      fmtp: spropOf(["sps", "pps"]),
      sets: [0, 1, 1],
      recording: { nothing: true }, // nobody could decode it
    }),
    sent("sets are in the description only", "sends no sets in its stream", { pack: singles, without: isSet }),
  ],
};

export const h265Faults: readonly Fault[] = [c62];
