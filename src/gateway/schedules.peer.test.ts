// A picture every minute of a real camera: the file that the gateway leaves is one that others read. Minutes pass by libfaketime.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { startCamgate } from "#testing/peers/camgate.ts";
import { fakeChrony } from "#testing/peers/fake-chrony.ts";
import { fakeWallClock, findFaketime } from "#testing/peers/faketime.ts";
import { ffmpeg, ffprobe, ffprobeStreams } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { until } from "#testing/peers/until.ts";

const CARD = "ffmpeg://-re -f lavfi -i testsrc2=size=320x240:rate=25 -c:v libx264 -preset ultrafast -tune zerolatency -g 25";
const faketime = findFaketime();
const WAIT_MS = 60_000;

test("a picture every minute, the last two of them kept", { skip: faketime.missing || missingOf(ffmpeg, ffprobe) }, async (t) => {
  const chrony = await fakeChrony(t);
  await chrony.synchronise();
  const wall = await fakeWallClock(t, faketime, 0);
  const config = `api: yes\npaths:\n  site/card:\n    source: ${CARD}\nschedules: [{cron: '* * * * *', do: snapshot, path: site/card, value: 2}]\n`;
  const env = { ...wall.env, PATH: `${chrony.folder}${delimiter}${process.env["PATH"]}` };
  const program = await startCamgate(t, { config, env });
  await program.process.match(/\[path site\/card\] stream is available/);
  const pictures = join(program.folder, "camgate-data/snapshots/site/card");
  const names = async (): Promise<readonly string[]> =>
    (await readdir(pictures).catch(() => [])).filter((name) => name.endsWith(".jpg")).sort();
  const seen = new Set<string>();
  for (let minute = 1; seen.size < 3; minute++) {
    const before = (await names()).at(-1) ?? "";
    await wall.set(minute * 60);
    seen.add(await until("the next picture", async () => (await names()).find((name) => name > before), WAIT_MS));
  }
  const kept = await until(
    "two that are kept",
    async () => {
      const found = await names();
      return found.length === 2 && !found.includes([...seen][0]!) && found;
    },
    WAIT_MS,
  );
  const [video] = await ffprobeStreams(t, { input: join(pictures, kept[1]!) });
  assert.deepEqual([video?.codec_name, video?.width], ["mjpeg", 320]);
  const answer = await fetch(`${program.apiOrigin}/camgate/v1/schedules/list`);
  const [{ last, err }] = ((await answer.json()) as { readonly schedules: [{ readonly last: number; readonly err: string | null }] })
    .schedules;
  assert.deepEqual([last % 60_000, err], [0, null]);
  assert.equal((await program.process.interrupt()).code, 0);
});
