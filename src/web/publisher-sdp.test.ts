import assert from "node:assert/strict";
import { test } from "node:test";
import { withBitrates, withCodecs } from "./publisher-sdp.ts";

const OFFER = [
  ...["v=0", "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99", "a=mid:0"],
  ...["a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"],
  ...["a=rtpmap:98 H264/90000", "a=rtcp-fb:98 nack", "a=fmtp:98 packetization-mode=1", "a=rtpmap:99 rtx/90000", "a=fmtp:99 apt=98"],
  ...["m=audio 9 UDP/TLS/RTP/SAVPF 111 0", "a=mid:1", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10", "a=rtpmap:0 PCMU/8000", ""],
].join("\r\n");

test("a wished codec is alone, with its retransmission", () => {
  const lines = withCodecs(OFFER, { videoCodec: "h264/90000", audioCodec: "PCMU/8000" }).split("\r\n");
  assert.deepEqual(lines, [
    ...["v=0", "m=video 9 UDP/TLS/RTP/SAVPF 98 99", "a=mid:0", "a=rtpmap:98 H264/90000", "a=rtcp-fb:98 nack"],
    ...["a=fmtp:98 packetization-mode=1", "a=rtpmap:99 rtx/90000", "a=fmtp:99 apt=98"],
    ...["m=audio 9 UDP/TLS/RTP/SAVPF 0", "a=mid:1", "a=rtpmap:0 PCMU/8000", ""],
  ]);
});

test("no wish, or one that cannot be met, changes nothing", () => {
  assert.equal(withCodecs(OFFER, {}), OFFER);
  assert.equal(withCodecs(OFFER, { videoCodec: "H266/90000", audioCodec: "" }), OFFER);
});

test("music is stereo, and as many bits as wished", () => {
  const edited = withCodecs(OFFER, { audioVoice: false, audioBitrate: 96 });
  assert.match(edited, /^a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1\r$/m);
});

test("bitrates stand behind the section's address", () => {
  const answer = "v=0\r\nm=video 9 X 98\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\nm=audio 9 X 0\r\na=mid:1\r\n";
  const limited = "v=0\r\nm=video 9 X 98\r\nc=IN IP4 0.0.0.0\r\nb=AS:800\r\nb=TIAS:800000\r\na=mid:0\r\nm=audio 9 X 0\r\na=mid:1\r\n";
  assert.equal(withBitrates(answer, { videoBitrate: 800 }), limited);
});
