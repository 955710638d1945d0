import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { contentBaseFor, isControlOf, parseRequestPath, pathAndQuery } from "./request-path.ts";

describe("parseRequestPath", () => {
  const cases: readonly [url: string, path: string, query: string, track: number | undefined][] = [
    ["*", "", "", undefined],
    ["rtsp://h", "", "", undefined],
    ["rtsp://h/", "", "", undefined],
    ["rtsp://h:8554/cam1", "cam1", "", undefined],
    ["rtsps://h/site/cam1/", "site/cam1", "", undefined],
    ["/cam1", "cam1", "", undefined],
    ["rtsp://h/cam1/trackID=0", "cam1", "", 0],
    ["rtsp://h/cam1/trackid=12/", "cam1", "", 12],
    ["rtsp://h/cam1?a=b", "cam1", "a=b", undefined],
    ["rtsp://h/cam1/?a=b", "cam1", "a=b", undefined],
    ["rtsp://h/cam1?a=b/", "cam1", "a=b", undefined],
    ["rtsp://h/cam1/?a=b/trackID=1", "cam1", "a=b", 1],
    ["rtsp://h/cam1?a=b/trackID=1", "cam1", "a=b", 1],
    ["rtsp://h/cam1/trackID=1?a=b", "cam1", "a=b", 1],
    ["rtsp://h?a=b", "", "a=b", undefined],
    ["rtsp://u:p@h/gr%C3%BCn%20x?y=%zz", "grün x", "y=%zz", undefined],
    ["rtsp://h/cam1?/trackID=0", "cam1", "", 0],
    ["rtsp://h/cam1?trackID=0", "cam1", "trackID=0", undefined],
    ["rtsp://h/trackID=3", "", "", 3],
    ["rtsp://h/cam1/streamid=0", "cam1/streamid=0", "", undefined],
    ["rtsp://h/cam1/trackID=123456", "cam1/trackID=123456", "", undefined],
  ];
  for (const [url, path, query, track] of cases) {
    it(url, () => assert.deepEqual(parseRequestPath(url), { path, query, track }));
  }
  for (const url of [
    "",
    "cam1",
    "http://h/x",
    "rtsp:/h/x",
    "rtsp://h/%",
    "rtsp://h/%zz",
    "rtsp://h/%ff",
    "rtsp://h/a%00b",
    "rtsp://h/a%0d%0ab",
    "/a\tb",
  ]) {
    it(`refuses ${JSON.stringify(url)}`, () => assert.equal(parseRequestPath(url), undefined));
  }
});

describe("contentBaseFor", () => {
  it("puts the slash before the query, and comes back to the same path", () => {
    const cases: readonly [string, string][] = [
      ["rtsp://h/cam1", "rtsp://h/cam1/"],
      ["rtsp://h/cam1/", "rtsp://h/cam1/"],
      ["rtsp://h/cam1?a=b", "rtsp://h/cam1/?a=b"],
      ["rtsp://h/cam1/?a=b", "rtsp://h/cam1/?a=b"],
    ];
    for (const [url, base] of cases) {
      assert.equal(contentBaseFor(url), base);
      assert.equal(parseRequestPath(`${base}/trackID=2`)?.path, "cam1", "appended, as ffmpeg does");
      assert.equal(parseRequestPath(new URL("trackID=2", base).href)?.path, "cam1", "resolved, as GStreamer does");
    }
  });
});

describe("isControlOf", () => {
  const base = "rtsp://10.0.0.1:8554/site/cam1";
  const cases: readonly [setup: string, base: string, control: string, matches: boolean][] = [
    ["rtsp://10.0.0.1:8554/site/cam1/streamid=0", base, "streamid=0", true],
    ["rtsp://gate/site/cam1/streamid=0", base, "streamid=0", true],
    ["/site/cam1/streamid=0", `${base}/`, "streamid=0", true],
    ["rtsp://h/site/cam1/streamid=1", base, "streamid=0", false],
    ["rtsp://h/site/cam2/streamid=0", base, "streamid=0", false],
    ["rtsp://h/site/cam1?a=b/streamid=0", `${base}?a=b`, "streamid=0", true],
    ["rtsp://h/site/cam1/streamid=0?a=b", `${base}?a=b`, "streamid=0", true],
    ["rtsp://h/site/cam1/stream=0", base, "rtsp://other/site/cam1/stream=0", true],
    ["rtsp://h/site/cam1/stream=1", base, "rtsp://other/site/cam1/stream=0", false],
    ["rtsp://h/site/cam1/", base, "*", true],
    ["rtsp://h/site/cam1", base, "", true],
    ["rtsp://h/v", base, "/v", true],
    ["nonsense", base, "streamid=0", false],
  ];
  for (const [setup, from, control, matches] of cases) {
    it(`${setup} ${control}`, () => assert.equal(isControlOf(setup, from, control), matches));
  }
});

describe("pathAndQuery", () => {
  it("starts with a slash", () => {
    assert.equal(pathAndQuery("rtsp://h?x"), "/?x");
    assert.equal(pathAndQuery("RTSP://h/a?x/y"), "/a?x/y");
    assert.equal(pathAndQuery("//a"), "//a");
    assert.equal(pathAndQuery("*"), undefined);
  });
});
