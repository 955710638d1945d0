// Rows of the fault table: packets that are lost, doubled, late, or of somebody else (RFC 3550 §5.1, A.1).
import assert from "node:assert/strict";
import { changedMedia, type MediaPacket } from "../camera-media.ts";
import { ClipMedia, type ClipMediaOptions } from "../clip-media.ts";
import type { DatagramFaults } from "../udp-fault-proxy.ts";
import type { ExpectedGap, Fault, FaultCase, Range, Setting, Step, Stimulus } from "./fault.ts";
import type { FaultRig } from "./fault-rig.ts";
import type { FaultOutcome } from "./fault-site.ts";

const UNDISTURBED = ["connecting", "probing", "live"] as const;
/** Small packets: a few of them a frame, some fifty for a keyframe. */
const SMALL: Omit<ClipMediaOptions, "clock"> = { maxPacketBytes: 350 };

/** The clip in small packets, each list of them changed. */
function small(change: (packets: readonly MediaPacket[], frame: number) => readonly MediaPacket[] = (packets) => packets) {
  return ({ clock }: Setting) => ({ media: () => changedMedia(new ClipMedia({ clock, ...SMALL }), change) });
}

/** What the newest receiver report says was lost (RFC 3550 §6.4.1: 24 bits behind the fraction). */
function reportedLost({ camera }: FaultRig): number {
  const report = camera.connections[0]!.rtcp.findLast((packet) => packet[1] === 201 && (packet[0]! & 0x1f) === 1);
  return report!.readIntBE(13, 3);
}

/** Loss for a while, and then long enough none for a receiver report that knows all of it. */
function lossOf(share: number, damaged: Range, missing: Range): FaultCase {
  return {
    name: `${share * 100} %`,
    stimulus: {
      does: `plays over UDP, and ${share * 100} % of the datagrams are lost for 18 s`,
      camera: small(),
      datagrams: {},
      steps: [
        {
          atMs: 2000,
          does: "loss begins",
          act: ({ udp }) => {
            udp[0]!.faults = { loss: share };
          },
        },
        {
          atMs: 20_000,
          does: "no more loss",
          act: ({ udp }) => {
            udp[0]!.faults = {};
          },
        },
      ],
      lastsMs: 26_000,
    },
    expected: {
      source: { states: UNDISTURBED, options: { transport: "udp" } },
      requests: { PLAY: 1 },
      readers: { gaps: [], damaged, missing, latencyMs: 200 },
      also: ({ rig }) => assert.equal(reportedLost(rig), rig.udp[0]!.counts.lost, "every lost packet is counted, once"),
    },
  };
}

const c50: Fault = {
  id: "C50",
  title: "loss over UDP",
  cases: [
    lossOf(0.001, { least: 1, most: 6 }, { least: 0, most: 2 }),
    lossOf(0.01, { least: 10, most: 40 }, { least: 0, most: 10 }),
    lossOf(0.05, { least: 60, most: 130 }, { least: 0, most: 60 }),
  ],
};

/** Nothing is lost, and nobody notices anything but the time it takes. */
function unnoticed(name: string, does: string, stimulus: Pick<Stimulus, "camera" | "datagrams" | "steps">, latencyMs: number): FaultCase {
  return {
    name,
    stimulus: { does, lastsMs: 8000, ...stimulus },
    expected: {
      source: { states: UNDISTURBED, options: { transport: "udp" } },
      requests: { PLAY: 1 },
      readers: { gaps: [], latencyMs },
    },
  };
}

function onTheWay(name: string, does: string, datagrams: DatagramFaults, latencyMs: number): FaultCase {
  const begin: Step = {
    atMs: 1000,
    does,
    act: ({ udp }) => {
      udp[0]!.faults = datagrams;
    },
  };
  return unnoticed(name, "plays over UDP, for a second undisturbed", { camera: small(), datagrams: {}, steps: [begin] }, latencyMs);
}

const DOUBLED = { duplicate: 0.05 };
const REORDERED = { reorder: { share: 0.05, depth: 10, holdMs: 80 } };
const JITTER = { jitterMs: 80 };

