import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { isPlaying, live, pull, seen, startCamera } from "#testing/pulled-source.ts";
import type { Script } from "#testing/scripted-camera.ts";
import { newCameraMemory } from "./camera-memory.ts";
import type { RtspRequest } from "./message.ts";

test("C11: two redirects are followed, a third is not; credentials stay with their host", async (t) => {
  const target = await startCamera(t);
  const redirect = (to: string): Script => ({ DESCRIBE: () => ({ status: 302, headers: { Location: to } }) });
  const second = await startCamera(t, { script: redirect(target.url("moved")) });
  const first = await startCamera(t, { script: redirect(second.url()) });
  const { units } = pull(t, first.url("stream", "user:secret"));
  await seen("PLAY", () => isPlaying(target));
  target.sendFrame();
  await seen("a frame", () => units.length > 0);
  assert.equal(target.of("DESCRIBE")[0]?.url, target.url("moved"));
  await seen("the others are closed", () => first.connections[0]!.socket.destroyed && second.connections[0]!.socket.destroyed);

  const zeroth = await startCamera(t, { script: redirect(first.url()) });
  const endless = await pull(t, zeroth.url()).fault();
  assert.deepEqual([endless.code, endless.message], ["protocol", "more than 2 redirects"]);
});

test("a redirect to nowhere, and one to a scheme that is not followed", async (t) => {
  const camera = await startCamera(t, { script: { DESCRIBE: () => ({ status: 301, headers: { Location: "/elsewhere" } }) } });
  assert.equal((await pull(t, camera.url()).fault()).code, "protocol");
  camera.script["DESCRIBE"] = () => ({ status: 302, headers: { Location: "rtsps://127.0.0.1/x" } });
  assert.equal((await pull(t, camera.url(), { transport: "tcp" }).fault()).code, "unsupported");
});

test("C26: a wrong password is tried once; it is in no line of the log", async (t) => {
  const challenge = { status: 401, headers: { "WWW-Authenticate": 'Digest realm="cam", nonce="abc"' } };
  const camera = await startCamera(t, { script: { OPTIONS: () => challenge } });
  const { fault, log } = pull(t, camera.url("stream", "user:s3cret"));
  assert.deepEqual([(await fault()).code, (await fault()).message], ["auth", "the credentials were refused"]);
  assert.equal(camera.requests.length, 2);
  assert.ok(![...log.lines, (await fault()).message].some((line) => line.includes("s3cret")));

  const without = await pull(t, camera.url()).fault();
  assert.deepEqual([without.code, without.message], ["auth", "the peer asks for credentials and the URL has none"]);
});

/** Answers a request without the right digest with a challenge. */
function digestGuard(nonceOf: () => string): (request: RtspRequest) => { status: number; headers: Record<string, string> } | undefined {
  const md5 = (text: string): string => createHash("md5").update(text).digest("hex");
  return (request) => {
    const nonce = nonceOf();
    const expected = md5(`${md5("user:cam:p@ss:w/rd")}:${nonce}:${md5(`${request.method}:${request.url}`)}`);
    if (request.headers.get("Authorization")?.includes(`response="${expected}"`)) return undefined;
    return { status: 401, headers: { "WWW-Authenticate": `Digest realm="cam", nonce="${nonce}"` } };
  };
}

test("C20, C23, C25: digest over the URL without credentials, also when every request gets a new nonce", async (t) => {
  let uses = 0;
  const guard = digestGuard(() => `nonce${Math.floor(uses++ / 2)}`);
  const script: Script = Object.fromEntries(
    ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "TEARDOWN"].map((method) => [method, guard]),
  );
  const { memory, camera } = await live(t, { script }, {}, "user:p%40ss:w%2Frd");
  assert.equal(memory.digestSeen, true);
  assert.ok(camera.requests.every(({ url }) => !url.includes("user")));
});

test("C27: a camera that offered Digest before and now wants the password itself does not get it", async (t) => {
  const camera = await startCamera(t, {
    script: { OPTIONS: () => ({ status: 401, headers: { "WWW-Authenticate": 'Basic realm="cam"' } }) },
  });
  const memory = { ...newCameraMemory(), digestSeen: true };
  const error = await pull(t, camera.url("stream", "user:pass"), { memory }).fault();
  assert.equal(error.code, "auth");
  assert.match(error.message, /only Basic/);
  assert.ok(camera.requests.every(({ headers }) => !headers.has("Authorization")));
});
