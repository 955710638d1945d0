// Clips on their way from a recording of a gateway to `camgate noc receive`, over a link that is cut: asked for with `camgate noc send` over mosquitto.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startNocRun } from "#testing/noc-run.ts";
import { startCamgate } from "#testing/peers/camgate.ts";
import { ffmpeg, ffmpegPublish, ffprobe, ffprobeStreams } from "#testing/peers/ffmpeg.ts";
import { findPeer, missingOf } from "#testing/peers/find-peer.ts";
import { mosquittoMissing, startMosquitto } from "#testing/peers/mosquitto.ts";
import { runPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { TcpFaultProxy } from "#testing/tcp-fault-proxy.ts";

const skip = missingOf(ffmpeg, ffprobe, findPeer("openssl")) || mosquittoMissing;
const LONG_MS = 60_000;

interface Answer {
  readonly id: string;
  readonly st: string;
  readonly msg?: string;
  // biome-ignore lint/suspicious/noExplicitAny: results of several commands
  readonly res?: any;
  readonly e?: { readonly c: string; readonly m: string };
}

/** Four seconds of noise, which no encoder makes small. */
async function makeNoise(t: TestContext, folder: string): Promise<string> {
  const file = join(folder, "noise.mp4");
  const picture = ["-f", "lavfi", "-i", "testsrc2=s=640x360:r=25,noise=alls=30:allf=t", "-t", "4"];
  const coder = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-b:v",
    "12M",
    "-maxrate",
    "12M",
    "-bufsize",
    "6M",
    "-g",
    "12",
    "-pix_fmt",
    "yuv420p",
  ];
  await runPeer(t, ffmpeg, ["-v", "error", "-nostdin", ...picture, ...coder, file], { timeoutMs: LONG_MS });
  return file;
}

async function startSite(t: TestContext, store: "files" | "ring") {
  const root = await temporaryFolder(t);
  await mkdir(join(root, "ring"));
  const stored = store === "ring" ? `ring: {directory: ${root}/ring, size: 64M}\n` : "";
  const [nocFolder, files] = [join(root, "noc"), join(root, "received")];
  const ca = join(nocFolder, "ca");
  const env: Record<string, string> = { CAMGATE_NOC_TENANT: "acme", CAMGATE_NOC_DIRECTORY: nocFolder, CAMGATE_NOC_CA: join(ca, "ca.pem") };
  const noc = (...words: readonly string[]) => startNocRun(env, ...words);
  const done = async (...words: readonly string[]): Promise<readonly string[]> => {
    const { lines, code } = noc(...words);
    assert.equal(await code, 0, lines.join("\n"));
    return lines;
  };
  await done("enrol", "ca");
  await done("enrol", "broker", "127.0.0.1");
  await done("enrol", "receiver", "127.0.0.1");
  await done("enrol", "gateway", "gw-0001");
  await done("keys", "make", "noc-a");
  const pair = `certfile ${join(ca, "broker.crt")}\nkeyfile ${join(ca, "broker.key")}`;
  const words = ["--cafile", join(ca, "ca.pem")];
  const broker = await startMosquitto(t, { config: `allow_anonymous true\n${pair}`, clientWords: words });
  env["CAMGATE_NOC_BROKER"] = `mqtts://127.0.0.1:${broker.port}`;
  const receiver = noc("receive", "--folder", files, "--listen", "127.0.0.1:0");
  t.after(async () => {
    receiver.stop.abort();
    await receiver.code;
  });
  const receiverLine = await until("the receiver", () => receiver.lines[0]);
  const proxy = await TcpFaultProxy.listen({ target: { host: "127.0.0.1", port: Number(/:(\d+):/.exec(receiverLine)![1]) } });
  t.after(() => proxy.close());
  const url = `https://127.0.0.1:${proxy.port}`;
  const config =
    `playback: yes\n${stored}destinationHosts: [127.0.0.1]\n` +
    `pathDefaults: {record: yes, recordStore: ${store}, recordPath: './recordings/%path/%Y-%m-%d_%H-%M-%S-%f'}\n` +
    `mqtt:\n  urls: [mqtts://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  commands: signed\n` +
    `  commandKeys: [${join(nocFolder, "command-keys.json")}]\n  ca: ${join(ca, "ca.pem")}\n  cert: ${join(ca, "gw-0001.crt")}\n  key: ${join(ca, "gw-0001.key")}\n` +
    "paths:\n  all_others:\n";
  const watched = await broker.subscribe("cg/#");
  const start = (folder?: string) => startCamgate(t, { config, ...(folder !== undefined && { folder }) });
  const camgate = await start();
  await watched.wait("the birth", ({ json }) => json?.online === true);
  /** What `send` has printed so far, and its exit code. */
  const send = (op: string, args: object) => {
    const sent = noc("send", "gw-0001", op, JSON.stringify(args), "--json", "--timeout", "110");
    return { code: sent.code, answers: () => sent.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Answer) };
  };
  const grant = async (name: string) => JSON.parse((await done("receive", "grant", name, "--url", url, "--part-mb", "1"))[0]!);
  return { root, files, proxy, url, watched, start, camgate, send, grant, receiver };
}

