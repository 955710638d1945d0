// Authentication of the whole gateway, from the text of its config: users, an HTTP server and an identity server that are really asked.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { parseConfig } from "#config/parse-config.ts";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { type HttpService, type ServiceCall, startHttpService } from "#testing/http-service.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { overTcp, type RawResponse, RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { makeSelfSigned } from "#testing/self-signed.ts";
import { syntheticSdp } from "#testing/synthetic-track.ts";
import { Gateway } from "./gateway.ts";

const basic = (login: string) => ({ Authorization: `Basic ${Buffer.from(login).toString("base64")}` });

/** A gateway that pulls `cam`; `random` decides how late wrong passwords are answered. */
async function start(t: TestContext, authentication: string) {
  const folder = await temporaryFolder(t);
  const camera = await ScriptedCamera.start({ frameMs: 20, video: { gopFrames: 5 } });
  t.after(() => camera.close());
  const port = await freeTcpPort(0);
  const text = `rtspAddress: 127.0.0.1:${port}
rtspTransports: [tcp]
webrtc: no
api: yes
apiAddress: 127.0.0.1:0
metrics: yes
metricsAddress: 127.0.0.1:0
playback: yes
playbackAddress: 127.0.0.1:0
dataDirectory: ${folder}
readTimeout: 5s
${authentication}
paths:
  cam: {source: '${camera.url()}', rtspTransport: tcp}
  all_others: {}
`;
  const { config, problems } = parseConfig(text, "camgate.yml", {});
  assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
  t.mock.method(Math, "random", () => 0.001); // wrong passwords are answered 4 ms late
  const log = new AwaitedLog();
  const gateway = await Gateway.start(config, log);
  t.after(() => gateway.close());
  await until("the stream", () => gateway.registry.get("cam")?.state === "available");
  const url = (path: string): string => `rtsp://127.0.0.1:${port}/${path}`;
  const connect = async (): Promise<RawRtspClient> => {
    const client = await RawRtspClient.connect(port);
    t.after(() => client.close());
    return client;
  };
  const ask = async (method: string, path: string, headers = {}, body = ""): Promise<RawResponse> =>
    await (await connect()).request(method, url(path), { "User-Agent": "camera/1", ...headers }, body);
  const get = async (server: "api" | "metrics" | "playback", path: string, authorization?: string): Promise<Response> =>
    await fetch(`http://127.0.0.1:${gateway.ports[`${server}Address`]}${path}`, {
      headers: { "user-agent": "noc/2", ...(authorization !== undefined && { authorization }) },
    });
  return { gateway, log, url, connect, ask, get };
}

test("internal: header or query over RTSP, Basic and Bearer over HTTP; wrong ones are refused", async (t) => {
  const { ask, get, connect, url } = await start(
    t,
    `rtspAuthMethods: [basic, digest]
authInternalUsers:
- {user: anna, pass: 'ge&heim', permissions: [{action: read, path: cam}, {action: publish}, {action: api}]}
`,
  );
  const statusOf = async (path: string, headers = {}): Promise<number> => (await ask("DESCRIBE", path, headers)).status;
  assert.equal(await statusOf("cam"), 401);
  assert.equal(await statusOf("cam", basic("anna:ge&heim")), 200);
  assert.equal(await statusOf("cam", basic("anna:wrong")), 401);
  assert.equal(await statusOf("cam?user=anna&pass=ge%26heim"), 200);
  assert.equal(await statusOf("cam?user=anna&pass=ge"), 401);
  assert.equal(await statusOf("cam?user=bert&pass=ge%26heim"), 401);
  assert.equal(await statusOf("other?user=anna&pass=ge%26heim"), 401);
  assert.equal(await statusOf("cam?user=anna&pass=wrong", basic("anna:ge&heim")), 200);
  const announce = { "Content-Type": "application/sdp" };
  assert.equal((await ask("ANNOUNCE", "yard?user=anna&pass=ge%26heim", announce, syntheticSdp())).status, 200);
  assert.equal((await ask("ANNOUNCE", "yard?user=anna&pass=x", announce, syntheticSdp())).status, 401);

  // A SETUP of most players names the track without the query: it was told before.
  const reader = await connect();
  assert.equal((await reader.request("DESCRIBE", url("cam?user=anna&pass=ge%26heim"))).status, 200);
  assert.equal((await reader.request("SETUP", `${url("cam")}/trackID=0`, { Transport: overTcp() })).status, 200);

  for (const [authorization, status] of [
    [basic("anna:ge&heim").Authorization, 200],
    ["Bearer anna:ge&heim", 200],
    ["Bearer anna:wrong", 401],
    ["Bearer ge&heim", 401], // a token, which is nothing here
    [undefined, 401],
  ] as const) {
    const answer = await get("api", "/v3/rtspsessions/list", authorization);
    assert.equal(answer.status, status, authorization);
    const isAsked = status === 401 && authorization?.includes(":") !== true;
    assert.equal(answer.headers.get("www-authenticate"), isAsked ? 'Basic realm="mediamtx"' : null);
  }
  const listed = await (await get("api", "/v3/rtspsessions/list", "Bearer anna:ge&heim")).text();
  assert.match(listed, /"query":"user=anna&pass=\*\*\*"/);
  assert.doesNotMatch(listed, /heim/);
});

