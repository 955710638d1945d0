import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { contentBaseOf, parsePublic, parseRtpInfo, parseSession, writeRtpInfo, writeSession } from "./headers.ts";
import { RtspHeaders } from "./message.ts";

describe("parseSession", () => {
  const cases: readonly [value: string, id: string | undefined, timeoutS: number | undefined][] = [
    ["12345678", "12345678", undefined],
    ["       1185786129;timeout=60", "1185786129", 60],
    ["id;timeout=5", "id", 5],
    ['7F4C31A2;timeout="60"', "7F4C31A2", 60],
    ["id ; Timeout = 30", "id", 30],
    ["id;timeout=0", "id", 0],
    ["id;timeout=", "id", undefined],
    ["id;timeout=-1", "id", undefined],
    ["id;timeout=60.5", "id", 60],
    ["id;x=1;timeout=60;timeout=5", "id", 60],
    ["a=b$+-_.", "a=b$+-_.", undefined],
    ["", undefined, undefined],
    [";timeout=60", undefined, undefined],
  ];
  for (const [value, id, timeoutS] of cases) {
    it(JSON.stringify(value), () => assert.deepEqual(parseSession(value), id === undefined ? undefined : { id, timeoutS }));
  }

  it("reads what writeSession wrote", () => {
    assert.equal(writeSession({ id: "abc", timeoutS: 55 }), "abc;timeout=55");
    assert.equal(writeSession({ id: "abc", timeoutS: undefined }), "abc");
  });
});

describe("parseRtpInfo", () => {
  const cases: readonly [value: string, entries: readonly unknown[]][] = [
    ["url=rtsp://h/1;seq=54204;rtptime=4050619710", [["rtsp://h/1", 54204, 4050619710]]],
    [
      "url=rtsp://h/1;seq=1;rtptime=2,url=rtsp://h/2;seq=3;rtptime=4",
      [
        ["rtsp://h/1", 1, 2],
        ["rtsp://h/2", 3, 4],
      ],
    ],
    [
      "url=trackID=0;seq=1;rtptime=0, url=trackID=1",
      [
        ["trackID=0", 1, 0],
        ["trackID=1", undefined, undefined],
      ],
    ],
    ["url=rtsp://h/a,b;c?d=1;seq=65535 ; rtptime = 4294967295", [["rtsp://h/a,b;c?d=1", 65535, 4294967295]]],
    ['url="rtsp://h/1";seq=1', [["rtsp://h/1", 1, undefined]]],
    ["url=rtsp://h/1;seq=65536;rtptime=-1", [["rtsp://h/1", undefined, undefined]]],
    ["seq=5;rtptime=6", [[undefined, 5, 6]]],
    ["URL=rtsp://h/1;SEQ=7;rtptime=8;ssrc=9;", [["rtsp://h/1", 7, 8]]],
    ["", []],
    ["nonsense", []],
  ];
  for (const [value, entries] of cases) {
    it(JSON.stringify(value), () =>
      assert.deepEqual(
        parseRtpInfo(value).map(({ url, sequence, rtpTime }) => [url, sequence, rtpTime]),
        entries,
      ),
    );
  }

  it("reads what writeRtpInfo wrote", () => {
    const entries = [
      { url: "rtsp://h/trackID=0", sequence: 0, rtpTime: 4294967295 },
      { url: "rtsp://h/trackID=1", sequence: 65535, rtpTime: undefined },
    ];
    assert.equal(writeRtpInfo(entries), "url=rtsp://h/trackID=0;seq=0;rtptime=4294967295,url=rtsp://h/trackID=1;seq=65535");
    assert.deepEqual(parseRtpInfo(writeRtpInfo(entries)), entries);
  });
});

describe("parsePublic", () => {
  it("takes commas, spaces, several fields and any case", () => {
    assert.deepEqual(
      [...parsePublic(["OPTIONS, describe,SETUP", "PLAY TEARDOWN", ""])],
      ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN"],
    );
    assert.equal(parsePublic([]).size, 0);
  });
});

describe("contentBaseOf", () => {
  it("prefers Content-Base, and takes an empty one as none", () => {
    assert.equal(contentBaseOf(RtspHeaders.of({ "content-location": "l", "content-base": "b" })), "b");
    assert.equal(contentBaseOf(RtspHeaders.of({ "Content-Base": "", "Content-Location": "l" })), "l");
    assert.equal(contentBaseOf(new RtspHeaders()), undefined);
  });
});
