import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { collectedLog } from "#testing/collected-log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { type HttpService, startHttpService } from "#testing/http-service.ts";
import type { AuthDenial, AuthGrant, AuthRequest } from "./access-question.ts";
import { Authenticator, type AuthenticatorOptions, type AuthSettings } from "./authenticator.ts";
import type { Ban } from "./brute-force.ts";
import type { ListedUser } from "./user-list.ts";

const GEHEIM_ARGON2 = "argon2:$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$mnAnm6DNoW8+M5ilZX5Rlp8+skNEiic0bHgXouVXunc";
const READ = [{ action: "read", path: "" }];
const ANNA: ListedUser = { user: "anna", pass: "geheim", ips: [], permissions: READ };

const services: HttpService[] = [];
after(() => Promise.all(services.map((service) => service.close())));

async function service(answer: Parameters<typeof startHttpService>[0]): Promise<HttpService> {
  const started = await startHttpService(answer);
  services.push(started);
  return started;
}

function settings(more: Partial<AuthSettings> = {}): AuthSettings {
  return {
    authMethod: "internal",
    authInternalUsers: [ANNA],
    authHTTPAddress: "",
    authHTTPFingerprint: "",
    authHTTPExclude: [],
    authJWTJWKS: "",
    authJWTJWKSFingerprint: "",
    authJWTClaimKey: "mediamtx_permissions",
    authJWTExclude: [],
    authJWTIssuer: "",
    authJWTAudience: "",
    readTimeout: 10_000,
    ...more,
  };
}

function site(initial: Partial<AuthSettings> = {}, more: Partial<AuthenticatorOptions> = {}) {
  const clock = new FakeClock();
  const log = collectedLog();
  const bans: Ban[] = [];
  const authenticator = new Authenticator(settings(initial), {
    bruteForce: "delay",
    compileExpression: (source) => (path) => new RegExp(source).test(path),
    clock,
    log,
    random: () => 0.25,
    onBan: (ban) => bans.push(ban),
    ...more,
  });
  return { clock, log, bans, authenticator, ask: (asked: Partial<AuthRequest> = {}) => authenticator.authorize(request(asked)) };
}

function request(more: Partial<AuthRequest> = {}): AuthRequest {
  return {
    action: "read",
    path: "gate",
    protocol: "rtsp",
    remote: { address: "192.0.2.1" },
    query: "",
    id: "",
    credentials: { kind: "none" },
    ...more,
  };
}

const login = (user: string, pass: string): Partial<AuthRequest> => ({ credentials: { kind: "basic", user, pass } });

function granted(answer: AuthGrant | AuthDenial): AuthGrant {
  assert.ok(answer.allowed, JSON.stringify(answer));
  return answer;
}

function denied(answer: AuthGrant | AuthDenial): AuthDenial {
  assert.ok(!answer.allowed);
  return answer;
}

describe("Authenticator", () => {
  it("asks for credentials at once, and answers wrong ones late", async () => {
    const { ask, authenticator } = site();
    assert.deepEqual(await ask(), { allowed: false, challenge: true, delayMs: 0, reason: "credentials are needed", isWrong: false });
    assert.deepEqual(granted(await ask(login("anna", "geheim"))), { allowed: true, user: "anna" });
    const wrong = denied(await ask(login("anna", "x")));
    assert.deepEqual([wrong.challenge, wrong.delayMs, wrong.isWrong], [false, 1000, true]);
    const unknown = denied(await ask(login("otto", "x")));
    assert.deepEqual({ ...unknown, reason: "" }, { ...wrong, reason: "" });
    const forbidden = denied(await ask({ ...login("anna", "geheim"), action: "publish" }));
    assert.deepEqual({ ...forbidden, reason: "" }, { ...wrong, reason: "", isWrong: false });
    assert.deepEqual(authenticator.counters, {
      granted: 1,
      challenged: 1,
      refused: 3,
      refusedBanned: 0,
      bans: 0,
      hashes: 0,
      serviceFaults: 0,
    });
  });

  it("takes user and password from the query of a RTSP URL", async () => {
    const { ask } = site();
    assert.equal(granted(await ask({ query: "user=anna&pass=geheim" })).user, "anna");
    assert.equal(denied(await ask({ query: "user=anna&pass=x" })).challenge, false);
    assert.equal(denied(await ask({ query: "user=anna" })).challenge, true);
    assert.equal(denied(await ask({ query: "user=anna&pass=geheim", protocol: "hls" })).challenge, true);
  });

  it("warns of users who can never log in", () => {
    const { log, authenticator } = site({ authInternalUsers: [ANNA, { ...ANNA, pass: "argon2:$argon2x" }] });
    assert.equal(log.lines.length, 1);
    assert.match(log.lines[0]!, /^authInternalUsers: user 2 can never log in/);
    authenticator.update(settings());
    assert.equal(log.lines.length, 1);
  });
});