type Site = Awaited<ReturnType<typeof startSite>>;

/** Records the noise; resolves with what to ask for all of it. */
async function record(t: TestContext, { root, camgate }: Site, meanwhile?: () => Promise<void>) {
  const noise = await makeNoise(t, root);
  const publisher = ffmpegPublish(t, {
    url: camgate.url("gate"),
    files: [{ file: noise }],
    transport: "tcp",
    loop: meanwhile !== undefined,
  });
  const span = await until(
    "three seconds of footage",
    async () => {
      const response = await fetch(`${camgate.playbackOrigin}/list?path=gate`);
      const spans = response.status === 200 ? ((await response.json()) as { readonly start: string; readonly duration: number }[]) : [];
      return spans.find(({ duration }) => duration >= 3);
    },
    LONG_MS,
  );
  await meanwhile?.();
  await publisher.interrupt();
  const from = Math.ceil(Date.parse(span.start));
  return { cam: "gate", from, to: from + 3000 };
}

test("a clip arrives as a whole over a link that is cut twice, and is known when it is sent again", { skip }, async (t) => {
  const site = await startSite(t, "files");
  const { files, proxy, send, grant, receiver } = site;
  let picture: Answer | undefined;
  const wish = await record(t, site, async () => {
    const sent = send("cam.snapshot", { cam: "gate", fmt: "mp4", dest: await grant("gw-0001/now.mp4") });
    assert.equal(await sent.code, 0, JSON.stringify(sent.answers()));
    picture = sent.answers().at(-1);
  });
  const { url, sha256 } = picture!.res;
  assert.match(url, /^https:\/\/127\.0\.0\.1:\d+\/gw-0001\/now\.mp4$/);
  assert.equal(
    createHash("sha256")
      .update(await readFile(join(files, "gw-0001/now.mp4")))
      .digest("hex"),
    sha256,
  );

  const dest = await grant("gw-0001/case-17.mp4");
  const sent = send("clip.export", { ...wish, dest, max_kbps: 16_000 });
  const begun = proxy.forwardedBytes;
  for (const cutAt of [1_300_000, 2_700_000]) {
    await until("bytes on their way", () => proxy.forwardedBytes - begun > cutAt, LONG_MS);
    await proxy.refuse();
    proxy.drop();
    await until("nobody connected", () => proxy.open === 0);
    await proxy.listenAgain();
  }
  assert.equal(await sent.code, 0, JSON.stringify(sent.answers().at(-1)));
  const { res } = sent.answers().at(-1)!;
  const path = join(files, "gw-0001/case-17.mp4");
  const bytes = await readFile(path);
  assert.deepEqual([res.bytes, res.sha256], [bytes.length, createHash("sha256").update(bytes).digest("hex")]);
  assert.ok(bytes.length > 3_000_000, `${bytes.length} bytes`);
  assert.equal(res.parts, Math.ceil(bytes.length / 2 ** 20));
  assert.ok(sent.answers().some(({ st, msg }) => st === "run" && msg === `uploading part 2/${res.parts}`));
  const [late, early] = [res.actual_from - wish.from, wish.to - res.actual_to];
  assert.ok(late >= 0 && late <= 50 && Math.abs(early) <= 50, `${late} ms late, ${early} ms early: a frame at most`);
  const [video] = await ffprobeStreams(t, { input: path });
  assert.deepEqual([video?.codec_name, video?.width], ["h264", 640]);
  const { stderr } = await runPeer(t, ffmpeg, ["-v", "warning", "-nostdin", "-i", path, "-f", "null", "-"], { timeoutMs: LONG_MS });
  assert.equal(stderr, "");
  assert.ok(proxy.forwardedBytes - begun < bytes.length + 2_000_000, "what was there was not sent again");
  assert.deepEqual(await readdir(join(files, ".begun")), []);
  const line = receiver.lines.find((one) => one.includes(`${path} ${bytes.length} bytes, sha256 ${res.sha256}`));
  assert.match(line ?? "", /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d INF /, receiver.lines.join("\n"));

  const before = proxy.forwardedBytes;
  const again = send("clip.export", { ...wish, dest });
  assert.equal(await again.code, 0);
  assert.equal(again.answers().at(-1)!.res.sha256, res.sha256);
  assert.ok(proxy.forwardedBytes - before < 100_000);

  // By the gateway's certificate alone, and in one PUT.
  const own = send("clip.export", { ...wish, fmt: "fmp4", dest: { put: `${site.url}/gw-0001/own.mp4` } });
  assert.equal(await own.code, 0, JSON.stringify(own.answers().at(-1)));
  assert.equal((await ffprobeStreams(t, { input: join(files, "gw-0001/own.mp4") }))[0]?.codec_name, "h264");
  const faults: [string, RegExp][] = [
    [`${site.url}/gw-0002/x.mp4`, /^E_DENIED dest\.put: the server refuses the upload \(403\): gw-0001 may send/],
    [`https://localhost:${proxy.port}/gw-0001/x.mp4`, /^E_DENIED dest\.put: localhost is no host that destinationHosts names/],
    [`${site.url}/gw-0001/own.mp4`, /^E_BUSY dest\.put: there is another file already/],
  ];
  for (const [put, text] of faults) {
    const refused = send("clip.export", { ...wish, dest: { put } });
    assert.equal(await refused.code, 3, put);
    const { e } = refused.answers().at(-1)!;
    assert.match(`${e?.c} ${e?.m}`, text);
  }
});

