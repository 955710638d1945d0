// What VLC 3 says (live555's RTSP client), byte by byte over a socket: its requests lie in testdata, VLC itself is not needed.
import assert from "node:assert/strict";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { parseSdp } from "#rtp/sdp.ts";
import { clipFile } from "#testing/bitstreams/clip-read.ts";
import { CLIP_FILES } from "#testing/clip/clip.ts";
import { freeUdpPortPair } from "#testing/free-ports.ts";
import { ffmpeg, ffmpegPublish } from "#testing/peers/ffmpeg.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";
import { watchUnits } from "#testing/peers/watch-units.ts";
import { type Site, startSite } from "#testing/rtsp-site.ts";
import { parseSession } from "./headers.ts";
import { RtspSplitter } from "./interleaved.ts";
import type { RtspResponse } from "./message.ts";
import { parseTransports } from "./transport-header.ts";

const TRACKS = [0, 1] as const;

/** What RTP came, by track. */
type Media = readonly [Buffer[], Buffer[]];

for (const transport of ["udp", "tcp"] as const) {
  test(`VLC plays picture and sound over ${transport}`, { skip: ffmpeg.missing }, async (t) => {
    const site = await startSite();
    t.after(() => site.close());
    const audio = { file: CLIP_FILES.audio.pathname, format: ["-f", "alaw", "-ar", "8000", "-ac", "1"] };
    ffmpegPublish(t, { url: site.url("cam"), files: [{ file: clipFile }, audio], transport: "tcp", loop: true });
    await until("a stream on path cam", () => site.registry.get("cam")?.state === "available");
    const units = await watchUnits(site, "cam");
    await until("a keyframe to begin with", () => units.some((unit) => unit.keyframe && unit.track.kind === "video"));

    const url = site.url("cam");
    const media: Media = [[], []];
    const vlc = await openConnection(t, site, media);
    const ports = await Promise.all(media.map((packets) => openPorts(t, packets)));
    const values: Record<string, string> = { url };
    for (const index of TRACKS) values[`ports${index}`] = `${ports[index]}-${ports[index]! + 1}`;
    const requests = readRequests(new URL(`testdata/vlc-play-${transport}.requests.txt`, import.meta.url));
    const say = (method: string): Promise<RtspResponse> => vlc.send(requests.shift()!, method, values);

    const methods = (await say("OPTIONS")).headers.get("Public")!.split(/,\s*/);
    for (const method of ["DESCRIBE", "SETUP", "PLAY", "PAUSE", "GET_PARAMETER", "TEARDOWN"]) assert.ok(methods.includes(method), method);

    const described = await say("DESCRIBE");
    values["base"] = described.headers.get("Content-Base")!;
    assert.equal(values["base"], `${url}/`);
    assert.equal(described.headers.get("Content-Type"), "application/sdp");
    const { medias } = parseSdp(described.body)!;
    assert.deepEqual(
      medias.map(({ kind, control }) => [kind, control]),
      [
        ["video", "trackID=0"],
        ["audio", "trackID=1"],
      ],
    );
    assert.match(medias[0]!.formats[0]!.fmtp!, /sprop-parameter-sets=\w/);

    for (const index of TRACKS) {
      const answer = await say("SETUP");
      const session = parseSession(answer.headers.get("Session")!)!;
      assert.ok(session.timeoutS! > 0);
      assert.equal(session.id, values["session"] ?? session.id);
      values["session"] = session.id;
      const [granted] = parseTransports(answer.headers.getAll("Transport"));
      assert.equal(granted!.lower, transport);
      if (transport === "udp") assert.deepEqual(granted!.clientPorts, [ports[index], ports[index]! + 1]);
      if (transport === "udp") assert.ok(granted!.serverPorts![0] > 0);
      if (transport === "tcp") assert.deepEqual(granted!.interleaved, [index * 2, index * 2 + 1]);
    }

    const playing = await say("PLAY");
    assert.equal(parseSession(playing.headers.get("Session")!)!.id, values["session"]);
    assert.match(playing.headers.get("Range")!, /^npt=0/);
    await until("packets of both tracks", () => media.every((packets) => packets.length >= 10));
    // live555 takes the clock of each track from here: the first packet has these very numbers.
    const info = playing.headers.get("RTP-Info")!.split(",").map(parseRtpInfo);
    assert.deepEqual(
      info.map((one) => one.url),
      TRACKS.map((index) => `${url}/trackID=${index}`),
    );
    const picture = media[0][0]!;
    assert.equal(picture.readUInt16BE(2), info[0]!.sequence);
    assert.equal(picture.readUInt32BE(4), info[0]!.timestamp);
    assert.equal(media[1][0]!.readUInt16BE(2), info[1]!.sequence);

    assert.equal(parseSession((await say("GET_PARAMETER")).headers.get("Session")!)!.id, values["session"]);
    await say("TEARDOWN");
    await until("the end of the session", () => site.sessions.get(values["session"]!) === undefined);
    assert.equal(requests.length, 0);
  });
}

/** Requests as they stand in the file, without the blank lines between them. */
function readRequests(file: URL): string[] {
  return readFileSync(file, "utf8").trimEnd().split("\n\n");
}

interface Connection {
  /** Sends a request with `{name}` filled in; resolves with its answer, which has to be 200. */
  send(request: string, method: string, values: Readonly<Record<string, string>>): Promise<RtspResponse>;
}

async function openConnection(scope: TestScope, site: Site, media: Media): Promise<Connection> {
  const socket = connect(site.port, "127.0.0.1");
  scope.after(async () => void socket.destroy());
  await once(socket, "connect");
  const answers: RtspResponse[] = [];
  const splitter = new RtspSplitter({
    isKnownChannel: (channel) => channel < 4,
    onPacket: (channel, bytes, start, end) => {
      if (channel % 2 === 0) media[channel / 2]!.push(Buffer.from(bytes.subarray(start, end)));
    },
    onRequest: () => {},
    onResponse: (response) => void answers.push(response),
    onFault: (fault) => assert.fail(fault.message),
  });
  socket.on("data", (chunk: Buffer) => splitter.push(chunk));
  return {
    async send(request, method, values) {
      assert.ok(request.startsWith(`${method} `), `${request} is no ${method}`);
      const filled = request.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name]!).replaceAll("\n", "\r\n");
      socket.write(`${filled}\r\n\r\n`);
      const answer = await until(`an answer to ${method}`, () => answers.shift());
      assert.equal(answer.status, 200, method);
      assert.equal(answer.headers.get("CSeq"), /CSeq: (\d+)/.exec(request)![1]);
      return answer;
    },
  };
}

/** Neighbouring ports; what comes to the first one is collected. Returns the first. */
async function openPorts(scope: TestScope, packets: Buffer[]): Promise<number> {
  const sockets: UdpSocket[] = [];
  const port = await freeUdpPortPair(0);
  for (const offset of [0, 1]) {
    const socket = createSocket("udp4").bind(port + offset, "127.0.0.1");
    sockets.push(socket);
    await once(socket, "listening");
  }
  sockets[0]!.on("message", (bytes) => void packets.push(bytes));
  scope.after(async () => sockets.forEach((socket) => void socket.close()));
  return port;
}

function parseRtpInfo(text: string): { url: string; sequence: number; timestamp: number } {
  const [, url, sequence, timestamp] = /^\s*url=([^;]+);seq=(\d+);rtptime=(\d+)$/.exec(text)!;
  return { url: url!, sequence: Number(sequence), timestamp: Number(timestamp) };
}
