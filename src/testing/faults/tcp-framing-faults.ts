// Rows of the fault table: what cameras do to the byte stream of RTSP over TCP, and to the connection it is in.
import assert from "node:assert/strict";
import { ClipMedia } from "../clip-media.ts";
import { interleaved, type Script } from "../scripted-camera.ts";
import type { Fault, FaultCase } from "./fault.ts";
import type { FaultRig } from "./fault-rig.ts";

const UNDISTURBED = ["connecting", "probing", "live"] as const;
const FAILED_ATTEMPT = ["connecting", "backoff"] as const;

const c40: Fault = {
  id: "C40",
  title: "RTP before the answer to PLAY",
  cases: [
    {
      name: "",
      stimulus: {
        does: "sends three frames, and only then answers PLAY",
        camera: () => ({
          script: {
            PLAY: (_request, connection) => {
              connection.playing = true;
              for (let i = 0; i < 3; i++) connection.sendFrame();
              return undefined;
            },
          },
        }),
        lastsMs: 2000,
      },
      expected: { source: { states: UNDISTURBED }, readers: { gaps: [] } },
    },
  ],
};

/** Garbage in the middle of the stream, once. */
function garbage(sizeBytes: number): FaultCase {
  return {
    name: `${sizeBytes} bytes, once`,
    stimulus: {
      does: `puts ${sizeBytes} random bytes between two frames after 2 s`,
      steps: [{ atMs: 2000, does: `${sizeBytes} bytes of garbage`, act: ({ proxy }) => proxy.insert(sizeBytes) }],
      lastsMs: 5000,
    },
    expected: { source: { states: UNDISTURBED }, readers: { gaps: [] } },
  };
}

/** Garbage again and again, a second apart. */
function garbageEachSecond(times: number): FaultCase["stimulus"] {
  return {
    does: `puts 300 random bytes between two frames each second, ${times} times`,
    steps: Array.from({ length: times }, (_, i) => ({
      atMs: 2000 + i * 1000,
      does: "300 bytes of garbage",
      act: ({ proxy }) => proxy.insert(300),
    })),
    lastsMs: 12_000,
  };
}

const c42: Fault = {
  id: "C42",
  title: "garbage between frames, frames cut short",
  cases: [
    garbage(1),
    garbage(1000),
    garbage(16 * 1024),
    garbage(64 * 1024),
    {
      name: "a frame cut short",
      stimulus: {
        does: "leaves out 500 bytes after 2 s, as cameras do whose send buffer is full",
        steps: [{ atMs: 2000, does: "500 bytes are not sent", act: ({ proxy }) => proxy.leaveOut(500) }],
        lastsMs: 5000,
      },
      expected: {
        source: { states: UNDISTURBED },
        readers: { gaps: [], missing: { least: 0, most: 3 }, damaged: { least: 0, most: 2 } },
        requests: { PLAY: 1 },
      },
    },
    {
      name: "the end of a frame is missing",
      stimulus: {
        does: "leaves out the last 300 bytes of one frame after 2 s, and goes on with the next one",
        steps: [{ atMs: 2000, does: "300 bytes are not sent", act: sendCutFrame }],
        lastsMs: 5000,
      },
      expected: {
        source: { states: UNDISTURBED },
        readers: { gaps: [], damaged: { least: 1, most: 2 } },
        requests: { PLAY: 1 },
      },
    },
    {
      name: "5 times in 10 s",
      stimulus: garbageEachSecond(5),
      expected: { source: { states: UNDISTURBED }, requests: { PLAY: 1 }, readers: { gaps: [] } },
    },
    {
      name: "6 times in 10 s",
      stimulus: garbageEachSecond(6),
      expected: {
        source: { states: [...UNDISTURBED, "backoff", ...UNDISTURBED], faults: ["protocol"] },
        requests: { PLAY: 2 },
        readers: { gaps: [{ fromMs: 7000, toMs: 7500 }] },
        log: [{ line: /garbage in the stream again and again/, times: 1 }],
      },
    },
    {
      name: "garbage in place of media",
      stimulus: {
        does: "after 3 s sends well framed packets that are no RTP, and nothing else; each new session begins well",
        steps: [{ atMs: 3000, does: "garbage in frames, no media", act: sendGarbageInFrames }],
        lastsMs: 10_000,
      },
      expected: {
        source: { states: [...UNDISTURBED, "stalled", "backoff", ...UNDISTURBED], faults: ["stalled"] },
        requests: { TEARDOWN: 1 },
        readers: { gaps: [{ fromMs: 3000, toMs: 8500 }] },
      },
    },
  ],
};

