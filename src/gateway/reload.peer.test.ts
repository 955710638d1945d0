// Changes while foreign programs look on: ffmpeg reads a stream through reloads, and MediaMTX's own API beside ours.
import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freeTcpPort } from "#testing/free-ports.ts";
import { publishClip } from "#testing/guide/guide-program.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { ffmpeg } from "#testing/peers/ffmpeg.ts";
import { mediamtx, startMediamtx } from "#testing/peers/go-peers.ts";
import { runPeer } from "#testing/peers/run-peer.ts";

test("ffmpeg saves a stream while the config is changed under it: every frame is there", { skip: ffmpeg.missing }, async (t) => {
  const config = (path: string, more = ""): string => `api: yes\n${more}paths:\n  clip: ${path}\n`;
  const program = await startCamgate(t, { config: config("{}") });
  publishClip(t, program, "clip");
  await program.process.match(/\[path clip\] stream is available/);
  const output = join(program.folder, "output.mp4");
  let isOver = false;
  const saved = runPeer(t, ffmpeg, [
    ..."-v error -nostdin -rtsp_transport tcp -i".split(" "),
    program.url("clip"),
    ..."-c copy -t 4".split(" "),
    output,
  ]).finally(() => {
    isOver = true;
  });
  await program.process.match(/is reading from path 'clip'/);
  const changes = [
    config("{runOnRead: /bin/true}"),
    config(`{record: yes, recordPath: '${program.folder}/rec/%path/%s-%f'}`),
    config("{}", "logLevel: debug\n"),
    config("{maxReders: 1}"),
    config("{gopCache: no}", "authInternalUsers: [{user: any, permissions: [{action: publish}, {action: read}, {action: api}]}]\n"),
  ];
  let count = 0;
  while (!isOver || count < changes.length) {
    await writeFile(join(program.folder, "next.yml"), changes[count % changes.length]!);
    await rename(join(program.folder, "next.yml"), join(program.folder, "mediamtx.yml"));
    const response = await fetch(`${program.apiOrigin}/v3/config/reload`, { method: "POST" });
    assert.equal(response.status, count % changes.length === 3 ? 400 : 200, await response.text());
    count++;
  }
  await saved;
  const { stdout, stderr } = await runPeer(t, ffmpeg, ["-i", output, "-fps_mode", "passthrough", "-f", "framemd5", "-"]);
  assert.ok(stdout.toString("utf8").split("\n").length > 80);
  assert.doesNotMatch(stderr, /error|concealing|missing/i);
});

type Json = Readonly<Record<string, unknown>>;

