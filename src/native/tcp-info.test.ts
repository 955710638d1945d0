import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { loadLibc } from "./libc.ts";
import { openTcpInfo, parseTcpInfo } from "./tcp-info.ts";

const fault = await loadLibc();
const skip = typeof fault === "string" ? fault : false;

test("a structure of an older kernel says nothing", () => {
  assert.equal(parseTcpInfo(Buffer.alloc(0)), undefined);
  assert.equal(parseTcpInfo(Buffer.alloc(159)), undefined);
});

test("fields stand where the kernel has them", () => {
  const bytes = Buffer.alloc(232);
  bytes.writeUInt32LE(23_000, 68);
  bytes.writeUInt32LE(3, 100);
  bytes.writeUInt32LE(200, 156);
  assert.deepEqual(parseTcpInfo(bytes), { roundTripUs: 23_000, sentSegments: 200, resentSegments: 3 });
});

test("a connection of this machine: what was sent is counted, and its way is measured", { skip }, async (t) => {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const socket = connect((server.address() as { port: number }).port, "127.0.0.1").setNoDelay();
  t.after(() => socket.destroy());
  await once(socket, "connect");
  const { fd } = (socket as unknown as { readonly _handle: { readonly fd: number } })._handle;
  const read = (await openTcpInfo())!;
  for (let i = 0; i < 20; i++) {
    socket.write(Buffer.alloc(100));
    await once(socket, "data");
  }
  const info = read(fd);
  assert.ok(info !== undefined && info.sentSegments >= 20, JSON.stringify(info));
  assert.ok(info.roundTripUs > 0 && info.roundTripUs < 10e6);
  assert.ok(info.resentSegments <= info.sentSegments);
});

test("what is no TCP socket tells nothing", { skip }, async () => {
  const read = (await openTcpInfo())!;
  for (const fd of [-1, 0, 1_000_000]) assert.equal(read(fd), undefined);
});