/** As servers do that take a partial write for a whole one. */
function sendCutFrame({ camera }: FaultRig): void {
  const connection = camera.connections.at(-1)!;
  const packets = connection.media.next(++camera.frame);
  const bytes = Buffer.concat(packets.flatMap((packet) => [interleaved(0, packet.bytes.length), packet.bytes]));
  connection.socket.write(bytes.subarray(0, -300));
}

function sendGarbageInFrames({ camera, random }: FaultRig): void {
  const connection = camera.connections.at(-1)!;
  connection.playing = false;
  const timer = setInterval(() => {
    if (connection.socket.destroyed) {
      clearInterval(timer);
      return;
    }
    const packet = Buffer.from(Array.from({ length: 200 }, () => random(256)));
    packet[0] = packet[0]! & 0x3f; // version 0, not 2: RFC 3550 §5.1
    connection.socket.write(Buffer.concat([interleaved(0, packet.length), packet]));
  }, 100);
}

const c43: Fault = {
  id: "C43",
  title: "a length that is larger than what follows",
  cases: [
    {
      name: "and then silence",
      stimulus: {
        does: "after 3 s announces 5,000 bytes, sends 100 of them, and no more in this session",
        steps: [
          {
            atMs: 3000,
            does: "a frame begins and does not end",
            act: ({ camera }) => {
              const connection = camera.connections.at(-1)!;
              connection.playing = false;
              connection.socket.write(Buffer.concat([interleaved(0, 5000), Buffer.alloc(100, 0x80)]));
            },
          },
        ],
        lastsMs: 10_000,
      },
      expected: {
        source: { states: [...UNDISTURBED, "stalled", "backoff", ...UNDISTURBED], faults: ["stalled"] },
        requests: { TEARDOWN: 1 },
        readers: { gaps: [{ fromMs: 3000, toMs: 9500 }] }, // the answer to TEARDOWN is swallowed too
      },
    },
    {
      name: "in the middle of media",
      stimulus: {
        does: "after 3 s announces 3,000 bytes, sends none of them, and goes on with media",
        steps: [
          {
            atMs: 3000,
            does: "a frame of 3,000 bytes is announced and not sent",
            act: ({ camera }) => void camera.connections.at(-1)!.socket.write(interleaved(0, 3000)),
          },
        ],
        lastsMs: 8000,
      },
      expected: {
        source: { states: UNDISTURBED },
        requests: { PLAY: 1 },
        readers: { gaps: [], latencyMs: 400 }, // what was announced must come before it can be seen not to be that
      },
    },
  ],
};

/** A script that puts tracks on other channels than SETUP said. */
function playOver(channels: readonly number[]): Script {
  return {
    PLAY: (_request, connection) => {
      for (const [track, channel] of channels.entries()) connection.sendOver(channel, track);
      return undefined;
    },
  };
}