const c51: Fault = {
  id: "C51",
  title: "packets that are doubled, out of order, or late",
  cases: [
    onTheWay("5 % come twice", "5 % of the datagrams come twice", DOUBLED, 80),
    onTheWay("5 % are overtaken by ten others", "5 % of the datagrams are overtaken by ten others", REORDERED, 200),
    onTheWay("jitter of 80 ms", "each datagram takes up to 80 ms more", JITTER, 280),
    onTheWay(
      "all of it",
      "datagrams come twice, late and out of order",
      { ...DOUBLED, reorder: { ...REORDERED.reorder, holdMs: 20 }, jitterMs: 40 },
      240,
    ),
    unnoticed(
      "every packet twice, from the camera",
      "sends each packet twice, over TCP too",
      { camera: small((packets) => packets.flatMap((packet) => [packet, packet])) },
      80,
    ),
  ],
};

/** Puts what `isHeld` says behind the frames of the next `frames` frame times. */
function delayed(frames: number, isHeld: (sequence: number) => boolean) {
  const held: MediaPacket[][] = [];
  return (packets: readonly MediaPacket[]): readonly MediaPacket[] => {
    const late = packets.filter(({ bytes }) => isHeld(bytes.readUInt16BE(2)));
    held.push([...late]);
    const due = held.length > frames ? held.shift()! : [];
    return [...packets.filter((packet) => !late.includes(packet)), ...due];
  };
}

/** Packets once more, with other sequence numbers, before the frame they are of: strays. */
function withStrays(everyFrames: number, aheadBy: readonly number[]) {
  return (packets: readonly MediaPacket[], frame: number): readonly MediaPacket[] => {
    if (frame % everyFrames !== 1) return packets;
    const strays = aheadBy.map((ahead): MediaPacket => {
      const bytes = Buffer.from(packets[0]!.bytes);
      bytes.writeUInt16BE((bytes.readUInt16BE(2) + ahead) & 0xffff, 2);
      return { ...packets[0]!, bytes };
    });
    return [...strays, ...packets];
  };
}

/** From frame `from` on, numbers are `by` farther. */
function renumbered(from: number, by: number) {
  return (packets: readonly MediaPacket[], frame: number): readonly MediaPacket[] => {
    if (frame >= from) for (const { bytes } of packets) bytes.writeUInt16BE((bytes.readUInt16BE(2) + by) & 0xffff, 2);
    return packets;
  };
}

function numbering(
  name: string,
  does: string,
  camera: NonNullable<Stimulus["camera"]>,
  readers: { readonly damaged?: Range; readonly missing?: Range; readonly gaps?: readonly ExpectedGap[]; readonly latencyMs?: number },
  transports: readonly ("tcp" | "udp")[] = ["tcp", "udp"],
): FaultCase[] {
  return transports.map((transport) => ({
    name: `${name}, ${transport.toUpperCase()}`,
    stimulus: { does, camera, lastsMs: 8000 },
    expected: {
      source: { states: UNDISTURBED, options: { transport } },
      requests: { PLAY: 1 },
      readers: { gaps: [], latencyMs: transport === "udp" ? 220 : 80, ...readers },
    },
  }));
}

const wrapping = ({ clock }: Setting) => ({
  media: () => new ClipMedia({ clock, ...SMALL, firstSequence: 65_000, firstTimestamp: 0xffff_ffff - 3600 * 30 }),
});