/** An authentication server that takes what `allows` says. */
async function startAuthServer(
  t: TestContext,
  answer: (asked: Asked, response: ServerResponse) => void,
): Promise<HttpService & { asked(): Asked[] }> {
  const service = await startHttpService((call, response) => answer(JSON.parse(call.body), response));
  t.after(() => service.close());
  return { ...service, asked: () => service.calls.map((call: ServiceCall) => JSON.parse(call.body) as Asked) };
}

interface Asked {
  readonly ip: string;
  readonly user: string;
  readonly password: string;
  readonly token: string;
  readonly action: string;
  readonly path: string;
  readonly protocol: string;
  readonly id: string | null;
  readonly query: string;
  readonly userAgent: string;
}

test("http: the server is asked with everything that is known of a login, first without credentials", async (t) => {
  const server = await startAuthServer(t, ({ user, password }, response) =>
    response.writeHead(user === "anna" && password === "geheim" ? 204 : 401).end(),
  );
  const { gateway, log, connect, url, get } = await start(t, `authMethod: http\nauthHTTPAddress: ${server.url}/auth`);
  const client = await connect();
  const agent = { "User-Agent": "camera/1" };
  const first = await client.request("DESCRIBE", url("cam?x=1"), agent);
  assert.equal(first.status, 401);
  assert.match(first.headers.get("www-authenticate")!, /^Basic realm="ipcam"/);
  assert.equal((await client.request("DESCRIBE", url("cam?x=1"), { ...agent, ...basic("anna:geheim") })).status, 200);
  const setup = await client.request("SETUP", `${url("cam?x=1")}/trackID=0`, { ...agent, ...basic("anna:geheim"), Transport: overTcp() });
  assert.equal(setup.status, 200);
  assert.equal((await client.request("PLAY", url("cam"))).status, 200);
  await client.when("media", (packets) => packets.length > 0);
  const [session] = gateway.sessions.list("rtspSession");
  const describe = { ip: "127.0.0.1", token: "", action: "read", path: "cam", protocol: "rtsp", query: "x=1", userAgent: "camera/1" };
  assert.deepEqual(server.asked(), [
    { ...describe, user: "", password: "", id: null },
    { ...describe, user: "anna", password: "geheim", token: "geheim", id: null },
    { ...describe, user: "anna", password: "geheim", token: "geheim", id: session!.id },
  ]);
  assert.deepEqual(
    server.calls.map(({ method, path, headers }) => [method, path, headers["content-type"]]),
    Array.from({ length: 3 }, () => ["POST", "/auth", "application/json"]),
  );
  assert.equal(session!.user, "anna");
  // Nobody's password was wrong so far.
  assert.ok(!log.lines.some((line) => /authentication failed/.test(line)));

  assert.equal((await get("api", "/v3/paths/list", "Bearer anna:geheim")).status, 200);
  assert.equal((await get("playback", "/list?path=cam&start=x", "Bearer tok")).status, 401);
  assert.equal((await get("metrics", "/metrics?type=paths")).status, 401);
  const http = { ip: "127.0.0.1", protocol: "", id: null, userAgent: "noc/2" };
  assert.deepEqual(server.asked().slice(3), [
    { ...http, user: "anna", password: "geheim", token: "geheim", action: "api", path: "", query: "" },
    { ...http, user: "", password: "", token: "tok", action: "playback", path: "cam", query: "path=cam&start=x" },
    { ...http, user: "", password: "", token: "", action: "metrics", path: "", query: "type=paths" },
  ]);
});

test("http: 2xx allows and nothing else does; a publisher is asked for as such", async (t) => {
  let status = 200;
  const server = await startAuthServer(t, (_, response) => response.writeHead(status, { Location: "/elsewhere" }).end());
  const { ask } = await start(t, `authMethod: http\nauthHTTPAddress: ${server.url}/auth`);
  const publish = async (): Promise<number> =>
    (await ask("ANNOUNCE", "yard", { ...basic("anna:geheim"), "Content-Type": "application/sdp" }, syntheticSdp())).status;
  const statuses: [number, number][] = [];
  for (status of [200, 204, 299, 301, 401, 403, 500]) statuses.push([status, await publish()]);
  assert.deepEqual(statuses, [
    [200, 200],
    [204, 200],
    [299, 200],
    [301, 401],
    [401, 401],
    [403, 401],
    [500, 401],
  ]);
  assert.deepEqual(
    server.asked().map(({ action, path }) => `${action} ${path}`),
    Array.from({ length: 7 }, () => "publish yard"),
  );
});

test("http: what is excluded is open and nobody is asked", async (t) => {
  const server = await startAuthServer(t, (_, response) => response.writeHead(401).end());
  const exclude = "authHTTPExclude:\n- action: api\n- action: metrics\n- action: pprof\n";
  const { get, ask } = await start(t, `authMethod: http\nauthHTTPAddress: ${server.url}/auth\n${exclude}`);
  assert.equal((await get("api", "/v3/paths/list")).status, 200);
  assert.equal((await get("metrics", "/metrics")).status, 200);
  assert.deepEqual(server.asked(), []);
  assert.equal((await ask("DESCRIBE", "cam")).status, 401);
  assert.equal(server.asked().length, 1);
});