describe("Authenticator with bans", () => {
  it("a thousand guesses cost thirty hashes at most, and a third does not notice", async () => {
    const users = [{ ...ANNA, pass: GEHEIM_ARGON2 }];
    const { ask, authenticator, bans, log } = site({ authInternalUsers: users }, { bruteForce: "ban" });
    const guesses = Array.from({ length: 1000 }, (_, i) => ask(login(i % 2 === 0 ? "anna" : `user ${i}`, `guess ${i}`)));
    const answers = (await Promise.all(guesses)).map(denied);
    assert.ok(authenticator.counters.hashes <= 30, `${authenticator.counters.hashes} hashes`);
    assert.equal(answers.filter(({ reason }) => reason.startsWith("too many wrong passwords: banned for 10 more min")).length, 970);
    assert.equal(bans.at(-1)!.address, "192.0.2.1");
    assert.ok(log.lines.every((line) => !line.includes("guess")));
    assert.equal(authenticator.counters.bans, bans.length);
    assert.equal(authenticator.counters.refusedBanned, 970);
    const other = { ...login("anna", "pässwörd €"), remote: { address: "192.0.2.2" } };
    assert.equal(granted(await ask(other)).user, "anna");
  });

  it("who sends nothing is no attacker, and neither is who may not", async () => {
    const { ask, bans } = site({}, { bruteForce: "ban" });
    for (let i = 0; i < 100; i++) await ask();
    for (let i = 0; i < 100; i++) denied(await ask({ ...login("anna", "geheim"), action: "publish" }));
    assert.deepEqual(bans, []);
    granted(await ask(login("anna", "geheim")));
  });

  it("what is open to everybody stays open to the banned", async () => {
    const everybody = { user: "any", pass: "", ips: [], permissions: [{ action: "read", path: "lobby" }] };
    const { ask, bans } = site({ authInternalUsers: [everybody, ANNA] }, { bruteForce: "ban" });
    for (let i = 0; i < 10; i++) await ask(login("anna", "x"));
    assert.equal(bans.length, 1);
    assert.match(denied(await ask(login("anna", "geheim"))).reason, /banned/);
    granted(await ask({ ...login("anna", "geheim"), path: "lobby" }));
  });

  it("a ban ends", async () => {
    const { ask, clock } = site({}, { bruteForce: "ban" });
    for (let i = 0; i < 10; i++) await ask(login("anna", "x"));
    denied(await ask(login("anna", "geheim")));
    clock.passMs(10 * 60_000);
    granted(await ask(login("anna", "geheim")));
  });
});

describe("revalidate", () => {
  it("a grant ends with its user, his password or his permission, and no other does", async () => {
    const otto = { ...ANNA, user: "otto" };
    const { ask, authenticator } = site({ authInternalUsers: [ANNA, otto] });
    const ofAnna = granted(await ask(login("anna", "geheim")));
    const ofOtto = granted(await ask(login("otto", "geheim")));
    const changes: readonly (readonly ListedUser[])[] = [
      [otto],
      [{ ...ANNA, pass: "neu" }, otto],
      [{ ...ANNA, permissions: [{ action: "read", path: "yard" }] }, otto],
      [{ ...ANNA, ips: ["10.0.0.0/8"] }, otto],
    ];
    for (const authInternalUsers of changes) {
      authenticator.update(settings({ authInternalUsers }));
      assert.deepEqual([authenticator.revalidate(ofAnna), authenticator.revalidate(ofOtto)], [false, true]);
      authenticator.update(settings({ authInternalUsers: [ANNA, otto] }));
      assert.equal(authenticator.revalidate(ofAnna), true);
    }
  });

  it("a grant holds over changes that do not concern it", async () => {
    const { ask, authenticator } = site();
    const grant = granted(await ask(login("anna", "geheim")));
    authenticator.update(
      settings({ authInternalUsers: [{ ...ANNA, permissions: [...READ, { action: "publish", path: "" }] }], readTimeout: 1 }),
    );
    assert.equal(authenticator.revalidate(grant), true);
  });

  it("a grant that is none of ours is none", () => {
    assert.equal(site().authenticator.revalidate({ allowed: true, user: "anna" }), false);
  });

  it("grants of another method end unless everybody may", async () => {
    const { url } = await service((_, response) => response.end());
    const http = { authMethod: "http", authHTTPAddress: url } as const;
    const { ask, authenticator } = site(http);
    const grant = granted(await ask(login("anna", "geheim")));
    authenticator.update(settings({ ...http, authHTTPExclude: [{ action: "api", path: "" }] }));
    assert.equal(authenticator.revalidate(grant), true);
    authenticator.update(settings());
    assert.equal(authenticator.revalidate(grant), false);
    authenticator.update(settings({ authMethod: "jwt", authJWTExclude: READ }));
    assert.equal(authenticator.revalidate(grant), true);
  });

  it("what was asked under the settings of before is asked again under those of now", async () => {
    const slow = await service((_, response) => setImmediate(() => response.end()));
    const { ask, authenticator } = site({ authMethod: "http", authHTTPAddress: slow.url });
    const answer = ask(login("otto", "x"));
    authenticator.update(settings());
    assert.equal(denied(await answer).challenge, false);
  });
});

