import assert from "node:assert/strict";
import { test } from "node:test";
import { LastWords } from "./last-words.ts";

function lastOf(...lines: string[]): string {
  const words = new LastWords();
  for (const line of lines) words.line(line);
  return words.text;
}

test("the last line, without who says it", () => {
  assert.equal(lastOf(), "");
  assert.equal(lastOf("one", "two"), "two");
  assert.equal(lastOf("[h264 @ 0x55b4ee3d940] no frame!"), "no frame!");
  assert.equal(lastOf("[in#0 @ 0x1a] [h264 @ 0x2b] no frame!", "[in#0 @ 0x1a] "), "no frame!");
});

test("what is said at every end gives way to the cause before it", () => {
  assert.equal(lastOf("Unrecognized option 'x'.", "Error splitting the argument list: Option not found"), "Unrecognized option 'x'.");
  assert.equal(lastOf("rtsp://h/x: Connection refused", "Error opening input files: Connection refused"), "rtsp://h/x: Connection refused");
  assert.equal(lastOf("Conversion failed!"), "Conversion failed!", "better than nothing");
});

test("passwords are taken out, and cures added", () => {
  assert.equal(lastOf("rtsp://u:secret@h/x: timed out"), "rtsp://u:***@h/x: timed out");
  const lines = ["[rtsp @ 0x7ffe] AAC with no global headers is currently not supported.", "Error initializing output stream 0:1 --"];
  assert.equal(
    lastOf(...lines),
    "AAC with no global headers is currently not supported. (this AAC cannot be passed on as it is: -c:v copy -c:a aac)",
  );
});