test("a gateway that is killed on the way goes on where it was; one that is told to stop does", { skip }, async (t) => {
  const site = await startSite(t, "ring");
  const { files, proxy, send, grant, camgate, watched } = site;
  const wish = await record(t, site);
  const begunBytes = async (): Promise<number> => {
    const [name] = (await readdir(join(files, ".begun"))).filter((one) => one.endsWith(".part"));
    return name === undefined ? 0 : (await stat(join(files, ".begun", name))).size;
  };
  const dest = await grant("gw-0001/killed.mp4");
  const sent = send("clip.export", { ...wish, dest, max_kbps: 8000 });
  await until("a part of it", async () => (await begunBytes()) >= 2 ** 20, LONG_MS);
  const births = watched.messages().filter(({ json }) => json?.online === true).length;
  await camgate.process.kill();
  await site.start(camgate.folder);
  await until("another birth", () => watched.messages().filter(({ json }) => json?.online === true).length > births);
  assert.equal(await sent.code, 6, "lost");
  const held = await begunBytes();
  const before = proxy.forwardedBytes;
  const again = send("clip.export", { ...wish, dest });
  assert.equal(await again.code, 0, JSON.stringify(again.answers().at(-1)));
  const bytes = await readFile(join(files, "gw-0001/killed.mp4"));
  assert.equal(again.answers().at(-1)!.res.sha256, createHash("sha256").update(bytes).digest("hex"));
  assert.ok(
    proxy.forwardedBytes - before < bytes.length - held + 300_000,
    `${proxy.forwardedBytes - before} bytes for ${bytes.length - held}`,
  );

  const slow = send("clip.export", { ...wish, dest: await grant("gw-0001/slow.mp4"), max_kbps: 400 });
  const { id } = await until(
    "its progress",
    () => slow.answers().find(({ msg }) => msg?.startsWith("uploading part 1/") === true),
    LONG_MS,
  );
  assert.equal(await send("cmd.cancel", { id }).code, 0);
  assert.equal(await slow.code, 5, "cancel");
  assert.equal(slow.answers().at(-1)!.e?.c, "E_CANCELLED");
  await until("no connection", () => proxy.open === 0);
});
