import assert from "node:assert/strict";
import { test } from "node:test";
import { optionalUpload } from "./upload-input.ts";

const PUT = "https://clips.noc.example/upload/17?signature=abc";

test("where to, with what, in what parts, how fast", () => {
  assert.deepEqual(optionalUpload({ put: PUT }, undefined), { url: PUT, headers: {}, partBytes: undefined, maxKbps: undefined });
  assert.deepEqual(optionalUpload({ put: PUT, headers: { Authorization: "Bearer x", "x-amz-meta-site": "" }, part_mb: 8 }, 2000), {
    url: PUT,
    headers: { Authorization: "Bearer x", "x-amz-meta-site": "" },
    partBytes: 8_388_608,
    maxKbps: 2000,
  });
  assert.deepEqual([optionalUpload(undefined, undefined), optionalUpload(null, null)], [undefined, undefined]);
});

test("what cannot be is refused, with the field's name", () => {
  const cases: [unknown, unknown, string][] = [
    ["https://noc.example/", undefined, "dest"],
    [[], undefined, "dest"],
    [{}, undefined, "dest.put"],
    [{ put: "http://noc.example/" }, undefined, "dest.put"],
    [{ put: "file:///etc/passwd" }, undefined, "dest.put"],
    [{ put: "https:///clip" }, undefined, "dest.put"],
    [{ put: "https://a b/" }, undefined, "dest.put"],
    [{ put: "https://user:pass@noc.example/" }, undefined, "dest.put"],
    [{ put: "https://noc.example/#x" }, undefined, "dest.put"],
    [{ put: `https://noc.example/${"x".repeat(9000)}` }, undefined, "dest.put"],
    [{ put: PUT, part_mb: 0 }, undefined, "dest.part_mb"],
    [{ put: PUT, part_mb: 1025 }, undefined, "dest.part_mb"],
    [{ put: PUT, part_mb: 1.5 }, undefined, "dest.part_mb"],
    [{ put: PUT, method: "POST" }, undefined, "method"],
    [{ put: PUT, headers: [] }, undefined, "dest.headers"],
    [{ put: PUT, headers: { Host: "evil" } }, undefined, "dest.headers.Host"],
    [{ put: PUT, headers: { "content-LENGTH": "1" } }, undefined, "dest.headers.content-LENGTH"],
    [{ put: PUT, headers: { "transfer-encoding": "chunked" } }, undefined, "dest.headers.transfer-encoding"],
    [{ put: PUT, headers: { "a b": "x" } }, undefined, "dest.headers.a b"],
    [{ put: PUT, headers: { a: "x\r\nHost: evil" } }, undefined, "dest.headers.a"],
    [{ put: PUT, headers: { a: 7 } }, undefined, "dest.headers.a"],
    [{ put: PUT, headers: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`h${i}`, ""])) }, undefined, "dest.headers"],
    [{ put: PUT }, 0, "max_kbps"],
    [undefined, 100, "max_kbps"],
  ];
  for (const [dest, maxKbps, field] of cases)
    assert.throws(() => optionalUpload(dest, maxKbps), { code: "invalid", field }, JSON.stringify([dest, maxKbps]).slice(0, 200));
});
