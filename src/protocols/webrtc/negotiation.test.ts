// From offers to what is sent or taken, and to the answers that say so.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Parameters } from "#codecs/codec.ts";
import type { Track } from "#relay/track.ts";
import { parseSdp } from "#rtp/sdp.ts";
import { BROWSER_OFFER, BROWSER_PUBLISH_OFFER } from "#testing/browser-offer.ts";
import { SYNTHETIC_SETS, syntheticTrack } from "#testing/synthetic-track.ts";
import { writeAnswer } from "./answer.ts";
import { candidateText } from "./candidate.ts";
import { feedbackOf } from "./feedback.ts";
import { type Offer, parseOffer } from "./offer.ts";
import { ONE_OF_EACH, planPublish } from "./publish-negotiation.ts";
import { B_FRAMES, opusInstead, planRead } from "./read-negotiation.ts";
import { parseSdpFragment, writeSdpFragment } from "./sdp-fragment.ts";

function offerOf(text = BROWSER_OFFER): Offer {
  const offer = parseOffer(text);
  assert.ok(!("fault" in offer));
  return offer;
}

function track(kind: "video" | "audio", parameters: Parameters, index = 0): Track {
  return { index, kind, codec: parameters.codec, clockRateHz: 90_000, parameters, reorderFrames: 0 };
}

/** Payload type of what is sent of one track; or why nothing is. */
function choice(parameters: Parameters, kind: "video" | "audio" = "video", offer = offerOf()): number | string {
  const { sent, unsent } = planRead(offer, [track(kind, parameters)]);
  return sent[0]?.format.payloadType ?? unsent[0]!.reason;
}

const sps = (profile: string): Parameters => ({ codec: "h264", sps: [Buffer.from(`67${profile}`, "hex")], pps: [] });
const picture = { widthPx: 1, heightPx: 1, bitDepth: 8, chromaSubsampling: 0, fullRange: false } as const;

test("the format that fits the stream best", () => {
  assert.equal(choice(sps("42e01e")), 106);
  assert.equal(choice(sps("42001e")), 102);
  assert.equal(choice(sps("4d0028")), 108);
  assert.equal(choice(sps("640028")), 106, "none of the stream's profile: constrained baseline, which everybody decodes");
  assert.equal(choice({ codec: "h264", sps: [], pps: [] }), 106);
  assert.equal(choice({ codec: "h265", vps: [], sps: [], pps: [] }), 49);
  assert.equal(choice({ codec: "vp8" }), 96);
  assert.equal(choice({ codec: "vp9", picture: { profile: 2, ...picture } }), 100);
  assert.equal(choice({ codec: "vp9" }), 98);
  assert.equal(choice({ codec: "av1" }), 45);
  assert.equal(choice({ codec: "opus", channelCount: 1 }, "audio"), 111);
  assert.equal(choice({ codec: "g722" }, "audio"), 9);
  assert.equal(choice({ codec: "g711", muLaw: true, sampleRateHz: 8000, channelCount: 1 }, "audio"), 0);
  assert.equal(choice({ codec: "g711", muLaw: false, sampleRateHz: 8000, channelCount: 1 }, "audio"), 8);
});

test("static payload types need no rtpmap; linear PCM goes where it is offered", () => {
  const bare = offerOf(BROWSER_OFFER.replace("a=rtpmap:8 PCMA/8000\r\n", ""));
  assert.equal(choice({ codec: "g711", muLaw: false, sampleRateHz: 8000, channelCount: 1 }, "audio", bare), 8);
  const pcm: Parameters = { codec: "lpcm", bitDepth: 16, sampleRateHz: 48_000, channelCount: 2 };
  assert.equal(choice(pcm, "audio"), "the client does not play LPCM");
  const offered = offerOf(
    BROWSER_OFFER.replace(" 8 13\r\n", " 8 13 120\r\n").replace("a=rtpmap:13 ", "a=rtpmap:120 L16/48000/2\r\na=rtpmap:13 "),
  );
  assert.equal(choice(pcm, "audio", offered), 120);
  assert.equal(choice({ ...pcm, bitDepth: 24 }, "audio", offered), "WebRTC carries LPCM of 16 bits only");
});

const aac: Parameters = {
  codec: "aac",
  config: Buffer.alloc(2),
  sampleRateHz: 48_000,
  channelCount: 2,
  sizeLength: 13,
  indexLength: 3,
  indexDeltaLength: 3,
};

