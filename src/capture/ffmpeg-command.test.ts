import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, type Random } from "#testing/mutate.ts";
import { ffmpegArguments } from "./ffmpeg-command.ts";

const ALWAYS = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning"];
const OUTPUT = ["-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://out"];
const DEFAULTS = ["-muxdelay", "0.02", "-pkt_size", "1452"];

function argumentsOf(source: string, variables: Record<string, string> = {}): readonly string[] | undefined {
  return ffmpegArguments(source, { output: "rtsp://out", packetBytes: 1452, variables });
}

test("a camera to be re-encoded", () => {
  const expected = [
    ...ALWAYS,
    ...["-rtsp_flags", "prefer_tcp", "-i", "rtsp://camera/stream", ...DEFAULTS],
    ...["-c:v", "libx264", "-preset", "ultrafast", "-f", "rtsp"],
    ...OUTPUT,
  ];
  assert.deepEqual(argumentsOf("ffmpeg://rtsp://camera/stream -c:v libx264 -preset ultrafast -f rtsp"), expected);
  assert.deepEqual(argumentsOf("ffmpeg://rtsp://camera/stream\n  -c:v libx264\n  -preset ultrafast -f rtsp\n"), expected, "folded lines");
});

test("without options the stream is passed on as it is", () => {
  assert.deepEqual(argumentsOf("ffmpeg://http://host/x.m3u8"), [
    ...ALWAYS,
    "-i",
    "http://host/x.m3u8",
    ...DEFAULTS,
    "-c",
    "copy",
    ...OUTPUT,
  ]);
});

test("a source that begins with an option has all of the arguments itself", () => {
  const expected = [...ALWAYS, "-f", "v4l2", "-i", "/dev/video0", "-c:v", "libx264", ...OUTPUT];
  assert.deepEqual(argumentsOf("ffmpeg://-f v4l2 -i /dev/video0 -c:v libx264"), expected);
});

test("quotes hold words together, and a value stays inside its word", () => {
  const words = argumentsOf(`ffmpeg://"rtsp://camera/a b?$MTX_QUERY" -vf 'scale=640:-2, fps=5' -metadata title=$G1`, {
    MTX_QUERY: "x -y $G1 'z",
    G1: 'a" b',
  });
  assert.deepEqual(words?.slice(8, -OUTPUT.length), [
    "rtsp://camera/a b?x -y $G1 'z",
    ...DEFAULTS,
    ...["-vf", "scale=640:-2, fps=5", "-metadata", 'title=a" b'],
  ]);
});

test("what is not complete is no command line", () => {
  for (const source of ["ffmpeg://", "ffmpeg:// \n", "ffmpeg://'a", 'ffmpeg://a "b', "ffmpeg://a \\"])
    assert.equal(argumentsOf(source), undefined);
});

test("whatever a value holds, the number of arguments is that of the source", () => {
  const random: Random = fuzzRandom(66);
  const characters = [..." \t\n'\"\\$-{}();|&a=\u0000é"];
  const length = argumentsOf("ffmpeg://$MTX_QUERY -x $G1")!.length;
  for (let i = 0; i < fuzzRounds(2000); i++) {
    const value = (): string => Array.from({ length: random(20) }, () => characters[random(characters.length)]).join("");
    assert.equal(argumentsOf("ffmpeg://$MTX_QUERY -x $G1", { MTX_QUERY: value(), G1: value() })!.length, length);
  }
});
