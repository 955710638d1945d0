// /.well-known/security.txt of the API and of the site page: for anybody, as long as somebody is named.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { supportUntil } from "#base/version.ts";
import { securityTextOf } from "./security-text.ts";

const clockAt = (utcMs: number, quality: "ntp" | "none" = "ntp") =>
  ({ nowUs: () => 0, utcOf: () => ({ utcUs: utcMs * 1000, quality, errorMs: 1 }) }) as never;
const config = (securityContact: string) => ({ global: { securityContact } }) as never;

test("it holds for half a year, and not beyond the support", () => {
  const contact = "mailto:security@example.com";
  const nowMs = Date.UTC(2027, 0, 1);
  assert.deepEqual(securityTextOf({ config: config(contact), clock: clockAt(nowMs) }), { contact, expiresMs: nowMs + 180 * 86_400_000 });
  const endMs = Date.parse(`${supportUntil}T23:59:59Z`);
  assert.equal(securityTextOf({ config: config(contact), clock: clockAt(endMs - 1000) })!.expiresMs, endMs);
  assert.equal(securityTextOf({ config: config(contact), clock: clockAt(0, "none") })!.expiresMs, endMs);
  assert.equal(securityTextOf({ config: config(""), clock: clockAt(nowMs) }), undefined);
});

test("SECURITY.md tells the same end of support", () => {
  const text = readFileSync(new URL("../../SECURITY.md", import.meta.url), "utf8");
  const date = new Date(supportUntil);
  const words = `${date.getUTCDate()} ${date.toLocaleString("en", { month: "long", timeZone: "UTC" })} ${date.getUTCFullYear()}`;
  assert.ok(text.includes(words), words);
});
