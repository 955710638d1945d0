import assert from "node:assert/strict";
import { test } from "node:test";
import { addressGroup } from "#base/address-group.ts";
import { AddressSet } from "./address-set.ts";

test("addresses and networks, IPv4 over IPv6 in either place, zones", () => {
  const set = new AddressSet(["127.0.0.1", "::1", "10.1.0.0/16", "fe80::/10", "::ffff:192.0.2.0/120", "::ffff:198.51.100.7"]);
  const inside = ["127.0.0.1", "::ffff:127.0.0.1", "::1", "10.1.2.3", "::ffff:10.1.200.1", "fe80::1%eth0", "192.0.2.9", "198.51.100.7"];
  for (const address of inside) assert.equal(set.has(address), true, address);
  for (const address of ["127.0.0.2", "10.2.0.1", "192.0.3.9", "198.51.100.8", "::2", "fec0::1", "", "nonsense", "10.1.2.3.4"])
    assert.equal(set.has(address), false, address);
});

test("everything is a network of length 0", () => {
  assert.equal(new AddressSet(["0.0.0.0/0"]).has("203.0.113.1"), true);
  assert.equal(new AddressSet(["::/0"]).has("2001:db8::1"), true);
});

test("an IPv6 client is known by its /64, an IPv4 client by its address", () => {
  assert.equal(addressGroup("192.0.2.1"), "192.0.2.1");
  assert.equal(addressGroup("::ffff:192.0.2.1"), "192.0.2.1");
  const groups: readonly [string, string][] = [
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:db8::7", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["1::", "1:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ];
  for (const [address, group] of groups) assert.equal(addressGroup(address), group, address);
  assert.notEqual(addressGroup("2001:db8:1:3::9"), addressGroup("2001:db8:1:2::9"));
});
