import assert from "node:assert/strict";
import { test } from "node:test";
import { pageOf, parsePage } from "./page.ts";

const pageIn = (query: string) => parsePage(new URLSearchParams(query));

test("100 items from the first on, where nothing else is asked for", () => {
  assert.deepEqual(pageIn(""), { number: 0, size: 100 });
  assert.deepEqual(pageIn("page=&itemsPerPage="), { number: 0, size: 100 });
  assert.deepEqual(pageIn("page=3&itemsPerPage=2147483647"), { number: 3, size: 2_147_483_647 });
});

test("what is no page is said by its name", () => {
  for (const [query, message] of [
    ["itemsPerPage=0", "invalid items per page"],
    ["page=-1", "invalid page: '-1' is not a number from 0 to 2147483647"],
    ["page=2147483648", "invalid page: '2147483648' is not a number from 0 to 2147483647"],
    ["itemsPerPage=x", "invalid itemsPerPage: 'x' is not a number from 0 to 2147483647"],
    ["page=1.5", "invalid page: '1.5' is not a number from 0 to 2147483647"],
  ] as const) {
    assert.throws(() => pageIn(query), { code: "invalid", message });
  }
});

test("counts are those of all pages", () => {
  const all = ["a", "b", "c", "d", "e"];
  assert.deepEqual(pageOf(all, { number: 0, size: 2 }), { itemCount: 5, pageCount: 3, items: ["a", "b"] });
  assert.deepEqual(pageOf(all, { number: 2, size: 2 }), { itemCount: 5, pageCount: 3, items: ["e"] });
  assert.deepEqual(pageOf(all, { number: 3, size: 2 }), { itemCount: 5, pageCount: 3, items: [] });
  assert.deepEqual(pageOf(all, { number: 2 ** 31 - 1, size: 2 ** 31 - 1 }), { itemCount: 5, pageCount: 1, items: [] });
  assert.deepEqual(pageOf([], { number: 0, size: 100 }), { itemCount: 0, pageCount: 0, items: [] });
});
