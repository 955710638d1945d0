import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import type { HttpCredentials } from "./credentials.ts";
import { WebSessions } from "./web-sessions.ts";

const LOGIN: HttpCredentials = { kind: "basic", user: "u", pass: "p" };

const request = (cookie: string | undefined, method = "GET", headers: object = {}): IncomingMessage =>
  ({ method, headers: { host: "gw:8889", ...(cookie !== undefined && { cookie }), ...headers } }) as IncomingMessage;

function setUp() {
  let nowMs = 0;
  const sessions = new WebSessions({ nowMs: () => nowMs });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { sessions, pass, cookieOf: (header: string) => header.split(";", 1)[0]! };
}

test("a session stands for the credentials it was begun with, until it is closed", () => {
  const { sessions, cookieOf } = setUp();
  const header = sessions.open(LOGIN, false);
  assert.match(header, /^camgate-session=[\w-]{32}; Path=\/; HttpOnly; SameSite=Strict$/);
  assert.match(sessions.open(LOGIN, true), /; Secure$/);
  const cookie = cookieOf(header);
  assert.deepEqual(sessions.credentialsOf(request(`a=b; ${cookie}; c`)), LOGIN);
  for (const other of [undefined, "", "camgate-session=", "camgate-session=x", `x${cookie}`, cookie.slice(0, -1)])
    assert.equal(sessions.credentialsOf(request(other)), undefined);
  assert.match(sessions.close(request(cookie), false), /^camgate-session=; .*Max-Age=0$/);
  assert.equal(sessions.credentialsOf(request(cookie)), undefined);
});

test("what changes something has to come from the page's own origin", () => {
  const { sessions, cookieOf } = setUp();
  const cookie = cookieOf(sessions.open(LOGIN, false));
  const post = (headers: object) => sessions.credentialsOf(request(cookie, "POST", headers));
  assert.deepEqual(post({ origin: "http://gw:8889" }), LOGIN);
  assert.deepEqual(post({ origin: "https://proxy", host: "proxy", "sec-fetch-site": "same-origin" }), LOGIN);
  for (const headers of [
    {},
    { origin: "null" },
    { origin: "http://gw:9000" },
    { origin: "http://evil" },
    { origin: "http://gw:8889", "sec-fetch-site": "same-site" },
    { origin: "http://gw:8889", "sec-fetch-site": "cross-site" },
  ])
    assert.equal(post(headers), undefined, JSON.stringify(headers));
});

test("an idle session ends, a used one goes on", () => {
  const { sessions, pass, cookieOf } = setUp();
  const cookie = cookieOf(sessions.open(LOGIN, false));
  for (let i = 0; i < 3; i++) {
    pass(11 * 3_600_000);
    assert.deepEqual(sessions.credentialsOf(request(cookie)), LOGIN);
  }
  pass(12 * 3_600_000 + 1);
  assert.equal(sessions.credentialsOf(request(cookie)), undefined);
});

test("sessions are bounded: the one that was used least lately goes", () => {
  const { sessions, cookieOf } = setUp();
  const cookies = Array.from({ length: 1000 }, () => cookieOf(sessions.open(LOGIN, false)));
  sessions.credentialsOf(request(cookies[0]));
  sessions.open(LOGIN, false);
  assert.deepEqual(sessions.credentialsOf(request(cookies[0])), LOGIN);
  assert.equal(sessions.credentialsOf(request(cookies[1])), undefined);
});
