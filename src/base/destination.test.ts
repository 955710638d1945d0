import assert from "node:assert/strict";
import { test } from "node:test";
import { destinationAddressFault, destinationEntryFault, destinationFault, resolveDestination } from "./destination.ts";

test("entries of the list: names, names below a name, addresses", () => {
  for (const entry of ["noc.example", "*.noc.example", "noc", "10.0.0.5", "fd00::5", "a-b.example"])
    assert.equal(destinationEntryFault(entry), undefined, entry);
  for (const entry of [
    "",
    "*",
    "*.",
    "NOC.example",
    "https://noc.example",
    "noc.example:443",
    "noc.example/",
    "1.2.3",
    "0x7f.1",
    "a..b",
    "-a",
  ])
    assert.match(destinationEntryFault(entry) ?? "", /host name/, entry);
});

test("hosts: those that are named and none that look alike", () => {
  const allowed = ["noc.example", "*.clips.example", "10.0.0.5", "fd00::5"];
  for (const host of ["noc.example", "NOC.example", "eu.clips.example", "a.b.clips.example", "10.0.0.5", "[fd00::5]", "[fd00:0::5]"])
    assert.equal(destinationFault(host, allowed), undefined, host);
  for (const host of [
    "evilnoc.example",
    "noc.example.evil",
    "clips.example",
    ".clips.example",
    "noc.example.",
    "10.0.0.6",
    "[fd00::6]",
    "127.0.0.1",
  ])
    assert.match(destinationFault(host, allowed) ?? "", /destinationHosts/, host);
  assert.match(destinationFault(new URL("https://2130706433/").hostname, ["noc.example"]) ?? "", /^127\.0\.0\.1 /);
  assert.match(destinationFault("noc.example", []) ?? "", /destinationHosts/);
});

test("addresses: a name leads nowhere inside", () => {
  const own = ["192.168.1.9"];
  const bad = [
    ...["127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "192.168.1.9"],
    ...["::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.5", "::7f00:1", "64:ff9b::7f00:1", "fe80::1%eth0", "ff02::1", "nonsense"],
  ];
  for (const address of bad) assert.match(destinationAddressFault(address, ["noc.example"], own) ?? "", /leads to/, address);
  for (const address of ["192.168.1.10", "10.0.0.5", "203.0.113.7", "2001:db8::7", "fd00::7"])
    assert.equal(destinationAddressFault(address, ["noc.example"], own), undefined, address);
  assert.equal(destinationAddressFault("127.0.0.1", ["127.0.0.1"], own), undefined, "the config names it");
});

test("a name is resolved once, and judged by its addresses", async () => {
  await assert.rejects(resolveDestination("localhost", ["localhost"], "dest.put"), {
    code: "unauthorized",
    field: "dest.put",
    message: /^dest\.put: localhost: it leads to 127\.0\.0\.1/,
  });
  await assert.rejects(resolveDestination("10.0.0.5", ["noc.example"], "dest.put"), { code: "unauthorized" });
  assert.equal(await resolveDestination("localhost", ["localhost", "127.0.0.1", "::1"], "dest.put"), "127.0.0.1");
  assert.equal(await resolveDestination("[fd00::5]", ["fd00::5"], "dest.put"), "fd00::5");
});
