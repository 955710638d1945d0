import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestAlgorithm, digestResponse, escaped, parseAuthorization, parseChallenges, unescaped } from "./digest.ts";

/** Scheme, token and parameters of each, to compare. */
function plain(values: readonly string[]): readonly unknown[] {
  return parseChallenges(values).map(({ scheme, token, params }) => [scheme, token, Object.fromEntries(params)]);
}

describe("parseChallenges", () => {
  const cases: readonly [name: string, values: readonly string[], challenges: readonly unknown[]][] = [
    ["one", ['Basic realm="ipcam"'], [["basic", undefined, { realm: "ipcam" }]]],
    [
      "several fields",
      ['Digest realm="a", nonce="b"', "BASIC realm=c"],
      [
        ["digest", undefined, { realm: "a", nonce: "b" }],
        ["basic", undefined, { realm: "c" }],
      ],
    ],
    [
      "several in one field",
      ['Digest realm="a, b=c", nonce="n" , qop="auth,auth-int", Newauth x=1, Basic realm="d"'],
      [
        ["digest", undefined, { realm: "a, b=c", nonce: "n", qop: "auth,auth-int" }],
        ["newauth", undefined, { x: "1" }],
        ["basic", undefined, { realm: "d" }],
      ],
    ],
    [
      "schemes without parameters",
      ["Negotiate, NTLM", "Negotiate YII=, Digest nonce=n"],
      [
        ["negotiate", undefined, {}],
        ["ntlm", undefined, {}],
        ["negotiate", "YII=", {}],
        ["digest", undefined, { nonce: "n" }],
      ],
    ],
    [
      "no commas, spaces at the equals sign",
      ['Digest realm = "a"nonce="b" stale=FALSE'],
      [["digest", undefined, { realm: "a", nonce: "b", stale: "FALSE" }]],
    ],
    ["escaped quotes stay as they are", ['Digest realm="a\\"b\\\\", nonce=n'], [["digest", undefined, { realm: 'a\\"b\\\\', nonce: "n" }]]],
    ["a quote that is never closed", ['Digest nonce=n, realm="a, b'], [["digest", undefined, { nonce: "n", realm: "a, b" }]]],
    [
      "empty values",
      ['Digest opaque=, nonce="", realm=r, domain='],
      [["digest", undefined, { opaque: "", nonce: "", realm: "r", domain: "" }]],
    ],
    ["values with equals signs", ['Digest nonce=MTIz==, opaque="a=b"'], [["digest", undefined, { nonce: "MTIz==", opaque: "a=b" }]]],
    ["parameters without a scheme", ["a=b"], []],
    ["nothing", ["", " , "], []],
  ];
  for (const [name, values, challenges] of cases) it(name, () => assert.deepEqual(plain(values), challenges));

  it("is bounded", () => {
    assert.equal(parseChallenges(Array<string>(100).fill("A, B, C")).length, 16);
    const many = Array.from({ length: 100 }, (_, i) => `p${i}=1`).join(",");
    assert.equal(parseChallenges([`Digest ${many}`])[0]?.params.size, 32);
  });
});

describe("parseAuthorization", () => {
  it("reads a token with padding, and parameters", () => {
    assert.equal(parseAuthorization("Basic dTpw")?.token, "dTpw");
    assert.equal(parseAuthorization("basic  dTpwMQ==")?.token, "dTpwMQ==");
    assert.equal(parseAuthorization("Bearer a.b-c_d")?.token, "a.b-c_d");
    assert.equal(parseAuthorization('Digest username="u", uri="rtsp://h/a,b?c=d"')?.params.get("uri"), "rtsp://h/a,b?c=d");
    assert.equal(parseAuthorization(""), undefined);
  });
});

describe("digestAlgorithm", () => {
  it("compares names without case, and takes MD5 where there is none", () => {
    assert.deepEqual(digestAlgorithm(undefined), { hash: "md5", session: false, strength: 1 });
    assert.deepEqual(digestAlgorithm("md5-SESS"), { hash: "md5", session: true, strength: 1 });
    assert.deepEqual(digestAlgorithm("sha-256"), { hash: "sha256", session: false, strength: 2 });
    assert.deepEqual(digestAlgorithm("SHA-512-256-sess"), { hash: "sha512-256", session: true, strength: 3 });
    assert.equal(digestAlgorithm("SHA-1"), undefined);
  });
});

describe("digestResponse", () => {
  const common = { body: Buffer.alloc(0), nc: "00000001" } as const;

  it("gives the responses of the RFCs' own examples", () => {
    const rfc7616 = {
      ...common,
      user: "Mufasa",
      pass: "Circle of Life",
      realm: "http-auth@example.org",
      nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
      cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
      method: "GET",
      uri: "/dir/index.html",
      qop: "auth",
    } as const;
    // RFC 7616 §3.9.1
    assert.equal(digestResponse({ ...rfc7616, algorithm: digestAlgorithm("MD5")! }), "8ca523f5e9506fed4657c9700eebdbec");
    assert.equal(
      digestResponse({ ...rfc7616, algorithm: digestAlgorithm("SHA-256")! }),
      "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    );
    // RFC 2617 §3.5
    const rfc2617 = {
      ...rfc7616,
      pass: "Circle Of Life",
      realm: "testrealm@host.com",
      nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
      cnonce: "0a4f113b",
      algorithm: digestAlgorithm("MD5")!,
    };
    assert.equal(digestResponse(rfc2617), "6629fae49393a05397450978507c4ef1");
    // RFC 2617 §3.5 in the form of RFC 2069 §2.4
    assert.equal(digestResponse({ ...rfc2617, qop: undefined }), "670fd8c2df070c60b045671b8b24ff02");
  });

  it("differs with the session form and with the body", () => {
    const input = { ...common, user: "u", pass: "p", realm: "r", nonce: "n", cnonce: "c", method: "PLAY", uri: "*" } as const;
    const responses = [
      digestResponse({ ...input, algorithm: digestAlgorithm("MD5")!, qop: "auth" }),
      digestResponse({ ...input, algorithm: digestAlgorithm("MD5-sess")!, qop: "auth" }),
      digestResponse({ ...input, algorithm: digestAlgorithm("MD5")!, qop: "auth-int" }),
      digestResponse({ ...input, algorithm: digestAlgorithm("MD5")!, qop: "auth-int", body: Buffer.from("x") }),
      digestResponse({ ...input, algorithm: digestAlgorithm("SHA-512-256")!, qop: "auth" }),
    ];
    assert.equal(new Set(responses).size, responses.length);
  });
});

describe("escaped, unescaped", () => {
  it("are inverse", () => {
    assert.equal(escaped('a"b\\c'), 'a\\"b\\\\c');
    assert.equal(unescaped(escaped('a"b\\c')), 'a"b\\c');
  });
});