describe("Authenticator with services", () => {
  it("http: the first question of a RTSP client has no credentials, and its refusal is no failure", async () => {
    const { url, calls } = await service((call, response) => {
      const { user, password } = JSON.parse(call.body) as { user: string; password: string };
      response.writeHead(user === "anna" && password === "geheim" ? 204 : 401).end();
    });
    const { ask, bans } = site({ authMethod: "http", authHTTPAddress: url }, { bruteForce: "ban" });
    for (let i = 0; i < 20; i++) assert.deepEqual([denied(await ask()).challenge, denied(await ask()).delayMs], [true, 0]);
    assert.equal(calls.length, 40);
    assert.deepEqual(bans, []);
    assert.equal(granted(await ask(login("anna", "geheim"))).user, "anna");
    assert.equal(denied(await ask(login("anna", "x"))).delayMs, 250);
  });

  it("a server that is down is told in the log, without secrets, and bans nobody", async () => {
    const gone = await startHttpService(() => {});
    await gone.close();
    const { ask, authenticator, log, bans } = site({ authMethod: "http", authHTTPAddress: gone.url }, { bruteForce: "ban" });
    for (let i = 0; i < 12; i++) denied(await ask(login("anna", "canary")));
    assert.equal(denied(await ask()).challenge, true);
    authenticator.close();
    assert.equal(authenticator.counters.serviceFaults, 13);
    assert.deepEqual(bans, []);
    assert.equal(log.lines.length, 1);
    assert.match(log.lines[0]!, /^authentication: 13 × the authentication server could not be asked: .*ECONNREFUSED/);
    assert.ok(!log.lines[0]!.includes("canary"));
  });

  it("one login that is slow holds up no other, nor another method's", async () => {
    const held: (() => void)[] = [];
    const { url, received } = await service((call, response) => {
      if (call.body.includes('"slow"')) held.push(() => response.end());
      else response.end();
    });
    const { ask } = site({ authMethod: "http", authHTTPAddress: url, authHTTPExclude: [{ action: "api", path: "" }] });
    const slow = ask({ ...login("anna", "x"), path: "slow" });
    await received(1);
    granted(await ask(login("anna", "x")));
    granted(await ask({ action: "api", path: "" }));
    held[0]!();
    granted(await slow);
  });

  it("jwt: no token, a wrong one, and keys that are fetched again when told", async () => {
    const { url, calls } = await service((_, response) => response.end('{"keys":[]}'));
    const jwt = { authMethod: "jwt", authJWTJWKS: url } as const;
    const { ask, authenticator } = site(jwt);
    assert.equal(denied(await ask()).challenge, true);
    assert.equal(calls.length, 0, "nothing to verify");
    assert.deepEqual([denied(await ask(login("", "a.b.c"))).challenge, calls.length], [false, 1]);
    authenticator.update(settings({ ...jwt, authJWTIssuer: "me" }));
    await ask(login("", "a.b.c"));
    assert.equal(calls.length, 1, "the keys are those of before");
    authenticator.refreshKeys();
    await ask(login("", "a.b.c"));
    assert.equal(calls.length, 2);
  });

  it("close gives up what is under way", async () => {
    const { url, received } = await service(() => {});
    const { ask, authenticator } = site({ authMethod: "http", authHTTPAddress: url });
    const answer = ask(login("anna", "x"));
    await received(1);
    authenticator.close();
    denied(await answer);
  });
});
