import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "#testing/mutate.ts";
import { escapeQuery, pathVariables, secondsText } from "./hook-variables.ts";

test("a path's variables", () => {
  assert.deepEqual(pathVariables({ name: "yard/1", groups: ["yard", "1"] }, 8554), {
    MTX_PATH: "yard/1",
    RTSP_PATH: "yard/1",
    RTSP_PORT: "8554",
    G1: "yard",
    G2: "1",
  });
});

test("a query is one value", () => {
  assert.equal(escapeQuery("a=1&b=x y"), "a%3D1%26b%3Dx+y");
  assert.equal(escapeQuery("~-_.!*'()$;`\"\\\n/é"), "~-_.%21%2A%27%28%29%24%3B%60%22%5C%0A%2F%C3%A9");
});

test("nothing in an escaped query means anything to a shell, and it can be read back", () => {
  const random = seededRandom(1);
  for (let round = 0; round < 500; round++) {
    const query = Array.from({ length: random(20) }, () => String.fromCharCode(random(random(2) === 0 ? 128 : 0x1_0000))).join("");
    const escaped = escapeQuery(query);
    assert.match(escaped, /^[\w\-.~%+]*$/);
    assert.equal(decodeURIComponent(escaped.replaceAll("+", " ")), Buffer.from(query, "utf8").toString("utf8"));
  }
});

test("durations in seconds, without an exponent", () => {
  const texts = [0, 1e-6, 1e-9, 0.04, 2, 61.2345674, 86_400, -5].map(secondsText);
  assert.deepEqual(texts, ["0", "0.000001", "0", "0.04", "2", "61.234567", "86400", "0"]);
});
