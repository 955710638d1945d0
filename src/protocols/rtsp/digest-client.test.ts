import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAuthorization } from "./digest.ts";
import { DigestClient, type DigestClientOptions } from "./digest-client.ts";

const URL = "rtsp://10.0.0.1/Streaming/101";

function client(options: Partial<DigestClientOptions> = {}): DigestClient {
  let calls = 0;
  return new DigestClient({ user: "admin", pass: "p@:/%#ü", makeCnonce: () => `c${++calls}`, ...options });
}

function fieldsOf(one: DigestClient): Readonly<Record<string, string>> {
  const fields = parseAuthorization(one.authorize("DESCRIBE", URL) ?? "");
  assert.equal(fields?.scheme, "digest");
  return Object.fromEntries(fields.params);
}

describe("DigestClient", () => {
  it("has nothing to say before a challenge", () => {
    assert.equal(client().authorize("OPTIONS", URL), undefined);
  });

  it("answers Basic in UTF-8", () => {
    const one = client();
    assert.equal(one.accept(['Basic realm="x"']), "retry");
    assert.equal(one.authorize("OPTIONS", URL), `Basic ${Buffer.from("admin:p@:/%#ü").toString("base64")}`);
    assert.equal(one.digestSeen, false);
  });

  it("answers a challenge without qop in the form of RFC 2069, and echoes what it must", () => {
    const one = client({ user: 'a"b', pass: "pass" });
    assert.equal(one.accept(['Digest realm="IP \\"Cam\\"", nonce="n1", opaque="o", algorithm=md5']), "retry");
    const value = one.authorize("PLAY", URL)!;
    assert.match(
      value,
      /^Digest username="a\\"b", realm="IP \\"Cam\\"", nonce="n1", uri="rtsp:\/\/10\.0\.0\.1\/Streaming\/101", response="[0-9a-f]{32}", opaque="o", algorithm=md5$/,
    );
  });

  it("counts nc and makes a fresh cnonce for each request", () => {
    const one = client();
    one.accept(['Digest realm="r", nonce="n", qop="auth,auth-int"']);
    const three = [fieldsOf(one), fieldsOf(one), fieldsOf(one)];
    assert.deepEqual(
      three.map(({ nc, cnonce, qop }) => [nc, cnonce, qop]),
      [
        ["00000001", "c1", "auth"],
        ["00000002", "c2", "auth"],
        ["00000003", "c3", "auth"],
      ],
    );
    assert.equal(new Set(three.map(({ response }) => response)).size, 3);
    one.accept(['Digest realm="r", nonce="n2", qop="auth"']);
    assert.equal(fieldsOf(one)["nc"], "00000001", "counts each nonce anew");
  });

  it("keeps the cnonce of a session algorithm as long as the nonce", () => {
    const one = client();
    one.accept(['Digest realm="r", nonce="n", algorithm=MD5-sess']);
    assert.deepEqual([fieldsOf(one)["cnonce"], fieldsOf(one)["cnonce"]], ["c1", "c1"]);
    one.accept(['Digest realm="r", nonce="n2", algorithm=MD5-sess']);
    assert.equal(fieldsOf(one)["cnonce"], "c2");
  });

  it("uses auth-int where nothing else is offered", () => {
    const one = client();
    one.accept(['Digest realm="r", nonce="n", qop="auth-int"']);
    const values = ["", "body"].map((body) => one.authorize("SET_PARAMETER", URL, Buffer.from(body))!);
    assert.match(values[0]!, /qop=auth-int/);
  });

  const md5 = 'Digest realm="r", nonce="md5"';
  const sha256 = 'Digest realm="r", nonce="sha256", algorithm="SHA-256"';
  const sha512 = 'Digest realm="r", nonce="sha512", algorithm=SHA-512-256';
  const unknown = 'Digest realm="r", nonce="x", algorithm=SHA3-512';
  const oddQop = 'Digest realm="r", nonce="x", algorithm=SHA-512-256, qop="token"';
  const basic = 'Basic realm="r"';
  const choices: readonly [values: readonly string[], nonce: string, algorithm: string | undefined][] = [
    [[md5, sha256, sha512, basic], "sha512", "SHA-512-256"],
    [[basic, sha512, sha256, md5], "sha512", "SHA-512-256"],
    [[`${basic}, ${md5}, ${sha256}`], "sha256", "SHA-256"],
    [[unknown, oddQop, "Newauth a=b", md5], "md5", undefined],
    [['Digest realm="r"', basic, md5], "md5", undefined],
  ];
  for (const [values, nonce, algorithm] of choices) {
    it(`chooses ${nonce} of ${values.join(" | ")}`, () => {
      const one = client();
      assert.equal(one.accept(values), "retry");
      const fields = fieldsOf(one);
      assert.deepEqual([fields["nonce"], fields["algorithm"]], [nonce, algorithm]);
    });
  }

  it("says when nothing is offered that it knows", () => {
    for (const values of [[], ["Negotiate"], [unknown], ['garbage ,,= " ']]) assert.equal(client().accept(values), "unsupported");
  });

  it("tells a wrong password from an old nonce", () => {
    const one = client();
    one.accept(['Digest realm="r", nonce="1"']);
    one.authorize("DESCRIBE", URL);
    assert.equal(one.accept(['Digest realm="r", nonce="2"']), "refused", "refused at its first use");

    const kept = client();
    kept.accept(['Digest realm="r", nonce="1"']);
    kept.authorize("DESCRIBE", URL);
    kept.authorize("SETUP", URL);
    assert.equal(kept.accept(['Digest realm="r", nonce="1"']), "refused", "the nonce is still good, the rest is not");

    const flagged = client();
    flagged.accept(['Digest realm="r", nonce="1"']);
    flagged.authorize("DESCRIBE", URL);
    assert.equal(flagged.accept(['Digest realm="r", nonce="2", stale=TRUE']), "stale");

    const unflagged = client();
    unflagged.accept(['Digest realm="r", nonce="1"']);
    unflagged.authorize("PLAY", URL);
    unflagged.authorize("GET_PARAMETER", URL);
    assert.equal(unflagged.accept(['Digest realm="r", nonce="2", stale=false']), "stale", "it worked before");

    const plain = client();
    plain.accept([basic]);
    plain.authorize("DESCRIBE", URL);
    assert.equal(plain.accept([basic]), "refused");
  });

  it("follows a server that changes its nonce with every request", () => {
    const one = client();
    one.accept(['Digest realm="r", nonce="0"']);
    one.authorize("DESCRIBE", URL);
    for (let request = 1; request < 5; request++) {
      one.authorize("SETUP", URL);
      assert.equal(one.accept([`Digest realm="r", nonce="${request}"`]), "stale");
      assert.equal(fieldsOf(one)["nonce"], String(request));
    }
  });

  it("refuses Basic from a server that was seen with Digest", () => {
    const one = client();
    one.accept([md5]);
    assert.equal(one.accept([basic]), "downgrade");
    assert.equal(one.authorize("DESCRIBE", URL), undefined);
    assert.equal(client({ digestSeen: one.digestSeen }).accept([basic]), "downgrade");
    assert.equal(client({ digestSeen: true, allowBasic: true }).accept([basic]), "retry");
  });
});