const c44: Fault = {
  id: "C44",
  title: "channels that nobody asked for, channels mixed up",
  cases: [
    {
      name: "packets on a channel that was not set up",
      stimulus: {
        does: "sends 200 bytes on channel 7 each second; the channels are 0 and 1",
        steps: [1000, 2000, 3000].map((atMs) => ({
          atMs,
          does: "200 bytes on channel 7",
          act: ({ camera }) => void camera.connections[0]!.socket.write(Buffer.concat([interleaved(7, 200), Buffer.alloc(200, 0x24)])),
        })),
        lastsMs: 4000,
      },
      expected: { source: { states: UNDISTURBED }, requests: { PLAY: 1 }, readers: { gaps: [] } },
    },
    {
      name: "8-9 is granted where 0-1 was asked for",
      stimulus: {
        does: "answers SETUP with interleaved=8-9, and sends there",
        camera: () => ({
          script: {
            SETUP: (request, connection) => {
              void connection.setUp(request, 8).then((transport) => {
                connection.answer(request, { headers: { Session: connection.sessionId, Transport: transport } });
              });
              return "silent";
            },
          },
        }),
        lastsMs: 2000,
      },
      expected: { source: { states: UNDISTURBED }, readers: { gaps: [] } },
    },
    {
      name: "sound on the picture's channel, the picture on that of the sound",
      stimulus: {
        does: "grants 0-1 to the picture and 2-3 to the sound, and sends them the other way round",
        camera: ({ clock }) => ({ media: () => new ClipMedia({ clock, audio: true }), script: playOver([2, 0]) }),
        lastsMs: 4000,
      },
      expected: {
        source: { states: UNDISTURBED },
        readers: { gaps: [] },
        also: ({ rtsp }) => {
          const sound = rtsp.packets(1);
          assert.ok(sound.length > 90, `${sound.length} packets of sound`);
          assert.ok(sound.every((packet) => (packet[1]! & 0x7f) === 8));
        },
      },
    },
    {
      name: "RTP on the channel of RTCP",
      stimulus: {
        does: "grants 0-1 and sends RTP on 1",
        camera: () => ({ script: playOver([1]) }),
        lastsMs: 2000,
      },
      expected: { source: { states: UNDISTURBED }, readers: { gaps: [] } },
    },
  ],
};

const c46: Fault = {
  id: "C46",
  title: "half-open TCP: the camera loses its power, no FIN; it is back 40 s later",
  cases: [
    {
      name: "",
      stimulus: {
        does: "plays for 10 s, then swallows everything without closing a connection; from 50 s on it answers again",
        steps: [
          { atMs: 10_000, does: "the power is cut: nothing is answered, nothing is closed", act: ({ proxy }) => proxy.goSilent() },
          { atMs: 50_000, does: "the camera is up again", act: ({ proxy }) => proxy.comeBack() },
        ],
        lastsMs: 60_000,
      },
      expected: {
        source: {
          states: [...UNDISTURBED, "stalled", "backoff", ...repeated(FAILED_ATTEMPT, 4), ...UNDISTURBED],
          faults: ["stalled", "timeout", "timeout", "timeout", "timeout"],
        },
        readers: { gaps: [{ fromMs: 10_000, toMs: 51_500 }] },
      },
    },
    {
      name: "its port is closed while it boots: the wait of 15 s ends when it opens",
      stimulus: {
        does: "plays for 5 s, closes every connection and refuses new ones; from 50 s on it answers again",
        steps: [
          {
            atMs: 5000,
            does: "it boots: connections are refused",
            act: async ({ proxy, camera }) => {
              const refused = proxy.refuse();
              camera.drop();
              await refused;
            },
          },
          { atMs: 50_000, does: "it is up again", act: ({ proxy }) => proxy.listenAgain() },
        ],
        lastsMs: 60_000,
      },
      expected: {
        source: {
          states: [...UNDISTURBED, "backoff", ...repeated(FAILED_ATTEMPT, 6), ...UNDISTURBED],
          faults: ["ended", ...repeated(["connect"] as const, 6)],
        },
        readers: { gaps: [{ fromMs: 5000, toMs: 50_500 }] },
      },
    },
  ],
};

/** The waits grow from 0.5 to 8 s in five attempts of 5 s, which takes 40.5 s; each one behind that takes 5 s and waits 15 s. */
const CYCLES = 1000;

