// Brokers that lie, stall, drop and flood, under a gateway that serves and records a camera: readers and recordings notice nothing of any of it.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { deferred } from "#base/deferred.ts";
import { parseConfig } from "#config/parse-config.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { readFragmentedFile, samplesOf } from "#testing/mp4/whole-file.ts";
import { seededRandom } from "#testing/mutate.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { packet, publishPacket, type RawAnswer, RawBroker, type RawBrokerConnection } from "#testing/raw-broker.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { frameNumberOf } from "#testing/synthetic-track.ts";
import { WatchedReader } from "#testing/watched-reader.ts";
import { Gateway } from "./gateway.ts";

const ROOT = "cg/v1/acme/gw-0001";
const PATIENCE_MS = 60_000;
/** What a broker may send at once before it is left, and what the kernel holds of it on either side. */
const MAX_TAKEN_BYTES = 24 << 20;

interface Site {
  readonly broker: RawBroker;
  readonly lines: readonly string[];
  logged(pattern: RegExp): Promise<string>;
  /** Nobody who reads or records noticed anything since the start. */
  undisturbed(after: string): Promise<void>;
}

/** The broker answers nobody before the camera is read and recorded. */
async function start(t: TestContext, answers: RawBroker["answers"]): Promise<Site> {
  const folder = await temporaryFolder(t);
  const camera = await ScriptedCamera.start({ frameMs: 40, video: { gopFrames: 5, frameBytes: 500 } });
  t.after(() => camera.close());
  const isRecorded = deferred<void>();
  const connect: RawAnswer = (read, connection) => {
    void isRecorded.promise.then(() => {
      const bytes = (answers.connect ?? ((one) => connection.usual(one)))(read, connection);
      if (bytes !== undefined) connection.send(bytes);
    });
    return undefined;
  };
  const broker = await RawBroker.listen({ ...answers, connect });
  const [rtspPort, playbackPort, rtp] = [await freeTcpPort(0), await freeTcpPort(0), await freeUdpPortPair(0)];
  const text = `
webrtc: no
playback: yes
playbackAddress: 127.0.0.1:${playbackPort}
rtspAddress: 127.0.0.1:${rtspPort}
rtpAddress: 127.0.0.1:${rtp}
rtcpAddress: 127.0.0.1:${rtp + 1}
dataDirectory: ${folder}/data
mqtt: {urls: ['mqtt://127.0.0.1:${broker.port}'], tenant: acme, gatewayId: gw-0001, commands: broker, telemetryInterval: 1s}
pathDefaults: {record: yes, recordPartDuration: 200ms, recordPath: '${folder}/files/%path/%Y-%m-%d_%H-%M-%S-%f'}
paths:
  gate: {source: '${camera.url("gate")}'}
`;
  const { config, problems } = parseConfig(text, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  const log = collectedLog();
  const gateway = await Gateway.start(config, log);
  t.after(async () => {
    // A broker that reads nothing on is waited for in vain: it goes first.
    await broker.close();
    await gateway.close();
  });
  await until("the camera", () => gateway.registry.get("gate")?.state === "available", PATIENCE_MS);
  const reader = await WatchedReader.start(rtspPort, "gate");
  t.after(async () => reader.close());
  const spans = async (): Promise<readonly { readonly duration: number; readonly url: string }[]> => {
    const response = await fetch(`http://127.0.0.1:${playbackPort}/list?path=gate`);
    return response.ok ? ((await response.json()) as { duration: number; url: string }[]) : [];
  };
  const recordedSeconds = (least: number): Promise<number> =>
    until(`${least} s of footage`, async () => (await spans()).map(({ duration }) => duration).find((one) => one >= least), PATIENCE_MS);
  await recordedSeconds(0.4);
  isRecorded.resolve();
  return {
    broker,
    lines: log.lines,
    logged: (pattern) => until(`${pattern} in\n${log.lines.join("\n")}`, () => log.lines.find((line) => pattern.test(line)), PATIENCE_MS),
    async undisturbed(after) {
      const before = (await spans())[0]!.duration;
      await reader.noticesNothing(after);
      await recordedSeconds(before + 0.4);
      const all = await spans();
      assert.equal(all.length, 1, `stretches of footage after: ${after}`);
      const bytes = Buffer.from(await (await fetch(all[0]!.url)).arrayBuffer());
      const frames = samplesOf(readFragmentedFile(bytes)!.fragments, 0).flatMap(({ frame }) =>
        frame.flatMap((nal) => frameNumberOf(nal) ?? []),
      );
      assert.deepEqual(
        frames,
        frames.map((_, i) => frames[0]! + i),
        `frames of the recording after: ${after}`,
      );
    },
  };
}

/** What is sent behind a birth; before it nobody listens. */
function behindBirth(bytes: (connection: RawBrokerConnection) => Buffer | undefined): RawBroker["answers"] {
  const done = new Set<RawBrokerConnection>();
  return {
    publish: (read, connection) => {
      const usual = connection.usual(read);
      if (done.has(connection)) return usual;
      done.add(connection);
      const more = bytes(connection);
      return more === undefined ? usual : Buffer.concat([usual ?? Buffer.alloc(0), more]);
    },
  };
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const times = (count: number, one: (i: number) => Buffer): Buffer => Buffer.concat(Array.from({ length: count }, (_, i) => one(i)));
const command = (i: number): string => JSON.stringify({ v: 1, id: `C${i}`, op: "ping", exp: 9_999_999_999_999 });

const rows: readonly [name: string, answers: RawBroker["answers"], logged: RegExp][] = [
  // Before it is born.
  ["refuses the name", { connect: () => hex("20 03 00 87 00") }, /no connection to .*Not authorized/],
  ["answers with noise", { connect: () => Buffer.alloc(4096, 0xa7) }, /no connection to /],
  ["says that it kept a session of long ago", { connect: () => hex("20 03 01 00 00") }, /connected to /],
  [
    "grants nothing",
    { subscribe: ({ body }) => packet(0x90, Buffer.concat([body.subarray(0, 2), hex("00 87 87 87 87 87 87")])) },
    /refuses a subscription/,
  ],
  [
    "grants fewer than were asked for",
    { subscribe: ({ body }) => packet(0x90, Buffer.concat([body.subarray(0, 2), hex("00 01")])) },
    /\[MQTT\] (?:connected|no connection)/,
  ],
  [
    "refuses the birth",
    { publish: (read, connection) => (read.flags === 1 ? undefined : patched(connection.usual(read)!, 0x87)) },
    /refuses the birth/,
  ],
  // Behind the birth.
  ["acknowledges what nobody sent", behindBirth(() => times(500, (i) => packet(0x40, Buffer.from([0x70, i & 0xff])))), /connected to /],
  [
    "acknowledges what nobody sent, without end",
    behindBirth(() => times(5000, (i) => packet(0x40, Buffer.from([0x70, i & 0xff])))),
    /not to be believed/,
  ],
  ["grants a subscription again and again", behindBirth(() => times(50, () => hex("90 04 00 01 00 01"))), /connected to /],
  [
    "sends to topics that nobody asked for",
    behindBirth(() => times(500, (i) => publishPacket(`cg/v1/other/gw-${i}/dn/cmd`, command(i)))),
    /connected to /,
  ],
  ["sends a topic that is no text", behindBirth(() => packet(0x30, hex("00 02 ff fe 00 7b 7d"))), /connected to /],
  ["sends a message with QoS 2", behindBirth(() => packet(0x34, hex("00 01 61 00 01 00 7b 7d"))), /QoS that was not asked for/],
  ["says that 256 MB come", behindBirth(() => hex("30 ff ff ff 7f")), /is larger than/],
  ["is let in twice", behindBirth(() => hex("20 03 00 00 00")), /is lost: /],
  [
    "sends the same command with one packet id, without end",
    behindBirth(() => times(3000, () => publishPacket(`${ROOT}/dn/cmd`, command(1), 7))),
    /more than any NOC/,
  ],
  [
    "sends commands without end",
    behindBirth(() => times(5000, (i) => publishPacket(`${ROOT}/dn/cmd`, command(i), 1 + i))),
    /more than any NOC/,
  ],
  [
    "sends configs that are none",
    behindBirth(() => times(100, (i) => publishPacket(`${ROOT}/dn/cfg`, Buffer.alloc(60_000, 0x20), 1 + i))),
    /a desired config is refused/,
  ],
  [
    "closes in the middle of a packet",
    behindBirth((connection) => void setImmediate(() => connection.socket.end(hex("30 7f 00 19 63")))),
    /is lost: /,
  ],
  ["says good-bye", behindBirth(() => hex("e0 02 8b 00")), /is lost: /],
  ["says that somebody took the name", behindBirth(() => hex("e0 02 8e 00")), /another client came/],
];

/** A PUBACK with a reason. */
function patched(puback: Buffer, reason: number): Buffer {
  return packet(0x40, Buffer.concat([puback.subarray(2, 4), Buffer.from([reason, 0])]));
}

for (const [name, answers, pattern] of rows) {
  test(`a broker that ${name}: what is read and recorded goes on`, async (t) => {
    const site = await start(t, answers);
    await site.logged(pattern);
    await site.undisturbed(name);
  });
}

test("a broker that says nothing, and one that reads nothing after the birth: what is read and recorded goes on", async (t) => {
  const silent = await start(t, { connect: () => undefined });
  await until("an attempt", () => silent.broker.connections.length > 0, PATIENCE_MS);
  await silent.undisturbed("silence");
  const stalled = await start(
    t,
    behindBirth((connection) => void connection.socket.pause()),
  );
  await stalled.logged(/connected to /);
  await stalled.undisturbed("a broker that stalls");
});

test("a flood: the gateway leaves the broker after a bounded part of it, whenever it comes back to it", async (t) => {
  const block = publishPacket(`${ROOT}/dn/cmd`, Buffer.alloc(60_000, 0x7b));
  // Waits of the gateway are short from here on: the first message says so.
  const backoff = JSON.stringify({ v: 1, id: "B1", op: "backoff", args: { min_s: 0, max_s: 0.05, ttl_s: 3600 }, exp: 9_999_999_999_999 });
  const flood = (connection: RawBrokerConnection): Buffer => {
    const pour = (): void => {
      while (connection.isOpen && connection.socket.write(block));
    };
    connection.socket.on("drain", pour);
    setImmediate(pour);
    return publishPacket(`${ROOT}/dn/cmd`, backoff, 1);
  };
  const site = await start(t, behindBirth(flood));
  await until("three times", () => site.broker.connections.filter(({ isOpen }) => !isOpen).length >= 3, PATIENCE_MS);
  await site.undisturbed("a flood");
  for (const { socket } of site.broker.connections.slice(0, 3)) {
    const taken = socket.bytesWritten - socket.writableLength;
    assert.ok(taken > 1 << 20 && taken < MAX_TAKEN_BYTES, `${taken} bytes`);
  }
});

test("after all that an honest broker has its gateway: born, and it answers", async (t) => {
  const random = seededRandom(11);
  const backoff = JSON.stringify({ v: 1, id: "B1", op: "backoff", args: { min_s: 0, max_s: 0.05, ttl_s: 3600 }, exp: 9_999_999_999_999 });
  const damages = 12;
  let isHonest = false;
  const answers = behindBirth((connection) => {
    if (isHonest) return publishPacket(`${ROOT}/dn/cmd`, command(1), 9);
    const noise = Buffer.from(Array.from({ length: 64 }, () => random(256)));
    setTimeout(() => connection.socket.end(noise), 20);
    return publishPacket(`${ROOT}/dn/cmd`, backoff, 1);
  });
  const site = await start(t, answers);
  await until("noise, again and again", () => site.broker.connections.length > damages, PATIENCE_MS);
  isHonest = true;
  await until("an answer", () => site.broker.messages.find(({ json }) => json?.id === "C1" && json.st === "ok"), PATIENCE_MS);
  await site.undisturbed("noise");
  const sids = new Set(site.broker.messages.filter(({ topic }) => topic === `${ROOT}/up/state`).map(({ json }) => json.sid));
  assert.ok(sids.size > damages, "each connection is a session of its own");
});