test("http: over TLS by fingerprint; a server with another certificate is told no password", async (t) => {
  const pair = makeSelfSigned();
  const service = await startHttpService((_, response) => response.writeHead(200).end(), pair);
  t.after(() => service.close());
  const settings = (fingerprint: string) => `authMethod: http\nauthHTTPAddress: ${service.url}/auth\nauthHTTPFingerprint: ${fingerprint}`;
  const pinned = await start(t, settings(pair.fingerprint));
  assert.equal((await pinned.ask("DESCRIBE", "cam", basic("anna:geheim"))).status, 200);
  const other = await start(t, settings("ab".repeat(32)));
  assert.equal((await other.ask("DESCRIBE", "cam", basic("anna:geheim"))).status, 401);
  assert.equal(service.calls.length, 1);
});

/** An identity server: signs tokens, and serves its keys. */
async function startIssuer(t: TestContext, tls?: { readonly key: Buffer; readonly cert: Buffer }) {
  const pair = await generateKeyPair("RS256");
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: "1", alg: "RS256", use: "sig" }] });
  const service = await startHttpService((_, response) => response.setHeader("Content-Type", "application/json").end(jwks), tls);
  t.after(() => service.close());
  const sign = (permissions: unknown, claims: Readonly<Record<string, unknown>> = {}): Promise<string> =>
    new SignJWT({ sub: "anna", mediamtx_permissions: permissions, ...claims })
      .setProtectedHeader({ alg: "RS256", kid: "1" })
      .sign(pair.privateKey);
  return { service, sign, url: `${service.url}/jwks` };
}

test("jwt: Bearer over HTTP; password, token and jwt over RTSP; an empty path is every path; keys are fetched once", async (t) => {
  const { service, sign, url: jwks } = await startIssuer(t);
  const { ask, get, gateway } = await start(t, `authMethod: jwt\nauthJWTJWKS: ${jwks}\nauthJWTClaimKey: mediamtx_permissions`);
  const everything = await sign([{ action: "read", path: "" }, { action: "publish", path: "" }, { action: "api" }]);
  const yard = await sign(JSON.stringify([{ action: "read", path: "yard" }]));
  assert.equal((await ask("DESCRIBE", "cam")).status, 401);
  for (const [path, login, status] of [
    ["cam", `anybody:${everything}`, 200],
    [`cam?jwt=${everything}`, undefined, 200],
    [`cam?token=${everything}`, undefined, 200],
    [`cam?jwt=${yard}`, undefined, 401],
    [`yard?jwt=${yard}`, undefined, 404],
    ["cam?jwt=nonsense", undefined, 401],
  ] as const)
    assert.equal((await ask("DESCRIBE", path, login === undefined ? {} : basic(login))).status, status, path);
  const announce = { "Content-Type": "application/sdp" };
  assert.equal((await ask("ANNOUNCE", `yard?jwt=${everything}`, announce, syntheticSdp())).status, 200);
  assert.equal((await get("api", "/v3/paths/list", `Bearer ${everything}`)).status, 200);
  assert.equal((await get("api", "/v3/paths/list", `Bearer ${yard}`)).status, 401);
  assert.equal((await get("api", `/v3/paths/list?jwt=${everything}`)).status, 401, "a query is no place for tokens of HTTP");
  assert.deepEqual(
    service.calls.map(({ method, path }) => [method, path]),
    [["GET", "/jwks"]],
  );
  assert.equal(gateway.sessions.list("rtspSession").at(-1)?.user, "anna");
});

test("jwt: issuer, audience and time; keys over TLS by fingerprint", async (t) => {
  const pair = makeSelfSigned();
  const { sign, url: jwks, service } = await startIssuer(t, pair);
  const settings = `authMethod: jwt\nauthJWTJWKS: ${jwks}\nauthJWTJWKSFingerprint: ${pair.fingerprint}\nauthJWTIssuer: us\nauthJWTAudience: gate\n`;
  const { ask } = await start(t, `${settings}authJWTExclude: [{action: api}]`);
  const read = [{ action: "read" }];
  const nowS = Math.floor(Date.now() / 1000);
  for (const [claims, status] of [
    [{ iss: "us", aud: "gate" }, 200],
    [{ iss: "us", aud: ["x", "gate"], exp: nowS + 600, nbf: nowS - 600 }, 200],
    [{ iss: "them", aud: "gate" }, 401],
    [{ iss: "us", aud: "door" }, 401],
    [{ iss: "us", aud: "gate", exp: nowS - 600 }, 401],
    [{ iss: "us", aud: "gate", nbf: nowS + 600 }, 401],
  ] as const)
    assert.equal((await ask("DESCRIBE", `cam?jwt=${await sign(read, claims)}`)).status, status, JSON.stringify(claims));
  assert.equal(service.calls.length, 1);
});
