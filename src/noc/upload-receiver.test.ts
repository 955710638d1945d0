// The receiver of uploads over real TLS: who may, what is taken, what is refused, what is left on the disk.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { silentLog } from "#base/log.ts";
import { NodeFs } from "#base/node-fs.ts";
import { MIN_TLS_VERSION } from "#http/certificate.ts";
import { writeReprDigest } from "#http/upload-headers.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { makeSelfSigned } from "#testing/self-signed.ts";
import { type ReceivedFile, UploadReceiver } from "./upload-receiver.ts";
import { UploadStore } from "./upload-store.ts";
import { makeUploadToken } from "./upload-tokens.ts";

const authority = makeSelfSigned({ name: "authority", isAuthority: true });
const server = makeSelfSigned({ name: "receiver", issuer: authority });
const gateway = makeSelfSigned({ name: "gw-0001", issuer: authority });
const stranger = makeSelfSigned({ name: "gw-0001" });
const tokenKey = randomBytes(32);
const FILE = randomBytes(3_000_000);
const sha256Of = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const DIGEST = { "Repr-Digest": writeReprDigest(sha256Of(FILE)) };
const NAME = "gw-0001/clip.mp4";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

async function start(t: TestContext, { quotaBytes = 1e9, maxFileBytes = 1e8, folder = "" } = {}) {
  const root = folder === "" ? await temporaryFolder(t) : folder;
  let nowMs = Date.now();
  const open = async () => {
    const received: ReceivedFile[] = [];
    const store = await UploadStore.open({ fs: new NodeFs(), folder: root, quotaBytes, maxFileBytes, nowMs: () => nowMs });
    const receiver = new UploadReceiver({
      store,
      tls: { key: server.key, cert: server.cert, minVersion: MIN_TLS_VERSION },
      clientAuthority: authority.cert,
      tokenKey,
      nowMs: () => nowMs,
      log: silentLog,
      onReceived: (file) => received.push(file),
    });
    const port = await receiver.listen(0, "127.0.0.1");
    t.after(() => receiver.close());
    return { received, store, receiver, port };
  };
  let running = await open();
  const token = (name: string, ttlMs = 60_000): string => `Bearer ${makeUploadToken(tokenKey, name, nowMs + ttlMs)}`;
  /** With a token for the name where nothing is said. `onlyBytes`: so many are sent, and then nothing until it is `cut`. */
  const put = (
    name: string,
    body: Buffer,
    headers: Readonly<Record<string, string>> = {},
    more: {
      readonly onlyBytes?: number;
      readonly cut?: AbortSignal;
      readonly client?: { readonly key: Buffer; readonly cert: Buffer };
      readonly method?: string;
    } = {},
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const all = { ...(more.client === undefined && { Authorization: token(name) }), "Content-Length": String(body.length), ...headers };
      const sent = request({
        ...{ host: "127.0.0.1", port: running.port, path: `/${name}`, method: more.method ?? "PUT", agent: false, ca: authority.cert },
        ...more.client,
        headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== "")),
      });
      sent.on("error", reject).on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode!, headers: response.headers, text: Buffer.concat(chunks).toString().trim() }),
        );
      });
      more.cut?.addEventListener("abort", () => sent.destroy(new Error("cut")));
      if (more.onlyBytes === undefined) sent.end(body);
      else sent.write(body.subarray(0, more.onlyBytes));
    });
  const part = (from: number, to: number): [Buffer, Record<string, string>] => [
    FILE.subarray(from, to),
    { ...DIGEST, "Content-Range": `bytes ${from}-${to - 1}/${FILE.length}` },
  ];
  const ask = (name = NAME, headers = DIGEST) => put(name, Buffer.alloc(0), { ...headers, "Content-Range": `bytes */${FILE.length}` });
  return {
    root,
    put,
    part,
    ask,
    token,
    get received() {
      return running.received;
    },
    get store() {
      return running.store;
    },
    async again() {
      await running.receiver.close();
      running = await open();
    },
    passMs(ms: number) {
      nowMs += ms;
    },
  };
}

