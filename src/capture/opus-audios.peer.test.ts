// AAC of a path made into Opus, by a real ffmpeg: continuous, in time, and only while somebody wants it.
import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { afterDelay, type Schedule } from "#base/schedule.ts";
import { frameTicks } from "#codecs/frame-ticks.ts";
import { TsWriter } from "#containers/mpegts/ts-writer.ts";
import type { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { childrenOf } from "#testing/child-processes.ts";
import { isRunning } from "#testing/is-running.ts";
import { ffmpeg, ffmpegPublish } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { runPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { startSite } from "#testing/rtsp-site.ts";
import { UnitTap } from "#testing/unit-tap.ts";
import type { OpusLease } from "./opus-audio.ts";
import { OpusAudios, type OpusAudiosOptions } from "./opus-audios.ts";

const skip = missingOf(ffmpeg);
const tenTimesFaster: Schedule = (run, delayMs) => afterDelay(run, delayMs / 10);

/** Half a second of noise, half a second of silence, and so on. */
const BURSTS = "aevalsrc='(random(0)-0.5)*gte(mod(t,1),0.5)'";

interface Codec {
  readonly encoder: readonly string[];
  readonly ending: string;
}
const AAC_16K: Codec = { encoder: ["-c:a", "aac", "-ar", "16000", "-ac", "1"], ending: "mp4" };
const AAC_44K: Codec = { encoder: ["-c:a", "aac", "-ar", "44100", "-ac", "2"], ending: "mp4" };
const MP3: Codec = { encoder: ["-c:a", "libmp3lame", "-ar", "44100", "-ac", "2", "-write_xing", "0"], ending: "mp3" };

async function setUp(t: TestScope, codec: Codec, changes: Partial<OpusAudiosOptions> = {}) {
  const folder = await temporaryFolder(t);
  const file = join(folder, `bursts.${codec.ending}`);
  await runPeer(t, ffmpeg, ["-v", "error", "-f", "lavfi", "-i", BURSTS, "-t", "20", ...codec.encoder, file]);
  const log = new AwaitedLog();
  const site = await startSite();
  const audios = new OpusAudios({ registry: site.registry, clock: site.clock, log, ...changes });
  t.after(async () => {
    await site.close();
    await audios.close();
  });
  ffmpegPublish(t, { url: site.url("gate"), files: [{ file }], transport: "tcp", loop: true });
  await until("the publisher", () => site.registry.get("gate")?.state === "available");
  const description = await site.registry.get("gate")!.describe("");
  assert.ok("stream" in description);
  const source = description.stream;
  return { log, audios, source, folder, open: () => audios.open("gate", source, source.tracks[0]!) };
}

async function opened(open: Promise<OpusLease | { readonly refusal: string }>): Promise<OpusLease> {
  const lease = await open;
  assert.ok(!("refusal" in lease), JSON.stringify(lease));
  return lease;
}

const encoders = (): Promise<readonly number[]> => childrenOf(process.pid, /ffmpeg .* -c:a libopus .* pipe:1 $/);

interface Heard {
  readonly captureUs: number;
  readonly ptsTicks: number;
  readonly frame: Buffer;
}

/** Frame by frame. */
function listen(stream: Stream): Heard[] {
  const heard: Heard[] = [];
  const onUnit = ({ captureUs, ptsTicks, frame, track: { parameters, clockRateHz } }: Unit): void => {
    let ticks = 0;
    for (const one of frame!) {
      heard.push({ captureUs: captureUs + (ticks / clockRateHz) * 1e6, ptsTicks: ptsTicks + ticks, frame: Buffer.from(one) });
      ticks += frameTicks(parameters, one);
    }
  };
  stream.addReader(new UnitTap({ wants: () => "frame", onUnit }));
  return heard;
}

/** When noise begins, by the capture times; ffmpeg listens. */
async function onsetsUs(t: TestScope, heard: readonly Heard[], track: Track): Promise<number[]> {
  const writer = new TsWriter([track]);
  const first = heard[0]!;
  const bytes = heard.map(({ ptsTicks, frame }) => {
    const sample = { dtsTicks: ptsTicks - first.ptsTicks, ptsOffsetTicks: 0, durationTicks: 0, keyframe: true, frame: [frame] };
    return writer.write(0, sample);
  });
  const file = join(await temporaryFolder(t), "heard.ts");
  await writeFile(file, Buffer.concat(bytes));
  const { stderr } = await runPeer(t, ffmpeg, ["-i", file, "-af", "silencedetect=noise=-30dB:duration=0.2", "-f", "null", "-"]);
  return [...stderr.matchAll(/silence_end: ([\d.]+)/g)].map(([, seconds]) => first.captureUs + Number(seconds) * 1e6);
}

for (const codec of [AAC_16K, AAC_44K]) {
  test(`continuous and in time: ${codec.encoder.join(" ")}`, { skip }, async (t) => {
    const { source, open } = await setUp(t, codec);
    const early = listen(source);
    await until("a publisher that has found its pace", () => early.length > 60);
    const given = listen(source);
    const lease = await opened(open());
    let newest: Heard | undefined;
    lease.stream.addReader(
      new UnitTap({
        wants: () => "frame",
        onUnit: () => {
          newest ??= given.at(-1);
        },
      }),
    );
    const made = listen(lease.stream);
    await until("four seconds", () => made.length > 200);
    const lateUs = newest!.captureUs - made[0]!.captureUs;
    assert.ok(
      lateUs < 300_000 || made[0]!.captureUs - given[0]!.captureUs > 2_500_000,
      `${lateUs} µs late: what waited for ffmpeg is left out`,
    );
    const [opus] = lease.stream.tracks;
    assert.equal(opus!.codec, "opus");
    const steps = made.slice(1).map(({ ptsTicks }, i) => ptsTicks - made[i]!.ptsTicks);
    assert.deepEqual([...new Set(steps)], [960]);
    const [original, heard] = [await onsetsUs(t, given, source.tracks[0]!), await onsetsUs(t, made, opus!)];
    assert.ok(heard.length >= 3, `${heard.length} bursts`);
    for (const onset of heard) {
      const offUs = Math.min(...original.map((one) => Math.abs(one - onset)));
      assert.ok(offUs < 100_000, `${offUs} µs off`);
      t.diagnostic(`${Math.round(offUs)} µs off`);
    }
    // What is counted tells the same times: no drift between samples and captures.
    const first = made[0]!;
    for (const { ptsTicks, captureUs } of made) {
      const offUs = (ptsTicks - first.ptsTicks) / 0.048 - (captureUs - first.captureUs);
      assert.ok(Math.abs(offUs) < 100_000, `${offUs} µs`);
    }
  });
}

test("MP3 as well", { skip }, async (t) => {
  const { open } = await setUp(t, MP3);
  const made = listen((await opened(open())).stream);
  await until("Opus", () => made.length > 100);
});

test("one encoder for all, as long as there is one of them", { skip }, async (t) => {
  const { log, source, open } = await setUp(t, AAC_16K);
  const readersBefore = source.readers.size;
  const [first, second] = await Promise.all([opened(open()), opened(open())]);
  assert.equal(first.stream, second.stream);
  const made = listen(first.stream);
  await until("Opus", () => made.length > 10);
  const [pid, ...others] = await encoders();
  assert.deepEqual(others, []);
  first.close();
  first.close();
  const before = made.length;
  await until("more of it", () => made.length > before + 10);
  assert.ok(isRunning(pid!));
  second.close();
  await until("the end of ffmpeg", () => !isRunning(pid!));
  assert.equal(source.readers.size, readersBefore);
  await log.line(/\[path gate\] audio is not transcoded any more/);
  const third = await opened(open());
  const again = listen(third.stream);
  await until("Opus, again", () => again.length > 10);
});

test("killed, it is started again; its stream goes on", { skip }, async (t) => {
  const { log, source, open } = await setUp(t, AAC_16K, { schedule: tenTimesFaster });
  const early = listen(source);
  await until("a publisher that has found its pace", () => early.length > 60);
  const lease = await opened(open());
  const made = listen(lease.stream);
  await until("Opus", () => made.length > 100);
  const [pid] = await encoders();
  process.kill(pid!, "SIGKILL");
  await log.line(/\[path gate\] audio is not transcoded: ffmpeg was ended by SIGKILL/);
  assert.match(lease.fault!, /SIGKILL/);
  const before = made.length;
  await log.line(/audio is transcoded again/);
  await until("Opus, again", () => made.length > before + 50);
  assert.equal(lease.fault, undefined);
  for (const [i, { ptsTicks, captureUs }] of made.entries()) {
    if (i < 100) continue;
    const last = made[i - 1]!;
    assert.ok(ptsTicks > last.ptsTicks);
    assert.ok(Math.abs((ptsTicks - last.ptsTicks) / 0.048 - (captureUs - last.captureUs)) < 100_000);
  }
});

test("the source ends: so does the encoder", { skip }, async (t) => {
  const { source, open } = await setUp(t, AAC_16K);
  const made = listen((await opened(open())).stream);
  await until("Opus", () => made.length > 10);
  const [pid] = await encoders();
  source.end("source-ended");
  await until("the end of ffmpeg", () => !isRunning(pid!));
});

test("without ffmpeg, or without its encoder, there is a reason", { skip }, async (t) => {
  const { folder, audios, source } = await setUp(t, AAC_16K, { program: "no-such-program" });
  const [track] = source.tracks;
  const refusalOf = (opened: OpusLease | { refusal: string }): string => ("refusal" in opened ? opened.refusal : assert.fail());
  assert.equal(refusalOf(await audios.open("gate", source, track!)), "there is no ffmpeg on the PATH: install it");
  const g726 = { ...track!, codec: "g726", parameters: { codec: "g726", bitRate: 32_000, aal2: false } } as const;
  assert.equal(refusalOf(await audios.open("gate", source, g726)), "it cannot be given to ffmpeg: MPEG-TS does not carry g726");
  const poor = join(folder, "poor-ffmpeg");
  await writeFile(poor, "#!/bin/sh\necho \"Codec 'libopus' is not recognized by FFmpeg.\"\n");
  await chmod(poor, 0o755);
  const site = await startSite();
  t.after(() => site.close());
  const without = new OpusAudios({ registry: site.registry, clock: site.clock, log: new AwaitedLog(), program: poor });
  t.after(() => without.close());
  assert.equal(refusalOf(await without.open("gate", source, track!)), "ffmpeg has no encoder libopus");
});

test("an ffmpeg that always dies is told of once", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const program = join(folder, "dying-ffmpeg");
  await writeFile(
    program,
    '#!/bin/sh\ncase "$*" in *-h*encoder*) echo "Encoder libopus [x]:" ;; *) echo "out of luck" >&2; exit 3 ;; esac\n',
  );
  await chmod(program, 0o755);
  const { log, open } = await setUp(t, AAC_16K, { program, schedule: tenTimesFaster });
  const lease = await opened(open());
  await log.line(/\[ffmpeg\] out of luck/, 3);
  assert.equal(lease.fault, "ffmpeg exited with code 3: out of luck");
  assert.equal(log.lines.filter((line) => line.includes("is not transcoded")).length, 1);
});
