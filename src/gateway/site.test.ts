// What the site page asks of a gateway: who sees which camera, who may change something, and what a login is worth.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { parseConfig } from "#config/parse-config.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { freeTcpPort, freeUdpPort } from "#testing/free-ports.ts";
import { until } from "#testing/peers/until.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { Gateway } from "./gateway.ts";

// biome-ignore lint/suspicious/noExplicitAny: bodies are looked at as they are
type Body = any;

const USERS = `authInternalUsers:
- {user: boss, pass: boss-pass, permissions: [{action: read}, {action: playback}, {action: api}]}
- {user: guard, pass: guard-pass, permissions: [{action: read, path: gate}]}
`;

async function start(t: TestContext, rest = USERS) {
  const camera = await ScriptedCamera.start({ frameMs: 40 });
  t.after(() => camera.close());
  const [port, udp] = [await freeTcpPort(0), await freeUdpPort(0)];
  const text = `rtsp: no
webrtcAddress: 127.0.0.1:${port}
webrtcLocalUDPAddress: 127.0.0.1:${udp}
${rest}
paths:
  gate: {source: '${camera.url()}'}
  yard: {source: '${camera.url()}'}
`;
  const { config, problems } = parseConfig(text, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  const log = collectedLog();
  const gateway = await Gateway.start(config, log);
  t.after(() => gateway.close());
  const origin = `http://127.0.0.1:${port}`;
  let cookie = "";
  const ask = async (path: string, status = 200, method = "GET", body?: Body, headers: Record<string, string> = {}): Promise<Body> => {
    const response = await fetch(`${origin}/camgate/v1/${path}`, {
      method,
      headers: { ...(cookie !== "" && { cookie }), ...(method !== "GET" && { origin, "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const set = response.headers.get("set-cookie");
    if (set !== null) cookie = set.split(";", 1)[0]!;
    const answer: Body = await response.json();
    assert.equal(response.status, status, `${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const logIn = (user: string, pass: string, status = 200): Promise<Body> => ask("session", status, "POST", { user, pass });
  const forget = (): void => {
    cookie = "";
  };
  return { gateway, log, origin, ask, logIn, forget };
}

test("nobody sees anything before he logs in, and then what his user may", async (t) => {
  const { ask, logIn, forget, origin } = await start(t);
  const bare = await fetch(`${origin}/camgate/v1/site`);
  assert.deepEqual([bare.status, bare.headers.get("www-authenticate")], [401, null], "the browser is not to ask: the page does");
  assert.equal((await ask("site", 401)).error, "log in first");
  assert.equal((await logIn("guard", "wrong", 401)).error, "wrong user or password");
  await logIn("guard", "guard-pass");
  const seen = await ask("site");
  assert.deepEqual([seen.user, seen.admin, Object.keys(seen.cameras), seen.gateway], ["guard", false, ["gate"], undefined]);
  await ask("cameras/get/gate");
  for (const [path, method] of [
    ["cameras/get/yard", "GET"],
    ["spans/list/gate", "GET"],
    ["health", "GET"],
    ["cameras/restart/gate", "POST"],
    ["users/list", "GET"],
    ["config/paths/get/gate", "GET"],
    ["config/paths/delete/gate", "DELETE"],
  ])
    await ask(path!, 403, method);
  await logIn("boss", "boss-pass");
  const all = await ask("site");
  assert.deepEqual([all.user, all.admin, Object.keys(all.cameras)], ["boss", true, ["gate", "yard"]]);
  assert.equal(typeof all.gateway.sys.cpu_pct, "number");
  await ask("session", 200, "DELETE");
  await ask("site", 401);
  forget();
  const basic = await ask("site", 200, "GET", undefined, { authorization: `Basic ${btoa("boss:boss-pass")}` });
  assert.equal(basic.user, "boss");
});

test("a login is worth nothing to pages of others", async (t) => {
  const { ask, logIn, gateway } = await start(t);
  await logIn("boss", "boss-pass");
  for (const origin of ["null", "http://127.0.0.1:1", "http://evil.example"])
    await ask("config/paths/delete/gate", 401, "DELETE", undefined, { origin });
  assert.ok(gateway.registry.get("gate"));
});

test("cameras are tried, added, changed and removed", async (t) => {
  const { ask, logIn, gateway } = await start(t);
  const other = await ScriptedCamera.start({ frameMs: 40 });
  t.after(() => other.close());
  await logIn("boss", "boss-pass");
  assert.deepEqual(await ask("cameras/try", 200, "POST", { source: other.url() }), { tracks: ["H264"] });
  assert.match((await ask("cameras/try", 404, "POST", { source: "rtsp://127.0.0.1:1/x" })).error, /^the camera cannot be used: /);
  assert.match((await ask("cameras/try", 400, "POST", { source: "file:///etc/passwd" })).error, /^source: /);
  await ask("config/paths/add/site/dock", 200, "POST", { source: other.url(), record: false });
  await until("the new camera is live", () => gateway.registry.get("site/dock")?.state === "available");
  assert.equal((await ask("config/paths/add/site/dock", 400, "POST", { source: other.url() })).error, "path already exists");
  assert.equal((await ask("config/paths/get/site/dock")).source, other.url());
  await ask("config/paths/patch/site/dock", 200, "PATCH", { sourceOnDemand: true });
  await ask("config/paths/delete/site/dock", 200, "DELETE");
  assert.equal(gateway.registry.get("site/dock"), undefined);
});

test("users are added and removed, passwords changed; they are kept hashed and never shown", async (t) => {
  const { ask, logIn, gateway } = await start(t);
  await logIn("boss", "boss-pass");
  await ask("users/add", 200, "POST", { user: "anna", pass: "annas-pass", permissions: ["read"] });
  const { users } = await ask("users/list");
  assert.deepEqual(users.at(-1), { user: "anna", permissions: ["read"] });
  assert.match(gateway.config.global.authInternalUsers.at(-1)!.pass, /^argon2:\$argon2id\$/);
  for (const [body, text] of [
    [{ user: "anna", pass: "annas-pass", permissions: ["read"] }, /exists/],
    [{ user: "any", pass: "annas-pass", permissions: ["read"] }, /everybody/],
    [{ user: "b", pass: "short", permissions: ["read"] }, /^pass: .*8 characters/],
    [{ user: "b", pass: "long enough", permissions: [] }, /^permissions: /],
    [{ user: "b", pass: "long enough", permissions: ["root"] }, /^permissions: 'root'/],
    [{ user: "b", pass: "long enough", permissions: ["read"], admin: true }, /^admin: is no field/],
    [{ pass: "long enough", permissions: ["read"] }, /^user: /],
  ] as const)
    assert.match((await ask("users/add", text.source === "exists" ? 409 : 400, "POST", body)).error, text);
  await logIn("anna", "annas-pass");
  assert.equal((await ask("users/password", 401, "POST", { old: "wrong", pass: "annas-new-pass" })).error, "wrong user or password");
  assert.match((await ask("users/password", 400, "POST", { old: "annas-pass", pass: "short" })).error, /^pass: /);
  await ask("users/password", 200, "POST", { old: "annas-pass", pass: "annas-new-pass" });
  assert.equal((await ask("site")).user, "anna", "the session goes on with the new password");
  await logIn("anna", "annas-pass", 401);
  await logIn("boss", "boss-pass");
  await ask("users/delete/anna", 200, "DELETE");
  await ask("users/delete/anna", 404, "DELETE");
  assert.match((await ask("users/delete/boss", 409, "DELETE")).error, /last user who may change anything/);
  await logIn("anna", "annas-new-pass", 401);
});

test("bad requests are refused, and nothing else is there", async (t) => {
  const { ask, logIn } = await start(t);
  for (const body of [undefined, {}, { user: "", pass: "x" }, { user: 1, pass: "x" }, { user: "boss" }])
    await ask("session", 400, "POST", body);
  await ask("session", 405, "GET");
  await logIn("boss", "boss-pass");
  for (const path of ["", "nothing", "config/global/get", "config/reload", "users/password/x"]) await ask(path, 404);
  await ask("users/password", 405);
});