const c52: Fault = {
  id: "C52",
  title: "sequence numbers and timestamps that wrap, jump, or come too late to count",
  cases: [
    ...numbering("numbers and times wrap", "begins at sequence number 65,000, and its timestamps wrap after 1.2 s", wrapping, {}),
    unnoticed(
      "they wrap among packets out of order",
      "begins at sequence number 65,000; 5 % of the datagrams are overtaken by ten others",
      { camera: wrapping, datagrams: REORDERED },
      200,
    ),
    ...numbering(
      "every 100th packet comes 200 ms late",
      "sends every 100th packet five frames late: it counts as lost",
      (setting) => ({
        media: () =>
          changedMedia(
            new ClipMedia({ ...setting, ...SMALL }),
            delayed(5, (sequence) => sequence % 100 === 0),
          ),
      }),
      { damaged: { least: 2, most: 12 }, missing: { least: 0, most: 6 } },
      ["udp"],
    ),
    ...numbering(
      "single packets numbered far ahead",
      "sends a stray packet with each 20th frame, its number 700, 2,000 or 20,000 ahead",
      (setting) => {
        let strays = 0;
        const ahead = [700, 2000, 20_000];
        return {
          media: () =>
            changedMedia(new ClipMedia({ ...setting, ...SMALL }), (packets, frame) =>
              withStrays(20, [ahead[strays++ % 3]!])(packets, frame),
            ),
        };
      },
      {},
    ),
    ...numbering(
      "a stray that is of the past",
      "sends a packet once more with each 20th frame, 500 numbers back",
      small(withStrays(20, [-500])),
      {},
    ),
    ...[-200, -2000].flatMap((by) =>
      numbering(
        `the numbers jump by ${by}`,
        `numbers its packets ${-by} lower from frame 75 on; over UDP they wait until they cannot be late ones any more`,
        small(renumbered(75, by)),
        { latencyMs: 1000 },
      ),
    ),
    ...[2000, 20_000, -20_000].flatMap((by) =>
      numbering(
        `the numbers jump by ${by}`,
        `numbers its packets ${by} farther from frame 75 on, between two frames`,
        small(renumbered(75, by)),
        by === 2000 ? { damaged: 1 } : {},
      ),
    ),
  ],
};

/** Each packet's bytes anew; `change` gets the header of 12 bytes and the payload. */
function rewritten(change: (header: Buffer, payload: Buffer, index: number) => Buffer) {
  return small((packets) =>
    packets.map((packet, i) => ({ ...packet, bytes: change(Buffer.from(packet.bytes.subarray(0, 12)), packet.bytes.subarray(12), i) })),
  );
}

/** Padding of `count` bytes, the last of which says how many (RFC 3550 §5.1). */
function padded(header: Buffer, payload: Buffer, count: number): Buffer {
  header[0]! |= 0x20;
  const padding = Buffer.alloc(count);
  padding[count - 1] = count;
  return Buffer.concat([header, payload, padding]);
}

/** Extension of `words` words (§5.3.1), in the one-byte form of RFC 8285. */
function extended(header: Buffer, payload: Buffer, words: number): Buffer {
  header[0]! |= 0x10;
  const extension = Buffer.alloc(4 + 4 * words, 0xbe);
  extension.writeUInt16BE(0xbede, 0);
  extension.writeUInt16BE(words, 2);
  return Buffer.concat([header, extension, payload]);
}

/** The list of `count` contributing sources. */
function contributed(header: Buffer, payload: Buffer, count: number): Buffer {
  header[0]! |= count;
  return Buffer.concat([header, Buffer.alloc(4 * count, 0xcc), payload]);
}

/** A packet before each of every third frame, numbered in the run of the others; `body` stands behind its 12 bytes. */
function withPackets(media: ClipMedia, first: number, body: Buffer) {
  return changedMedia(media, (packets, frame) => {
    if (frame % 3 !== 0) return packets;
    const header = Buffer.from(packets[0]!.bytes.subarray(0, 12));
    header[0] = first;
    header[1]! &= 0x7f; // no marker
    for (const { bytes } of packets) bytes.writeUInt16BE((bytes.readUInt16BE(2) + 1) & 0xffff, 2);
    media.nextSequence = (media.nextSequence + 1) & 0xffff;
    return [{ ...packets[0]!, bytes: Buffer.concat([header, body]) }, ...packets];
  });
}

function odd(name: string, does: string, camera: NonNullable<Stimulus["camera"]>): FaultCase[] {
  return numbering(name, does, camera, {});
}

const inserted = (first: number, body: Buffer) => (setting: Setting) => ({
  media: () => withPackets(new ClipMedia({ ...setting, ...SMALL }), first, body),
});

