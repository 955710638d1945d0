import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SuppliedCredentials, Verdict } from "./access-question.ts";
import type { Argon2Hash } from "./argon2.ts";
import { PasswordChecks } from "./password-checks.ts";
import type { PermissionRule } from "./permissions.ts";
import { type ListedUser, UserList } from "./user-list.ts";

const compile = (source: string) => (path: string) => new RegExp(source).test(path);
const READ_ALL: readonly PermissionRule[] = [{ action: "read", path: "" }];
const ANNA_ARGON2 = "argon2:$argon2id$v=19$m=4096,t=3,p=1$YW5vdGhlciBzYWx0$3D7if5XmJM6oVuvCWC8j3lP8l8HxIqVP7wlJId3ttlc";
const GEHEIM_ARGON2 = "argon2:$argon2id$v=19$m=4096,t=3,p=1$c2FsdEl0V2l0aFNhbHQ$bSf3N4zCn+nXNjsovseMAo97gKogLQkqPPFLcaA3qiE";
const GEHEIM_SHA256 = "sha256:rdsPXngmyFfXN20b2bwzwMVEeQourJYUSoryKxKYyUA=";
const ANNA_SHA256 = "sha256:VVebVXiW0M4XZMR/7WRPmzX1i61iBnSvI/NW2A7QxQM=";

function listed(user: string, pass: string, more: Partial<ListedUser> = {}): ListedUser {
  return { user, pass, ips: [], permissions: READ_ALL, ...more };
}

function listOf(users: readonly ListedUser[], verify?: (stored: Argon2Hash, guess: string) => Promise<boolean>): UserList {
  return new UserList(users, compile, new PasswordChecks({ nowMs: () => 0, ...(verify !== undefined && { verify }) }));
}

const basic = (user: string, pass: string): SuppliedCredentials => ({ kind: "basic", user, pass });

function ask(
  list: UserList,
  credentials: SuppliedCredentials,
  { action = "read", path = "gate", address = "192.0.2.1" } = {},
): Promise<Verdict> {
  return list.judge({ action, path, protocol: "rtsp", remote: { address }, query: "", id: "", credentials });
}

async function kindOf(...question: Parameters<typeof ask>): Promise<Verdict["kind"]> {
  return (await ask(...question)).kind;
}

describe("users of the config", () => {
  const forms: readonly [name: string, user: string, pass: string][] = [
    ["plain", "anna", "geheim"],
    ["sha256", "anna", GEHEIM_SHA256],
    ["sha256 name", ANNA_SHA256, GEHEIM_SHA256],
    ["argon2", "anna", GEHEIM_ARGON2],
    ["argon2 name", ANNA_ARGON2, "geheim"],
    ["argon2 name and password", ANNA_ARGON2, GEHEIM_ARGON2],
  ];
  for (const [name, user, pass] of forms) {
    it(`${name}: the right password alone, with the action, the path and the address`, async () => {
      const permissions = [{ action: "read", path: "~^gate" }];
      const list = listOf([listed("otto", "x"), listed(user, pass, { ips: ["192.0.2.0/24"], permissions })]);
      const right = basic("anna", "geheim");
      assert.deepEqual(await ask(list, right), { kind: "granted", user: "anna", proof: { kind: "user", name: user, pass } });
      assert.equal(await kindOf(list, basic("anna", "Geheim")), "wrong");
      assert.equal(await kindOf(list, basic("anna", "")), "wrong");
      assert.equal(await kindOf(list, basic("Anna", "geheim")), "wrong");
      assert.equal(await kindOf(list, basic("", "geheim")), "wrong");
      assert.equal(await kindOf(list, basic(user, pass)), user === "anna" && pass === "geheim" ? "granted" : "wrong");
      assert.equal(await kindOf(list, right, { action: "publish" }), "refused");
      assert.equal(await kindOf(list, right, { path: "yard" }), "refused");
      assert.equal(await kindOf(list, right, { address: "198.51.100.1" }), "wrong");
      assert.equal(await kindOf(list, { kind: "none" }), "refused");
    });
  }

  it("everybody needs no credentials, and may send wrong ones", async () => {
    const list = listOf([listed("any", "", { ips: ["127.0.0.1"] }), listed("anna", "geheim")]);
    const here = { address: "::ffff:127.0.0.1" };
    assert.deepEqual(await ask(list, { kind: "none" }, here), { kind: "granted", user: "", proof: { kind: "everybody" } });
    assert.deepEqual(await ask(list, basic("otto", "x"), here), { kind: "granted", user: "otto", proof: { kind: "everybody" } });
    assert.equal(await kindOf(list, { kind: "none" }), "refused");
    assert.equal(await kindOf(list, basic("any", "")), "wrong");
  });

  it("a user without a password takes any", async () => {
    const list = listOf([listed("anna", "")]);
    assert.equal(await kindOf(list, basic("anna", "whatever")), "granted");
    assert.equal(await kindOf(list, basic("otto", "")), "wrong");
  });

  it("two users of one name are tried both", async () => {
    const list = listOf([listed("anna", "one"), listed("anna", "two")]);
    for (const pass of ["one", "two"]) assert.equal(await kindOf(list, basic("anna", pass)), "granted");
    assert.equal(await kindOf(list, basic("anna", "three")), "wrong");
  });

  it("a token says nothing to a list of users", () => {
    const list = listOf([listed("anna", "geheim")]);
    const request = { action: "read", path: "", protocol: "hls", remote: { address: "" }, query: "", id: "" };
    assert.equal(list.lacksCredentials({ ...request, credentials: { kind: "token", token: "x" } }), true);
    assert.equal(list.lacksCredentials({ ...request, credentials: basic("", "") }), true);
    assert.equal(list.lacksCredentials({ ...request, credentials: basic("anna", "") }), false);
  });

  it("what is said of a refusal holds no password and no endless name", async () => {
    const verdict = await ask(listOf([listed("anna", "geheim")]), basic("x".repeat(10_000), "canary"));
    assert.ok(verdict.kind === "wrong");
    assert.ok(!verdict.reason.includes("canary") && verdict.reason.length < 200, verdict.reason);
  });

  it("names the places of users whose hashes cannot be used", async () => {
    const list = listOf([listed("anna", "geheim"), listed("otto", "argon2:$argon2d$v=19$x"), listed("sha256:AA", "x")]);
    assert.deepEqual(list.unusable, [2, 3]);
    assert.equal(await kindOf(list, basic("otto", "")), "wrong");
  });
});

