// The three ways to authenticate, with the configs of a guide.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { freeTcpPort } from "../free-ports.ts";
import { startHttpService } from "../http-service.ts";
import { type Camgate, runCamgate, startCamgate } from "../peers/camgate.ts";
import { ffmpeg, ffprobe } from "../peers/ffmpeg.ts";
import { missingOf } from "../peers/find-peer.ts";
import type { TestScope } from "../peers/run-peer.ts";
import { RawRtspClient } from "../raw-rtsp-client.ts";
import { ALL_OTHERS, probe, withClip } from "./guide-program.ts";

const skip = missingOf(ffmpeg, ffprobe);

/** A list of actions stands where `permissions:` is missing before it. */
const LIST_WITHOUT_KEY = `authMethod: internal
# people
authInternalUsers:
  # everybody
  # with and without a name
- user: any
  # no password
  pass:
  # from anywhere
  ips: []
  # and what they may do:
    # publish, read, playback
  - action: publish
    path:
  - action: read
    path:
  - action: playback
    path:
`;

test("a list of actions without `permissions:` is refused with its line, and works with it", { skip }, async (t) => {
  const refused = await runCamgate(t, { config: LIST_WITHOUT_KEY });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^mediamtx\.yml:11: .*permissions/);
  const cured = LIST_WITHOUT_KEY.replace("  # and what", "  permissions:\n  # and what");
  const program = await startCamgate(t, { config: `${cured}${ALL_OTHERS}` });
  await withClip(t, program, "cam");
  assert.equal((await probe(t, program.url("cam"))).length, 1);
});

test("a list of users replaces the one that there is without: the API is closed, to this machine too", async (t) => {
  const cured = LIST_WITHOUT_KEY.replace("  # and what", "  permissions:\n  # and what");
  const program = await startCamgate(t, { config: `api: yes\n${cured}` });
  const response = await fetch(`${program.apiOrigin}/v3/paths/list`);
  assert.equal(response.status, 401);
  assert.deepEqual(await response.json(), { status: "error", error: "authentication error" });
});

interface Asked {
  readonly user: string;
  readonly password: string;
  readonly action: string;
  readonly path: string;
}

/** A server that a config names for authentication: lets `answer` decide, and keeps what it was asked. */
async function startAuthServer(t: TestScope, answer: (asked: Asked, response: ServerResponse) => void) {
  const service = await startHttpService((call, response) => answer(JSON.parse(call.body), response));
  t.after(() => service.close());
  const config = `authMethod: http
# 20x lets in
authHTTPAddress: ${service.url}/auth
authHTTPExclude:
- action: api
- action: metrics
- action: pprof
`;
  return { config, asked: () => service.calls.map(({ body }) => JSON.parse(body) as Asked) };
}

/** What is answered to a DESCRIBE without credentials, and whether the connection is kept. */
async function describeAsNobody(
  t: TestScope,
  program: Camgate,
): Promise<{ readonly status: number; readonly challenge: string | undefined }> {
  const client = await RawRtspClient.connect(Number(new URL(program.url("cam")).port));
  t.after(async () => client.close());
  const { status, headers } = await client.request("DESCRIBE", program.url("cam"));
  assert.equal((await client.request("OPTIONS", program.url("cam"))).status, 200, "the connection is kept");
  return { status, challenge: headers.get("www-authenticate") };
}

test("a HTTP server decides: asked without a name first, then with one", { skip }, async (t) => {
  const auth = await startAuthServer(t, ({ user, password, action }, response) => {
    const lets = action === "publish" || (user === "anna" && password === "geheim");
    response.writeHead(lets ? 200 : 401).end();
  });
  const program = await startCamgate(t, { config: `${auth.config}${ALL_OTHERS}` });
  await withClip(t, program, "cam");
  const before = auth.asked().length;
  const { status, challenge } = await describeAsNobody(t, program);
  assert.equal(status, 401);
  assert.match(challenge!, /^Basic realm=/);
  const [first] = auth.asked().slice(before);
  const expected = {
    ip: "127.0.0.1",
    user: "",
    password: "",
    token: "",
    action: "read",
    path: "cam",
    protocol: "rtsp",
    id: null,
    query: "",
  };
  assert.deepEqual({ ...first, userAgent: undefined }, { ...expected, userAgent: undefined });
  assert.doesNotMatch(program.process.stdout.toString("utf8"), /authentication failed/, "to ask without a name is no failure");
  assert.equal((await probe(t, program.url("cam", "anna:geheim")))[0]?.codec_name, "h264");
  assert.deepEqual(
    auth
      .asked()
      .filter(({ action }) => action === "read")
      .map(({ user, password }) => `${user}:${password}`)
      .slice(0, 3),
    [":", ":", "anna:geheim"],
  );
  await assert.rejects(probe(t, program.url("cam", "anna:falsch")), /401 Unauthorized/);
});