test("one PUT: the file is there as a whole, and told of; again it is known, and another one is refused", async (t) => {
  const { put, root, received } = await start(t);
  const answer = await put(NAME, FILE, DIGEST);
  assert.deepEqual([answer.status, answer.headers["repr-digest"]], [201, DIGEST["Repr-Digest"]]);
  assert.ok((await readFile(join(root, NAME))).equals(FILE));
  assert.deepEqual(received, [{ name: NAME, path: join(root, NAME), sizeBytes: FILE.length, sha256: sha256Of(FILE), by: "a token" }]);
  const known = await put(NAME, Buffer.alloc(0), { ...DIGEST, "Content-Range": `bytes */${FILE.length}` });
  assert.deepEqual([known.status, known.headers["repr-digest"]], [200, DIGEST["Repr-Digest"]]);
  const other = await put(NAME, Buffer.from("other"), {});
  assert.deepEqual([other.status, other.text], [409, "there is another file of that name"]);
  assert.ok((await readFile(join(root, NAME))).equals(FILE));
  const plain = await put("plain.bin", FILE, {});
  assert.deepEqual([plain.status, plain.headers["repr-digest"]], [201, DIGEST["Repr-Digest"]]);
});

test("in parts, over a cut and a restart of the receiver: nothing is sent twice, and nothing is to be seen before it is whole", async (t) => {
  const site = await start(t);
  const { put, part, ask, root } = site;
  assert.deepEqual([(await ask()).status, (await ask()).headers.range], [308, undefined]);
  const first = await put(NAME, ...part(0, 1_000_000));
  assert.deepEqual([first.status, first.headers.range], [308, "bytes=0-999999"]);
  const cut = new AbortController();
  const lost = put(NAME, ...part(1_000_000, 2_500_000), { onlyBytes: 1_300_000, cut: cut.signal });
  await until("bytes of the second part", async () => {
    const [name] = (await readdir(join(root, ".begun"))).filter((one) => one.endsWith(".part"));
    return (await stat(join(root, ".begun", name!))).size > 2_000_000;
  });
  cut.abort();
  await assert.rejects(lost);
  const { range = "" } = (await ask()).headers;
  const held = Number(range.slice("bytes=0-".length)) + 1;
  assert.ok(held > 2_000_000 && held <= 2_300_000, range);
  assert.equal((await put(NAME, ...part(1_000_000, 2_500_000))).status, 416);
  assert.deepEqual(await readdir(root), [".begun"]);
  await site.again();
  assert.equal((await ask()).headers.range, range);
  assert.equal((await put(NAME, ...part(held, 2_500_000))).status, 308);
  assert.equal((await put(NAME, ...part(2_500_000, FILE.length))).status, 201);
  assert.ok((await readFile(join(root, NAME))).equals(FILE));
  assert.deepEqual(await readdir(join(root, ".begun")), []);
});

test("a file that changed begins anew; one whose bytes are others than was said is not kept", async (t) => {
  const { put, part, ask, root } = await start(t);
  await put(NAME, ...part(0, 100_000));
  const other = { "Repr-Digest": writeReprDigest("11".repeat(32)) };
  assert.equal((await ask(NAME, other)).headers.range, undefined);
  assert.equal((await put(NAME, ...part(100_000, FILE.length))).status, 416);
  await put(NAME, part(0, 100_000)[0], { ...other, "Content-Range": `bytes 0-99999/${FILE.length}` });
  const wrong = await put(NAME, FILE.subarray(100_000), { ...other, "Content-Range": `bytes 100000-${FILE.length - 1}/${FILE.length}` });
  assert.equal(wrong.status, 422);
  assert.deepEqual([(await ask(NAME, other)).headers.range, await readdir(root)], [undefined, [".begun"]]);
});

test("who may: a token for that name, or a gateway's certificate for its own folder", async (t) => {
  const { put, token, root, passMs } = await start(t);
  const statusOf = async (name: string, headers: Record<string, string>, client?: typeof gateway) =>
    (await put(name, FILE, headers, client === undefined ? {} : { client })).status;
  assert.equal(await statusOf(NAME, { Authorization: "" }), 401);
  assert.equal(await statusOf(NAME, { Authorization: "Bearer x" }), 401);
  assert.equal(await statusOf(NAME, { Authorization: "Basic YTpi" }), 401);
  assert.equal(await statusOf(NAME, { Authorization: token("gw-0001/other.mp4") }), 403);
  const short = token(NAME, 1000);
  passMs(2000);
  assert.equal(await statusOf(NAME, { Authorization: short }), 401);
  assert.equal(await statusOf(NAME, {}, stranger), 401);
  assert.equal(await statusOf("gw-0002/clip.mp4", {}, gateway), 403);
  assert.equal(await statusOf("gw-00012/clip.mp4", {}, gateway), 403);
  assert.deepEqual(await readdir(root), [".begun"]);
  assert.equal(await statusOf(NAME, {}, gateway), 201);
});