describe("RTSP Digest", () => {
  const digest = (user: string, pass: string): SuppliedCredentials => ({
    kind: "digest",
    user,
    verify: (name, secret) => name === user && secret.plain === pass,
  });

  it("is verified against the secret in clear", async () => {
    const list = listOf([listed("otto", "x"), listed("anna", "geheim")]);
    assert.equal(await kindOf(list, digest("anna", "geheim")), "granted");
    assert.equal(await kindOf(list, digest("anna", "x")), "wrong");
    assert.equal(await kindOf(list, digest("anna", "geheim"), { action: "publish" }), "refused");
  });

  it("a hash is no password, neither that of the name nor that of the password", async () => {
    for (const pass of [GEHEIM_SHA256, GEHEIM_ARGON2])
      assert.equal(await kindOf(listOf([listed("anna", pass)]), digest("anna", pass)), "wrong");
    assert.equal(await kindOf(listOf([listed(ANNA_SHA256, "geheim")]), digest(ANNA_SHA256, "geheim")), "wrong");
  });
});

describe("what is hashed for whom", () => {
  async function hashesFor(user: string, users: readonly ListedUser[]): Promise<number> {
    let hashes = 0;
    const list = listOf(users, async () => {
      hashes++;
      return false;
    });
    assert.equal(await kindOf(list, basic(user, "guess")), "wrong");
    return hashes;
  }

  it("a name that is unknown costs as much as one that is known", async () => {
    const users = [listed("otto", "plain"), listed("anna", GEHEIM_ARGON2), listed("berta", ANNA_ARGON2)];
    for (const name of ["anna", "berta", "otto", "nobody"]) assert.equal(await hashesFor(name, users), 1, name);
  });

  it("nothing is hashed where no password is", async () => {
    assert.equal(await hashesFor("nobody", [listed("otto", "plain")]), 0);
  });
});

describe("honours", () => {
  const access = { action: "read", path: "gate", remote: { address: "192.0.2.1" } };
  const anna = { kind: "user", name: "anna", pass: "geheim" } as const;

  it("a user with the same password and permission, from the same place", () => {
    assert.equal(listOf([listed("anna", "geheim")]).honours(anna, access), true);
    assert.equal(listOf([listed("any", "")]).honours(anna, access), true);
    for (const [why, users] of Object.entries({
      removed: [],
      "another password": [listed("anna", "neu")],
      "another name": [listed("otto", "geheim")],
      "no permission": [listed("anna", "geheim", { permissions: [{ action: "read", path: "yard" }] })],
      "another place": [listed("anna", "geheim", { ips: ["10.0.0.0/8"] })],
    }))
      assert.equal(listOf(users).honours(anna, access), false, why);
  });

  it("everybody's grant only while everybody may", () => {
    assert.equal(listOf([listed("any", "")]).honours({ kind: "everybody" }, access), true);
    assert.equal(listOf([listed("anna", "geheim")]).honours({ kind: "everybody" }, access), false);
  });
});
