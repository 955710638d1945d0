import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runCheck } from "./check.ts";
import { runConfig } from "./config.ts";

describe("camgate check and camgate config show", () => {
  let cwd = "";
  before(() => {
    cwd = mkdtempSync(join(tmpdir(), "camgate-cli-"));
  });
  after(() => rmSync(cwd, { recursive: true }));

  async function run(
    command: typeof runCheck,
    args: readonly string[],
    text?: string,
    env: Record<string, string> = {},
  ): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
    if (text !== undefined) {
      writeFileSync(join(cwd, "mediamtx.yml"), text);
    }
    const lines: string[] = [];
    const code = await command(args, { line: (line) => lines.push(line) }, { env, cwd });
    return { code, lines };
  }

  it("check accepts a config with warnings", async () => {
    const { code, lines } = await run(runCheck, ["mediamtx.yml"], 'allowOrigin: "*"\nwebrtc: yes\n');
    assert.equal(code, 0);
    assert.equal(lines.at(-1), "mediamtx.yml: 0 errors, 1 warning");
    assert.match(lines[0]!, /^mediamtx\.yml:1: warning: allowOrigin: /);
  });

  it("check prints every error with its line and the name that was meant", async () => {
    const { code, lines } = await run(runCheck, ["mediamtx.yml"], "logLevl: info\npaths:\n  cam:\n    source: nonsense\n");
    assert.equal(code, 1);
    assert.equal(lines[0], "mediamtx.yml:1: error: logLevl: unknown setting; did you mean 'logLevel'?");
    assert.match(lines[1]!, /^mediamtx\.yml:4: error: paths\.cam\.source: /);
    assert.equal(lines[2], "mediamtx.yml: 2 errors, 0 warnings");
  });

  it("check names permissions: where it is missing", async () => {
    const text =
      "authMethod: internal\n\nauthInternalUsers:\n  # who\n- user: any\n\n  pass:\n\n  # where from\n  ips: []\n  # what\n    # actions\n  - action: publish\n    path:\n  - action: read\n";
    const { code, lines } = await run(runCheck, ["mediamtx.yml"], text);
    assert.equal(code, 1);
    assert.match(lines[0]!, /^mediamtx\.yml:11: .*permissions/);
    assert.equal(lines.length, 2);
  });

  it("check takes the environment into account", async () => {
    const { code, lines } = await run(runCheck, ["mediamtx.yml"], "", { MTX_API: "perhaps" });
    assert.equal(code, 1);
    assert.match(lines[0]!, /^error: MTX_API: /);
  });

  it("config show prints a config that loads again, without secrets", async () => {
    const text =
      "authInternalUsers:\n- {user: a, pass: s3cret, permissions: [{action: read, path: ''}]}\npaths:\n  cam:\n    source: rtsp://u:s3cret@192.0.2.1/x\n    sourceOnDemand: yes\n  ~^d(.)$:\n";
    const { code, lines } = await run(runConfig, ["show", "mediamtx.yml"], text);
    assert.equal(code, 0);
    const shown = lines.join("\n");
    assert.ok(!shown.includes("s3cret"));
    assert.ok(lines.includes('    source: "rtsp://u:<redacted>@192.0.2.1/x"'));
    assert.ok(lines.includes("readTimeout: 10s"));
    assert.ok(lines.includes("  urls: []"));
    writeFileSync(join(cwd, "shown.yml"), `${shown.replaceAll("<redacted>", "s3cret")}\n`);
    assert.deepEqual(await run(runCheck, ["shown.yml"]), { code: 0, lines: ["shown.yml: 0 errors, 0 warnings"] });
    const again = await run(runConfig, ["show", "shown.yml"]);
    assert.deepEqual(again.lines.filter((line) => lines.includes(line)).length, again.lines.length);
  });

  it("config show tells origins", async () => {
    const { lines } = await run(runConfig, ["show", "--origins", "mediamtx.yml"], "logLevel: warn\npaths:\n  cam:\n    maxReaders: 3\n", {
      MTX_READTIMEOUT: "5s",
    });
    assert.ok(lines.includes("logLevel: warn  # mediamtx.yml:1"));
    assert.ok(lines.includes("readTimeout: 5s  # env:MTX_READTIMEOUT"));
    assert.ok(lines.includes("writeTimeout: 10s  # default"));
    assert.ok(lines.includes("    maxReaders: 3  # mediamtx.yml:4"));
  });

  it("config show prints the problems of a config that cannot be loaded", async () => {
    const { code, lines } = await run(runConfig, ["show", "mediamtx.yml"], "api: maybe\n");
    assert.equal(code, 1);
    assert.match(lines[0]!, /^mediamtx\.yml:1: error: api: /);
  });

  it("wrong arguments get the usage", async () => {
    for (const [command, args] of [
      [runCheck, ["a", "b"]],
      [runCheck, ["--wrong"]],
      [runConfig, []],
      [runConfig, ["edit"]],
      [runConfig, ["show", "--wrong"]],
      [runConfig, ["show", "a", "b"]],
    ] as const) {
      const { code, lines } = await run(command, args);
      assert.equal(code, 1);
      assert.match(lines[0]!, /^usage: camgate /);
    }
  });
});
