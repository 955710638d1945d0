import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { parseDefaultRoute, parseInterfaces, parseWirelessSignal } from "./network.ts";

const DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 9276593586  945821    0    0    0     0          0         0 9276593586  945821    0    0    0     0       0          0
  eth0: 1507493826   38727    1    2    0     0          0         0  2384410   25208    3    4    0     0       0          0
 wlan0:1507 3 0 0 0 0 0 0 99 1 0 0 0 0 0 0
eth0.12:   0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
  ifb0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
vethb0a1: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
docker0: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
`;
const ROUTE = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wwan0	00000000	010200C0	0003	0	0	700	00000000	0	0	0
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
eth1	00000000	010200C0	0002	0	0	1	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
`;
const WIRELESS = `Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   53.  -57.  -256        0      0      0      0      0        0
`;

test("interfaces that something is plugged into", () => {
  assert.deepEqual(parseInterfaces(DEV), [
    { name: "eth0", receivedBytes: 1_507_493_826, sentBytes: 2_384_410, errors: 4, drops: 6 },
    { name: "wlan0", receivedBytes: 1507, sentBytes: 99, errors: 0, drops: 0 },
    { name: "eth0.12", receivedBytes: 0, sentBytes: 0, errors: 0, drops: 0 },
  ]);
  assert.deepEqual(parseInterfaces(""), []);
});

test("a host with hundreds of interfaces does not fill the document", () => {
  const many = Array.from({ length: 200 }, (_, i) => `eth${i}: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0`).join("\n");
  assert.equal(parseInterfaces(many).length, 16);
});

test("the default route that counts: up, and the lowest metric", () => {
  assert.equal(parseDefaultRoute(ROUTE), "eth0");
  assert.equal(parseDefaultRoute(ROUTE.split("\n").slice(0, 1).join("\n")), undefined);
});

test("the signal of a wireless interface", () => {
  assert.equal(parseWirelessSignal(WIRELESS), -57);
  assert.equal(parseWirelessSignal(WIRELESS.split("\n").slice(0, 2).join("\n")), undefined);
});

test("whatever the kernel says is numbers or nothing", () => {
  const random = fuzzRandom(73);
  const seeds = [DEV, ROUTE, WIRELESS].map((text) => Buffer.from(text));
  for (let round = fuzzRounds(1500); round > 0; round--) {
    const text = mutate(seeds[random(seeds.length)]!, random).toString("latin1");
    for (const { name, ...counts } of parseInterfaces(text)) {
      assert.match(name, /^\S+$/);
      for (const count of Object.values(counts)) assert.ok(Number.isFinite(count) && count >= 0);
    }
    const signal = parseWirelessSignal(text);
    if (signal !== undefined) assert.ok(Number.isInteger(signal));
    parseDefaultRoute(text);
  }
});
