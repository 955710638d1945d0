import assert from "node:assert/strict";
import { test } from "node:test";
import { humanLine, jsonLine, safeText } from "./log-line.ts";

const time = new Date(2026, 10, 2, 6, 8, 1, 45);

test("the human form is date, time, level, text", () => {
  assert.equal(humanLine({ time, level: "info", text: "listener opened" }), "2026/11/02 06:08:01 INF listener opened");
  const tags = (["debug", "info", "warn", "error"] as const).map((level) => humanLine({ time, level, text: "" }).split(" ")[2]);
  assert.deepEqual(tags, ["DEB", "INF", "WAR", "ERR"]);
});

test("the JSON form carries an RFC 3339 time with its zone", () => {
  const line = jsonLine({ time, level: "warn", text: 'say "hi"' });
  assert.match(line, /^\{"timestamp":"2026-11-02T06:08:01\.045(Z|[+-]\d\d:\d\d)","level":"WAR","message":"say \\"hi\\""\}$/);
  assert.equal(new Date(JSON.parse(line).timestamp).getTime(), time.getTime());
});

test("nothing a peer sends starts a new line, moves the cursor or turns the text around", () => {
  assert.equal(safeText("a\r\nb\tc\x1b[2J\x7f\x9b\u2028\u202e"), "a\\r\\nb\\tc\\x1b[2J\\x7f\\x9b\\u2028\\u202e");
  assert.equal(safeText("Überwachung 摄像头 📷"), "Überwachung 摄像头 📷");
});

test("passwords in URLs do not reach the log", () => {
  assert.equal(safeText("open rtsp://admin:geheim@10.0.0.2/a failed"), "open rtsp://admin:***@10.0.0.2/a failed");
  assert.equal(safeText("rtsp://admin:p@ss:w@10.0.0.2:554/a@b"), "rtsp://admin:***@10.0.0.2:554/a@b");
  assert.equal(safeText("GET /cam?user=a&pass=b%20c&x=1"), "GET /cam?user=a&pass=***&x=1");
  assert.equal(safeText("GET /cam?jwt=ey.x.y HTTP/1.1"), "GET /cam?jwt=*** HTTP/1.1");
  assert.equal(safeText("rtsp://10.0.0.2:554/a@b"), "rtsp://10.0.0.2:554/a@b");
});

test("a long text is cut", () => {
  assert.equal(safeText("x".repeat(1_000_000)), `${"x".repeat(8192)}…`);
});
