import assert from "node:assert/strict";
import { test } from "node:test";
import { candidateFragment, iceServersOf, withAudioFormats } from "./session-sdp.ts";

const OFFER = [
  ...["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1"],
  ...["m=video 9 UDP/TLS/RTP/SAVPF 96 35", "a=ice-ufrag:Ab1+", "a=ice-pwd:secret/word", "a=mid:0", "a=rtpmap:96 H264/90000"],
  ...["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=ice-ufrag:Ab1+", "a=ice-pwd:secret/word", "a=mid:1"],
  ...["a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1", ""],
].join("\r\n");

test("ICE servers of Link headers", () => {
  assert.deepEqual(iceServersOf(null), []);
  assert.deepEqual(iceServersOf('<stun:a:1>; rel="ice-server"'), [{ urls: "stun:a:1" }]);
  const turn = '<turn:b?transport=udp>; rel="ice-server"; username="u\\"s,r"; credential="p\\\\;"; credential-type="password"';
  assert.deepEqual(iceServersOf(`<stun:a:1>; rel="ice-server", ${turn}, <x>; rel="next", nonsense`), [
    { urls: "stun:a:1" },
    { urls: "turn:b?transport=udp", username: 'u"s,r', credential: "p\\;" },
  ]);
});

test("a fragment names the sections that have candidates", () => {
  const candidate = { sdpMLineIndex: 1, candidate: "candidate:1 1 udp 1 10.0.0.1 9 typ host" } as RTCIceCandidate;
  const lines = ["a=ice-ufrag:Ab1+", "a=ice-pwd:secret/word", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:1", `a=${candidate.candidate}`, ""];
  assert.equal(candidateFragment(OFFER, [candidate]), lines.join("\r\n"));
});

test("formats that no browser offers get payload types that are free", () => {
  const edited = withAudioFormats(OFFER, [{ rtpmap: "L16/48000/2" }, { rtpmap: "multiopus/48000/6", fmtp: "num_streams=4" }]);
  const [head, audio = ""] = edited.split("m=audio");
  assert.equal(head, OFFER.split("m=audio")[0]);
  const lines = [
    ...[" 9 UDP/TLS/RTP/SAVPF 111 36 37", "a=ice-ufrag:Ab1+", "a=ice-pwd:secret/word", "a=mid:1", "a=rtpmap:111 opus/48000/2"],
    ...["a=fmtp:111 minptime=10;useinbandfec=1;stereo=1", "a=rtpmap:36 L16/48000/2"],
    ...["a=rtpmap:37 multiopus/48000/6", "a=fmtp:37 num_streams=4", ""],
  ];
  assert.deepEqual(audio.split("\r\n"), lines);
  assert.equal(withAudioFormats("v=0\r\n", [{ rtpmap: "L16/8000/1" }]), "v=0\r\n");
});
