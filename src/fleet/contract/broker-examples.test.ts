// docs/mqtt/examples/emqx-acl.conf, read as EMQX documents its rules: each topic of the contract for whom it is, and no other.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Topics } from "../topics.ts";
import { messages } from "./messages.table.ts";

type Action = "publish" | "subscribe";

interface Rule {
  readonly isAllowed: boolean;
  readonly who: (name: string) => boolean;
  readonly action: string;
  /** Undefined: whatever it is. */
  readonly topics: readonly string[] | undefined;
}

const text = readFileSync(new URL("../../../docs/mqtt/examples/emqx-acl.conf", import.meta.url), "utf8");
const rules = text
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("%%"))
  .map((line): Rule => {
    const [, verdict, who, action, topics] =
      /^\{(allow|deny), (all|\{username, (?:"[^"]+"|\{re, "[^"]+"\})\})(?:, (publish|subscribe|all), \[(.*)\])?\}\.$/.exec(line) ?? [];
    assert.ok(verdict !== undefined && who !== undefined, line);
    const [, name] = /^\{username, "([^"]+)"\}$/.exec(who) ?? [];
    const [, pattern] = /\{re, "([^"]+)"\}/.exec(who) ?? [];
    return {
      isAllowed: verdict === "allow",
      who: (asked) => (name !== undefined ? asked === name : pattern === undefined || new RegExp(pattern).test(asked)),
      action: action ?? "all",
      topics: topics === undefined ? undefined : [...topics.matchAll(/"([^"]+)"/g)].map(([, topic]) => topic!),
    };
  });

/** What EMQX puts the name in place of. */
const NAME = "$" + "{username}";

function covers(filter: string, topic: string): boolean {
  const [wanted, levels] = [filter.split("/"), topic.split("/")];
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return true;
    if (levels[i] === undefined || (level !== "+" && level !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

function may(name: string, action: Action, topic: string): boolean {
  const rule = rules.find(
    (one) =>
      one.who(name) &&
      (one.action === "all" || one.action === action) &&
      (one.topics === undefined || one.topics.some((filter) => covers(filter.replace(NAME, name), topic))),
  );
  return rule?.isAllowed ?? false;
}

const topicOf = (template: string, gateway: string): string =>
  template
    .replace("{tenant}", "acme")
    .replace("{gateway}", gateway)
    .replaceAll(/\{\w+\}/g, "x1");

test("EMQX's rules let a gateway do what the contract says, and nothing else", () => {
  for (const { topic } of messages) {
    const [own, foreign] = [topicOf(topic, "gw-0001"), topicOf(topic, "gw-0002")];
    const isUp = /\/up\//.test(topic);
    assert.equal(may("gw-0001", "publish", own), isUp, own);
    assert.equal(may("gw-0001", "subscribe", own), !isUp, own);
    if (foreign === own) continue;
    for (const action of ["publish", "subscribe"] as const) assert.ok(!may("gw-0001", action, foreign), `${action} ${foreign}`);
  }
  for (const filter of new Topics({ tenant: "acme", gatewayId: "gw-0001" }).subscriptions)
    assert.ok(may("gw-0001", "subscribe", filter), filter);
  for (const filter of ["#", "cg/#", "cg/v1/acme/+/dn/#", "$SYS/#", "cg/v1/other/gw-0001/dn/cmd"])
    assert.ok(!may("gw-0001", "subscribe", filter), filter);
});

test("and the NOC what it does", () => {
  for (const { topic } of messages) {
    const there = topicOf(topic, "gw-0001");
    const isUp = /\/up\//.test(topic);
    assert.ok(may("noc-cli", "subscribe", there), there);
    const isWiped = /\/up\/(?:state|info|cfg)$/.test(topic);
    assert.equal(may("noc-cli", "publish", there), !isUp || isWiped, there);
    assert.equal(may("noc-ingest", "subscribe", there), isUp, there);
    assert.equal(may("noc-ingest", "publish", there), topic.endsWith("_noc/state"), there);
  }
  assert.ok(!may("noc-ingest", "publish", "cg/v1/acme/noc-ingest/up/tel"), "it is no gateway");
});
