import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { PeerFault } from "#base/errors.ts";
import { RtspSplitter } from "./interleaved.ts";
import { MESSAGE_LIMITS } from "./message-parser.ts";

const TESTDATA = new URL("./testdata/", import.meta.url);
const FIXTURES = readdirSync(TESTDATA).filter((name) => name.endsWith(".bin"));

function fixture(name: string): Buffer {
  return readFileSync(new URL(name, TESTDATA));
}

interface Tape {
  readonly splitter: RtspSplitter;
  /** One line per event. */
  readonly events: string[];
  readonly faults: PeerFault[];
}

function tape(channels: readonly number[] = [0, 1, 2, 3, 8, 9]): Tape {
  const events: string[] = [];
  const faults: PeerFault[] = [];
  const splitter: RtspSplitter = new RtspSplitter({
    isKnownChannel: (channel) => channels.includes(channel),
    onPacket: (channel, bytes, start, end) => {
      assert.ok(end > start && end <= bytes.length);
      events.push(`packet ${channel} ${bytes.toString("hex", start, end)}`);
    },
    onRequest: ({ method, url, headers, body }) => {
      events.push(`${method} ${url} ${[...headers].map((field) => field.join("=")).join("|")} ${body.toString("latin1")}`);
    },
    onResponse: ({ status, reason, headers, body }) => {
      events.push(`${status} ${reason} ${[...headers].map((field) => field.join("=")).join("|")} ${body.toString("latin1")}`);
      splitter.expectBodyWithoutLength = status === 401;
    },
    onFault: (fault) => {
      faults.push(fault);
      events.push(`fault ${fault.code}`);
    },
  });
  return { splitter, events, faults };
}

/** Pushes through one buffer that is written over after each push, as a socket's read buffer is. */
function pushAll(splitter: RtspSplitter, bytes: Buffer, cuts: readonly number[]): void {
  const readBuffer = Buffer.alloc(bytes.length);
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    bytes.copy(readBuffer, 0, from, cut);
    splitter.push(readBuffer.subarray(0, cut - from));
    readBuffer.fill(0xee);
    from = cut;
  }
}

function eventsOf(bytes: Buffer, cuts: readonly number[] = [], channels?: readonly number[]): readonly string[] {
  const { splitter, events } = tape(channels);
  pushAll(splitter, bytes, cuts);
  return events;
}

function frame(channel: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x24, channel, payload.length >> 8, payload.length & 0xff]), payload]);
}

/** An RTP packet with nothing special about it. */
function rtp(sequence: number, payloadBytes: number): Buffer {
  const packet = Buffer.alloc(12 + payloadBytes, 0x55);
  packet.writeUInt32BE(0x80600000 + sequence, 0);
  packet.writeUInt32BE(90000, 4);
  packet.writeUInt32BE(0x12345678, 8);
  return packet;
}

