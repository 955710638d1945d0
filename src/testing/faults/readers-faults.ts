// Rows of the fault table: readers that are slow, and readers that come when they like.
import assert from "node:assert/strict";
import { changedMedia, type MediaPacket } from "../camera-media.ts";
import { CLIP_FORMAT } from "../clip/clip.ts";
import { ClipMedia } from "../clip-media.ts";
import { playOverTcp, RawRtspClient } from "../raw-rtsp-client.ts";
import type { Fault } from "./fault.ts";
import type { FaultSite } from "./fault-site.ts";
import { framesOfPackets } from "./seen-frames.ts";

const UNDISTURBED = ["connecting", "probing", "live"] as const;
const GOP_FRAMES = CLIP_FORMAT.gopFrames;
const FILLER_PACKETS = 200;
const FILLER_BYTES = 1300;

/** 2 Mbit a frame of filler data (H.264 §7.3.2.7): what the system's socket buffers hold is full after a few seconds. */
function fatMedia(media: ClipMedia) {
  return changedMedia(media, (packets) => {
    const first = packets[0]!;
    const sequence = first.bytes.readUInt16BE(2);
    const fillers = Array.from({ length: FILLER_PACKETS }, (_, i): MediaPacket => {
      const bytes = Buffer.alloc(12 + FILLER_BYTES, 0xff);
      first.bytes.copy(bytes, 0, 0, 12);
      bytes[1] = bytes[1]! & 0x7f; // no marker
      bytes[12] = 12; // nal_unit_type: filler data
      bytes.writeUInt16BE((sequence + i) & 0xffff, 2);
      return { ...first, bytes };
    });
    for (const [i, { bytes }] of packets.entries()) bytes.writeUInt16BE((sequence + FILLER_PACKETS + i) & 0xffff, 2);
    media.nextSequence = (media.nextSequence + FILLER_PACKETS) & 0xffff;
    return [...fillers, ...packets];
  });
}

const c100: Fault = {
  id: "C100",
  title: "a reader over TCP that never reads",
  cases: [
    {
      name: "",
      stimulus: {
        does: "plays 50 Mbit/s; after 1 s a reader comes that plays and takes nothing",
        camera: ({ clock }) => ({ media: () => fatMedia(new ClipMedia({ clock })) }),
        steps: [{ atMs: 1000, does: "the reader comes", actOnSite: joinAndSleep }],
        lastsMs: 20_000,
      },
      expected: {
        source: { states: UNDISTURBED },
        readers: { gaps: [], latencyMs: 400 }, // 50 Mbit/s take several turns of the sockets
        also: ({ site }) => {
          const sessions = site.site.sessions.list("rtspSession");
          assert.equal(sessions.length, 1, "it was closed after 10 s without progress; the other one stays");
          assert.ok(sleeper!.socket.readableLength < 32 << 20);
          sleeper!.close();
        },
      },
    },
  ],
};

let sleeper: RawRtspClient | undefined;

async function joinAndSleep({ site }: FaultSite): Promise<void> {
  sleeper = await RawRtspClient.connect(site.port);
  await playOverTcp(sleeper, site.url("cam"));
  sleeper.socket.pause();
}

const c103: Fault = {
  id: "C103",
  title: "a reader joins in the middle of a group of pictures",
  cases: [0.1, 0.5, 0.9].map((share) => ({
    name: `${share * 100} % of it are over`,
    stimulus: {
      does: "plays; a second reader comes between two keyframes",
      steps: [{ atMs: 2000 + share * 2000, does: "the reader comes", actOnSite: joinLate }],
      lastsMs: 5000,
    },
    expected: {
      source: { states: UNDISTURBED },
      readers: { gaps: [] },
      also: ({ site }) => {
        const { client, joinedUs } = late!;
        const [first] = framesOfPackets(client.packets, 0, site.site.registry.get("cam")!.snapshot().tracks[0]!);
        assert.ok(first?.intact);
        assert.equal(first.number! % GOP_FRAMES, 0, "it begins with a keyframe");
        const waitedMs = (client.packets[0]!.arrivedUs - joinedUs) / 1000;
        assert.ok(waitedMs <= 200, `the first picture came after ${waitedMs} ms`);
        client.close();
      },
    },
  })),
};

let late: { readonly client: RawRtspClient; readonly joinedUs: number } | undefined;

async function joinLate({ site, clock }: FaultSite): Promise<void> {
  const client = await RawRtspClient.connect(site.port, "127.0.0.1", () => clock.nowUs());
  late = { client, joinedUs: clock.nowUs() };
  await playOverTcp(client, site.url("cam"));
}

export const readersFaults: readonly Fault[] = [c100, c103];
