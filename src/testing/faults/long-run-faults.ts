// Rows of the fault table: many faults one after the other, and cameras whose every byte may be wrong.
import assert from "node:assert/strict";
import { RtspHeaders, rtspResponse, writeResponse } from "#protocols/rtsp/message.ts";
import { changedMedia } from "../camera-media.ts";
import { ClipMedia, clipSdp } from "../clip-media.ts";
import { mutate, seededRandom } from "../mutate.ts";
import type { Fault, Step } from "./fault.ts";
import type { FaultRig } from "./fault-rig.ts";
import { gapsIn } from "./seen-frames.ts";

const RECONNECTS = 200;
const FRAME_MS = 200;
/** Longer than it takes to recover, and to be live for long enough to begin anew with the pauses between attempts. */
const EVERY_MS = 52_000;

/** What ends a session, and how long media may be missing after it at most, ms. */
const KINDS: readonly { readonly does: string; readonly mostMs: number; act(rig: FaultRig): void }[] = [
  { does: "every connection is closed", mostMs: 1500, act: ({ camera }) => camera.drop() },
  {
    does: "the power is cut for 3 s",
    mostMs: 7500,
    act: ({ proxy }) => {
      proxy.goSilent();
      setTimeout(() => proxy.comeBack(), 3000);
    },
  },
  {
    does: "it is silent for 6 s",
    mostMs: 8500,
    act: ({ camera }) => {
      camera.muted = true;
      setTimeout(() => {
        camera.muted = false;
      }, 6000);
    },
  },
  {
    does: "it answers no request for 4 s and drops its sessions",
    mostMs: 12_000,
    act: ({ camera }) => {
      camera.script["OPTIONS"] = () => "silent";
      camera.drop();
      setTimeout(() => delete camera.script["OPTIONS"], 4000);
    },
  },
  {
    does: "it has no room for a session for 5 s",
    mostMs: 22_000,
    act: ({ camera }) => {
      camera.script["SETUP"] = () => ({ status: 453 });
      camera.drop();
      setTimeout(() => delete camera.script["SETUP"], 5000);
    },
  },
  {
    does: "garbage, and the connection is closed in the middle of a frame",
    mostMs: 1500,
    act: ({ camera, proxy }) => {
      proxy.insert(700);
      camera.connections.at(-1)!.socket.end(Buffer.from([0x24, 0, 0x05, 0xdc, 0x80, 0x60]));
    },
  },
];

const random = seededRandom(110);
const draws = Array.from({ length: RECONNECTS }, (_, i) => ({
  atMs: 3000 + i * EVERY_MS + random(1000),
  kind: KINDS[random(KINDS.length)]!,
}));

const c110: Fault = {
  id: "C110",
  title: "200 reconnects, each for another reason",
  cases: [
    {
      name: "",
      stimulus: {
        does: `every ${EVERY_MS / 1000} s something ends the session`,
        camera: ({ clock }) => ({ frameMs: FRAME_MS, media: () => new ClipMedia({ clock, framesPerSecond: 1000 / FRAME_MS }) }),
        steps: draws.map(({ atMs, kind: { does, act } }): Step => ({ atMs, does, act })),
        lastsMs: RECONNECTS * EVERY_MS,
      },
      expected: {
        source: {},
        readers: { missing: { least: 0, most: RECONNECTS }, damaged: { least: 0, most: RECONNECTS } },
        also: ({ rig, site, startUs, endUs }) => {
          assert.ok(rig.camera.of("PLAY").length > RECONNECTS, "sessions");
          assert.equal(site.states().at(-1), "live");
          for (const watcher of site.watchers) {
            for (const { fromUs, toUs } of gapsIn(watcher.frames(), startUs, endUs, 500_000)) {
              const fromMs = (fromUs - startUs) / 1000;
              const cause = draws.find(({ atMs }) => Math.abs(atMs - fromMs) <= 2 * FRAME_MS);
              assert.ok(cause, `${watcher.name}: nothing explains a gap at ${fromMs} ms`);
              const lengthMs = (toUs - fromUs) / 1000;
              assert.ok(lengthMs <= cause.kind.mostMs, `${watcher.name}: ${lengthMs} ms are missing after: ${cause.kind.does}`);
            }
          }
          assert.equal(site.site.sessions.size, 2, "the connection and the session of the reader over RTSP");
        },
      },
    },
  ],
};

const c111: Fault = {
  id: "C111",
  title: "a camera whose answers and packets are damaged at random",
  cases: [
    {
      name: "",
      stimulus: {
        does: "one in four of its answers, and one in ten of its packets, has bits turned, bytes left out, doubled or put in",
        camera: ({ clock, random: draw }) => {
          const damagedAnswer = (headers: Readonly<Record<string, string | undefined>>, body = "") =>
            draw(4) > 0 ? undefined : { raw: mutate(writeResponse(rtspResponse(200, RtspHeaders.of(headers), Buffer.from(body))), draw) };
          return {
            media: () =>
              changedMedia(new ClipMedia({ clock, audio: true }), (packets) =>
                packets.map((packet) => (draw(10) > 0 ? packet : { ...packet, bytes: mutate(packet.bytes, draw) })),
              ),
            script: {
              OPTIONS: ({ headers }) => damagedAnswer({ CSeq: headers.get("CSeq"), Public: "DESCRIBE, SETUP, PLAY, GET_PARAMETER" }),
              DESCRIBE: ({ headers }) =>
                damagedAnswer({ CSeq: headers.get("CSeq"), "Content-Type": "application/sdp" }, clipSdp({ audio: true })),
              PLAY: ({ headers }) => damagedAnswer({ CSeq: headers.get("CSeq"), Session: "12345678;timeout=60" }),
              GET_PARAMETER: ({ headers }) => damagedAnswer({ CSeq: headers.get("CSeq"), Session: "12345678;timeout=60" }),
            },
          };
        },
        lastsMs: 120_000,
        copies: 8,
      },
      expected: {
        source: {},
        readers: {
          missing: { least: 0, most: 10_000 },
          damaged: { least: 0, most: 10_000 },
          corrupt: { least: 0, most: 10_000 },
          latencyMs: Number.POSITIVE_INFINITY, // stamps are damaged, too
        },
        recording: {
          runs: { least: 1, most: 100 },
          shortGaps: { least: 0, most: 100 },
          soundFromMs: Number.POSITIVE_INFINITY, // its times are damaged: what is far off the pictures is left out
        },
        also: ({ site }) => {
          for (const [copy, { camera }] of site.rigs.entries()) {
            assert.ok(site.states(copy).includes("live"), `camera ${copy + 1} was never live`);
            assert.ok(camera.requests.length > 0);
          }
        },
      },
    },
  ],
};

export const longRunFaults: readonly Fault[] = [c110, c111];
