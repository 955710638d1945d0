// An offer to receive, as browsers write it: several formats of each codec, a data channel, and no candidates yet.
const TRANSPORT = [
  "c=IN IP4 0.0.0.0",
  "a=rtcp:9 IN IP4 0.0.0.0",
  "a=ice-ufrag:aB3+",
  "a=ice-pwd:cD4/cD4/cD4/cD4/cD4/cD4/",
  "a=ice-options:trickle",
  "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF",
  "a=setup:actpass",
];
const FEEDBACK = ["goog-remb", "ccm fir", "nack", "nack pli"];

function format(payloadType: number, rtpmap: string, fmtp?: string): readonly string[] {
  const feedback = rtpmap.startsWith("rtx") ? [] : FEEDBACK.map((kind) => `a=rtcp-fb:${payloadType} ${kind}`);
  return [`a=rtpmap:${payloadType} ${rtpmap}`, ...feedback, ...(fmtp === undefined ? [] : [`a=fmtp:${payloadType} ${fmtp}`])];
}

const h264 = (mode: number, profile: string): string => `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${profile}`;

export const BROWSER_OFFER = [
  "v=0",
  "o=- 4962303333179871722 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0 1 2",
  "a=extmap-allow-mixed",
  "a=msid-semantic: WMS",
  "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 106 108 98 100 45 49",
  ...TRANSPORT,
  "a=mid:0",
  "a=extmap:1 urn:ietf:params:rtp-hdrext:toffset",
  "a=recvonly",
  "a=rtcp-mux",
  "a=rtcp-rsize",
  ...format(96, "VP8/90000"),
  ...format(97, "rtx/90000", "apt=96"),
  ...format(102, "H264/90000", h264(1, "42001f")),
  ...format(103, "rtx/90000", "apt=102"),
  ...format(104, "H264/90000", h264(0, "42001f")),
  ...format(106, "H264/90000", h264(1, "42e01f")),
  ...format(108, "H264/90000", h264(1, "4d001f")),
  ...format(98, "VP9/90000", "profile-id=0"),
  ...format(100, "VP9/90000", "profile-id=2"),
  ...format(45, "AV1/90000", "level-idx=5;profile=0;tier=0"),
  ...format(49, "H265/90000", "level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST"),
  "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13",
  ...TRANSPORT,
  "a=mid:1",
  "a=recvonly",
  "a=rtcp-mux",
  "a=rtpmap:111 opus/48000/2",
  "a=rtcp-fb:111 transport-cc",
  "a=fmtp:111 minptime=10;useinbandfec=1",
  "a=rtpmap:63 red/48000/2",
  "a=fmtp:63 111/111",
  "a=rtpmap:9 G722/8000",
  "a=rtpmap:0 PCMU/8000",
  "a=rtpmap:8 PCMA/8000",
  "a=rtpmap:13 CN/8000",
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
  ...TRANSPORT,
  "a=mid:2",
  "a=sctp-port:5000",
  "",
].join("\r\n");

/** The same to send: what a publisher offers. */
export const BROWSER_PUBLISH_OFFER = BROWSER_OFFER.replaceAll("a=recvonly", "a=sendonly");
