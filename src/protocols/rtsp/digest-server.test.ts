import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { Credentials } from "#relay/access.ts";
import { DigestClient } from "./digest-client.ts";
import { DigestServer, isDigestUriOf } from "./digest-server.ts";
import { RtspSplitter } from "./interleaved.ts";
import { NO_BODY, RtspHeaders, type RtspRequest } from "./message.ts";

const NONCE = "0123456789abcdef0123456789abcdef";
const URL_OF_TRACK = "rtsp://10.0.0.2:8554/cam1/trackID=0";

function request(authorization: string | undefined, method = "DESCRIBE", url = "rtsp://10.0.0.2:8554/cam1"): RtspRequest {
  return { method, url, headers: RtspHeaders.of({ Authorization: authorization }), body: NO_BODY };
}

function both(): DigestServer {
  return new DigestServer({ methods: ["basic", "digest"], nonce: NONCE });
}

function proves(credentials: Credentials, user: string, plain: string): boolean {
  return credentials.kind === "digest" && credentials.verify(user, { plain });
}

/** What our client answers to our server's challenges. */
function answer(server: DigestServer, user: string, pass: string, method = "DESCRIBE", uri = "rtsp://10.0.0.2:8554/cam1"): string {
  const client = new DigestClient({ user, pass });
  client.accept(server.challenges(request(undefined)));
  return client.authorize(method, uri)!;
}

describe("DigestServer challenges", () => {
  it("offers the methods, MD5 last", () => {
    assert.deepEqual(both().challenges(request(undefined)), [
      'Basic realm="ipcam"',
      `Digest realm="ipcam", nonce="${NONCE}", algorithm=SHA-256`,
      `Digest realm="ipcam", nonce="${NONCE}"`,
    ]);
    assert.deepEqual(new DigestServer({ methods: ["basic"], realm: "site" }).challenges(request(undefined)), ['Basic realm="site"']);
  });

  it("has another nonce for each connection", () => {
    const nonces = Array.from({ length: 20 }, () => new DigestServer({ methods: ["digest"] }).challenges(request(undefined))[0]);
    assert.equal(new Set(nonces).size, nonces.length);
  });

  it("says stale to the nonce of another connection", () => {
    const other = answer(new DigestServer({ methods: ["digest"] }), "u", "p");
    assert.match(both().challenges(request(other))[2]!, /, stale=true$/);
    assert.doesNotMatch(
      both()
        .challenges(request(answer(both(), "u", "wrong")))
        .join(),
      /stale/,
    );
  });
});

