// Recorded footage over RTSP, as a client sees it: described, played, paused, moved, ended.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { PeerFault } from "#base/errors.ts";
import { ntpToUtcUs, parseRtcp } from "#rtp/rtcp.ts";
import { CLIP_FRAME_US, ClipRecording, type ClipRecordingOptions } from "#testing/clip-replay.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { until } from "#testing/peers/until.ts";
import { PublishedPath } from "#testing/published-path.ts";
import { expect200, overTcp, type RawResponse, RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { type SiteOptions, startSite } from "#testing/rtsp-site.ts";
import { openClientPorts } from "#testing/watched-stream.ts";
import { parseRtpInfo } from "./headers.ts";
import { MAX_REPLAYS } from "./replay-desk.ts";

const NOON_US = Date.UTC(2026, 7, 1, 12) * 1000;
const HOUR_US = 3600e6;
const START = "start=2026-08-01T12:00:00Z";
/** Ten seconds, keyframes each two. */
const TEN_SECONDS = { startUtcUs: NOON_US, firstFrame: 0, frameCount: 250 };
/** More than the buffers of a connection hold. */
const MUCH = Array.from({ length: 40 }, (_, i) => ({ startUtcUs: NOON_US + i * HOUR_US, firstFrame: 0, frameCount: 500 }));
const VIDEO_TICKS = 3600;

interface SetUpOptions extends SiteOptions {
  readonly recording?: Partial<ClipRecordingOptions>;
}

/** A site with footage of the path `gate`; its clock stands still. */
async function setUp(t: TestContext, { recording: changes, ...options }: SetUpOptions = {}) {
  const clock = new FakeClock();
  const recording = new ClipRecording({ spans: [TEN_SECONDS], pace: "byHand", audio: true, ...changes });
  const site = await startSite({ clock, ...options, server: { openReplay: recording.open, ...options.server } });
  t.after(() => site.close());
  const connect = async (): Promise<RawRtspClient> => {
    const client = await RawRtspClient.connect(site.port);
    t.after(() => client.close());
    return client;
  };
  const client = await connect();
  /** The next frames, each at its time. */
  const frames = (count: number): void => {
    for (let i = 0; i < count; i++) {
      recording.replay.frames(1);
      clock.passMs(CLIP_FRAME_US / 1000);
    }
  };
  return { site, clock, recording, client, connect, frames, url: site.url(`gate?${START}`) };
}

async function setUpTracks(client: RawRtspClient, url: string, count = 2): Promise<void> {
  for (let i = 0; i < count; i++) await expect200(client.request("SETUP", `${url}/trackID=${i}`, { Transport: overTcp(i * 2) }));
}

/** Of the last packet of a frame of video. */
function isMarked(packet: Buffer): boolean {
  return (packet[1]! & 0x80) !== 0;
}

/** RTP times of the frames of video that came, in the order they came. */
function videoTimes(client: RawRtspClient): readonly number[] {
  return client
    .on(0)
    .filter(isMarked)
    .map((packet) => packet.readUInt32BE(4));
}

async function videoFrames(client: RawRtspClient, count: number): Promise<void> {
  await client.when(`${count} frames`, () => videoTimes(client).length >= count);
}

function ticksBetween(from: number, to: number): number {
  return (to - from) | 0;
}

/** Every packet of a channel follows the one before. */
function assertGapless(packets: readonly Buffer[]): void {
  for (let i = 1; i < packets.length; i++) {
    assert.equal(packets[i]!.readUInt16BE(2), (packets[i - 1]!.readUInt16BE(2) + 1) & 0xffff);
  }
}

/** UTC of an RTP time of video by the newest sender report before `packetCount` packets had come, as a client computes it. */
function readUtcUs(client: RawRtspClient, timestamp: number, packetCount = client.packets.length): number {
  const reports = client.packets
    .slice(0, packetCount)
    .filter(({ channel }) => channel === 1)
    .flatMap(({ bytes }) => parseRtcp(bytes, 0, bytes.length))
    .filter((packet) => packet.kind === "sender-report");
  const { ntpSeconds, ntpFraction, timestamp: reported } = reports.at(-1)!;
  return ntpToUtcUs(ntpSeconds, ntpFraction) + (ticksBetween(reported, timestamp) * 1e6) / 90_000;
}

function isBye(rtcp: Buffer): boolean {
  return parseRtcp(rtcp, 0, rtcp.length).some(({ kind }) => kind === "bye");
}

/** The channels on which one came. */
function byes(client: RawRtspClient): readonly number[] {
  return client.packets.filter(({ channel, bytes }) => channel % 2 === 1 && isBye(bytes)).map(({ channel }) => channel);
}

/** What RTP-Info says of each track is what its first packet from `from` on says. */
function assertRtpInfo(play: RawResponse, client: RawRtspClient, from: number): void {
  const later = client.packets.slice(from);
  for (const [track, info] of parseRtpInfo(play.headers.get("rtp-info") ?? "").entries()) {
    const first = later.find(({ channel }) => channel === track * 2)!.bytes;
    assert.equal(first.readUInt16BE(2), info.sequence, `sequence of track ${track}`);
    assert.equal(first.readUInt32BE(4), info.rtpTime, `time of track ${track}`);
  }
}

async function refusal(answer: Promise<RawResponse>): Promise<number> {
  return (await answer).status;
}

test("DESCRIBE tells the tracks and the range in both units, and leaves nothing open", async (t) => {
  const { client, url, recording } = await setUp(t);
  const { status, headers, body } = await client.request("DESCRIBE", url);
  assert.equal(status, 200);
  assert.equal(headers.get("content-base"), url.replace("?", "/?"));
  assert.match(body, /^a=range:npt=0\.000-10\.000\r\na=range:clock=20260801T120000Z-20260801T120010Z\r$/m);
  assert.match(body, /^m=video 0 RTP\/AVP 96\r$/m);
  assert.match(body, /^m=audio 0 RTP\/AVP 8\r$/m);
  assert.ok(recording.replay.isAborted);
});

test("where the recording goes on, the range is open", async (t) => {
  const { client, url } = await setUp(t, { recording: { openEnd: true } });
  const { body } = await client.request("DESCRIBE", url);
  assert.match(body, /^a=range:npt=0\.000-\r\na=range:clock=20260801T120000Z-\r$/m);
});

test("a replay begins at its start; the frames that lead up to it from the keyframe come at once", async (t) => {
  const { client, site, frames } = await setUp(t);
  const url = site.url("gate?start=2026-08-01T14:00:05.08%2B02:00");
  await setUpTracks(client, url);
  const play = await expect200(client.request("PLAY", url, { Range: "npt=0.000-" }));
  assert.equal(play.headers.get("range"), "npt=0.000-");
  await videoFrames(client, 27);
  frames(2);
  await videoFrames(client, 29);
  assertRtpInfo(play, client, 0);
  const times = videoTimes(client);
  for (let i = 1; i < 27; i++) assert.equal(ticksBetween(times[i - 1]!, times[i]!), 4);
  assert.equal(Math.round(readUtcUs(client, times[0]!)), NOON_US + 5.08e6);
  assert.equal(Math.round(readUtcUs(client, times[27]!)), NOON_US + 5.08e6 + 27 * 4 * (1e6 / 90_000));
  assert.equal(Math.round(readUtcUs(client, times[28]!)), NOON_US + 5.12e6);
});

test("frames come in order; sender reports say when each was recorded", async (t) => {
  const { client, url, frames } = await setUp(t);
  await setUpTracks(client, url);
  const play = await expect200(client.request("PLAY", url));
  assert.equal(play.headers.get("range"), "clock=20260801T120000Z-");
  frames(99);
  await videoFrames(client, 100);
  await client.when("the sound", () => client.on(2).length >= 100);
  assertRtpInfo(play, client, 0);
  for (const channel of [0, 2]) assertGapless(client.on(channel));
  const times = videoTimes(client);
  for (let i = 1; i < times.length; i++) assert.equal(ticksBetween(times[i - 1]!, times[i]!), VIDEO_TICKS);
  for (const [i, time] of times.entries()) assert.equal(Math.round(readUtcUs(client, time)), NOON_US + i * CLIP_FRAME_US);
});

test("PAUSE stops the recording itself; PLAY goes on with the very next frame", async (t) => {
  const { client, url, clock, recording, frames } = await setUp(t);
  await setUpTracks(client, url);
  await client.request("PLAY", url);
  frames(30);
  await expect200(client.request("PAUSE", url));
  assert.ok(recording.replay.isPaused);
  clock.passMs(3600_000);
  const count = client.packets.length;
  const play = await expect200(client.request("PLAY", url));
  assert.equal(play.headers.get("range"), "clock=20260801T120001.200Z-");
  assert.ok(!recording.replay.isPaused);
  frames(30);
  await videoFrames(client, 61);
  await client.when("the sound", () => client.on(2).length >= 61);
  for (const channel of [0, 2]) assertGapless(client.on(channel));
  const times = videoTimes(client);
  for (let i = 1; i < times.length; i++) assert.equal(ticksBetween(times[i - 1]!, times[i]!), VIDEO_TICKS);
  assert.equal(client.packets[count]?.channel, 1, "a report before anything else");
  assert.equal(Math.round(readUtcUs(client, times[31]!)), NOON_US + 31 * CLIP_FRAME_US);
  const [video] = parseRtpInfo(play.headers.get("rtp-info") ?? "");
  assert.equal(ticksBetween(video!.rtpTime!, times[31]!), ticksBetween(0, 31 * VIDEO_TICKS) - 30 * VIDEO_TICKS);
  assert.equal(recording.replays.length, 1);
});

test("PLAY with a range moves the replay, playing or paused, back and forth; RTP goes on without a jump", async (t) => {
  const { client, url, recording, frames } = await setUp(t);
  await setUpTracks(client, url);
  await client.request("PLAY", url);
  frames(10);
  await videoFrames(client, 11);
  await client.when("the sound", () => client.on(2).length >= 11);
  const moves: {
    readonly range: string;
    readonly answer: string;
    readonly frame: number;
    readonly early: number;
    readonly pause?: true;
  }[] = [
    { range: "npt=5-", answer: "npt=5.000-", frame: 125, early: 25 },
    { range: "clock=20260801T120008.52Z-", answer: "clock=20260801T120008.520Z-", frame: 213, early: 13, pause: true },
    { range: "npt=0-", answer: "npt=0.000-", frame: 0, early: 0 },
    { range: "clock=20260801T115900Z-", answer: "clock=20260801T120000Z-", frame: 0, early: 0, pause: true },
  ];
  for (const { range, answer, frame, early, pause } of moves) {
    if (pause) await expect200(client.request("PAUSE", url));
    const before = recording.replay;
    const [count, shown, heard] = [client.packets.length, videoTimes(client).length, client.on(2).length];
    const play = await expect200(client.request("PLAY", url, { Range: range }));
    assert.equal(play.headers.get("range"), answer);
    assert.ok(before.isAborted);
    await videoFrames(client, shown + Math.max(early, 1));
    frames(early > 0 ? 6 : 5);
    await videoFrames(client, shown + early + 6);
    await client.when("the sound", () => client.on(2).length >= heard + 6);
    assertRtpInfo(play, client, count);
    const [, ...times] = videoTimes(client).slice(shown + early);
    for (const [i, time] of times.entries()) assert.equal(Math.round(readUtcUs(client, time)), NOON_US + (frame + 1 + i) * CLIP_FRAME_US);
  }
  for (const channel of [0, 2]) assertGapless(client.on(channel));
  const times = videoTimes(client);
  for (let i = 1; i < times.length; i++) {
    const ticks = ticksBetween(times[i - 1]!, times[i]!);
    assert.ok(ticks >= 4 && ticks <= 2 * VIDEO_TICKS, `${ticks} between two frames`);
  }
});

test("a PLAY of what plays changes nothing, or its end alone", async (t) => {
  const { client, url, recording, frames } = await setUp(t);
  await setUpTracks(client, url);
  await client.request("PLAY", url);
  frames(10);
  const again = await expect200(client.request("PLAY", url, { Scale: "2.0" }));
  assert.equal(again.headers.get("range"), "clock=20260801T120000.400Z-");
  assert.equal(again.headers.get("scale"), "1.000");
  await expect200(client.request("PLAY", url, { Range: "npt=-1" }));
  frames(50);
  await client.when("both have ended", () => byes(client).length === 2);
  assert.equal(videoTimes(client).length, 25);
  assertGapless(client.on(0));
  assert.equal(recording.replays.length, 1);
});

test("what cannot be played is refused, and what plays goes on", async (t) => {
  const { client, url, recording, frames } = await setUp(t);
  await setUpTracks(client, url);
  await client.request("PLAY", url);
  const refused: [string, number][] = [
    ["npt=x-", 400],
    ["smpte=00:00:01-", 501],
    ["npt=now-", 457],
    ["npt=5-4", 457],
    ["npt=10-", 457],
    ["clock=20260802T000000Z-", 457],
  ];
  for (const [range, status] of refused) assert.equal(await refusal(client.request("PLAY", url, { Range: range })), status, range);
  frames(9);
  await videoFrames(client, 10);
  assertGapless(client.on(0));
  assert.equal(recording.replays.length, 1);
});

test("bad parameters are answered 400 with a reason, a time without footage 404, by DESCRIBE and by SETUP", async (t) => {
  const { client, site, recording } = await setUp(t);
  const refused: [string, number][] = [
    ["gate?start=", 400],
    ["gate?start=noon", 400],
    ["gate?start=2026-08-32T12:00:00Z", 400],
    [`gate?${START}&duration=never`, 400],
    ["~odd~?start=2026-08-01T12:00:00Z", 400],
    ["gate?start=2026-08-01T12:00:10Z", 404],
    [`other?${START}`, 404],
  ];
  const startLines: string[] = [];
  client.socket.on("data", (bytes: Buffer) => startLines.push(bytes.toString("latin1").split("\r\n")[0]!));
  for (const [path, status] of refused) {
    assert.equal(await refusal(client.request("DESCRIBE", site.url(path))), status, path);
    assert.equal(await refusal(client.request("SETUP", `${site.url(path)}/trackID=0`, { Transport: overTcp() })), status, path);
  }
  assert.match(startLines[0]!, /^RTSP\/1\.0 400 Bad Request: start has to be a time like /);
  assert.equal(recording.replays.length, 0);
  assert.equal(site.sessions.list("rtspSession").length, 0);
});

test("at the end each track says BYE; the session stays, and plays again from where the client wants", async (t) => {
  const { client, site, url, frames } = await setUp(t, { recording: { spans: [{ ...TEN_SECONDS, frameCount: 50 }] } });
  await setUpTracks(client, url);
  await client.request("PLAY", url);
  frames(49);
  await client.when("both have ended", () => byes(client).length === 2);
  assert.deepEqual(byes(client), [1, 3]);
  assert.equal(videoTimes(client).length, 50);
  assert.equal(site.sessions.list("rtspSession")[0]?.state, "idle");
  assert.equal(await refusal(client.request("PLAY", url)), 457);
  await expect200(client.request("PLAY", url, { Range: "npt=1-" }));
  frames(49);
  await client.when("both have ended again", () => byes(client).length === 4);
  assert.equal(videoTimes(client).length, 100);
  assertGapless(client.on(0));
  await expect200(client.request("TEARDOWN", url));
  assert.equal(site.sessions.list("rtspSession").length, 0);
});

test("a range with an end and a duration in the URL end the replay there; no range goes beyond the duration", async (t) => {
  const { client, site, frames } = await setUp(t);
  const url = site.url(`gate?${START}&duration=4`);
  assert.match((await client.request("DESCRIBE", url)).body, /^a=range:npt=0\.000-4\.000\r$/m);
  await setUpTracks(client, url);
  await client.request("PLAY", url, { Range: "npt=0-1" });
  frames(200);
  await client.when("the end of the range", () => byes(client).length === 2);
  assert.equal(videoTimes(client).length, 25);
  assert.equal(await refusal(client.request("PLAY", url, { Range: "npt=4-" })), 457);
  await expect200(client.request("PLAY", url, { Range: "npt=2-9" }));
  frames(200);
  await client.when("the end of the duration", () => byes(client).length === 4);
  assert.equal(videoTimes(client).length, 25 + 50);
});

test("where footage is missing RTP goes on, and a report says what time it is there", async (t) => {
  const spans = [
    { ...TEN_SECONDS, frameCount: 20 },
    { startUtcUs: NOON_US + HOUR_US, firstFrame: 100, frameCount: 20 },
    { startUtcUs: NOON_US + HOUR_US / 2, firstFrame: 200, frameCount: 20 },
  ];
  const { client, url, frames } = await setUp(t, { recording: { spans } });
  await setUpTracks(client, url);
  await client.request("PLAY", url);
  frames(59);
  await client.when("both have ended", () => byes(client).length === 2);
  for (const channel of [0, 2]) assertGapless(client.on(channel));
  const times = videoTimes(client);
  assert.equal(times.length, 60);
  for (let i = 1; i < times.length; i++) {
    const ticks = ticksBetween(times[i - 1]!, times[i]!);
    assert.ok(ticks >= VIDEO_TICKS && ticks <= 2 * VIDEO_TICKS, `${ticks} before frame ${i}`);
  }
  const packets = client.packets.map(({ channel, bytes }) => (channel === 0 && isMarked(bytes) ? bytes.readUInt32BE(4) : undefined));
  for (const [i, time] of times.entries()) {
    const { startUtcUs } = spans[Math.floor(i / 20)]!;
    assert.equal(Math.round(readUtcUs(client, time, packets.indexOf(time))), startUtcUs + (i % 20) * CLIP_FRAME_US, `frame ${i}`);
  }
});

test("so many replays at once and no more; one that ends makes room", async (t) => {
  const { connect, url } = await setUp(t);
  const clients: RawRtspClient[] = [];
  for (let i = 0; i < MAX_REPLAYS; i++) {
    const client = await connect();
    clients.push(client);
    await setUpTracks(client, url, 1);
  }
  const late = await connect();
  assert.equal(await refusal(late.request("DESCRIBE", url)), 503);
  assert.equal(await refusal(late.request("SETUP", `${url}/trackID=0`, { Transport: overTcp() })), 503);
  await expect200(clients[0]!.request("TEARDOWN", url));
  assert.equal(await refusal(late.request("DESCRIBE", url)), 200);
  clients[1]!.close();
  await setUpTracks(late, url, 1);
  const another = await connect();
  await until("room after a client is gone", async () => (await refusal(another.request("DESCRIBE", url))) === 200);
});

test("the door is asked for leave to play back, and for nothing else", async (t) => {
  const asked: string[] = [];
  let allowed = true;
  const { client, url, recording } = await setUp(t, {
    authorize: ({ action, path, query }) => {
      asked.push(`${action} ${path} ${query}`);
      return Promise.resolve(allowed ? { allowed, user: "" } : { allowed, challenge: true, delayMs: 0, reason: "no" });
    },
  });
  await expect200(client.request("DESCRIBE", url));
  await setUpTracks(client, url);
  assert.deepEqual(asked, [`playback gate ${START}`, `playback gate ${START}`]);
  allowed = false;
  assert.equal(await refusal(client.request("DESCRIBE", url)), 401);
  assert.equal(recording.requests.length, 2);
});

test("a SETUP whose URL has lost the query is for what was described", async (t) => {
  const { client, site, url, recording } = await setUp(t);
  await client.request("DESCRIBE", url);
  await setUpTracks(client, site.url("gate"));
  assert.equal(recording.requests.length, 2);
  assert.equal(recording.replay.isAborted, false);
});

test("over UDP it is the same footage", async (t) => {
  const { client, url, frames } = await setUp(t, { recording: { audio: false, spans: [{ ...TEN_SECONDS, frameCount: 60 }] } });
  const ports = await openClientPorts();
  t.after(() => ports.close());
  const reports: Buffer[] = [];
  ports.rtcp.on("message", (bytes) => reports.push(bytes));
  await expect200(client.request("SETUP", `${url}/trackID=0`, { Transport: `RTP/AVP;unicast;${ports.clientPort}` }));
  await expect200(client.request("PLAY", url));
  frames(59);
  await until("the end", () => reports.some(isBye));
  await until("every frame", () => ports.received.filter(isMarked).length === 60);
  assertGapless(ports.received);
});

test("a client that is gone ends its replay, whatever it was about", async (t) => {
  const { connect, url, recording, frames } = await setUp(t);
  const [playing, paused, waiting] = [await connect(), await connect(), await connect()];
  for (const client of [playing, paused, waiting]) await setUpTracks(client, url, 1);
  await playing.request("PLAY", url);
  await paused.request("PLAY", url);
  await paused.request("PAUSE", url);
  frames(1);
  for (const client of [playing, paused, waiting]) client.close();
  await until("all are ended", () => recording.replays.every(({ isAborted }) => isAborted));
});

test("a replay that fails ends as one that is over; one that never begins is answered 504", async (t) => {
  const { client, url } = await setUp(t, {
    server: {
      readTimeoutMs: 50,
      openReplay: ({ fromUtcUs }) =>
        Promise.resolve({
          source: {
            run: () => (fromUtcUs === NOON_US ? new Promise<void>(() => {}) : Promise.reject(new PeerFault("stalled", "the disk is gone"))),
          },
          endUtcUs: undefined,
          pause: () => {},
          resume: () => {},
        }),
    },
  });
  assert.equal(await refusal(client.request("DESCRIBE", url)), 504);
  assert.equal(await refusal(client.request("DESCRIBE", url.replace("12:00:00", "12:00:01"))), 500);
});

test("a client that does not read is waited for and misses nothing", async (t) => {
  const { client, url, site, recording } = await setUp(t, { recording: { spans: MUCH, pace: "unbraked", audio: false } });
  await setUpTracks(client, url, 1);
  client.socket.pause();
  client.send(client.write("PLAY", url));
  await until("the recording waits", () => recording.replay.isPaused && recording.replay.frameCount > 1);
  const waited = recording.replay.frameCount;
  for (let i = 0; i < 100; i++) await setImmediate();
  assert.equal(recording.replay.frameCount, waited);
  client.socket.resume();
  await client.when("the end", (packets) => packets.at(-1)?.channel === 1 && isBye(packets.at(-1)!.bytes));
  assert.equal(videoTimes(client).length, MUCH.length * 500);
  assertGapless(client.on(0));
  assert.equal(site.sessions.list("rtspSession")[0]?.counters()["outboundRTPPacketsDiscarded"], 0);
});

test("a client that takes nothing for writeTimeout is disconnected", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { client, url, clock, site, recording } = await setUp(t, { recording: { spans: MUCH, pace: "unbraked", audio: false } });
  await setUpTracks(client, url, 1);
  client.socket.pause();
  client.send(client.write("PLAY", url));
  await until("the recording waits", () => recording.replay.isPaused && recording.replay.frameCount > 1);
  for (let i = 0; i < 12; i++) {
    clock.passMs(1000);
    t.mock.timers.tick(1000);
  }
  assert.equal(site.sessions.list("rtspSession").length, 0);
  assert.ok(recording.replay.isAborted);
});

test("where nothing is played back, start means nothing", async (t) => {
  const site = await startSite();
  t.after(() => site.close());
  const camera = await PublishedPath.open(site.registry, "gate");
  const client = await RawRtspClient.connect(site.port);
  t.after(() => client.close());
  const url = site.url(`gate?${START}`);
  assert.doesNotMatch((await expect200(client.request("DESCRIBE", url))).body, /a=range/);
  await setUpTracks(client, url, 1);
  await expect200(client.request("PLAY", url));
  camera.frame();
  await client.when("a live frame", () => client.on(0).length > 0);
});
