// The arguments of `bench/push-streams`, read and checked.
import { parseArgs } from "node:util";

export const USAGE = `bench/push-streams [options]: publishes test streams to a RTSP server, until it is interrupted

  --server rtsp://127.0.0.1:8554   where to; user:password@ before the host where it asks for them
  --prefix stream                  streams are named stream_1, stream_2, …
  --count 10                       how many, 1 to 1000
  --transport udp|tcp              default: udp
  --seconds 3600                   for how long; default: until SIGINT
  --input='…'                      what is pushed: an input and options of ffmpeg, as behind ffmpeg:// of a source; '-f v4l2 -i /dev/video0 -c:v libx264
                                   -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 60' is a camera of this machine. ffmpeg runs once, whatever the
                                   count. Default: a clip of a gate, each stream at another place of it; needs no ffmpeg
`;

export interface PushOptions {
  /** Of each stream, in order. */
  readonly urls: readonly string[];
  readonly transport: "tcp" | "udp";
  /** undefined: until a signal. */
  readonly seconds: number | undefined;
  /** As a source of ffmpeg; undefined: the clip. */
  readonly input: string | undefined;
}

/** Throws with a sentence for people. */
export function parsePushOptions(args: readonly string[]): PushOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      server: { type: "string", default: "rtsp://127.0.0.1:8554" },
      prefix: { type: "string", default: "stream" },
      count: { type: "string", default: "10" },
      transport: { type: "string", default: "udp" },
      seconds: { type: "string" },
      input: { type: "string" },
    },
  });
  const { server, prefix, transport, seconds, input } = values;
  const count = Number(values.count);
  if (!/^rtsps?:\/\/[^/]/.test(server)) throw new Error(`--server ${server}: must be a rtsp:// URL`);
  if (!/^[\w./-]+$/.test(prefix)) throw new Error(`--prefix ${prefix}: letters, digits, _ . - and / only`);
  if (!/^\d{1,4}$/.test(values.count) || count < 1 || count > 1000)
    throw new Error(`--count ${values.count}: must be a number from 1 to 1000`);
  if (transport !== "tcp" && transport !== "udp") throw new Error(`--transport ${transport}: tcp or udp`);
  if (seconds !== undefined && !(Number(seconds) > 0 && Number(seconds) < 2 ** 31 / 1000))
    throw new Error(`--seconds ${seconds}: must be more than 0`);
  return {
    urls: Array.from({ length: count }, (_, i) => `${server.replace(/\/+$/, "")}/${prefix}_${i + 1}`),
    transport,
    seconds: seconds === undefined ? undefined : Number(seconds),
    input: input === undefined ? undefined : `ffmpeg://${input}`,
  };
}
