import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { countStart } from "./start-counter.ts";

const PATH = "/data/starts";
const BOOT = "4a999524-645c-41ae-afd2-a71430eb9d0f";

test("starts of a boot after the first; another boot begins anew; one start counts once", async () => {
  const fs = new FaultFs();
  const count = (bootId: string, runId: string): Promise<number> => countStart({ fs, path: PATH, bootId, runId });
  assert.equal(await count(BOOT, "a"), 0);
  assert.equal(await count(BOOT, "b"), 1);
  assert.equal(await count(BOOT, "b"), 1);
  assert.equal(await count(BOOT, "c"), 2);
  assert.equal(await count("another", "d"), 0);
});

test("what was kept is there after a power cut, or was there before", async () => {
  const fs = new FaultFs();
  for (const runId of ["a", "b", "c"]) await countStart({ fs, path: PATH, bootId: BOOT, runId });
  const after = fs.crash(1);
  assert.equal(await countStart({ fs: after, path: PATH, bootId: BOOT, runId: "d" }), 3);
});

test("a file that is none begins anew; a medium that takes nothing is told", async () => {
  for (const text of ["", "{", "null", '{"boot":1}', `{"boot":"${BOOT}","run":"a","restarts":-1}`]) {
    const fs = new FaultFs();
    await fs.makeFolder("/data");
    const file = await fs.open(PATH, "create");
    await file.write([Buffer.from(text)], 0);
    await file.close();
    assert.equal(await countStart({ fs, path: PATH, bootId: BOOT, runId: "b" }), 0, text);
  }
  const broken = new FaultFs();
  broken.failAll("EROFS");
  await assert.rejects(countStart({ fs: broken, path: PATH, bootId: BOOT, runId: "a" }), { code: "EROFS" });
});
