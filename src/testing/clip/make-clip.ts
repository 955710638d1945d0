// Makes the demo clip anew: `node src/testing/clip/make-clip.ts` writes gate.h264 and gate.alaw beside this file.
// Needs ffmpeg with libx264 and drawtext, and the DejaVu fonts. What is committed was made by ffmpeg 5.1; other versions give other bytes.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Canvas } from "./canvas.ts";
import { CLIP_FILES, CLIP_FORMAT } from "./clip.ts";
import { frameCounterBlock, frameCounterBlocks } from "./frame-counter.ts";
import { GateScene, SCENE_HEIGHT, SCENE_WIDTH } from "./scene.ts";

const { width, height, framesPerSecond, gopFrames, frameCount, audioSampleRateHz } = CLIP_FORMAT;
const clipSeconds = frameCount / framesPerSecond;

const label = (text: string, place: string, size: number) =>
  `drawtext=font='DejaVu Sans Mono':text='${text}':${place}:fontsize=${size}:fontcolor=white:box=1:boxcolor=black@0.55:boxborderw=6`;
const filters = [
  `scale=${width}:${height}:flags=area:out_color_matrix=bt709:out_range=tv`,
  "format=yuv420p",
  `drawtext=font='DejaVu Sans':text='camgate demo':x=w-tw-14:y=5:fontsize=16:fontcolor=white`,
  label("%{eif\\:n\\:d\\:3}", "x=w-tw-16:y=h-th-16", 52),
  label(
    `00\\:%{eif\\:floor(n/${framesPerSecond})\\:d\\:2}.%{eif\\:mod(n,${framesPerSecond})*${1000 / framesPerSecond}\\:d\\:3}`,
    "x=16:y=h-th-16",
    28,
  ),
].join(",");

// Constrained baseline, one slice a frame, closed GOPs of fixed length, parameter sets before every keyframe: what browsers and cameras agree on.
const video = ["-c:v", "libx264", "-profile:v", "baseline", "-preset", "veryslow", "-crf", "23", "-maxrate", "700k", "-bufsize", "700k"];
const structure = `keyint=${gopFrames}:min-keyint=${gopFrames}:scenecut=0:bframes=0:slices=1:threads=1:repeat-headers=1:colorprim=bt709:transfer=bt709:colormatrix=bt709`;

await makeVideo();
makeAudio();

async function makeVideo(): Promise<void> {
  const input = [
    "-f",
    "rawvideo",
    "-pix_fmt",
    "rgb24",
    "-s",
    `${SCENE_WIDTH}x${SCENE_HEIGHT}`,
    "-r",
    String(framesPerSecond),
    "-i",
    "pipe:0",
  ];
  const withoutSei = ["-bsf:v", "filter_units=remove_types=6"]; // H.264 table 7-1: 6 is SEI, here only the encoder's name
  const output = [...video, "-x264-params", structure, ...withoutSei, "-f", "h264", fileURLToPath(CLIP_FILES.video)];
  const ffmpeg = spawn("ffmpeg", ["-v", "error", "-y", ...input, "-vf", filters, ...output], { stdio: ["pipe", "inherit", "inherit"] });
  const closed = once(ffmpeg, "close");
  const scene = new GateScene(clipSeconds);
  for (let frame = 0; frame < frameCount; frame += 1) {
    const canvas = scene.draw(frame / framesPerSecond);
    drawFrameCounter(canvas, frame);
    if (!ffmpeg.stdin.write(Buffer.from(canvas.bytes))) await once(ffmpeg.stdin, "drain");
  }
  ffmpeg.stdin.end();
  const [code] = await closed;
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}`);
}

/** A beep at each second, a higher one where the loop begins. */
function makeAudio(): void {
  const beepSeconds = 0.12;
  const tone = `if(lt(t,1),1320,880)`;
  const envelope = `lt(mod(t,1),${beepSeconds})*sin(PI*mod(t,1)/${beepSeconds})`;
  const source = `aevalsrc='0.3*sin(2*PI*${tone}*t)*${envelope}':s=${audioSampleRateHz}:d=${clipSeconds}`;
  const output = ["-c:a", "pcm_alaw", "-f", "alaw", fileURLToPath(CLIP_FILES.audio)];
  const { status } = spawnSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", source, ...output], { stdio: "inherit" });
  if (status !== 0) throw new Error(`ffmpeg ended with ${status}`);
}

function drawFrameCounter(canvas: Canvas, frame: number): void {
  canvas.rectangle(0, 0, canvas.width, frameCounterBlock(0, canvas.width).size, [12, 14, 18]);
  for (const [index, white] of frameCounterBlocks(frame).entries()) {
    const { x, size } = frameCounterBlock(index, canvas.width);
    canvas.rectangle(x, 0, size, size, white ? [255, 255, 255] : [0, 0, 0]);
  }
}