test("Opus in the place of audio that cannot be sent", () => {
  const place = (tracks: readonly Track[], offer = offerOf()) => opusInstead(offer, planRead(offer, tracks));
  const found = place([syntheticTrack(), track("audio", aac, 1)])!;
  assert.deepEqual([found.track.index, found.mediaIndex, found.format.payloadType], [1, 1, 111]);
  assert.equal(place([syntheticTrack()]), undefined, "there is none");
  assert.equal(place([track("audio", { codec: "g722" }), track("audio", aac, 1)]), undefined, "another one is sent");
  const videoOnly = offerOf(BROWSER_OFFER.replace("m=audio 9", "m=audio 0"));
  assert.equal(place([track("audio", aac)], videoOnly), undefined, "the client wants no audio");
  const withoutOpus = offerOf(BROWSER_OFFER.replace("opus/48000/2", "other/48000/2"));
  assert.equal(place([track("audio", aac)], withoutOpus), undefined, "the client does not play it");
});

test("what is not sent is told with the reason", () => {
  assert.equal(choice(aac, "audio"), "WebRTC cannot carry MPEG-4 Audio");
  assert.equal(choice({ codec: "mjpeg" }), "WebRTC cannot carry M-JPEG");
  assert.equal(choice({ codec: "vp9", picture: { profile: 1, ...picture } }), "the client does not play VP9");
  const audioOnly = offerOf(BROWSER_OFFER.replace("m=video 9", "m=video 0"));
  assert.equal(choice({ codec: "vp8" }, "video", audioOnly), "the client wants no video");
  assert.equal(choice({ codec: "vp8" }, "video", offerOf(BROWSER_PUBLISH_OFFER)), "the client wants no video");
  const { sent, unsent } = planRead(offerOf(), [track("video", { codec: "vp8" }), track("video", { codec: "av1" }, 1)]);
  assert.deepEqual(
    sent.map(({ track: { index }, mediaIndex }) => [index, mediaIndex]),
    [[0, 0]],
  );
  assert.equal(unsent[0]!.reason, "the client wants no further video");
});

test("B-frames that the stream announces", () => {
  // x264 with bframes=2: its VUI says max_num_reorder_frames = 2.
  const announced = Buffer.from("67640028acd940780227e5c05a808080a0000003002000000781e30632c0", "hex");
  assert.equal(choice({ codec: "h264", sps: [announced], pps: [] }), B_FRAMES);
  assert.notEqual(choice({ codec: "h264", sps: [SYNTHETIC_SETS.sps], pps: [] }), B_FRAMES);
});

test("the answer: same m-lines in the same order, one stream for picture and sound", () => {
  const offer = offerOf();
  const { sent } = planRead(offer, [syntheticTrack(), track("audio", { codec: "opus", channelCount: 2 }, 1)]);
  const medias = sent.map(({ track: { kind }, mediaIndex, format }, i) => ({
    mediaIndex,
    direction: "sendonly" as const,
    formats: [{ ...format, feedback: feedbackOf(["nack", "nack pli", "none"], offer.medias[mediaIndex]!.feedback, format.payloadType) }],
    sender: { ssrc: 1000 + i, trackId: kind },
  }));
  const candidates = [candidateText({ transport: "udp", address: "192.168.50.55", port: 8189 }, 0)];
  const transport = { credentials: { ufrag: "ours", password: "p".repeat(32) }, fingerprint: "sha-256 AA:BB", candidates };
  const text = writeAnswer(offer, medias, transport, "42");
  assert.match(text, /^v=0\r\no=- 42 1 IN IP4 0\.0\.0\.0\r\n/);
  assert.match(text, /\r\na=group:BUNDLE 0 1\r\n/);
  assert.match(text, /a=candidate:\S+ 1 udp \d+ 192\.168\.50\.55 8189 typ host\r\n/);
  assert.equal(text.match(/a=candidate/g)!.length, 1);
  assert.match(text, /m=application 0 UDP\/DTLS\/SCTP webrtc-datachannel\r\n/);
  const sdp = parseSdp(text)!;
  assert.deepEqual(
    sdp.medias.map(({ kind, port, direction, formats }) => [kind, port, direction, formats.map(({ payloadType }) => payloadType)]),
    [
      ["video", 9, "sendonly", [102]],
      ["audio", 9, "sendonly", [111]],
      ["application", 0, "inactive", []],
    ],
  );
  const [video, audio] = sdp.medias.map(({ attributes }) =>
    attributes.map(({ name, value }) => (value === undefined ? name : `${name}:${value}`)),
  );
  for (const line of ["mid:0", "setup:passive", "ice-ufrag:ours", "fingerprint:sha-256 AA:BB", "rtcp-fb:102 nack", "rtcp-fb:102 nack pli"])
    assert.ok(video!.includes(line), line);
  assert.ok(video!.includes("msid:camgate video") && audio!.includes("msid:camgate audio"));
  assert.ok(!video!.includes("rtcp-fb:102 none"));
  assert.match(sdp.medias[0]!.formats[0]!.fmtp!, /profile-level-id=42001f/);
});