describe("DigestServer credentials", () => {
  it("finds none where there are none, or of a kind that is not offered", () => {
    const basic = `Basic ${Buffer.from("u:p").toString("base64")}`;
    for (const value of [undefined, "", "Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Digest", "Newauth x"]) {
      assert.deepEqual(both().credentials(request(value)), { kind: "none" }, value);
    }
    assert.deepEqual(new DigestServer({ methods: ["digest"] }).credentials(request(basic)), { kind: "none" });
    const basicOnly = new DigestServer({ methods: ["basic"], nonce: NONCE });
    assert.deepEqual(basicOnly.credentials(request(answer(both(), "u", "p"))), { kind: "none" });
    assert.deepEqual(
      both().credentials(request(answer(new DigestServer({ methods: ["digest"] }), "u", "p"))),
      { kind: "none" },
      "foreign nonce",
    );
  });

  it("reads Basic in UTF-8 and in Latin-1, with colons in the password", () => {
    for (const encoding of ["utf8", "latin1"] as const) {
      const value = `basic ${Buffer.from("jürgen:p:ä:", encoding).toString("base64")}`;
      assert.deepEqual(both().credentials(request(value)), { kind: "basic", user: "jürgen", pass: "p:ä:" });
    }
    assert.deepEqual(both().credentials(request("Basic Og==")), { kind: "basic", user: "", pass: "" });
  });

  it("reads a bearer token", () => {
    assert.deepEqual(both().credentials(request("Bearer a.b.c")), { kind: "token", token: "a.b.c" });
  });

  it("verifies what our client computes, and nothing else", () => {
    const server = both();
    const credentials = server.credentials(request(answer(server, 'us"er', "p@:/%#ü")));
    assert.equal(credentials.kind === "digest" && credentials.user, 'us"er');
    assert.equal(proves(credentials, 'us"er', "p@:/%#ü"), true);
    assert.equal(proves(credentials, 'us"er', "p@:/%#u"), false);
    assert.equal(proves(credentials, "user", "p@:/%#ü"), false);
    const value = answer(server, "u", "p");
    assert.equal(proves(server.credentials(request(value, "SETUP")), "u", "p"), false, "another method");
    assert.equal(proves(server.credentials(request(value, "DESCRIBE", "rtsp://10.0.0.2:8554/cam2")), "u", "p"), false, "another path");
    for (const [from, to] of [
      [/realm="ipcam"/, 'realm="other"'],
      [/response="[0-9a-f]+"/, 'response=""'],
      [/response="[0-9a-f]+"/, 'response="00"'],
      [/, response=/, ", x="],
      [/SHA-256/, "SHA-1"],
      [/, algorithm/, ", qop=token, algorithm"],
      [/username="u"/, 'username="v"'],
    ] as const) {
      assert.notEqual(value.replace(from, to), value);
      assert.equal(proves(server.credentials(request(value.replace(from, to))), "u", "p"), false, String(to));
    }
  });

  it("verifies qop and upper-case hex", () => {
    const client = new DigestClient({ user: "u", pass: "p" });
    client.accept([`Digest realm="ipcam", nonce="${NONCE}", qop="auth", algorithm=MD5-sess`]);
    const value = client.authorize("DESCRIBE", "rtsp://10.0.0.2:8554/cam1")!;
    assert.equal(proves(both().credentials(request(value)), "u", "p"), true);
    const upper = value.replace(/response="([0-9a-f]+)"/, (_, hex: string) => `response="${hex.toUpperCase()}"`);
    assert.equal(proves(both().credentials(request(upper)), "u", "p"), true);
  });

  const dialogs: readonly [file: string, user: string, pass: string, answered: number][] = [
    ["ffmpeg-read-tcp.client.bin", "admin", "p@ss:w/rd", 5],
    ["gstreamer-read.client.bin", "admin", "p@ss:w/rd", 5],
    ["vlc-read.client.bin", "viewer", "sécret", 6],
  ];
  for (const [file, user, pass, answered] of dialogs) {
    it(`accepts every digest of ${file}`, () => {
      const verdicts: boolean[] = [];
      const splitter = new RtspSplitter({
        isKnownChannel: () => true,
        onPacket: () => {},
        onRequest: (one) => {
          if (one.headers.has("Authorization")) verdicts.push(proves(both().credentials(one), user, pass));
        },
        onResponse: () => assert.fail(),
        onFault: () => assert.fail(),
      });
      splitter.push(readFileSync(new URL(`./testdata/${file}`, import.meta.url)));
      assert.deepEqual(verdicts, Array<boolean>(answered).fill(true));
    });
  }
});

describe("isDigestUriOf", () => {
  const cases: readonly [method: string, url: string, uri: string, matches: boolean][] = [
    ["SETUP", URL_OF_TRACK, URL_OF_TRACK, true],
    ["SETUP", URL_OF_TRACK, "rtsp://10.0.0.2:8554/cam1/", true],
    ["SETUP", URL_OF_TRACK, "rtsp://10.0.0.2:8554/cam1", true],
    ["SETUP", URL_OF_TRACK, "/cam1/trackID=0", true],
    ["SETUP", URL_OF_TRACK, "rtsp://gate/cam1/trackID=0", true],
    ["SETUP", URL_OF_TRACK, "rtsp://10.0.0.2:8554/cam2", false],
    ["SETUP", URL_OF_TRACK, "rtsp://10.0.0.2:8554/cam", false],
    ["SETUP", URL_OF_TRACK, "rtsp://10.0.0.2:8554/cam1/trackID=1", false],
    ["SETUP", "rtsp://h/site/cam1/trackID=0", "rtsp://h/site", false],
    ["SETUP", "rtsp://h/cam1?a=b/trackID=0", "rtsp://h/cam1?a=b", true],
    ["PLAY", URL_OF_TRACK, "rtsp://10.0.0.2:8554/cam1", false],
    ["PLAY", "rtsp://h/cam1/", "rtsp://h/cam1", true],
    ["PLAY", "rtsp://h/gr%C3%BCn", "rtsp://h/grün", true],
    ["PLAY", "rtsp://h/cam1", "", false],
    ["OPTIONS", "*", "*", true],
    ["OPTIONS", "*", "rtsp://h/", false],
  ];
  for (const [method, url, uri, matches] of cases) {
    it(`${method} ${url} ${uri}`, () => assert.equal(isDigestUriOf(request(undefined, method, url), uri), matches));
  }
});
