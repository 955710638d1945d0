// Opus of another stream in the place of a path's own audio: what the client gets, when it is asked for, and when it is let go.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import { parseRtcp, writeLost, writeReceiverReport } from "#rtp/rtcp.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { until } from "#testing/peers/until.ts";
import { PublishedPath } from "#testing/published-path.ts";
import { RawRtcClient, RECEIVE_H264 } from "#testing/raw-rtc-client.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { startWebRtcSite, type WebRtcSite } from "#testing/webrtc-site.ts";
import type { OpusInstead } from "./server-context.ts";

const RECEIVE_OPUS = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2", "a=rtcp-fb:111 nack", "a=recvonly"];
const AAC: Track = {
  index: 1,
  kind: "audio",
  codec: "aac",
  clockRateHz: 48_000,
  parameters: {
    codec: "aac",
    config: Buffer.of(0x11, 0x90),
    sampleRateHz: 48_000,
    channelCount: 2,
    sizeLength: 13,
    indexLength: 3,
    indexDeltaLength: 3,
  },
  reorderFrames: 0,
};
const OPUS: Track = { ...AAC, index: 0, codec: "opus", parameters: { codec: "opus", channelCount: 2 } };

/** A stream of Opus, packet by packet as a test says. */
class ScriptedOpus implements OpusInstead {
  readonly stream: Stream;
  fault: string | undefined;
  closed = 0;
  readonly #site: WebRtcSite;
  readonly #publish: ReturnType<Stream["begin"]>;
  #count = 0;

  constructor(site: WebRtcSite) {
    this.#site = site;
    this.stream = site.registry.makeStream([OPUS], "frame", site.clock);
    this.#publish = this.stream.begin([OPUS], "frame");
  }

