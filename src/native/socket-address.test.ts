import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { loadLibc } from "./libc.ts";
import { readSocketAddress, type UdpFamily, writeSocketAddress } from "./socket-address.ts";

const libc = await loadLibc();
const skip = typeof libc === "string" && libc;

function written(family: UdpFamily, address: string, port = 8000): string | undefined {
  assert.ok(typeof libc !== "string");
  return writeSocketAddress(libc, family, address, port)?.toString("hex");
}

test("addresses as the kernel has them", { skip }, () => {
  assert.equal(written("udp4", "192.0.2.1"), `02001f40c0000201${"0".repeat(40)}`);
  assert.equal(written("udp6", "2001:db8::1", 1), `0a00000100000000${"20010db8000000000000000000000001"}00000000`);
  assert.equal(written("udp6", "::ffff:192.0.2.1"), `0a001f4000000000${"00000000000000000000ffffc0000201"}00000000`);
  for (const [family, address] of [
    ["udp4", "::1"],
    ["udp4", "192.0.2"],
    ["udp4", "localhost"],
    ["udp6", "192.0.2.1"],
    ["udp6", ""],
    ["udp6", "fe80::1%no-such-interface"],
  ] as const)
    assert.equal(written(family, address), undefined, address);
});

test("the zone of a link-local address is its interface", { skip }, () => {
  assert.ok(typeof libc !== "string");
  const name = Object.keys(networkInterfaces())[0]!;
  const index = libc.ifNameToIndex(name);
  for (const zone of [name, String(index)]) {
    const bytes: Buffer = writeSocketAddress(libc, "udp6", `fe80::1%${zone}`, 8000)!;
    assert.equal(bytes.readUInt32LE(24), index);
    assert.deepEqual(readSocketAddress(libc, bytes), { address: `fe80::1%${name}`, port: 8000 });
  }
});

test("what was written is read back as dgram tells it", { skip }, () => {
  assert.ok(typeof libc !== "string");
  const texts: [UdpFamily, string][] = [
    ["udp4", "192.0.2.1"],
    ["udp6", "::"],
    ["udp6", "::1"],
    ["udp6", "2001:db8::ff00:42:8329"],
    ["udp6", "::ffff:192.0.2.1"],
  ];
  for (const [family, address] of texts)
    assert.deepEqual(readSocketAddress(libc, writeSocketAddress(libc, family, address, 54_321)!), { address, port: 54_321 });
});
