import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageSplitter, transportPort, writeMessage } from "./rtsp-messages.ts";

test("messages and packets are found wherever the stream is cut", () => {
  const stream = Buffer.concat([
    Buffer.from([0x24, 0, 0, 2, 7, 8]),
    Buffer.from(writeMessage("RTSP/1.0 200 OK", { CSeq: "3" }, "v=0\r\n")),
    Buffer.from([0x24, 1, 0, 1, 0x24]),
    Buffer.from(writeMessage("TEARDOWN rtsp://a/ RTSP/1.0", { Session: "x" })),
  ]);
  for (let size = 1; size <= stream.length; size += 1) {
    const splitter = new MessageSplitter();
    const found: string[] = [];
    splitter.onPacket = (channel, bytes) => found.push(`${channel}:${bytes.toString("hex")}`);
    splitter.onMessage = ({ startLine, headers, body }) =>
      found.push(`${startLine}|${headers.get("cseq") ?? headers.get("session")}|${body}`);
    for (let at = 0; at < stream.length; at += size) splitter.push(stream.subarray(at, at + size));
    assert.deepEqual(found, ["0:0708", "RTSP/1.0 200 OK|3|v=0\r\n", "1:24", "TEARDOWN rtsp://a/ RTSP/1.0|x|"], `cut at ${size}`);
  }
});

test("ports and channels are read from a Transport header", () => {
  const transport = "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001";
  assert.equal(transportPort(transport, "client_port"), 5000);
  assert.equal(transportPort(transport, "server_port"), 6000);
  assert.equal(transportPort(transport, "interleaved"), undefined);
});