  packet(count = 1): void {
    for (let i = 0; i < count; i++) {
      const frame = [Buffer.from([0xfc, this.#count])];
      const captureUs = this.#site.clock.nowUs();
      this.#publish({ track: OPUS, ptsTicks: 960 * this.#count++, captureUs, keyframe: true, damaged: false, frame });
    }
  }

  close(): void {
    this.closed++;
  }
}

async function setUp(t: TestContext, answer: (site: WebRtcSite) => OpusInstead | { readonly refusal: string } | undefined) {
  const log = collectedLog();
  const asked: [string, Stream, Track][] = [];
  const site: WebRtcSite = await startWebRtcSite({
    log,
    webrtc: {
      opusFor: (path, stream, track) => {
        asked.push([path, stream, track]);
        return Promise.resolve(answer(site));
      },
    },
  });
  t.after(() => site.close());
  const gate = await PublishedPath.open(site.registry, "gate", { tracks: [syntheticTrack(), AAC] });
  gate.frame(3);
  const connect = async (medias = [RECEIVE_H264, RECEIVE_OPUS]): Promise<RawRtcClient> => {
    const client = await RawRtcClient.connect(site.whep("gate"), { medias });
    t.after(() => client.close());
    return client;
  };
  const skipped = () => (site.sessions.list("webRTCSession")[0] as unknown as { skippedTracks: readonly string[] }).skippedTracks;
  return { site, log, gate, asked, connect, skipped };
}

const audioOf = (client: RawRtcClient): Buffer[] => client.rtp.filter((packet) => (packet[1]! & 0x7f) === 111);

test("a client gets it beside the picture, with reports and repeats of its own", async (t) => {
  let opus: ScriptedOpus | undefined;
  const { gate, asked, connect, skipped, site } = await setUp(t, (site) => {
    opus = new ScriptedOpus(site);
    return opus;
  });
  const client = await connect();
  await until("the open GOP", () => client.rtp.length > 0);
  assert.equal(asked.length, 1);
  assert.deepEqual([asked[0]![0], asked[0]![2]], ["gate", AAC]);
  opus!.packet(5);
  gate.frame(2);
  await until("the audio", () => audioOf(client).length === 5);
  const audio = audioOf(client);
  assert.deepEqual(
    audio.map((packet) => packet[13]),
    [0, 1, 2, 3, 4],
  );
  const ssrcs = [...client.answer.matchAll(/a=ssrc:(\d+) cname/g)].map(([, ssrc]) => Number(ssrc));
  const ssrc = audio[0]!.readUInt32BE(8);
  assert.ok(ssrcs.includes(ssrc) && ssrcs.length === 2);
  const reports = client.rtcp.flatMap((compound) => parseRtcp(compound, 0, compound.length));
  assert.ok(reports.some((report) => report.kind === "sender-report" && report.ssrc === ssrc));
  assert.deepEqual(skipped(), []);

  client.forgetReplays();
  client.sendRtcp(Buffer.concat([writeReceiverReport(7, undefined), writeLost(7, ssrc, [audio[1]!.readUInt16BE(2)])]));
  await until("what was lost", () => audioOf(client).length === 6);
  assert.deepEqual(audioOf(client)[5], audio[1]);

  opus!.fault = "ffmpeg was ended by SIGKILL";
  assert.deepEqual(skipped(), ["audio: ffmpeg was ended by SIGKILL"]);
  await fetch(client.location, { method: "DELETE" });
  await until("the end", () => site.sessions.list("webRTCSession").length === 0);
  assert.equal(opus!.closed, 1);
  assert.equal(opus!.stream.readers.size, 0);
});

test("nothing of it comes before the picture does", async (t) => {
  let opus: ScriptedOpus | undefined;
  const { gate, connect, site } = await setUp(t, (site) => {
    opus = new ScriptedOpus(site);
    return opus;
  });
  gate.close();
  const again = await PublishedPath.open(site.registry, "gate", { tracks: [syntheticTrack(), AAC] });
  const client = await connect();
  await until("the reader", () => opus!.stream.readers.size === 1);
  opus!.packet(3);
  again.frame(1);
  opus!.packet(1);
  await until("the audio", () => audioOf(client).length > 0);
  assert.deepEqual(
    audioOf(client).map((packet) => packet[13]),
    [3],
  );
});

test("whoever wants no audio does not ask for it; a refusal is told", async (t) => {
  const { log, asked, connect, skipped } = await setUp(t, () => ({ refusal: "there is no ffmpeg on the PATH: install it" }));
  const video = await connect([RECEIVE_H264]);
  assert.deepEqual(asked, []);
  await fetch(video.location, { method: "DELETE" });
  const client = await connect();
  const reason = "audio: WebRTC cannot carry MPEG-4 Audio, and there is no ffmpeg on the PATH: install it";
  assert.deepEqual(skipped(), [reason]);
  assert.equal(client.rtp.length, audioOf(client).length + client.rtp.filter((packet) => (packet[1]! & 0x7f) === 102).length);
  await connect();
  assert.equal(log.lines.filter((line) => line.includes("audio is not sent") && line.includes("no ffmpeg")).length, 1);
});

test("a path that offers none, and one that is audio alone", async (t) => {
  const { skipped, connect } = await setUp(t, () => undefined);
  await connect();
  assert.deepEqual(skipped(), ["audio: WebRTC cannot carry MPEG-4 Audio"]);

  let opus: ScriptedOpus | undefined;
  const other = await setUp(t, (site) => {
    opus = new ScriptedOpus(site);
    return opus;
  });
  await PublishedPath.open(other.site.registry, "radio", { tracks: [{ ...AAC, index: 0 }] });
  const client = await RawRtcClient.connect(other.site.whep("radio"), { medias: [RECEIVE_OPUS] });
  t.after(() => client.close());
  await until("the reader", () => opus!.stream.readers.size === 1);
  opus!.packet(2);
  await until("the audio", () => audioOf(client).length === 2);
});

test("an offer that is refused lets it go", async (t) => {
  let opus: ScriptedOpus | undefined;
  const { gate, site } = await setUp(t, (site) => {
    opus = new ScriptedOpus(site);
    gate.close(); // while it is opened
    return opus;
  });
  const client = await RawRtcClient.open({ medias: [RECEIVE_H264, RECEIVE_OPUS] });
  t.after(() => client.close());
  await client.post(site.whep("gate"));
  assert.equal(client.response!.status, 404);
  assert.equal(opus!.closed, 1);
});
