// What clients and sources speak, in the words of `/v3/publishers` and `subscribers`.

const WORDS: Readonly<Record<string, string>> = {
  rtsp: "RTSP",
  rtsps: "RTSPS",
  rtmp: "RTMP",
  rtmps: "RTMPS",
  srt: "SRT",
  webRTC: "WebRTC",
  hls: "HLS",
  moq: "MoQ",
  mpegts: "MPEG-TS",
  rtp: "RTP",
  rpiCamera: "RPiCamera",
};

/** `rtspSession`, `webRTCSource`, …: the word for what it speaks. */
export function protocolWord(type: string): string {
  const stem = type.replace(/(?:Conn|Session|Source)$/, "");
  return WORDS[stem] ?? stem;
}
