import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SuppliedCredentials } from "./access-question.ts";
import { loginOf, passwordOfQuery, tokenOf, tokenOfQuery } from "./login.ts";

const NONE: SuppliedCredentials = { kind: "none" };
const basic = (user: string, pass: string): SuppliedCredentials => ({ kind: "basic", user, pass });

function userAndPass(credentials: SuppliedCredentials, protocol: string, query: string): readonly [string, string] {
  const { user, pass } = loginOf({ credentials, protocol, query });
  return [user, pass];
}

describe("passwordOfQuery", () => {
  it("takes user and pass, decoded", () => {
    assert.deepEqual(passwordOfQuery("user=anna&pass=p%40ss%2Fw+rd&x=1"), { user: "anna", pass: "p@ss/w rd" });
    assert.deepEqual(passwordOfQuery("user=anna&pass="), { user: "anna", pass: "" });
  });

  it("takes nothing where one is missing or doubled", () => {
    for (const query of [
      "",
      "user=anna",
      "pass=x",
      "user=a&user=b&pass=x",
      "user=a&pass=x&pass=y",
      "User=a&Pass=b",
      `user=a&pass=${"x".repeat(20_000)}`,
    ])
      assert.equal(passwordOfQuery(query), undefined, query.slice(0, 40));
  });
});

describe("tokenOfQuery", () => {
  it("takes token, else jwt, once", () => {
    assert.equal(tokenOfQuery("token=a.b-c_d"), "a.b-c_d");
    assert.equal(tokenOfQuery("jwt=old"), "old");
    assert.equal(tokenOfQuery("jwt=old&token=new"), "new");
    assert.equal(tokenOfQuery("token=a&token=b"), "");
    assert.equal(tokenOfQuery("nottoken=a"), "");
  });
});

describe("loginOf", () => {
  it("takes the query for RTSP and RTMP only, and only where the header says nothing", () => {
    const query = "user=anna&pass=geheim";
    assert.deepEqual(userAndPass(NONE, "rtsp", query), ["anna", "geheim"]);
    assert.deepEqual(userAndPass(NONE, "rtmp", query), ["anna", "geheim"]);
    assert.deepEqual(userAndPass(basic("", ""), "rtsp", query), ["anna", "geheim"]);
    for (const protocol of ["hls", "webrtc", "srt", "moq", ""]) assert.deepEqual(userAndPass(NONE, protocol, query), ["", ""], protocol);
    assert.deepEqual(userAndPass(basic("otto", "x"), "rtsp", query), ["otto", "x"]);
    assert.deepEqual(userAndPass({ kind: "token", token: "t" }, "rtsp", query), ["", ""]);
    assert.deepEqual(userAndPass({ kind: "digest", user: "otto", verify: () => true }, "rtsp", query), ["otto", ""]);
  });
});

describe("tokenOf", () => {
  it("takes the bearer token, else the password, else the query", () => {
    const query = "token=ofQuery";
    assert.equal(tokenOf({ credentials: { kind: "token", token: "ofHeader" }, protocol: "rtsp", query }), "ofHeader");
    assert.equal(tokenOf({ credentials: basic("any", "ofPassword"), protocol: "rtsp", query }), "ofPassword");
    assert.equal(tokenOf({ credentials: basic("any", ""), protocol: "rtsp", query }), "ofQuery");
    assert.equal(tokenOf({ credentials: NONE, protocol: "rtsp", query }), "ofQuery");
    assert.equal(tokenOf({ credentials: NONE, protocol: "rtsp", query: "user=x&pass=ofQueryPassword" }), "ofQueryPassword");
    assert.equal(tokenOf({ credentials: NONE, protocol: "hls", query }), "");
  });
});