const OK = Buffer.from("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
const OK_EVENT = "200 OK CSeq=1 ";

describe("RtspSplitter", () => {
  it("splits what real peers send", () => {
    const expected: Record<string, readonly string[]> = {
      "axis.server.bin": ["401", "200", "200", "200", "packet 8", "packet 9", "packet 8", "packet 8"],
      "dahua.server.bin": ["401", "200", "200", "packet 0", "200", "packet 0", "packet 2", "packet 0"],
      "ffmpeg-publish.client.bin": [
        "OPTIONS",
        "ANNOUNCE",
        "SETUP",
        "SETUP",
        "RECORD",
        ...["3", "1", "0", "0", "2", "0"].map((c) => `packet ${c}`),
      ],
      "ffmpeg-read-tcp.client.bin": ["OPTIONS", "OPTIONS", "DESCRIBE", "SETUP", "SETUP", "PLAY"],
      "ffmpeg-read-udp.client.bin": ["OPTIONS", "DESCRIBE", "SETUP", "SETUP", "PLAY"],
      "gstreamer-publish.client.bin": ["OPTIONS", "ANNOUNCE", "SETUP", "RECORD", ...Array<string>(11).fill("packet 0")],
      "gstreamer-read.client.bin": ["OPTIONS", "OPTIONS", "DESCRIBE", "SETUP", "SETUP", "PLAY"],
      "gstreamer.server.bin": ["200", "461", "454", "OPTIONS"],
      "hikvision.server.bin": ["200", "401", "200", "200", "200", "packet 0", "packet 0", "packet 1", "packet 0", "200", "packet 0"],
      "reolink.server.bin": ["200", "200", "200", "200", "packet 0", "packet 0", "packet 1"],
      "tapo-no-content-length.server.bin": ["401", "200", "200", "200", "packet 0", "packet 1"],
      "vlc-read.client.bin": [
        ...["OPTIONS", "DESCRIBE", "DESCRIBE", "SETUP", "SETUP", "PLAY", "packet 1"],
        ...["GET_PARAMETER", "SET_PARAMETER", "TEARDOWN"],
      ],
    };
    assert.deepEqual(Object.keys(expected), FIXTURES.toSorted());
    for (const [name, events] of Object.entries(expected)) {
      const got = eventsOf(fixture(name)).map((event) =>
        event
          .split(" ")
          .slice(0, event.startsWith("packet") ? 2 : 1)
          .join(" "),
      );
      assert.deepEqual(got, events, name);
    }
  });

  it("gives the same events wherever the stream is cut", () => {
    for (const name of FIXTURES) {
      const bytes = fixture(name);
      const whole = eventsOf(bytes);
      for (let cut = 1; cut < bytes.length; cut++) assert.deepEqual(eventsOf(bytes, [cut]), whole, `${name} cut at ${cut}`);
      const everywhere = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);
      assert.deepEqual(eventsOf(bytes, everywhere), whole, `${name} byte by byte`);
    }
  });

  it("hands out a whole frame as a view into the chunk", () => {
    const chunk = Buffer.concat([frame(0, rtp(1, 20)), frame(1, rtp(2, 4))]);
    const seen: [Buffer, number, number][] = [];
    const splitter = new RtspSplitter({
      isKnownChannel: () => true,
      onPacket: (_, bytes, start, end) => seen.push([bytes, start, end]),
      onRequest: () => assert.fail(),
      onResponse: () => assert.fail(),
      onFault: () => assert.fail(),
    });
    splitter.push(chunk);
    assert.equal(seen[0]![0], chunk);
    assert.deepEqual(
      seen.map(([, start, end]) => [start, end]),
      [
        [4, 36],
        [40, 56],
      ],
    );
  });

  it("takes the largest frame in pieces", () => {
    const packet = rtp(1, 65535 - 12);
    assert.deepEqual(eventsOf(frame(0, packet), [2, 3, 40000]), [`packet 0 ${packet.toString("hex")}`]);
  });

  it("skips unknown channels by their length and counts them", () => {
    const { splitter, events } = tape([0]);
    const bytes = Buffer.concat([frame(7, rtp(1, 3000)), frame(0, rtp(2, 1)), frame(9, Buffer.alloc(0)), OK]);
    pushAll(splitter, bytes, [2, 1000]);
    assert.deepEqual(events, [`packet 0 ${rtp(2, 1).toString("hex")}`, OK_EVENT]);
    assert.deepEqual([splitter.unknownChannelPackets, splitter.resyncs, splitter.skippedBytes], [2, 0, 0]);
  });

  it("drops empty frames", () => {
    assert.deepEqual(eventsOf(Buffer.concat([frame(0, Buffer.alloc(0)), OK]), [3]), [OK_EVENT]);
  });

  it("tolerates LF, blank lines between messages, folded headers, and lines that are no headers", () => {
    const text = "\r\n\n\r\nOPTIONS * RTSP/1.0\nCseq:1\nX: a\n\tb\r\n  c \nno colon\n: no name\n\n\r\n\r\nRTSP/1.0 200\r\nCSEQ : 2\r\n\r\n";
    assert.deepEqual(eventsOf(Buffer.from(text)), ["OPTIONS * Cseq=1|X=a b c ", "200  CSEQ=2 "]);
  });

  it("keeps URLs with spaces", () => {
    assert.deepEqual(eventsOf(Buffer.from("DESCRIBE rtsp://h/front door/1 RTSP/1.0\r\n\r\n")), ["DESCRIBE rtsp://h/front door/1  "]);
  });

  it("hands nothing out after stop, not even from the same chunk", () => {
    const events: string[] = [];
    const splitter: RtspSplitter = new RtspSplitter({
      isKnownChannel: () => true,
      onPacket: () => events.push("packet"),
      onRequest: () => assert.fail(),
      onResponse: () => {
        events.push("response");
        splitter.stop();
      },
      onFault: () => assert.fail(),
    });
    splitter.push(Buffer.concat([OK, frame(0, rtp(1, 1)), OK]));
    splitter.push(OK);
    assert.deepEqual(events, ["response"]);
  });
});

