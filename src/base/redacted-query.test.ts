import assert from "node:assert/strict";
import { test } from "node:test";
import { redactedQuery } from "./redacted-query.ts";

test("secrets are not shown, everything else stays as it is", () => {
  for (const [query, shown] of [
    ["", ""],
    ["a=b&c", "a=b&c"],
    ["user=u&pass=p%26q", "user=u&pass=***"],
    ["jwt=a.b.c", "jwt=***"],
    ["x=1&TOKEN=t&y=2", "x=1&TOKEN=***&y=2"],
    ["pass=&password=x&compass=north", "pass=***&password=***&compass=north"],
  ])
    assert.equal(redactedQuery(query!), shown);
});
