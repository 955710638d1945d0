import assert from "node:assert/strict";
import { test } from "node:test";
import { findLadder } from "./ladder.ts";
import type { Libc } from "./libc.ts";

/** A system whose kernel knows UDP_SEGMENT, or does not. */
function fakeLibc(knowsSegments: boolean, socket = 5) {
  const closed: number[] = [];
  const libc: Partial<Libc> = {
    pointerBytes: 8,
    address: () => 0x1000,
    socket: () => socket,
    getsockopt: (_fd, level, name) => (knowsSegments && level === 17 && name === 103 ? 0 : -1),
    close: (fd) => closed.push(fd),
  };
  return { closed, load: async () => libc as Libc };
}

test("the best rung of the machine is taken", async () => {
  const { load, closed } = fakeLibc(true);
  const { status, native } = await findLadder(undefined, load);
  assert.deepEqual(status, { rung: "gso" });
  assert.equal(native?.segmented, true);
  assert.deepEqual(closed, [5], "the socket that asked is closed");
});

test("an old kernel, or one that gives no socket, gets no segments", async () => {
  for (const { load } of [fakeLibc(false), fakeLibc(true, -1)]) {
    for (const wanted of [undefined, "gso"]) {
      const { status, native } = await findLadder(wanted, load);
      assert.deepEqual(status, { rung: "sendmmsg", reason: "the kernel has no UDP_SEGMENT" });
      assert.equal(native?.segmented, false);
    }
  }
});

test("without the library it is dgram, and the reason is told", async () => {
  const { status, native } = await findLadder("gso", async () => "koffi is not installed");
  assert.deepEqual(status, { rung: "dgram", reason: "koffi is not installed" });
  assert.equal(native, undefined);
});

test("the environment forces a lower rung; off does not even load the library", async () => {
  const lower = await findLadder("sendmmsg", fakeLibc(true).load);
  assert.deepEqual([lower.status, lower.native?.segmented], [{ rung: "sendmmsg", reason: "CAMGATE_NATIVE=sendmmsg" }, false]);
  const off = await findLadder("off", () => assert.fail("loaded"));
  assert.deepEqual(off, { status: { rung: "dgram", reason: "CAMGATE_NATIVE=off" }, native: undefined });
});
