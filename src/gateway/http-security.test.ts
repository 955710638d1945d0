// What strangers and pages of strangers try with the HTTP servers of a whole gateway: bodies without end, paths that lead out, names and origins of others.
import assert from "node:assert/strict";
import { once } from "node:events";
import { access, mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseConfig } from "#config/parse-config.ts";
import { type CollectedLog, collectedLog } from "#testing/collected-log.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { Gateway } from "./gateway.ts";

type Server = "api" | "playback" | "metrics" | "webrtc" | "pprof";

interface Site {
  readonly gateway: Gateway;
  readonly log: CollectedLog;
  readonly folder: string;
  /** Sends these bytes and resolves with what came until the server closed, or after the first whole answer. */
  exchange(server: Server, bytes: string): Promise<{ readonly status: number; readonly text: string }>;
  /** A request with a path and headers exactly as written. */
  ask(server: Server, line: string, headers?: Readonly<Record<string, string>>, body?: string): ReturnType<Site["exchange"]>;
}

async function start(t: TestContext, profile: "dropIn" | "appliance", more = ""): Promise<Site> {
  const folder = await temporaryFolder(t);
  const text = `
api: yes
apiAddress: 127.0.0.1:${await freeTcpPort(0)}
playback: yes
playbackAddress: 127.0.0.1:${await freeTcpPort(0)}
metrics: yes
metricsAddress: 127.0.0.1:${await freeTcpPort(0)}
pprof: yes
pprofAddress: 127.0.0.1:${await freeTcpPort(0)}
webrtcAddress: 127.0.0.1:${await freeTcpPort(0)}
webrtcLocalUDPAddress: 127.0.0.1:0
rtspAddress: 127.0.0.1:${await freeTcpPort(0)}
rtspTransports: [tcp]
dataDirectory: ${folder}/data
clipDirectory: ${folder}/clips
authInternalUsers:
- {user: any, ips: [127.0.0.1], permissions: [{action: api}, {action: metrics}, {action: pprof}, {action: playback}, {action: read}, {action: publish}]}
pathDefaults: {recordPath: '${folder}/files/%path/%Y-%m-%d_%H-%M-%S-%f'}
paths: {cam: {record: yes}, all_others: {}}
${more}`;
  const { config, problems } = parseConfig(text, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  const log = collectedLog();
  const gateway = await Gateway.start({ ...config, global: { ...config.global, profile } }, log);
  t.after(() => gateway.close());
  const exchange: Site["exchange"] = async (server, bytes) => {
    const socket = connect(gateway.ports[`${server}Address`]!, "127.0.0.1");
    t.after(() => socket.destroy());
    await once(socket, "connect");
    let text = "";
    const done = new Promise<void>((resolve) => {
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        const [head, rest] = text.split("\r\n\r\n", 2);
        const length = Number(/^content-length: (\d+)/im.exec(head ?? "")?.[1] ?? Number.NaN);
        if (rest !== undefined && rest.length >= length) resolve();
      });
      socket.on("error", () => resolve()).on("close", () => resolve());
    });
    for (let at = 0; at < bytes.length && !socket.destroyed; at += 65_536) {
      await new Promise((sent) => socket.write(bytes.slice(at, at + 65_536), sent));
    }
    await done;
    socket.destroy();
    return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text };
  };
  const ask: Site["ask"] = (server, line, headers = {}, body = "") => {
    const fields = {
      Host: `127.0.0.1:${gateway.ports[`${server}Address`]}`,
      Connection: "close",
      "Content-Length": String(body.length),
      ...headers,
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    return exchange(server, `${line} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  };
  return { gateway, log, folder, exchange, ask };
}

const JSON_TYPE = { "Content-Type": "application/json" };

test("bodies of ten megabytes: taken where MediaMTX takes them, and not a byte more; the appliance takes a quarter of one", async (t) => {
  const dropIn = await start(t, "dropIn");
  const filler = "x".repeat(10 * 2 ** 20 - 40);
  const fits = await dropIn.ask("api", "POST /v3/config/paths/add/new", JSON_TYPE, `{"no such setting ${filler}":1}`);
  assert.equal(fits.status, 400, "it was read, and refused for what is in it");
  assert.ok(fits.text.length < 3000, "what was sent is not sent back");
  const large = await dropIn.ask("api", "POST /v3/config/paths/add/new", JSON_TYPE, `{"a":"${filler}${"x".repeat(64)}"}`);
  assert.equal(large.status, 413);
  const appliance = await start(t, "appliance");
  assert.equal((await appliance.ask("api", "POST /camgate/v1/locks/add", JSON_TYPE, `{"cam":"${"x".repeat(2 ** 18)}"}`)).status, 413);
  assert.equal((await appliance.ask("api", "POST /camgate/v1/locks/add", JSON_TYPE, `{"cam":"${"x".repeat(2 ** 17)}"}`)).status, 400);
  for (const { gateway } of [dropIn, appliance]) assert.equal(gateway.registry.get("new"), undefined);
});

test("what is no JSON, or says that it is something else, changes nothing", async (t) => {
  const { ask, gateway } = await start(t, "appliance");
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]) {
    assert.equal((await ask("api", "POST /v3/config/paths/add/new", { "Content-Type": type }, "{}")).status, 415, type);
    assert.equal((await ask("api", "POST /camgate/v1/recorders/set/cam", { "Content-Type": type }, '{"on":false}')).status, 415, type);
  }
  for (const body of [
    "{",
    "[]",
    '"x"',
    "3",
    '{"__proto__":{"record":true}}',
    '{"constructor":1}',
    `${"[".repeat(1000)}${"]".repeat(1000)}`,
  ])
    assert.equal((await ask("api", "POST /v3/config/paths/add/new", JSON_TYPE, body)).status, 400, body.slice(0, 40));
  assert.equal(gateway.registry.get("new"), undefined);
  assert.equal(gateway.config.paths.find(({ name }) => name === "cam")?.settings.record, true);
  assert.equal(({} as { record?: unknown }).record, undefined);
});

test("paths that lead out of a folder, in every spelling", async (t) => {
  const { ask, folder, log } = await start(t, "dropIn");
  await mkdir(join(folder, "files"), { recursive: true });
  await writeFile(join(folder, "files", "secret.mp4"), "secret");
  const names = ["..", ".", "../secret", "a/../../secret", "..%2fsecret", "..%2Fsecret", "%2e%2e/secret", "%2e%2e%2fsecret", "..\\secret"];
  names.push(
    "..%5csecret",
    "%252e%252e%252fsecret",
    "a%00b",
    "..%c0%afsecret",
    "%ff",
    "..;/secret",
    "//secret",
    "/etc/passwd",
    "%2fetc%2fpasswd",
  );
  names.push("\u2025/secret".replace("\u2025", "%E2%80%A5"), "%EF%BC%8E%EF%BC%8E/secret", "x".repeat(5000));
  const targets: readonly (readonly [Server, string])[] = [
    ["api", "GET /v3/recordings/get/NAME"],
    ["api", "DELETE /v3/recordings/deletesegment?path=NAME&start=2026-01-01T00:00:00Z"],
    ["api", "POST /v3/config/paths/add/NAME"],
    ["api", "GET /camgate/v1/spans/list/NAME"],
    ["api", "POST /camgate/v1/recorders/set/NAME"],
    ["api", "GET /docs/NAME"],
    ["playback", "GET /list?path=NAME"],
    ["playback", "GET /get?path=NAME&start=2026-01-01T00:00:00Z&duration=1"],
    ["webrtc", "GET /camgate/web/NAME"],
    ["webrtc", "GET /NAME/"],
    ["pprof", "GET /debug/pprof/NAME"],
  ];
  for (const [server, line] of targets) {
    for (const name of names) {
      const { status, text } = await ask(server, line.replace("NAME", name), JSON_TYPE, line.startsWith("POST") ? "{}" : "");
      assert.ok(status >= 300 && status < 500, `${line} ${name.slice(0, 40)}: ${status}`);
      assert.doesNotMatch(text, /secret\.mp4|root:x:/, `${line} ${name}`);
    }
  }
  await access(join(folder, "files", "secret.mp4"));
  await assert.rejects(access(join(folder, "clips")), { code: "ENOENT" });
  assert.doesNotMatch(log.lines.join("\n"), /internal error|TypeError|RangeError/);
});

test("the appliance answers under its own names alone, and changes nothing for pages of others", async (t) => {
  const { ask, gateway } = await start(t, "appliance", "httpAllowedHosts: [cams.example]\n");
  const api = gateway.ports["apiAddress"];
  for (const host of [`localhost:${api}`, `127.0.0.1:${api}`, "cams.example"])
    assert.equal((await ask("api", "GET /v3/info", { Host: host })).status, 200);
  for (const [server, line] of [
    ["api", "GET /v3/info"],
    ["api", "GET /docs/"],
    ["api", "GET /v3/config/paths/list"],
    ["webrtc", "GET /camgate/v1/cameras/list"],
  ] as const) {
    const { status, text } = await ask(server, line, { Host: "evil.example" });
    assert.deepEqual([status, /httpAllowedHosts/.test(text)], [403, true], line);
  }
  const page = { Origin: "https://evil.example", "Content-Type": "application/json" };
  for (const line of ["POST /v3/config/paths/add/new", "DELETE /v3/config/paths/delete/cam", "POST /camgate/v1/cameras/restart/cam"])
    assert.equal((await ask("api", line, page, "{}")).status, 403, line);
  assert.equal(gateway.registry.get("new"), undefined);
  assert.ok(gateway.registry.get("cam"));
  const own = { ...page, Origin: `http://127.0.0.1:${api}` };
  assert.equal((await ask("api", "POST /v3/config/paths/add/new", own, "{}")).status, 200);

  assert.equal((await ask("webrtc", "OPTIONS /cam/whep", { Host: "evil.example" })).status, 204, "players may be anywhere");
  assert.equal((await ask("playback", "GET /list?path=cam", { Host: "evil.example" })).status, 404);
  assert.equal((await ask("metrics", "GET /metrics", { Host: "prometheus.example" })).status, 200, "a program");
});

test("a drop-in does what MediaMTX does: whatever the name and the page", async (t) => {
  const { ask, gateway } = await start(t, "dropIn");
  const page = { Host: "my.name.example", Origin: "https://dashboard.example" };
  const { status, text } = await ask("api", "POST /v3/config/paths/add/new", page, "{}");
  assert.deepEqual([status, /access-control-allow-origin: \*/i.test(text)], [200, true]);
  assert.ok(gateway.registry.get("new"));
});

test("requests that are none", async (t) => {
  const { exchange, ask, log } = await start(t, "dropIn");
  for (const bytes of [
    "GET v3/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET http://x/v3/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01",
    "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
  ])
    assert.equal((await exchange("api", bytes)).status, 400, JSON.stringify(bytes));
  assert.equal((await ask("api", "GET /v3/info", { "X-Large": "x".repeat(20_000) })).status, 431);
  for (const line of ["BREW /v3/info", "PUT /v3/config/paths/add/x", "TRACE /v3/info", "HEAD /v3/paths/list"])
    assert.ok([400, 404, 405].includes((await ask("api", line)).status), line);
  assert.equal((await ask("api", "GET /v3/info")).status, 200);
  assert.deepEqual(
    log.lines.filter((line) => /internal|Error/.test(line)),
    [],
  );
});

test("where to tell of a vulnerability is shown to anybody, by API and page, where the config says so", async (t) => {
  const { gateway, ask } = await start(t, "dropIn", "securityContact: 'mailto:security@example.com'\n");
  await gateway.live.patchGlobal({ authInternalUsers: [{ user: "admin", pass: "secret", permissions: [{ action: "api" }] }] });
  for (const server of ["api", "webrtc"] as const) {
    const { status, text } = await ask(server, "GET /.well-known/security.txt");
    assert.equal(status, 200, text);
    assert.match(text, /Contact: mailto:security@example\.com\nExpires: \d{4}-\d{2}-\d{2}T[\d:.]+Z\n/);
  }
  assert.equal((await ask("api", "GET /v3/info")).status, 401);
  const silent = await start(t, "dropIn");
  assert.equal((await silent.ask("api", "GET /.well-known/security.txt")).status, 404);
});