const c47: Fault = {
  id: "C47",
  title: "the camera accepts connections and never answers",
  cases: [
    {
      name: `${CYCLES} attempts`,
      stimulus: {
        does: "accepts every connection and answers nothing",
        camera: () => ({ script: { OPTIONS: () => "silent" }, frameMs: 0 }),
        lastsMs: 40_000 + (CYCLES - 5) * 20_000,
      },
      expected: {
        source: { states: repeated(FAILED_ATTEMPT, CYCLES), faults: repeated(["timeout"], CYCLES) },
        requests: { OPTIONS: CYCLES, DESCRIBE: 0 },
        readers: { gaps: [{ fromMs: 0, toMs: 40_000 + (CYCLES - 5) * 20_000 }] },
        also: ({ rig }) => assert.ok(rig.proxy.open <= 1, `${rig.proxy.open} connections are open`),
        stepMs: 2500,
      },
    },
  ],
};

/** A camera with room for one session; one that is not torn down lingers. */
function withOneSession(lingersMs: number): NonNullable<FaultCase["stimulus"]["camera"]> {
  return () => {
    let isTaken = false;
    return {
      script: {
        SETUP: (_request, { socket }) => {
          if (isTaken) return { status: 453 };
          isTaken = true;
          socket.on("close", () => {
            setTimeout(() => {
              isTaken = false;
            }, lingersMs);
          });
          return undefined;
        },
        TEARDOWN: () => {
          isTaken = false;
          return undefined;
        },
      },
    };
  };
}

function lostWithOneSession(lingersS: number, refusals: number, readers: FaultCase["expected"]["readers"]): FaultCase {
  return {
    name: `the connection is lost, ${lingersS} s`,
    stimulus: {
      does: `allows one session; after 5 s the connection breaks, and the session is kept for ${lingersS} s: 453 until then`,
      camera: withOneSession(lingersS * 1000),
      steps: [{ atMs: 5000, does: "the connection breaks", act: ({ proxy }) => proxy.drop() }],
      lastsMs: (lingersS + 10) * 1000,
    },
    expected: {
      source: {
        states: [...UNDISTURBED, "backoff", ...repeated(FAILED_ATTEMPT, refusals), ...UNDISTURBED],
        faults: ["ended", ...repeated(["busy"] as const, refusals)],
      },
      requests: { SETUP: refusals + 2, TEARDOWN: 0 },
      readers,
    },
  };
}

const c49: Fault = {
  id: "C49",
  title: "one session only, and an old one lingers",
  cases: [
    lostWithOneSession(60, 6, { gaps: [{ fromMs: 5000, toMs: 70_000 }], stay: false }), // longer than readers are kept
    lostWithOneSession(30, 3, { gaps: [{ fromMs: 5000, toMs: 35_500 }] }),
    {
      name: "media stops, and the session is torn down",
      stimulus: {
        does: "allows one session; after 5 s that one brings no media any more",
        camera: withOneSession(60_000),
        steps: [
          {
            atMs: 5000,
            does: "no media in this session any more",
            act: ({ camera }) => {
              camera.connections[0]!.playing = false;
            },
          },
        ],
        lastsMs: 15_000,
      },
      expected: {
        source: { states: [...UNDISTURBED, "stalled", "backoff", ...UNDISTURBED], faults: ["stalled"] },
        requests: { SETUP: 2, TEARDOWN: 1 },
        readers: { gaps: [{ fromMs: 5000, toMs: 10_500 }] },
      },
    },
    {
      name: "the gateway stops",
      stimulus: {
        does: "allows one session",
        camera: withOneSession(60_000),
        steps: [{ atMs: 2000, does: "the path is removed", actOnSite: ({ site }) => site.registry.get("cam")!.close() }],
        lastsMs: 3000,
      },
      expected: {
        source: { states: [...UNDISTURBED, "off"] },
        requests: { TEARDOWN: 1 },
        readers: { gaps: [{ fromMs: 2000, toMs: 3000 }], stay: false },
      },
    },
  ],
};

function repeated<T>(parts: readonly T[], times: number): T[] {
  return Array.from({ length: times }, () => parts).flat();
}

export const tcpFramingFaults: readonly Fault[] = [c40, c42, c43, c44, c46, c47, c49];
