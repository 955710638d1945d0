import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { version } from "#base/version.ts";
import { bundle } from "../scripts/bundle.ts";

const run = promisify(execFile);

/** The version of the Node that a machine has of its own, outside node_modules, with the PATH that finds it. */
async function machineNode(): Promise<{ path: string; version: string } | undefined> {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  const path = folders.join(delimiter);
  try {
    const { stdout } = await run("node", ["--version"], { env: { PATH: path } });
    return { path, version: stdout.trim() };
  } catch {
    return undefined;
  }
}

const other = await machineNode();

describe("the bundle", () => {
  let folder = "";
  let program = "";

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "camgate-build-"));
    program = await bundle(join(folder, "dist"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test(`tells its version on Node ${process.version}`, async () => {
    const { stdout } = await run(process.execPath, [program, "--version"], { cwd: folder });
    assert.equal(stdout.trim(), version);
  });

  const skip = !other?.version.startsWith("v20.") && `this machine's own Node is ${other?.version ?? "missing"}, not 20`;
  test("is a program, and runs on Node 20", { skip }, async () => {
    const { stdout } = await run(program, ["--version"], { cwd: folder, env: { PATH: other?.path } });
    assert.equal(stdout.trim(), version);
  });
});
