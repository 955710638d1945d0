import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { packagedFfmpeg } from "./ffmpeg-program.ts";

test("the package's program, where it can be run", async (t) => {
  const file = join(await temporaryFolder(t), "ffmpeg");
  assert.equal(
    packagedFfmpeg(() => file),
    undefined,
    "its download did not happen",
  );
  await writeFile(file, "#!/bin/sh\n");
  assert.equal(
    packagedFfmpeg(() => file),
    undefined,
    "not executable",
  );
  await chmod(file, 0o755);
  assert.equal(
    packagedFfmpeg(() => file),
    file,
  );
});

test("no package, or none for this platform", () => {
  assert.equal(
    packagedFfmpeg(() => null),
    undefined,
  );
  assert.equal(
    packagedFfmpeg(() => {
      throw new Error("Cannot find module");
    }),
    undefined,
  );
});
