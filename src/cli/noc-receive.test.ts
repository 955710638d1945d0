// What `camgate noc receive` says of its options, and what it grants.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readUploadToken } from "#noc/upload-tokens.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { writeSelfSigned } from "#testing/self-signed.ts";
import { runNoc } from "./noc.ts";

async function setUp(t: TestContext) {
  const folder = await temporaryFolder(t);
  const run = async (...words: readonly string[]) => {
    const lines: string[] = [];
    const surroundings = { env: { CAMGATE_NOC_DIRECTORY: folder }, signal: AbortSignal.abort(), columns: undefined };
    return { code: await runNoc(["receive", ...words], { line: (text) => lines.push(text) }, surroundings), text: lines.join("\n") };
  };
  return { folder, run };
}

test("a grant is what a command's dest takes", async (t) => {
  const { folder, run } = await setUp(t);
  const { code, text } = await run(
    "grant",
    "gw-0001/case-17.mp4",
    "--url",
    "https://clips.noc.example:8443/",
    "--ttl",
    "60",
    "--part-mb",
    "4",
  );
  const { put, headers, part_mb } = JSON.parse(text);
  assert.deepEqual([code, put, part_mb], [0, "https://clips.noc.example:8443/gw-0001/case-17.mp4", 4]);
  const token = headers.Authorization.replace(/^Bearer /, "");
  assert.deepEqual(readUploadToken(await readFile(join(folder, "receive.key")), token, Date.now()), { name: "gw-0001/case-17.mp4" });
});

test("what is wrong is said with the option's name", async (t) => {
  const { folder, run } = await setUp(t);
  const { certFile, keyFile } = await writeSelfSigned(folder);
  const pair = ["--tls-cert", certFile, "--tls-key", keyFile];
  await writeFile(join(folder, "large.pem"), Buffer.alloc(2 ** 20 + 1));
  const cases: [readonly string[], RegExp][] = [
    [["grant"], /receive grant <name>/],
    [["grant", "../x", "--url", "https://a"], /^name: '\.\.\/x' has to have/],
    [["grant", "x"], /^--url: /],
    [["grant", "x", "--url", "http://a"], /^--url: /],
    [["grant", "x", "--url", "https://a/b"], /^--url: /],
    [["grant", "x", "--url", "https://a", "--ttl", "1"], /^--ttl: /],
    [["grant", "x", "--url", "https://a", "--part-mb", "1.5"], /^--part-mb: /],
    [["other"], /receive grant <name>/],
    [[], /^--folder: /],
    [["--folder", folder, "--listen", "8443"], /^--listen: /],
    [["--folder", folder, "--quota", "many"], /^--quota: 'many' is no size/],
    [["--folder", folder], /^--tls-key: .*enrol receiver/],
    [["--folder", folder, ...pair, "--client-ca", join(folder, "none.pem")], /^--client-ca: there is no file/],
    [["--folder", folder, ...pair, "--crl", join(folder, "large.pem")], /^--crl: .* larger than/],
    [["--folder", folder, "--tls-cert", keyFile, "--tls-key", keyFile], /^--tls-key, --tls-cert: /],
  ];
  for (const [words, message] of cases) {
    const { code, text } = await run(...words);
    assert.equal(code, 1, words.join(" "));
    assert.match(text, message);
  }
  const { code, text } = await run("--folder", join(folder, "in"), "--listen", "127.0.0.1:0", ...pair);
  assert.equal(code, 0);
  assert.match(text, /^https:\/\/127\.0\.0\.1:\d+: files go to /);
});