describe("RtspSplitter limits", () => {
  const head = (...lines: string[]): Buffer => Buffer.from(`RTSP/1.0 200 OK\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`);
  const url = (bytes: number): Buffer => Buffer.from(`PLAY ${"u".repeat(bytes - "PLAY  RTSP/1.0".length)} RTSP/1.0\r\n\r\n`);
  const header = (bytes: number): string => `X: ${"v".repeat(bytes - 3)}`;
  const { startLineBytes, headerLineBytes, headers, bodyBytes } = MESSAGE_LIMITS;
  const cases: readonly [name: string, bytes: Buffer, outcome: "message" | "limit" | "protocol"][] = [
    ["start line", url(startLineBytes), "message"],
    ["start line + 1", url(startLineBytes + 1), "limit"],
    ["start line without an end", Buffer.from(`PLAY ${"u".repeat(startLineBytes)}`), "limit"],
    ["header line", head(header(headerLineBytes)), "message"],
    ["header line + 1", head(header(headerLineBytes + 1)), "limit"],
    ["header without an end", Buffer.from(`RTSP/1.0 200 OK\r\n${header(200_000)}`), "limit"],
    ["folded header", head(header(4000), ` ${"w".repeat(4000)}`), "message"],
    ["folded header + 1", head(header(4000), ` ${"w".repeat(4000)}`, ` ${"w".repeat(200)}`), "limit"],
    ["headers", head(...Array<string>(headers).fill("X: y")), "message"],
    ["headers + 1", head(...Array<string>(headers + 1).fill("X: y")), "limit"],
    ["all headers together", head(...Array<string>(9).fill(header(headerLineBytes))), "limit"],
    ["body", Buffer.concat([head(`Content-Length: ${bodyBytes}`), Buffer.alloc(bodyBytes)]), "message"],
    ["body + 1", head(`Content-Length: ${bodyBytes + 1}`), "limit"],
    ["2 GiB body", head("Content-Length: 2147483648"), "limit"],
    ["body of 10^40 bytes", head(`Content-Length: 1${"0".repeat(40)}`), "limit"],
    ["negative length", head("Content-Length: -1"), "protocol"],
    ["hexadecimal length", head("Content-Length: 0x10"), "protocol"],
    ["length with a sign", head("Content-Length: +5"), "protocol"],
    ["empty length", head("Content-Length:"), "protocol"],
    ["two lengths", Buffer.concat([head("Content-Length: 2", "content-length: 3"), Buffer.alloc(3)]), "protocol"],
    ["the same length twice", Buffer.concat([head("Content-Length: 2", "content-length: 2"), Buffer.alloc(2)]), "message"],
    ["an HTTP request", Buffer.from("GET / HTTP/1.1\r\n\r\n"), "protocol"],
    ["a TLS hello", Buffer.from("16030100a5010000a1", "hex"), "protocol"],
    ["an SSH banner", Buffer.from("SSH-2.0-OpenSSH_9.6\r\n"), "protocol"],
    ["binary behind a method", Buffer.from("PLAY \u0000\u0001"), "protocol"],
  ];
  for (const [name, bytes, outcome] of cases) {
    it(`${name}: ${outcome}`, () => {
      for (const cut of [[], [1], [bytes.length >> 1], [bytes.length - 1]]) {
        const { splitter, events, faults } = tape();
        pushAll(splitter, bytes, cut);
        assert.equal(events.length, 1);
        assert.equal(faults[0]?.code ?? "message", outcome);
        splitter.push(OK);
        assert.equal(events.length, outcome === "message" ? 2 : 1, "a fault stops the splitter");
      }
    });
  }
});

