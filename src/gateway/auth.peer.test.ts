// Passwords as other clients send them: in the URL's user part, in its query, as Basic and as Digest.
import assert from "node:assert/strict";
import { test } from "node:test";
import { clipFile } from "#testing/bitstreams/clip-read.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { ffmpeg, ffmpegPacketHashes, ffmpegPublish } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { gstLaunch, gstRunToEnd } from "#testing/peers/gst.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";

const USERS = `authInternalUsers:
- {user: myuser, pass: mypass, permissions: [{action: publish, path: mystream}, {action: read, path: mystream}]}
paths: {all_others: {}}
`;

async function startWith(scope: TestScope, methods: string) {
  return await startCamgate(scope, { config: `rtspTransports: [tcp, udp]\nrtspAuthMethods: ${methods}\n${USERS}` });
}

/** The error output says why ffmpeg was not let in. */
async function readsWith(scope: TestScope, input: string): Promise<true | string> {
  return await ffmpegPacketHashes(scope, { input, transport: "tcp" }, "v", { frames: 5 }).then(
    (hashes) => hashes.length === 5 || `${hashes.length} packets`,
    (error: Error) => error.message,
  );
}

for (const methods of ["[basic]", "[digest]"]) {
  test(`ffmpeg publishes and reads, GStreamer reads, with ${methods}`, { skip: missingOf(ffmpeg, gstLaunch) }, async (t) => {
    const gateway = await startWith(t, methods);
    ffmpegPublish(t, { url: gateway.url("mystream", "myuser:mypass"), files: [{ file: clipFile }], transport: "tcp", loop: true });
    await gateway.process.match(/is publishing to path 'mystream'/);
    assert.equal(await readsWith(t, gateway.url("mystream", "myuser:mypass")), true);
    assert.match(String(await readsWith(t, gateway.url("mystream"))), /401 Unauthorized/);
    assert.match(String(await readsWith(t, gateway.url("mystream", "myuser:wrong"))), /401 Unauthorized/);
    const source = `rtspsrc location=${gateway.url("mystream")} user-id=myuser user-pw=mypass latency=100`;
    await gstRunToEnd(t, `${source} ! identity eos-after=20 ! fakesink sync=false`);
  });
}

test("ffmpeg with user and password in the query: publishes and reads, and not with wrong ones", { skip: missingOf(ffmpeg) }, async (t) => {
  const gateway = await startWith(t, "[basic]");
  const url = (query: string): string => gateway.url(`mystream?${query}`);
  ffmpegPublish(t, { url: url("user=myuser&pass=mypass"), files: [{ file: clipFile }], transport: "tcp", loop: true });
  await gateway.process.match(/is publishing to path 'mystream'/);
  assert.equal(await readsWith(t, url("user=myuser&pass=mypass")), true);
  assert.match(String(await readsWith(t, url("user=myuser&pass=wrong"))), /^ffmpeg ended with 1/);
  await gateway.process.match(/authentication failed: .*myuser/);
  assert.doesNotMatch(gateway.process.stdout.toString("utf8"), /mypass/);
});
