// Which features this version has. A feature that is finished moves into `builtFeatures`; then run `npm run docs`.

/** Every feature that a setting can ask for, by the words a person reads. */
export const featureNames = {
  rtsp: "RTSP server and sources",
  rtspDigest: "RTSP digest authentication",
  rtspTls: "RTSPS and SRTP",
  rtspTunnel: "RTSP tunnelled through HTTP or WebSocket",
  rtspMulticast: "RTSP over UDP multicast",
  rtspRange: "start position and speed of RTSP sources",
  rtspDemuxMpegts: "demultiplexing of MPEG-TS inside RTSP",
  rtmp: "RTMP",
  hls: "HLS",
  webrtc: "WebRTC",
  webrtcAudio: "audio transcoding for browsers",
  srt: "SRT",
  moq: "Media over QUIC",
  mpegts: "MPEG-TS sources",
  rtp: "plain RTP sources",
  rpiCamera: "Raspberry Pi camera",
  ffmpeg: "ffmpeg sources",
  fallback: "fallback redirect",
  alwaysAvailable: "always-available paths",
  absoluteTimestamp: "absolute timestamps",
  forward: "forwarding",
  record: "recording",
  ring: "SD ring recording",
  playback: "playback server",
  hooks: "hooks",
  authHTTP: "HTTP authentication",
  authJWT: "JWT authentication",
  hashedPasswords: "hashed credentials",
  tls: "TLS listeners",
  srtEncryption: "SRT encryption",
  proxies: "trusted proxies",
  api: "control API",
  metrics: "metrics",
  pprof: "profiling server",
  syslog: "logging to syslog",
  logFile: "logging to a file",
  dumpPackets: "packet dumps",
  appliance: "appliance profile",
  mqtt: "MQTT link",
  schedules: "schedules",
} as const;

export type Feature = keyof typeof featureNames;

/** What exists in this version. */
export const builtFeatures: ReadonlySet<Feature> = new Set<Feature>([
  "rtsp",
  "rtspDigest",
  "rtspRange",
  "fallback",
  "absoluteTimestamp",
  "logFile",
  "syslog",
]);