test("every status of 20x lets in, none else does", { skip }, async (t) => {
  let status = 200;
  const auth = await startAuthServer(t, ({ action }, response) => response.writeHead(action === "publish" ? 200 : status).end());
  const program = await startCamgate(t, { config: `${auth.config}${ALL_OTHERS}` });
  await withClip(t, program, "cam");
  for (const [answer, isLetIn] of [
    [204, true],
    [200, true],
    [301, false],
    [500, false],
  ] as const) {
    status = answer;
    const { status: seen } = await describeAsNobody(t, program);
    assert.equal(seen, isLetIn ? 200 : 401, String(answer));
  }
});

test("what is excluded asks nobody", async (t) => {
  const auth = await startAuthServer(t, (_, response) => response.writeHead(401).end());
  const [metrics, pprof] = [`127.0.0.1:${await freeTcpPort(0)}`, `127.0.0.1:${await freeTcpPort(0)}`];
  const program = await startCamgate(t, {
    config: `api: yes\nmetrics: yes\npprof: yes\n${auth.config}${ALL_OTHERS}`,
    env: { MTX_METRICSADDRESS: metrics, MTX_PPROFADDRESS: pprof },
  });
  for (const name of ["metrics", "pprof"]) await program.process.match(new RegExp(`\\[${name}\\] listener opened`));
  for (const url of [`${program.apiOrigin}/v3/paths/list`, `http://${metrics}/metrics`, `http://${pprof}/debug/pprof/`]) {
    assert.equal((await fetch(url)).status, 200, url);
  }
  assert.deepEqual(auth.asked(), []);
});

test("tokens of an identity server: in a header of HTTP, as the password of RTSP; its keys are fetched once", { skip }, async (t) => {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "ES256", use: "sig" };
  const service = await startHttpService((_, response) => response.end(JSON.stringify({ keys: [jwk] })));
  t.after(() => service.close());
  const token = (...actions: string[]): Promise<string> =>
    new SignJWT({ mediamtx_permissions: actions.map((action) => ({ action, path: "" })) })
      .setProtectedHeader({ alg: "ES256", kid: "one" })
      .setExpirationTime("1h")
      .sign(privateKey);
  const config = `authMethod: jwt\nauthJWTJWKS: ${service.url}/jwks_endpoint\nauthJWTClaimKey: mediamtx_permissions\n`;
  const program = await startCamgate(t, { config: `api: yes\n${config}${ALL_OTHERS}` });
  const [writer, reader, operator] = await Promise.all([token("publish"), token("read"), token("api")]);
  // ffmpeg keeps 127 characters of a password; in the query there is room.
  await withClip(t, { ...program, url: (path) => `${program.url(path)}?token=${writer}` }, "cam");
  assert.equal((await probe(t, `${program.url("cam")}?token=${reader}`))[0]?.codec_name, "h264");
  const describe = async (password: string): Promise<number> => {
    const client = await RawRtspClient.connect(Number(new URL(program.url("cam")).port));
    t.after(async () => client.close());
    const Authorization = `Basic ${Buffer.from(`anybody:${password}`).toString("base64")}`;
    return (await client.request("DESCRIBE", program.url("cam"), { Authorization })).status;
  };
  assert.equal(await describe(reader), 200);
  assert.equal(await describe(writer), 401, "it may publish, and not read");
  const list = (bearer: string): Promise<Response> =>
    fetch(`${program.apiOrigin}/v3/paths/list`, { headers: { Authorization: `Bearer ${bearer}` } });
  assert.equal((await list(operator)).status, 200);
  assert.equal((await list(reader)).status, 401);
  assert.deepEqual(
    service.calls.map(({ path }) => path),
    ["/jwks_endpoint"],
  );
});
