import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { mountOf, parseCount, parseEndOfLife, parseMounts, parseWrittenBytes } from "./storage.ts";

const MOUNTINFO = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw
30 27 0:24 / /dev/shm rw,nosuid shared:4 - tmpfs tmpfs rw,size=24684092k
41 27 8:1 / /rec rw,noatime shared:9 - ext4 /dev/sda1 rw,errors=remount-ro
42 41 8:17 / /rec/my\\040stick ro,relatime - vfat /dev/sdb1 rw
43 27 8:33 / /broken rw - ext4 /dev/sdc1 ro,errors=remount-ro
`;

test("file systems, where they are and what is below them", () => {
  const mounts = parseMounts(MOUNTINFO);
  assert.deepEqual(mountOf(mounts, "/rec/gwr1"), { point: "/rec", type: "ext4", readOnly: false, device: "sda1" });
  assert.deepEqual(mountOf(mounts, "/rec/my stick"), { point: "/rec/my stick", type: "vfat", readOnly: true, device: "sdb1" });
  assert.equal(mountOf(mounts, "/recordings")?.point, "/");
  assert.equal(mountOf(mounts, "/broken/x")?.readOnly, true, "errors made the kernel set it so");
  assert.deepEqual(mountOf(mounts, "/dev/shm"), { point: "/dev/shm", type: "tmpfs", readOnly: false, device: undefined });
  assert.equal(mountOf([], "/rec"), undefined);
});

test("what is mounted over another is what is seen", () => {
  const twice = `${MOUNTINFO}50 27 8:49 / /rec rw - btrfs /dev/sdd1 rw\n`;
  assert.equal(mountOf(parseMounts(twice), "/rec/x")?.device, "sdd1");
});

test("what devices count and say", () => {
  assert.equal(parseWrittenBytes("  4821  1201 1203204 2200  99  88 2048 77 0 10 20 0 0 0 0 0 0\n"), 2048 * 512);
  assert.equal(parseWrittenBytes("1 2 3"), undefined);
  assert.equal(parseCount("3210000\n"), 3_210_000);
  assert.equal(parseCount("-1\n"), undefined);
  assert.deepEqual(["0x01\n", "0x02\n", "0x03\n", "0x00\n", ""].map(parseEndOfLife), ["ok", "warn", "urgent", undefined, undefined]);
});

test("whatever the files hold is a mount, a number or nothing", () => {
  const random = fuzzRandom(75);
  for (let round = fuzzRounds(1000); round > 0; round--) {
    const text = mutate(Buffer.from(MOUNTINFO), random).toString("latin1");
    for (const { point, device } of parseMounts(text)) {
      assert.equal(typeof point, "string");
      assert.ok(device === undefined || !device.includes("/"));
    }
    const bytes = parseWrittenBytes(text);
    if (bytes !== undefined) assert.ok(bytes >= 0);
  }
});
