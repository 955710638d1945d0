// `ffmpeg://<url> <options>`: the words of a source, and the command line they become.
import { expandVariables, splitCommandLine } from "#base/process/command-line.ts";
import { packetWords, RTSP_OUTPUT } from "./ffmpeg-words.ts";

const SCHEME = "ffmpeg://";

export interface FfmpegCommandOptions {
  /** Where the stream is published, by RTSP. */
  readonly output: string;
  /** Largest RTP packet, header included. */
  readonly packetBytes: number;
  /** What `$NAME` in the source stands for. A value stays inside its word. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * The arguments of ffmpeg. The first word is what it reads, the others are options of its output; without any, the stream is passed on as it is. A
 * source whose first word is an option has all of the arguments itself, `-i` among them: options of the input are written so. undefined where a quote
 * or an escape has no end, or nothing stands behind the scheme.
 */
export function ffmpegArguments(source: string, { output, packetBytes, variables }: FfmpegCommandOptions): readonly string[] | undefined {
  const words = splitCommandLine(source.slice(SCHEME.length));
  const first = words?.[0];
  if (words === undefined || first === undefined) return undefined;
  const [, ...options] = words;
  // What is ours of the output stands before the source's own, which may say otherwise; where it goes to behind it: the last word counts.
  const own = first.startsWith("-")
    ? words
    : [...inputOptions(first), "-i", first, ...packetWords(packetBytes), ...(options.length === 0 ? ["-c", "copy"] : options)];
  return ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning", ...expandVariables(own, variables), ...RTSP_OUTPUT, output];
}

/** Cameras lose nothing over TCP; ffmpeg would ask for UDP first. */
function inputOptions(input: string): readonly string[] {
  return /^rtsps?:\/\//i.test(input) ? ["-rtsp_flags", "prefer_tcp"] : [];
}
