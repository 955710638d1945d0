import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RtspHeaders } from "./message.ts";
import { parseContentLength, parseHeaders, parseStartLine } from "./message-parser.ts";

describe("parseStartLine", () => {
  const request = (method: string, url: string) => ({ kind: "request", method, url });
  const response = (status: number, reason: string) => ({ kind: "response", status, reason });
  const cases: readonly [line: string, expected: unknown][] = [
    ["DESCRIBE rtsp://h/p RTSP/1.0", request("DESCRIBE", "rtsp://h/p")],
    ["DESCRIBE  rtsp://h/a b  RTSP/1.0 ", request("DESCRIBE", "rtsp://h/a b")],
    ["OPTIONS * RTSP/2.0", request("OPTIONS", "*")],
    ["X_NEW\t/p\tRTSP/1.0", request("X_NEW", "/p")],
    ["RTSP/1.0 200 OK", response(200, "OK")],
    ["RTSP/1.0  404  Not Found ", response(404, "Not Found")],
    ["RTSP/1.0 200", response(200, "")],
    ["RTSP/1.0 20 OK", undefined],
    ["RTSP/1.0 2000 OK", undefined],
    ["RTSP/1.0 OK", undefined],
    ["OPTIONS RTSP/1.0", undefined],
    ["OPTIONS rtsp://h/p", undefined],
    ["OPTIONS rtsp://h/p HTTP/1.1", undefined],
    ["options rtsp://h/p RTSP/1.0", undefined],
    [" rtsp://h/p RTSP/1.0", undefined],
    ["RTSP/1.0", undefined],
    ["", undefined],
  ];
  for (const [line, expected] of cases) {
    it(JSON.stringify(line), () => assert.deepEqual(parseStartLine(line), expected));
  }
});

describe("parseHeaders", () => {
  it("unfolds, trims and skips what is no header", () => {
    const headers = parseHeaders(["  lost", "A :  b ", "\tc", "D:", " e", "none", ":x", "A: f:g"]);
    assert.deepEqual(
      [...headers],
      [
        ["A", "b c"],
        ["D", "e"],
        ["A", "f:g"],
      ],
    );
  });
});

describe("parseContentLength", () => {
  const lengthOf = (...values: string[]) => parseContentLength(RtspHeaders.of({ "Content-Length": values }));
  it("tells numbers from garbage", () => {
    assert.equal(lengthOf(), undefined);
    assert.equal(lengthOf("0"), 0);
    assert.equal(lengthOf("0017", "17"), 17);
    assert.equal(lengthOf("2147483648"), 2 ** 31);
    assert.equal(lengthOf("9".repeat(40)), Number.MAX_SAFE_INTEGER);
    for (const value of ["-1", "", "1 2", "1,1", "0x1", "1e3", "NaN"]) assert.equal(lengthOf(value), "garbage", value);
    assert.equal(lengthOf("1", "2"), "garbage");
  });
});