describe("RtspSplitter body without a length", () => {
  const head = "RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n";
  const begin = (text: string): Tape => {
    const one = tape();
    one.splitter.expectBodyWithoutLength = true;
    one.splitter.push(Buffer.from(text));
    return one;
  };

  it("ends where the next response begins at a line start", () => {
    const { splitter, events } = begin(`${head}v=0\r\ns=not RTSP/1.0 200\r\n`);
    assert.equal(splitter.awaitsBodyEnd, true);
    splitter.push(Buffer.concat([OK, frame(0, rtp(1, 1))]));
    assert.deepEqual(events, ["200 OK CSeq=2 v=0\r\ns=not RTSP/1.0 200\r\n", OK_EVENT, `packet 0 ${rtp(1, 1).toString("hex")}`]);
    assert.equal(splitter.awaitsBodyEnd, false);
  });

  it("ends when its owner says so", () => {
    const { splitter, events } = begin(`${head}v=0\r\n`);
    assert.deepEqual(events, []);
    assert.equal(splitter.finishBody(), true);
    assert.equal(splitter.finishBody(), false);
    splitter.push(OK);
    assert.deepEqual(events, ["200 OK CSeq=2 v=0\r\n", OK_EVENT]);
  });

  it("is not read with a length, with another status, or unasked", () => {
    assert.deepEqual(begin("RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").events.length, 1);
    assert.deepEqual(begin("RTSP/1.0 404 Not Found\r\n\r\n").events.length, 1);
    assert.deepEqual(eventsOf(Buffer.concat([OK, OK])), [OK_EVENT, OK_EVENT]);
  });

  it("has the limit of every body", () => {
    const { splitter, faults } = begin(head);
    splitter.push(Buffer.alloc(MESSAGE_LIMITS.bodyBytes, 0x61));
    assert.equal(faults.length, 0);
    splitter.push(Buffer.alloc(1, 0x61));
    assert.deepEqual(
      faults.map(({ code }) => code),
      ["limit"],
    );
  });
});

