// Words of ffmpeg's command line that several of ours have.

/** For programs that say what is wrong, and nothing else. */
export const QUIET: readonly string[] = ["-hide_banner", "-nostats", "-loglevel", "error"];

/** MPEG-TS comes into its standard input, which is all that it reads, whatever the bytes say; it begins with the first of them. */
export const TS_INPUT: readonly string[] = [
  ...["-protocol_whitelist", "pipe", "-analyzeduration", "0", "-probesize", "32"],
  ...["-f", "mpegts", "-i", "pipe:0"],
];

/** Of what it publishes: frames of sound are not gathered for long; packets are as large as they will leave us, header included. */
export function packetWords(packetBytes: number): readonly string[] {
  return ["-muxdelay", "0.02", "-pkt_size", String(packetBytes)];
}

/** Before the URL that it publishes to. */
export const RTSP_OUTPUT: readonly string[] = ["-f", "rtsp", "-rtsp_transport", "tcp"];
