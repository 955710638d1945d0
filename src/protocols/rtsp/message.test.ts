import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NO_BODY, RtspHeaders, reasonOf, rtspResponse, writeRequest, writeResponse } from "./message.ts";

describe("RtspHeaders", () => {
  it("compares names without case and keeps every value in order", () => {
    const headers = RtspHeaders.of({ CSeq: "1", "WWW-Authenticate": ["Digest a", "Basic b"], Session: undefined });
    headers.add("www-authenticate", "Third");
    assert.equal(headers.get("cseq"), "1");
    assert.deepEqual(headers.getAll("WWW-AUTHENTICATE"), ["Digest a", "Basic b", "Third"]);
    assert.equal(headers.has("Session"), false);
    assert.equal(headers.size, 4);
    headers.set("Www-Authenticate", "one");
    headers.delete("CSEQ");
    assert.deepEqual([...headers], [["Www-Authenticate", "one"]]);
  });
});

describe("writeRequest, writeResponse", () => {
  it("writes the bytes of a request", () => {
    const request = { method: "OPTIONS", url: "rtsp://h/p", headers: RtspHeaders.of({ CSeq: "1", "User-Agent": "x" }), body: NO_BODY };
    assert.equal(writeRequest(request).toString(), "OPTIONS rtsp://h/p RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: x\r\n\r\n");
  });

  it("writes the length of the body that is there", () => {
    const body = Buffer.from("v=0\r\né");
    const response = rtspResponse(200, RtspHeaders.of({ CSeq: "2", "content-length": "999" }), body);
    assert.equal(writeResponse(response).toString(), "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 7\r\n\r\nv=0\r\né");
  });

  it("lets no value end its line", () => {
    const headers = RtspHeaders.of({ Location: "rtsp://h/\r\nSet-Cookie: x", "A\nB": "\u0000c\td" });
    const text = writeResponse({ status: 302, reason: "Moved\r\nX: y", headers, body: NO_BODY }).toString();
    assert.equal(text, "RTSP/1.0 302 Moved  X: y\r\nLocation: rtsp://h/  Set-Cookie: x\r\nA B:  c\td\r\n\r\n");
  });
});

describe("reasonOf", () => {
  it("knows the codes of RFC 2326 and says so for others", () => {
    assert.deepEqual([200, 454, 461, 551, 299].map(reasonOf), [
      "OK",
      "Session Not Found",
      "Unsupported transport",
      "Option not supported",
      "Unknown",
    ]);
  });
});
