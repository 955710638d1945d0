import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { apiDocsPage } from "./api-docs-page.ts";

const page = apiDocsPage(readFileSync(new URL("../docs/openapi.yaml", import.meta.url), "utf8"));

test("every operation is there, and every link leads somewhere", () => {
  for (const line of ["GET", "POST", "PATCH", "DELETE"]) assert.ok(page.includes(`>${line}</span>`), line);
  assert.ok(page.includes("/<wbr>v3/<wbr>paths/<wbr>list"));
  const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
  const links = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id!);
  assert.ok(links.length > 100);
  assert.deepEqual(
    links.filter((id) => !ids.has(id)),
    [],
  );
  assert.equal(ids.size, [...page.matchAll(/ id="/g)].length, "no id twice");
});

test("no script, no style in it, and nothing from elsewhere", () => {
  assert.doesNotMatch(page, /<script|<style| style=| on\w+=|https?:/);
});

test("what stands in the document stays text", () => {
  const text = `info: {title: '<b>"x"', description: 'a & \`b<i>\`'}
paths:
  /x/{name}:
    get: {operationId: x, tags: [A B], summary: '<script>', responses: {"200": {description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/X"}}}}}}
components:
  schemas:
    X: {type: object, required: [a], properties: {a: {type: integer, nullable: true}, b: {type: array, items: {enum: [one, 2]}, deprecated: true}}}
`;
  const small = apiDocsPage(text);
  assert.ok(small.includes("&#60;script&#62;") && !small.includes("<script"));
  assert.ok(small.includes("a &#38; <code>b&#60;i&#62;</code>"));
  assert.ok(small.includes("integer or null"));
  assert.ok(small.includes("list of <code>&#34;one&#34;</code> <code>2</code>, optional, deprecated"));
  assert.ok(small.includes('<section id="A-B">'));
});
