import assert from "node:assert/strict";
import { test } from "node:test";
import { type InternalUser, InternalUsers, type UserRequest } from "./internal-users.ts";

const anywhere = (action: string): InternalUser["permissions"][number] => ({ action, matchesPath: () => true });
const users = new InternalUsers(
  [
    { name: "any", pass: "", ips: ["127.0.0.1", "::1", "10.1.0.0/16"], permissions: [anywhere("api")] },
    { name: "anna", pass: "geheim", ips: [], permissions: [{ action: "read", matchesPath: (path) => path === "gate" }] },
    { name: "any", pass: "", ips: ["fe80::/10"], permissions: [anywhere("read")] },
  ],
  () => 0.5,
);

function ask(action: string, path: string, address: string, credentials: UserRequest["credentials"] = { kind: "none" }) {
  return users.decide({ action, path, remote: { address }, credentials });
}

test("an address list holds for IPv4, IPv4 over IPv6, networks and zones", () => {
  for (const address of ["127.0.0.1", "::ffff:127.0.0.1", "::1", "10.1.2.3", "::ffff:10.1.200.1"]) {
    assert.equal(ask("api", "", address).allowed, true, address);
  }
  assert.equal(ask("read", "x", "fe80::1%eth0").allowed, true);
  for (const address of ["10.2.0.1", "192.168.1.1", "::2", "", "nonsense"]) assert.equal(ask("api", "", address).allowed, false, address);
});

test("a user needs his password, the action and the path", () => {
  const basic = (pass: string): UserRequest["credentials"] => ({ kind: "basic", user: "anna", pass });
  assert.deepEqual(ask("read", "gate", "1.2.3.4", basic("geheim")), { allowed: true, user: "anna" });
  for (const [action, path, pass] of [
    ["read", "yard", "geheim"],
    ["publish", "gate", "geheim"],
    ["read", "gate", "Geheim"],
    ["read", "gate", ""],
  ] as const) {
    const answer = ask(action, path, "1.2.3.4", basic(pass));
    assert.equal(answer.allowed, false);
    if (!answer.allowed) assert.deepEqual([answer.challenge, answer.delayMs], [false, 2000]);
  }
});

test("a digest is verified against the user's own secret", () => {
  const digest: UserRequest["credentials"] = {
    kind: "digest",
    user: "anna",
    verify: (user, secret) => user === "anna" && secret.plain === "geheim",
  };
  assert.equal(ask("read", "gate", "1.2.3.4", digest).allowed, true);
});

test("who sends nothing is challenged at once", () => {
  const answer = ask("read", "gate", "1.2.3.4");
  assert.equal(answer.allowed, false);
  if (!answer.allowed) assert.deepEqual([answer.challenge, answer.delayMs], [true, 0]);
});
