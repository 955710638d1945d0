// A picture every minute of a real camera: the file that the gateway leaves is one that others read.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startCamgate } from "#testing/peers/camgate.ts";
import { ffmpeg, ffprobe, ffprobeStreams } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { trustClock } from "#testing/trusted-clock.ts";

const CARD = "ffmpeg://-re -f lavfi -i testsrc2=size=320x240:rate=25 -c:v libx264 -preset ultrafast -tune zerolatency -g 25";

test("a picture every minute", { skip: missingOf(ffmpeg, ffprobe) }, async (t) => {
  const folder = await temporaryFolder(t);
  await trustClock(join(folder, "camgate-data"));
  const config = `api: yes\npaths:\n  site/card:\n    source: ${CARD}\nschedules: [{cron: '* * * * *', do: snapshot, path: site/card, value: 1}]\n`;
  const program = await startCamgate(t, { config, folder });
  const pictures = join(folder, "camgate-data/snapshots/site/card");
  const isPicture = (name: string): boolean => name.endsWith(".jpg");
  const name = await until("a picture", async () => (await readdir(pictures).catch(() => [])).find(isPicture), 110_000);
  const [video] = await ffprobeStreams(t, { input: join(pictures, name) });
  assert.deepEqual([video?.codec_name, video?.width], ["mjpeg", 320]);
  const answer = (await (await fetch(`${program.apiOrigin}/camgate/v1/schedules/list`)).json()) as {
    schedules: { last: number; err: string | null }[];
  };
  assert.equal(answer.schedules[0]?.err, null);
  assert.equal(answer.schedules[0]!.last % 60_000, 0);
  assert.equal((await program.process.interrupt()).code, 0);
});
