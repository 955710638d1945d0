import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import type { ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { type HttpService, startHttpService } from "#testing/http-service.ts";
import type { AuthRequest, Verdict } from "./access-question.ts";
import { JwtMethod, type JwtMethodOptions } from "./jwt-method.ts";
import { KeySet } from "./key-set.ts";
import { Permissions } from "./permissions.ts";

const HOUR_MS = 3_600_000;
const UTC_MS = 1_700_000_000_000;
const NOW_S = UTC_MS / 1000;
const compile = (source: string) => (path: string) => new RegExp(source).test(path);

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
let ec: Pair;
let rsa: Pair;
let stranger: Pair;
let ecJwk: JWK;
let rsaJwk: JWK;

before(async () => {
  [ec, rsa, stranger] = await Promise.all([generateKeyPair("ES256"), generateKeyPair("RS256"), generateKeyPair("ES256")]);
  ecJwk = { ...(await exportJWK(ec.publicKey)), kid: "ec", alg: "ES256", use: "sig" };
  rsaJwk = { ...(await exportJWK(rsa.publicKey)), kid: "rsa" };
});

const services: HttpService[] = [];
after(() => Promise.all(services.map((service) => service.close())));

const READ_GATE = [{ action: "read", path: "gate" }];

function sign(claims: object, { pair = ec, alg = "ES256", kid = "ec" as string | undefined } = {}): Promise<string> {
  return new SignJWT({ sub: "anna", mediamtx_permissions: READ_GATE, ...claims })
    .setProtectedHeader({ alg, ...(kid !== undefined && { kid }) })
    .sign(pair.privateKey);
}

function request(token: string, more: Partial<AuthRequest> = {}): AuthRequest {
  return {
    action: "read",
    path: "gate",
    protocol: "hls",
    remote: { address: "192.0.2.1" },
    query: "",
    id: "",
    credentials: { kind: "token", token },
    ...more,
  };
}

/** A method with a key server that answers with the keys of now. */
async function site(options: Partial<JwtMethodOptions> = {}) {
  let nowMs = 0;
  let answer = (response: ServerResponse): void => void response.end(JSON.stringify({ keys: [ecJwk, rsaJwk] }));
  const service = await startHttpService((_, response) => answer(response));
  services.push(service);
  const faults: string[] = [];
  const keys = new KeySet({
    url: service.url,
    fingerprint: "",
    timeoutMs: HOUR_MS,
    signal: new AbortController().signal,
    nowMs: () => nowMs,
    onFault: (text) => faults.push(text),
  });
  const method = new JwtMethod({
    keys,
    keySource: service.url,
    claimKey: "mediamtx_permissions",
    issuer: "",
    audience: "",
    exclude: new Permissions([{ action: "api", path: "" }], compile),
    compile,
    utcMs: () => UTC_MS,
    ...options,
  });
  return {
    service,
    keys,
    method,
    faults,
    passMs(ms: number) {
      nowMs += ms;
    },
    answers(next: (response: ServerResponse) => void) {
      answer = next;
    },
    async kindOf(token: string, more?: Partial<AuthRequest>): Promise<Verdict["kind"]> {
      return (await method.judge(request(token, more))).kind;
    },
    async reasonOf(token: string): Promise<string> {
      const verdict = await method.judge(request(token));
      assert.ok(verdict.kind === "refused");
      return verdict.reason;
    },
  };
}

describe("authMethod: jwt", () => {
  it("grants what the claim allows to the subject of the token", async () => {
    const { method, kindOf } = await site();
    const verdict = await method.judge(request(await sign({ exp: NOW_S + 60 })));
    assert.ok(verdict.kind === "granted");
    assert.equal(verdict.user, "anna");
    assert.equal(await kindOf(await sign({}), { path: "yard" }), "refused");
    assert.equal(await kindOf(await sign({}), { action: "publish" }), "refused");
    assert.equal(await kindOf(await sign({}, { pair: rsa, alg: "RS256", kid: "rsa" })), "granted");
    assert.equal(await kindOf(await sign({}, { kid: undefined })), "granted", "one key fits");
    const expression = await sign({ mediamtx_permissions: JSON.stringify([{ action: "read", path: "~^ga" }]) });
    assert.equal(await kindOf(expression), "granted");
  });

  it("takes the token from password and query where MediaMTX does", async () => {
    const { kindOf } = await site();
    const token = await sign({});
    assert.equal(await kindOf("", { credentials: { kind: "basic", user: "whoever", pass: token } }), "granted");
    for (const name of ["token", "jwt"]) {
      const query = `x=1&${name}=${token}`;
      assert.equal(await kindOf("", { credentials: { kind: "none" }, protocol: "rtsp", query }), "granted");
      assert.equal(await kindOf("", { credentials: { kind: "none" }, protocol: "hls", query }), "refused");
    }
  });

  it("judges times, issuer, audience and claim", async () => {
    const strict = await site({ issuer: "me", audience: "camgate" });
    const good = { iss: "me", aud: ["other", "camgate"], exp: NOW_S + 1, nbf: NOW_S };
    assert.equal(await strict.kindOf(await sign(good)), "granted");
    const faults: readonly [object, RegExp][] = [
      [{ ...good, exp: NOW_S - 1 }, /"exp"/],
      [{ ...good, nbf: NOW_S + 60 }, /"nbf"/],
      [{ ...good, exp: "tomorrow" }, /"exp"/],
      [{ ...good, iss: "you" }, /"iss"/],
      [{ ...good, iss: undefined }, /"iss"/],
      [{ ...good, aud: "other" }, /"aud"/],
      [{ ...good, aud: undefined }, /"aud"/],
      [{ ...good, mediamtx_permissions: undefined }, /no claim/],
      [{ ...good, mediamtx_permissions: { action: "read" } }, /no list of permissions/],
      [{ ...good, mediamtx_permissions: [{ action: "read", paths: "all" }] }, /no list of permissions/],
      [{ ...good, mediamtx_permissions: [] }, /does not allow: read 'gate'/],
    ];
    for (const [claims, reason] of faults) assert.match(await strict.reasonOf(await sign(claims)), reason);
    const odd = await site({ claimKey: "__proto__" });
    assert.match(await odd.reasonOf(await sign({})), /no claim/);
  });

  it("a subject that is no text is nobody", async () => {
    const { method } = await site();
    const token = await sign({ sub: { toString: "x" } });
    const verdict = await method.judge(request(token));
    assert.ok(verdict.kind === "granted");
    assert.equal(verdict.user, "");
  });

  it("what is excluded is open; grants hold while keys, claim, issuer and audience stay", async () => {
    const { method } = await site();
    assert.equal(method.isOpen({ action: "api", path: "" }), true);
    assert.equal(method.isOpen({ action: "read", path: "gate" }), false);
    const verdict = await method.judge(request(await sign({})));
    assert.ok(verdict.kind === "granted");
    assert.equal(method.honours(verdict.proof, request("")), true);
    assert.equal((await site()).method.honours(verdict.proof, request("")), false);
    assert.equal(method.honours({ kind: "user", name: "anna", pass: "" }, request("")), false);
  });
});

describe("hostile tokens", () => {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: "anna", mediamtx_permissions: READ_GATE };

  it("are refused, every one", async () => {
    const { kindOf, service } = await site();
    const good = await sign({});
    assert.equal(await kindOf(good), "granted");
    const [head, body, signature] = good.split(".") as [string, string, string];
    const hmac = (alg: string, key: string): string => {
      const input = `${part({ alg, kid: "rsa" })}.${part(claims)}`;
      return `${input}.${createHmac("sha256", key).update(input).digest("base64url")}`;
    };
    const inBytes = (await exportJWK(stranger.publicKey)) as JWK;
    const tokens: Record<string, string> = {
      "alg none": `${part({ alg: "none" })}.${part(claims)}.`,
      "alg None with a kid": `${part({ alg: "None", kid: "ec" })}.${part(claims)}.`,
      "no signature": `${head}.${body}.`,
      "another body": `${head}.${part({ ...claims, mediamtx_permissions: [{ action: "read" }] })}.${signature}`,
      "signed by a stranger": await sign({}, { pair: stranger }),
      "wrong kid": await sign({}, { kid: "other" }),
      "the kid of another kind of key": await sign({}, { kid: "rsa" }),
      "HS256 with the public key as its secret": hmac("HS256", JSON.stringify(rsaJwk)),
      "HS256 with an empty secret": hmac("HS256", "0"),
      "its own key in the header": `${part({ alg: "ES256", kid: "x", jwk: inBytes })}.${part(claims)}.${signature}`,
      "a key from elsewhere": `${part({ alg: "ES256", kid: "x", jku: service.url })}.${part(claims)}.${signature}`,
      "an unknown critical extension": `${part({ alg: "ES256", kid: "ec", crit: ["x"], x: 1 })}.${part(claims)}.${signature}`,
      "bodies that are no object": `${head}.${part([])}.${signature}`,
      "encrypted form": `${head}.${body}.${signature}.x.y`,
      "one part": head,
      dots: "..",
      "not base64": "%.%.%",
      huge: `${head}.${"A".repeat(1 << 20)}.${signature}`,
      deep: `${head}.${Buffer.from("[".repeat(6000)).toString("base64url")}.${signature}`,
      "a path": "../../etc/passwd",
      "control characters": "\0\r\n",
    };
    const before = service.calls.length;
    for (const [name, token] of Object.entries(tokens)) assert.equal(await kindOf(token), "refused", name);
    assert.equal(await kindOf(good), "granted");
    assert.ok(service.calls.length - before <= 1, "unknown keys do not make us ask again and again");
  });

  it("a shared secret in the key set is not used", async () => {
    const { kindOf, answers } = await site();
    const secret = Buffer.alloc(32, 7);
    const shared = { kty: "oct", kid: "shared", alg: "HS256", k: secret.toString("base64url") };
    answers((response) => response.end(JSON.stringify({ keys: [ecJwk, shared] })));
    const input = `${part({ alg: "HS256", kid: "shared" })}.${part(claims)}`;
    assert.equal(await kindOf(`${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`), "refused");
    assert.equal(await kindOf(await sign({})), "granted");
  });

  it("are not repeated in what is said of them", async () => {
    const { reasonOf } = await site();
    for (const token of ["canary", "canary.canary.canary", `canary${"x".repeat(20_000)}`]) {
      const reason = await reasonOf(token);
      assert.ok(!reason.includes("canary") && reason.length < 200, reason);
    }
  });
});

