// Who gets a connection, and whose is taken.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionLimits, type ConnectionSlot } from "./connection-limits.ts";

function setUp(total: number, perAddress: number, strangersPerAddress: number) {
  const limits = new ConnectionLimits(() => ({ total, perAddress, strangersPerAddress }));
  const closed: string[] = [];
  const enter = (name: string, address: string | undefined): ConnectionSlot | undefined => {
    return limits.enter(address, () => void closed.push(name));
  };
  return { limits, closed, enter };
}

test("from one address: in all, and before a request was allowed", () => {
  const { limits, enter } = setUp(0, 3, 2);
  const first = enter("a", "192.0.2.1")!;
  enter("b", "192.0.2.1");
  assert.equal(enter("c", "::ffff:192.0.2.1"), undefined);
  first.admit();
  first.admit();
  const third = enter("d", "192.0.2.1")!;
  third.admit();
  assert.equal(enter("e", "192.0.2.1"), undefined);
  assert.ok(enter("f", "192.0.2.2") !== undefined);
  first.leave();
  first.leave();
  assert.ok(enter("g", "192.0.2.1") !== undefined);
  assert.deepEqual(limits.refused, { total: 0, perAddress: 1, strangersPerAddress: 1, madeRoom: 0 });
  assert.equal(limits.open, 4);
});

test("addresses of one IPv6 network are one client", () => {
  const { enter } = setUp(0, 1, 0);
  assert.ok(enter("a", "2001:db8:0:1::1") !== undefined);
  assert.equal(enter("b", "2001:db8:0:1:ffff::2"), undefined);
  assert.ok(enter("c", "2001:db8:0:2::1") !== undefined);
});

test("where all places are taken the oldest stranger makes room, and nobody else", () => {
  const { limits, closed, enter } = setUp(3, 0, 0);
  enter("known", "192.0.2.1")!.admit();
  enter("old", "192.0.2.2");
  enter("new", "192.0.2.3");
  enter("next", "192.0.2.4")!.admit();
  assert.deepEqual(closed, ["old"]);
  enter("last", "192.0.2.5")!.admit();
  assert.deepEqual(closed, ["old", "new"]);
  assert.equal(enter("too many", "192.0.2.6"), undefined);
  assert.deepEqual([limits.refused.total, limits.refused.madeRoom, limits.open], [1, 2, 3]);
});

test("a proxy's connections count in the total alone, and without limits everybody may", () => {
  const proxied = setUp(3, 1, 1);
  for (const name of ["a", "b", "c"]) assert.ok(proxied.enter(name, undefined) !== undefined);
  const open = setUp(0, 0, 0);
  for (let i = 0; i < 1000; i++) assert.ok(open.enter("a", "192.0.2.1") !== undefined);
  assert.equal(open.limits.open, 1000);
});