test("bad requests: each is told what is wrong, and nothing is left of any", async (t) => {
  const { put, root } = await start(t, { maxFileBytes: 10_000_000 });
  const range = (text: string) => ({ ...DIGEST, "Content-Range": text });
  const cases: [string, Buffer, Record<string, string>, number][] = [
    ["../evil", FILE, {}, 404],
    [".begun/x", FILE, {}, 404],
    ["a%2fb", FILE, {}, 404],
    [NAME, Buffer.alloc(0), {}, 400],
    [NAME, FILE, range("bytes 0-9/3000000"), 400],
    [NAME, FILE, range("bytes=0-9"), 400],
    [NAME, FILE, range("bytes */3000000"), 400],
    [NAME, Buffer.alloc(0), range("bytes */0"), 400],
    [NAME, FILE.subarray(0, 10), range("bytes 5-14/3000000"), 416],
    [NAME, FILE.subarray(0, 10), range("bytes 0-9/20000000"), 413],
    [NAME, FILE, { "Content-Length": "", "Transfer-Encoding": "chunked" }, 411],
  ];
  for (const [name, body, headers, status] of cases) {
    const answer = await put(name, body, headers);
    assert.equal(answer.status, status, `${name} ${JSON.stringify(headers)} ${answer.text}`);
    assert.notEqual(answer.text, "");
  }
  for (const method of ["GET", "POST", "DELETE"]) assert.equal((await put(NAME, Buffer.alloc(0), {}, { method })).status, 405);
  assert.deepEqual([await readdir(root), await readdir(join(root, ".begun"))], [[".begun"], []]);
  await put("taken", FILE);
  assert.equal((await put("taken/clip.mp4", FILE)).status, 409);
});

test("the quota counts what is there and what has begun; what is taken away makes room, and what is old goes", async (t) => {
  const site = await start(t, { quotaBytes: 7_000_000 });
  const { put, part, root, passMs } = site;
  assert.equal((await put("a", FILE)).status, 201);
  assert.equal((await put("b", ...part(0, 1000))).status, 308);
  const full = await put("c", FILE);
  assert.deepEqual([full.status, full.text], [507, "this receiver is full"]);
  assert.equal(site.store.usedBytes, 6_000_000);
  await rm(join(root, "a"));
  assert.equal((await put("c", FILE)).status, 201);
  assert.equal((await put("d", FILE)).status, 507);
  passMs(8 * 86_400_000);
  assert.equal((await put("d", FILE)).status, 201);
  assert.deepEqual(await readdir(join(root, ".begun")), []);
  await site.again();
  assert.equal(site.store.usedBytes, 6_000_000);
});

test("a sender that comes again has the file; the connection before is ended", async (t) => {
  const { put, part, root } = await start(t);
  const stuck = put(NAME, ...part(0, 200_000), { onlyBytes: 1000 });
  const ended = stuck.then(
    () => "answered",
    () => "cut",
  );
  await until("its beginning", async () => (await readdir(join(root, ".begun"))).some((name) => name.endsWith(".part")));
  const whole = await put(NAME, FILE, DIGEST);
  assert.equal(whole.status, 201);
  assert.equal(await ended, "cut");
});

test("what lies about in the folder of beginnings does no harm", async (t) => {
  const { root, put, part } = await start(t);
  await put("b", ...part(0, 1000));
  const [stem] = (await readdir(join(root, ".begun"))).filter((name) => name.endsWith(".json"));
  await writeFile(join(root, ".begun", stem!), "{");
  await writeFile(join(root, ".begun", "x.json"), Buffer.alloc(9000));
  await writeFile(join(root, ".begun", "README"), "");
  const again = await start(t, { folder: root });
  assert.equal((await again.put("b", FILE, DIGEST)).status, 201);
  assert.equal(again.store.usedBytes, FILE.length);
});