describe("RtspSplitter in garbage", () => {
  /** Bytes without `$`, without capitals, so that nothing in them can be taken for a beginning. */
  const garbage = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, (_, i) => (i % 2 === 0 ? 0xc1 : 0x07)));
  const good = [frame(0, rtp(1, 30)), frame(0, rtp(2, 30)), frame(1, rtp(3, 30))];
  const goodEvents = eventsOf(Buffer.concat(good));

  for (const bytes of [1, 3, 1000, 64 * 1024]) {
    it(`finds the next frames behind ${bytes} bytes`, () => {
      const stream = Buffer.concat([OK, garbage(bytes), ...good]);
      for (const cuts of [
        [],
        [OK.length + (bytes >> 1)],
        Array.from({ length: Math.ceil(stream.length / 1460) - 1 }, (_, i) => (i + 1) * 1460),
      ]) {
        const { splitter, events } = tape();
        pushAll(splitter, stream, cuts);
        assert.deepEqual(events, [OK_EVENT, ...goodEvents]);
        assert.deepEqual([splitter.resyncs, splitter.skippedBytes], [1, bytes]);
      }
    });
  }

  it("gives the same events wherever the stream is cut", () => {
    const cutFrame = frame(0, rtp(9, 200)).subarray(0, 100);
    const stream = Buffer.concat([
      OK,
      cutFrame,
      ...good,
      garbage(9),
      OK,
      Buffer.from("a=control:1\r\n"),
      ...good,
      Buffer.from("RTSP/1.0 200 \0"),
      ...good,
    ]);
    const whole = eventsOf(stream);
    assert.deepEqual(whole.slice(0, 4), [OK_EVENT, ...goodEvents]);
    assert.equal(whole.at(-1), goodEvents[2]);
    const seemingEnd = OK.length + frame(0, rtp(9, 200)).length; // where nothing tells yet that the frame was cut
    for (let cut = 1; cut < stream.length; cut++) {
      const events = eventsOf(stream, [cut]);
      if (cut === seemingEnd) assert.deepEqual([events.length < whole.length, events.at(-1)], [true, whole.at(-1)]);
      else assert.deepEqual(events, whole, `cut at ${cut}`);
    }
  });

  it("finds a message that comes byte by byte behind an undecided frame of 60 KiB", () => {
    const undecided = frame(0, rtp(1, 60_000)).subarray(0, 20_000).fill(0x07, 20);
    const { splitter, events } = tape();
    splitter.push(Buffer.concat([OK, garbage(1), undecided]));
    for (const byte of OK) splitter.push(Buffer.from([byte]));
    assert.deepEqual(events, [OK_EVENT, OK_EVENT]);
    assert.deepEqual([splitter.resyncs, splitter.skippedBytes], [1, 20_001]);
  });

  it("gives up behind more than 64 KiB", () => {
    const { splitter, faults } = tape();
    pushAll(splitter, Buffer.concat([OK, garbage(64 * 1024 + 1), ...good]), [1000, 40_000]);
    assert.deepEqual(
      faults.map(({ code }) => code),
      ["protocol"],
    );
  });

  it("finds a response anywhere and a request at a line start", () => {
    const request = "GET_PARAMETER rtsp://h/x RTSP/1.0\r\n\r\n";
    assert.deepEqual(eventsOf(Buffer.concat([OK, garbage(50), OK])), [OK_EVENT, OK_EVENT]);
    assert.deepEqual(eventsOf(Buffer.concat([OK, garbage(50), Buffer.from(`\n${request}`)])), [OK_EVENT, "GET_PARAMETER rtsp://h/x  "]);
    assert.deepEqual(eventsOf(Buffer.concat([OK, garbage(50), Buffer.from(request)])), [OK_EVENT]);
  });

  it("takes a frame only with a known channel, a possible length, RTP version 2, and another behind it", () => {
    const lone = frame(0, rtp(7, 10));
    const version1 = Buffer.concat([frame(0, Buffer.alloc(20, 0x40)), frame(0, Buffer.alloc(20, 0x40))]);
    const short = Buffer.concat([frame(0, Buffer.from("8001", "hex")), frame(0, Buffer.from("8001", "hex"))]);
    const unknown = Buffer.concat([frame(77, rtp(7, 10)), frame(77, rtp(8, 10))]);
    for (const decoy of [lone, version1, short, unknown]) {
      assert.deepEqual(eventsOf(Buffer.concat([OK, garbage(5), decoy, garbage(5), ...good])), [OK_EVENT, ...goodEvents]);
    }
  });

  it("finds a frame that a message follows", () => {
    assert.deepEqual(eventsOf(Buffer.concat([OK, garbage(5), good[0]!, OK])), [OK_EVENT, goodEvents[0], OK_EVENT]);
  });

  it("goes on behind a frame that was written in part", () => {
    const partial = frame(0, rtp(1, 1400)).subarray(0, 700);
    const stream = Buffer.concat([OK, partial, ...Array.from({ length: 60 }, (_, i) => frame(0, rtp(i, 100)))]);
    const { splitter, events } = tape();
    splitter.push(stream);
    assert.equal(splitter.resyncs, 1);
    assert.deepEqual(
      events,
      [OK_EVENT, ...Array.from({ length: 60 }, (_, i) => `packet 0 ${rtp(i, 100).toString("hex")}`)],
      "what followed it is not taken for its end",
    );
  });

  it("takes a frame that garbage follows, unless another one may begin inside of it", () => {
    const events = eventsOf(Buffer.concat([OK, good[0]!, garbage(20), ...good]));
    assert.deepEqual(events, [OK_EVENT, goodEvents[0], ...goodEvents]);
    const decoy = frame(0, Buffer.concat([rtp(5, 10), good[0]!, good[1]!]));
    assert.deepEqual(eventsOf(Buffer.concat([OK, decoy, ...good])).length, 5, "followed by a frame it is whole whatever is in it");
    assert.deepEqual(eventsOf(Buffer.concat([OK, decoy, garbage(3), ...good])), [OK_EVENT, goodEvents[0], goodEvents[1], ...goodEvents]);
  });

  it("tells its owner each time, who may stop it", () => {
    for (const cuts of [[], [OK.length + 3]]) {
      const packets: number[] = [];
      let resyncs = 0;
      const splitter: RtspSplitter = new RtspSplitter({
        isKnownChannel: () => true,
        onPacket: (channel) => packets.push(channel),
        onRequest: () => {},
        onResponse: () => {},
        onFault: () => {},
        onResync: () => {
          if (++resyncs === 2) splitter.stop();
        },
      });
      pushAll(splitter, Buffer.concat([OK, garbage(9), ...good, garbage(9), ...good]), cuts);
      assert.deepEqual([resyncs, packets], [2, [0, 0, 1]]);
    }
  });

  it("goes on behind frames that were written into a message head", () => {
    const stream = Buffer.concat([OK, Buffer.from("RTSP/1.0 200 OK\r\nCSe"), ...good]);
    assert.deepEqual(eventsOf(stream), [OK_EVENT, ...goodEvents]);
  });

  it("gives up on a stream that keeps looking like messages", () => {
    const { splitter, faults } = tape();
    splitter.push(OK);
    for (let i = 0; i < 100; i++) splitter.push(Buffer.from("RTSP/1.0 2 nonsense\r\n"));
    assert.deepEqual(
      faults.map(({ code }) => code),
      ["protocol"],
    );
  });
});