const c58: Fault = {
  id: "C58",
  title: "headers that are rare: padding, extensions, contributing sources, packets without payload",
  cases: [
    ...odd(
      "padding",
      "pads each packet by 1 to 40 bytes",
      rewritten((header, payload, i) => padded(header, payload, 1 + (i % 40))),
    ),
    ...odd(
      "extension",
      "sends a header extension of up to three words",
      rewritten((header, payload, i) => extended(header, payload, i % 4)),
    ),
    ...odd(
      "contributing sources",
      "names up to 15 contributing sources",
      rewritten((header, payload, i) => contributed(header, payload, i % 16)),
    ),
    ...odd("empty packets", "sends packets without payload before frames", inserted(0x80, Buffer.alloc(0))),
    ...odd(
      "packets of padding alone",
      "sends packets of nothing but padding before frames",
      inserted(0xa0, padded(Buffer.alloc(0), Buffer.alloc(0), 8)),
    ),
    ...odd(
      "more padding than packet",
      "sends packets that claim 255 bytes of padding and have 8",
      inserted(0xa0, Buffer.from([0, 0, 0, 0, 0, 0, 0, 255])),
    ),
    ...odd(
      "an extension that is not there",
      "sends packets that claim an extension of 256 KiB",
      inserted(0x90, Buffer.from([0xbe, 0xde, 0xff, 0xff])),
    ),
  ],
};

const STRANGER_SSRC = 0x6666_6666;
const STRAYS = 20;

/** A packet that could be one of the camera's: the slice of another stream. */
function strayPacket(sequence: number, ssrc: number, timestamp: number): Buffer {
  const bytes = Buffer.alloc(300, 0x5a);
  bytes[0] = 0x80;
  bytes[1] = 0x80 | 96;
  bytes.writeUInt16BE(sequence & 0xffff, 2);
  bytes.writeUInt32BE(timestamp, 4);
  bytes.writeUInt32BE(ssrc, 8);
  bytes[12] = 0x41; // H.264 §7.4.1: a slice
  return bytes;
}

/** Datagrams that are not the camera's, once in 200 ms. */
function intruder(name: string, does: string, isStranger: boolean, ssrcOf: (i: number) => number): FaultCase {
  return {
    name,
    stimulus: {
      does: `plays over UDP; ${does}`,
      camera: small(),
      steps: Array.from({ length: STRAYS }, (_, i) => ({
        atMs: 2000 + i * 200,
        does: "a datagram of somebody else",
        act: async ({ udp }) => udp[0]!.insert(strayPacket(65_500 + i * 40, ssrcOf(i), i * 18_000), isStranger),
      })),
      lastsMs: 8000,
    },
    expected: {
      source: { states: UNDISTURBED, options: { transport: "udp" } },
      requests: { PLAY: 1 },
      readers: { gaps: [], latencyMs: 200 },
      also: ({ rig }: FaultOutcome) => assert.equal(reportedLost(rig), 0),
    },
  };
}

/** From frame 75 on everything is of another source, numbered anew. */
function changesSsrc({ clock }: Setting) {
  return {
    media: () => {
      const first = new ClipMedia({ clock, ...SMALL });
      const second = new ClipMedia({ clock, ...SMALL, ssrc: 0x0bad_cafe, firstSequence: 12_345, firstTimestamp: 99 });
      return { sdp: first.sdp, next: (frame: number) => (frame < 75 ? first : second).next(frame) };
    },
  };
}

const c59: Fault = {
  id: "C59",
  title: "RTP to our port that is not the camera's",
  cases: [
    intruder("from another port, another SSRC", "somebody else sends to our port", true, () => STRANGER_SSRC),
    intruder("from another port, the camera's SSRC", "somebody else sends to our port, with its SSRC", true, () => 0x5678_1234),
    intruder("from its own port, another SSRC", "packets of another SSRC are among its own", false, () => STRANGER_SSRC),
    intruder("from its own port, an SSRC each", "packets of many SSRCs are among its own", false, (i) => STRANGER_SSRC + i),
    ...numbering("the camera itself changes its SSRC", "has another SSRC from frame 75 on", changesSsrc, {}),
  ],
};

export const rtpLossFaults: readonly Fault[] = [c50, c51, c52, c58, c59];
