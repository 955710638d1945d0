// /v3/config over HTTP: operations, names and bodies as clients send them; what is wrong is answered in words and changes nothing.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { type Body, liveConfig, startApi } from "#testing/api-site.ts";

const FILE = `readTimeout: 20s
authInternalUsers:
- {user: any, permissions: [{action: api}]}
- {user: me, pass: secret, permissions: [{action: read}]}
paths:
  proxied: {source: 'rtsp://admin:secret@10.0.0.5/1', webrtc: yes}
  ~^cam(\\d+)$: {}
  site/gate: {maxReaders: 3}
`;

/** Sends a request line as it is, without a client that tidies it up; resolves with the status and the body. */
async function rawRequest(origin: string, line: string, body = ""): Promise<{ status: number; text: string }> {
  const { port } = new URL(origin);
  const socket = connect(Number(port), "127.0.0.1");
  await once(socket, "connect");
  socket.end(`${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return { status: Number(text.split(" ")[1]), text };
}

test("the guide's own requests: add, add again, get, patch without a body, delete, delete again", async (t) => {
  const live = liveConfig("paths: {}\n");
  const { ask, errorOf } = await startApi(t, { config: live });
  const body = { source: "rtsp://admin:pass@192.168.1.50:554/stream", sourceOnDemand: true, webrtc: "yes" };
  assert.deepEqual(await ask("/v3/config/paths/add/proxied", 200, "POST", body), { status: "ok" });
  assert.equal(await errorOf("/v3/config/paths/add/proxied", 400, "POST", body), "path already exists");
  const got = await ask("/v3/config/paths/get/proxied");
  assert.deepEqual([got.name, got.source, got.sourceOnDemand, got.webrtc], ["proxied", body.source, true, true]);
  const before = live.config;
  assert.deepEqual(await ask("/v3/config/paths/patch/proxied", 200, "POST"), { status: "ok" });
  assert.equal(live.config, before);
  assert.match(await errorOf("/v3/config/paths/patch/proxied", 400, "PATCH"), /^the body is empty/);
  assert.equal(await errorOf("/v3/config/paths/patch/other", 404, "POST"), "path not found");
  assert.equal(await errorOf("/v3/config/paths/patch/other", 404, "PATCH", {}), "path not found");
  assert.deepEqual(await ask("/v3/config/paths/delete/proxied", 200, "DELETE"), { status: "ok" });
  assert.equal(await errorOf("/v3/config/paths/delete/proxied", 404, "DELETE"), "path not found");
  assert.equal(await errorOf("/v3/config/paths/get/proxied", 404), "path configuration not found");
});

test("global settings and defaults of paths: what is answered, what can be changed", async (t) => {
  const { ask, errorOf } = await startApi(t, { config: liveConfig(FILE) });
  const global = await ask("/v3/config/global/get");
  assert.deepEqual([global.readTimeout, global.writeTimeout, global.rtspAddress, global.udpMaxPayloadSize], ["20s", "10s", ":8554", 1452]);
  assert.deepEqual(
    global.authInternalUsers.map(({ pass }: Body) => pass),
    ["", "<redacted>"],
  );
  assert.deepEqual(await ask("/v3/config/global/patch", 200, "PATCH", { readTimeout: "7s", protocols: ["tcp"], readBufferCount: 4096 }), {
    status: "ok",
  });
  const after = await ask("/v3/config/global/get");
  assert.deepEqual([after.readTimeout, after.rtspTransports, after.writeQueueSize], ["7s", ["tcp"], 4096]);
  await ask("/v3/config/pathdefaults/patch", 200, "PATCH", { record: true, recordSegmentDuration: "30m" });
  const defaults = await ask("/v3/config/pathdefaults/get");
  assert.deepEqual([defaults.record, defaults.recordSegmentDuration, defaults.source], [true, "30m0s", "publisher"]);
  assert.equal((await ask("/v3/config/paths/get/site/gate")).record, true);
  assert.match(
    await errorOf("/v3/config/global/patch", 400, "PATCH", { authInternalUsers: global.authInternalUsers }),
    /\[1\]\.pass: '<redacted>'/,
  );
  for (const target of ["/v3/config/global/patch", "/v3/config/pathdefaults/patch"]) {
    assert.match(await errorOf(target, 400, "PATCH"), /^the body is empty/);
    assert.equal(await errorOf(target, 400, "PATCH", { test: "asd" }), 'json: unknown field "test"');
  }
});

test("lists by name, in pages", async (t) => {
  const { ask, errorOf } = await startApi(t, { config: liveConfig(FILE) });
  const list = await ask("/v3/config/paths/list");
  assert.deepEqual([list.itemCount, list.pageCount], [3, 1]);
  assert.deepEqual(
    list.items.map(({ name }: Body) => name),
    ["proxied", "site/gate", "~^cam(\\d+)$"],
  );
  assert.deepEqual(list.items[1], await ask("/v3/config/paths/get/site/gate"));
  const second = await ask("/v3/config/paths/list?itemsPerPage=2&page=1");
  assert.deepEqual([second.itemCount, second.pageCount, second.items.length], [3, 2, 1]);
  assert.equal(await errorOf("/v3/config/paths/list?itemsPerPage=0", 400), "invalid items per page");
  assert.match(await errorOf("/v3/config/paths/list?page=x", 400), /^invalid page/);
});

test("names: with slashes, escaped, expressions, and none", async (t) => {
  const live = liveConfig(FILE);
  const { ask, errorOf } = await startApi(t, { config: live });
  for (const [sent, name] of [
    ["a/b/c", "a/b/c"],
    ["d%2Fe", "d/e"],
    [encodeURIComponent("~^x$"), "~^x$"],
    ["~^y(.+)$", "~^y(.+)$"],
    ["all_others", "all_others"],
  ] as const) {
    await ask(`/v3/config/paths/replace/${sent}`, 200, "POST", { maxReaders: 2 });
    assert.equal(live.entry(name)?.settings.maxReaders, 2, name);
    assert.equal((await ask(`/v3/config/paths/get/${sent}`)).name, name);
    await ask(`/v3/config/paths/delete/${sent}`, 200, "DELETE");
    assert.equal(live.entry(name), undefined);
  }
  for (const [operation, method] of [
    ["get", "GET"],
    ["add", "POST"],
    ["patch", "PATCH"],
    ["patch", "POST"],
    ["replace", "POST"],
    ["delete", "DELETE"],
  ] as const) {
    assert.equal(await errorOf(`/v3/config/paths/${operation}/`, 400, method, method === "GET" ? undefined : {}), "invalid name");
  }
});

test("names that lead elsewhere are refused, however they are written, and nothing is changed", async (t) => {
  const live = liveConfig(FILE);
  const { origin } = await startApi(t, { config: live });
  const before = live.config;
  const names = [
    "..",
    "../x",
    "a/../../b",
    "a/..",
    "%2e%2e/x",
    "%2E%2E%2Fx",
    "a%2f%2e%2e%2fb",
    "..%5c..%5cx",
    "..\\x",
    "./x",
    "x/.",
    "x%00",
    "x%0a",
    "%c0%ae%c0%ae/x",
    "..%c0%af",
    "%252e%252e/x",
    "x%20y",
    "/etc/passwd",
    "x/",
    "%E2%88%95x",
    "<script>",
    "~(",
    "~^(a+)+$%00",
    `${"x".repeat(8000)}~`,
  ];
  for (const name of names) {
    for (const line of [`POST /v3/config/paths/add/${name}`, `POST /v3/config/paths/replace/${name}`]) {
      const { status, text } = await rawRequest(origin, line, "{}");
      assert.equal(status, 400, `${line}: ${text}`);
    }
    for (const line of [
      `PATCH /v3/config/paths/patch/${name}`,
      `DELETE /v3/config/paths/delete/${name}`,
      `GET /v3/config/paths/get/${name}`,
    ]) {
      assert.ok([400, 404].includes((await rawRequest(origin, line, "{}")).status), line);
    }
  }
  assert.equal(live.config, before);
});

test("bodies that are none, of another type, too deep or too large", async (t) => {
  const live = liveConfig(FILE);
  const { errorOf } = await startApi(t, { config: live, bodyLimits: { maxBytes: 10 * 2 ** 20 } });
  const before = live.config;
  const cases: [Body, RegExp][] = [
    ["{", /^the body is no JSON: /],
    ["{} {}", /^the body is no JSON: /],
    ["[]", /^a JSON object with settings is needed, not an array$/],
    ['"x"', /^a JSON object with settings is needed, not a string$/],
    [{ source: 5 }, /^source: a string is needed, not a number$/],
    [{ source: "nonsense" }, /^paths\.x\.source: is neither publisher/],
    [{ forward: [{ dest: "rtsp://a/b", x: { y: 1 } }] }, /^json: unknown field "forward\[0\]\.x"$/],
    [`{"forward":${"[".repeat(1000)}${"]".repeat(1000)}}`, /nested deeper/],
    [{ runOnInit: "touch /tmp/x" }, /^runOnInit: it can be set in the config file alone; `apiAllowHooks: yes`/],
    [{ runOnReady: "touch /tmp/x" }, /^runOnAvailable: it can be set in the config file alone/],
    [{ source: "ffmpeg://x" }, /^source: a source that starts a program can be set in the config file alone/],
  ];
  for (const [sent, error] of cases) assert.match(await errorOf("/v3/config/paths/add/x", 400, "POST", sent), error);
  assert.match(
    await errorOf("/v3/config/paths/add/x", 413, "POST", `{"source":"${"x".repeat(10 * 2 ** 20)}"}`),
    /larger than 10485760 bytes/,
  );
  assert.match(
    await errorOf("/v3/config/paths/add/x", 400, "POST", `{"source":"rtsp://h/${"x".repeat(2 ** 20)}"}`),
    /^source: the text is longer than 65536 characters$/,
  );
  assert.equal(live.config, before);
});

test("a reload: the body is not looked at; what is wrong is told", async (t) => {
  let text = "";
  const { readLayers } = await import("#config/parse-config.ts");
  const live = liveConfig("", { reread: () => ({ ...readLayers(text, "camgate.yml", {}), file: "camgate.yml" }) });
  const { ask, errorOf } = await startApi(t, { config: live });
  text = "paths: {new: {}}\n";
  assert.deepEqual(await ask("/v3/config/reload", 200, "POST", "not even JSON"), { status: "ok" });
  assert.ok(live.entry("new") !== undefined);
  text = "paths: {new: {sorce: x}}\n";
  const reason = "camgate.yml:1: paths.new.sorce: unknown setting; did you mean 'source'?";
  assert.equal(await errorOf("/v3/config/reload", 400, "POST"), reason);
  assert.ok(live.entry("new") !== undefined);
});

test("a change that cannot be kept is answered 500, one that the NOC holds 409", async (t) => {
  const config = liveConfig("apiPersist: yes\n", {
    overlayFile: { path: "/data/overlay.yml", write: () => Promise.reject(new Error("ENOSPC: no space left on device")) },
    desired: { ...liveConfig("readTimeout: 5s\n").config.layers[0]!, name: "desired" },
  });
  const { errorOf } = await startApi(t, { config });
  assert.equal(
    await errorOf("/v3/config/paths/add/x", 500, "POST", {}),
    "the change is in force, but could not be kept: ENOSPC: no space left on device",
  );
  assert.equal(
    await errorOf("/v3/config/global/patch", 409, "PATCH", { readTimeout: "7s" }),
    "readTimeout is set by the desired layer, which is above the API",
  );
});
