// Free space, of disks that answer, that fail, and that hang.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Deferred, deferred } from "#base/deferred.ts";
import type { Space } from "#base/fs-port.ts";
import { SpaceGauge } from "./space-gauge.ts";

const SPACE: Space = { freeBytes: 10, totalBytes: 100 };
const never = (): (() => void) => () => {};

test("folders that are not there are left out", async () => {
  const gauge = new SpaceGauge({
    directories: () => ["/a", "/gone", "/b"],
    space: async (directory) => {
      if (directory === "/gone") throw new Error("ENOENT");
      return SPACE;
    },
    schedule: never,
  });
  assert.deepEqual(await gauge.read(), [
    { directory: "/a", ...SPACE },
    { directory: "/b", ...SPACE },
  ]);
});

test("a disk that hangs is asked once, and its last answer told until the next one", async () => {
  const asked: Deferred<Space>[] = [];
  let giveUp = (): void => {};
  const gauge = new SpaceGauge({
    directories: () => ["/a"],
    space: () => {
      const answer = deferred<Space>();
      asked.push(answer);
      return answer.promise;
    },
    schedule: (run) => {
      giveUp = run;
      return () => {};
    },
  });
  const first = gauge.read();
  giveUp();
  assert.deepEqual(await first, [], "nothing was ever known");

  const second = gauge.read();
  assert.equal(asked.length, 1);
  asked[0]!.resolve(SPACE);
  assert.deepEqual(await second, [{ directory: "/a", ...SPACE }]);

  const third = gauge.read();
  assert.equal(asked.length, 2);
  giveUp();
  assert.deepEqual(await third, [{ directory: "/a", ...SPACE }]);

  const fourth = gauge.read();
  asked[1]!.reject(new Error("EIO"));
  assert.deepEqual(await fourth, [], "what failed is not known any more");
});

test("a port that throws is one that rejects, and is asked again", async () => {
  let calls = 0;
  const gauge = new SpaceGauge({
    directories: () => ["/a"],
    space: () => {
      if (calls++ === 0) throw new Error("closed");
      return Promise.resolve(SPACE);
    },
    schedule: never,
  });
  assert.deepEqual(await gauge.read(), []);
  assert.deepEqual(await gauge.read(), [{ directory: "/a", ...SPACE }]);
});
