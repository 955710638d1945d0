import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { configCandidates, loadConfig } from "./load-config.ts";

describe("config file", () => {
  let directory = "";
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "camgate-config-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  /** Only files of the test's own directory exist. */
  const exists = (path: string): boolean => path.startsWith(directory) && !path.endsWith("camgate.yml");

  it("is looked for in the usual places, camgate's name first in each", () => {
    assert.deepEqual(configCandidates("/w"), [
      "/w/camgate.yml",
      "/w/rtsp-simple-server.yml",
      "/w/mediamtx.yml",
      "/usr/local/etc/camgate.yml",
      "/usr/local/etc/mediamtx.yml",
      "/usr/etc/camgate.yml",
      "/usr/etc/mediamtx.yml",
      "/etc/camgate/camgate.yml",
      "/etc/mediamtx/mediamtx.yml",
      "/camgate.yml",
      "/mediamtx.yml",
    ]);
  });

  it("is the first that exists", () => {
    writeFileSync(join(directory, "rtsp-simple-server.yml"), "logLevel: warn\n");
    const { config, file } = loadConfig({ env: {}, cwd: directory, exists });
    assert.equal(file, join(directory, "rtsp-simple-server.yml"));
    assert.equal(config?.global.logLevel, "warn");
  });

  it("is not needed", () => {
    const { config, file, problems } = loadConfig({ env: { MTX_LOGLEVEL: "error" }, cwd: directory, exists: () => false });
    assert.equal(config?.global.logLevel, "error");
    assert.deepEqual([file, problems], [undefined, []]);
  });

  it("must be there when it is named", () => {
    const { config, problems } = loadConfig({ file: "missing.yml", env: {}, cwd: directory });
    assert.equal(config, undefined);
    assert.match(problems[0]!.message, /cannot be read: .*ENOENT/);
  });

  it("must be a file of UTF-8 text", () => {
    assert.match(loadConfig({ file: ".", env: {}, cwd: directory }).problems[0]!.message, /cannot be read/);
    writeFileSync(join(directory, "latin1.yml"), Buffer.from([0x61, 0x3a, 0x20, 0xe4]));
    assert.equal(loadConfig({ file: "latin1.yml", env: {}, cwd: directory }).problems[0]!.message, "is not UTF-8 text");
  });

  it("may begin with a byte order mark, and is named in problems as the user named it", () => {
    writeFileSync(join(directory, "bom.yml"), "\ufeffapi: maybe\r\n");
    assert.deepEqual(
      loadConfig({ file: "bom.yml", env: {}, cwd: directory }).problems.map(({ file, line, field }) => [file, line, field]),
      [["bom.yml", 1, "api"]],
    );
  });
});