describe("key set", () => {
  it("is fetched once, by however many, and again after an hour", async () => {
    const { kindOf, service, passMs } = await site();
    const token = await sign({});
    const kinds = await Promise.all(Array.from({ length: 20 }, () => kindOf(token)));
    assert.ok(kinds.every((kind) => kind === "granted"));
    passMs(HOUR_MS - 1);
    await kindOf(token);
    assert.equal(service.calls.length, 1);
    passMs(1);
    assert.equal(await kindOf(token), "granted");
    assert.equal(service.calls.length, 2);
  });

  it("is asked for a key that it did not have, not more than once in half a minute", async () => {
    const { kindOf, service, answers, passMs } = await site();
    const old = await sign({});
    assert.equal(await kindOf(old), "granted");
    const newJwk = { ...(await exportJWK(stranger.publicKey)), kid: "new" };
    answers((response) => response.end(JSON.stringify({ keys: [newJwk] })));
    const fresh = await sign({}, { pair: stranger, kid: "new" });
    assert.equal(await kindOf(fresh), "refused", "too early");
    passMs(30_000);
    assert.equal(await kindOf(fresh), "granted");
    assert.equal(await kindOf(old), "refused");
    assert.equal(service.calls.length, 2);
  });

  it("an answer that is no key set leaves the old keys, for a day", async () => {
    const { kindOf, faults, answers, passMs } = await site();
    const token = await sign({});
    assert.equal(await kindOf(token), "granted");
    const bad: readonly ((response: ServerResponse) => void)[] = [
      (response) => response.writeHead(500).end(),
      (response) => response.end("<html>"),
      (response) => response.end("{}"),
      (response) => response.end('{"keys":[1]}'),
      (response) => response.end(`{"keys":[],"x":"${"x".repeat(200_000)}"}`),
      (response) => response.destroy(),
    ];
    for (const [index, answer] of bad.entries()) {
      answers(answer);
      passMs(HOUR_MS);
      assert.equal(await kindOf(token), "granted", `answer ${index}`);
      while (faults.length <= index) await new Promise((resolve) => setImmediate(resolve));
    }
    passMs(24 * HOUR_MS);
    assert.equal(await kindOf(token), "refused");
  });

  it("nobody waits for a server that is known to hang, while there are keys", async () => {
    const { kindOf, keys, service, answers, passMs, faults } = await site();
    const token = await sign({});
    await kindOf(token);
    answers((response) => response.destroy());
    passMs(HOUR_MS);
    await kindOf(token);
    assert.equal(faults.length, 1);
    const held: ServerResponse[] = [];
    answers((response) => held.push(response));
    passMs(30_000);
    assert.equal(await kindOf(token), "granted", "the answer is still out");
    await service.received(3);
    const newer = keys.newerKeys();
    held[0]!.end(JSON.stringify({ keys: [ecJwk] }));
    assert.notEqual(await newer, undefined);
    answers((response) => response.end(JSON.stringify({ keys: [] })));
    passMs(HOUR_MS);
    assert.equal(await kindOf(token), "refused", "a server that answers again is waited for again");
  });

  it("without any key nothing is granted, and the server is not asked at every token", async () => {
    const { reasonOf, kindOf, service, answers, passMs } = await site();
    answers((response) => response.writeHead(503).end());
    const token = await sign({});
    for (let i = 0; i < 50; i++) assert.match(await reasonOf(token), /no keys/);
    assert.equal(service.calls.length, 1);
    answers((response) => response.end(JSON.stringify({ keys: [ecJwk] })));
    passMs(2000);
    assert.equal(await kindOf(token), "granted");
  });

  it("forgets its keys when it is refreshed, also those that are on their way", async () => {
    const { kindOf, keys, service, answers } = await site();
    const token = await sign({});
    await kindOf(token);
    const held: ServerResponse[] = [];
    answers((response) => held.push(response));
    keys.refresh();
    const first = kindOf(token);
    await service.received(2);
    keys.refresh();
    const second = kindOf(token);
    await service.received(3);
    held[1]!.end(JSON.stringify({ keys: [] }));
    assert.equal(await second, "refused");
    held[0]!.end(JSON.stringify({ keys: [ecJwk] }));
    assert.equal(await first, "refused");
    assert.equal(await kindOf(token), "refused", "what came late is not used");
  });
});