test("the config API answers as MediaMTX's does", { skip: mediamtx.missing }, async (t) => {
  const config = `authInternalUsers:
- {user: any, permissions: [{action: api}, {action: read}]}
- {user: me, pass: secret, ips: [127.0.0.1], permissions: [{action: read, path: x}]}
paths:
  proxied: {source: 'rtsp://admin:secret@127.0.0.1:1/x', sourceOnDemand: yes}
  ~^cam(\\d+)$: {}
  site/gate: {maxReaders: 3, recordMaxPartSize: 1536K, recordDeleteAfter: 50h}
`;
  const port = await freeTcpPort(0);
  await startMediamtx(t, `api: yes\napiAddress: 127.0.0.1:${port}\n${config}`);
  const program = await startCamgate(t, { config: `api: yes\nrtspTransports: [tcp, udp]\n${config}` });
  const ask = async (origin: string, method: string, target: string, sent?: string): Promise<{ status: number; body: Json }> => {
    const response = await fetch(`${origin}/v3/config/${target}`, { method, ...(sent !== undefined && { body: sent }) });
    return { status: response.status, body: (await response.json()) as Json };
  };
  const steps: readonly (readonly [method: string, target: string, body?: string])[] = [
    ["GET", "global/get"],
    ["GET", "pathdefaults/get"],
    ["GET", "paths/list"],
    ["GET", "paths/list?itemsPerPage=2&page=1"],
    ["GET", "paths/get/site/gate"],
    ["GET", "paths/get/nope"],
    ["GET", "paths/get/"],
    ["POST", "paths/add/new", '{"maxReaders": 2}'],
    ["POST", "paths/add/new", "{}"],
    ["POST", "paths/add/x", ""],
    ["POST", "paths/add/x", "[]"],
    ["POST", "paths/add/x", "{"],
    ["POST", "paths/add/x", '{"sorce": 1}'],
    ["POST", "paths/add/x", '{"source": 1}'],
    ["POST", "paths/add/x", '{"source": "nonsense"}'],
    ["POST", "paths/add/y", '{"source": null, "forward": null, "name": "other"}'],
    ["GET", "paths/get/y"],
    ["PATCH", "paths/patch/y", '{"record": true, "recordSegmentDuration": "90m", "overridePublisher": false}'],
    ["GET", "paths/get/y"],
    ["POST", "paths/replace/y", '{"maxReaders": 9}'],
    ["POST", "paths/replace/z", "{}"],
    ["DELETE", "paths/delete/z"],
    ["DELETE", "paths/delete/z"],
    ["PATCH", "paths/patch/y", ""],
    ["PATCH", "paths/patch/nope", "{}"],
    ["DELETE", `paths/delete/${encodeURIComponent("~^cam(\\d+)$")}`],
    ["PATCH", "global/patch", '{"readTimeout": "7s", "udpReadBufferSize": 4096, "hlsSegmentMaxSize": "20M"}'],
    ["PATCH", "global/patch", '{"authInternalUsers": [{"user": "a", "x": 1}]}'],
    ["PATCH", "global/patch", '{"authInternalUsers": [{"user": "any", "ips": null}]}'],
    ["PATCH", "global/patch", '{"readTimeout": "0s"}'],
    ["PATCH", "global/patch", '{"pathDefaults": {}}'],
    ["PATCH", "pathdefaults/patch", '{"recordPath": "x"}'],
    ["PATCH", "pathdefaults/patch", '{"recordDeleteAfter": "2d3h"}'],
    ["POST", "paths/add/all", "{}"],
    ["POST", "paths/add/all_others", "{}"],
    ["GET", "global/get"],
    ["GET", "pathdefaults/get"],
    ["GET", "paths/list"],
  ];
  for (const [method, target, sent] of steps) {
    const theirs = await ask(`http://127.0.0.1:${port}`, method, target, sent);
    const ours = await ask(program.apiOrigin, method, target, sent);
    const step = `${method} ${target} ${sent ?? ""}`;
    assert.equal(ours.status, theirs.status, `${step}: ${JSON.stringify([theirs.body, ours.body])}`);
    if (theirs.status === 200) assert.deepEqual(pick(ours.body, theirs.body), pick(theirs.body, theirs.body), step);
    else if (/unknown field|not found|invalid name|already exists|to nil/.test(String(theirs.body["error"])))
      assert.deepEqual(ours.body, theirs.body, step);
    // MediaMTX answers before a change is in force.
    if (method !== "GET" && theirs.status === 200) await settled(`http://127.0.0.1:${port}/v3/config/global/get`);
  }
});

/** Where the two differ on purpose, or have to: their addresses, and their order of transports, which means nothing. */
const OWN: ReadonlySet<string> = new Set([
  "rtspAddress",
  "rtpAddress",
  "rtcpAddress",
  "apiAddress",
  "playbackAddress",
  "rtmp",
  "hls",
  "srt",
  "moq",
  "webrtc",
]);

/** What `like` has of a value: we have settings that MediaMTX has not. */
function pick(value: unknown, like: unknown): unknown {
  if (Array.isArray(like) && Array.isArray(value)) {
    const items = value.map((one, i) => pick(one, like[i]));
    return items.every((one) => typeof one === "string") ? items.sort() : items;
  }
  if (typeof like !== "object" || like === null || typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.keys(like)
      .filter((name) => !OWN.has(name))
      .map((name) => [name, pick((value as Json)[name], (like as Json)[name])]),
  );
}

/** Its answers are the same twice. */
async function settled(url: string): Promise<void> {
  let before = "";
  for (;;) {
    const now = await fetch(url).then(
      (response) => response.text(),
      () => "",
    );
    if (now !== "" && now === before) return;
    before = now;
  }
}