test("what a publisher sends is taken in each of its formats that is known, in the publisher's order", () => {
  const plan = planPublish(offerOf(BROWSER_PUBLISH_OFFER));
  assert.ok(!("fault" in plan));
  const formatsOf = (mediaIndex: number) =>
    plan.filter((one) => one.mediaIndex === mediaIndex).map(({ format, track: { codec } }) => [format.payloadType, codec]);
  assert.deepEqual(formatsOf(0), [
    [96, "vp8"],
    ...[102, 104, 106, 108].map((payloadType) => [payloadType, "h264"]),
    ...[98, 100].map((payloadType) => [payloadType, "vp9"]),
    [45, "av1"],
    [49, "h265"],
  ]);
  assert.deepEqual(formatsOf(1), [
    [111, "opus"],
    [9, "g722"],
    [0, "g711"],
    [8, "g711"],
  ]);
  assert.deepEqual(
    plan.map(({ track: { index } }) => index),
    [...plan.keys()],
  );
  const preferred = planPublish(offerOf(BROWSER_PUBLISH_OFFER.replace("SAVPF 96 97 102", "SAVPF 102 96 97")));
  assert.equal(!("fault" in preferred) && preferred[0]!.track.codec, "h264");
});

test("a media that is declined keeps the name of its format", () => {
  const offer = offerOf();
  const transport = { credentials: { ufrag: "ours", password: "p".repeat(32) }, fingerprint: "sha-256 AA:BB", candidates: [] };
  const text = writeAnswer(offer, [], transport, "42");
  assert.match(text, /m=audio 0 UDP\/TLS\/RTP\/SAVPF 111\r\nc=IN IP4 0\.0\.0\.0\r\na=inactive\r\na=rtpmap:111 opus\/48000\/2\r\n/);
});

test("what cannot be published is refused with the reason", () => {
  const fault = (text: string): string => (planPublish(offerOf(text)) as { fault: string }).fault;
  assert.match(fault(BROWSER_OFFER), /^the offer sends nothing/);
  const foreign = BROWSER_PUBLISH_OFFER.replaceAll(/a=rtpmap:(\d+) [^\r]+/g, "a=rtpmap:$1 X-NEW/90000").replace(
    /SAVPF 111 63 9 0 8 13/,
    "SAVPF 111 63",
  );
  assert.match(fault(foreign), /^none of the offered formats is known here: X-NEW; known are H264/);
  const twoVideos = BROWSER_PUBLISH_OFFER.replace("m=audio 9", "m=video 9").replace("a=rtpmap:111 opus/48000/2", "a=rtpmap:111 VP8/90000");
  assert.equal(fault(twoVideos), ONE_OF_EACH);
});

test("candidates: addresses in order, TCP behind UDP", () => {
  const priority = (text: string): number => Number(text.split(" ")[3]);
  const udp = [0, 1].map((i) => candidateText({ transport: "udp", address: "192.0.2.1", port: 1 }, i));
  const tcp = candidateText({ transport: "tcp", address: "192.0.2.1", port: 1 }, 0);
  assert.ok(priority(udp[0]!) > priority(udp[1]!) && priority(udp[1]!) > priority(tcp));
  assert.ok(priority(udp[0]!) < 2 ** 31);
  assert.match(tcp, / 1 tcp \d+ 192\.0\.2\.1 1 typ host tcptype passive$/);
});

test("fragments: candidates of the client, new credentials, and the answer to these", () => {
  const text =
    "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 UDP 1 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n";
  assert.deepEqual(parseSdpFragment(text), { credentials: { ufrag: "EsAw", password: "P2uYro0UCOQ4zxjKXaWCBui1" }, candidates: 1 });
  assert.equal(parseSdpFragment("hello"), undefined);
  assert.deepEqual(parseSdpFragment("a=end-of-candidates"), { credentials: undefined, candidates: 0 });
  const answer = writeSdpFragment(
    { credentials: { ufrag: "ours", password: "p".repeat(32) }, fingerprint: "", candidates: ["1 1 udp 1 192.0.2.1 1 typ host"] },
    "0",
    "video",
  );
  assert.deepEqual(parseSdpFragment(answer), { credentials: { ufrag: "ours", password: "p".repeat(32) }, candidates: 1 });
});
