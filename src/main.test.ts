import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { version } from "#base/version.ts";
import { freeTcpPort, freeUdpPortPair } from "#testing/free-ports.ts";
import { until } from "#testing/peers/until.ts";
import { RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const REFERENCE_CONFIG = fileURLToPath(new URL("../config/camgate.yml", import.meta.url));

interface Program {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly output: { out: string; err: string };
  /** Resolves with the exit code, or with the signal that ended it. */
  readonly ended: Promise<number | string>;
}

interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  /** Content of `mediamtx.yml` in the working directory; without it there is no config. */
  readonly config?: string;
}

/** The program as a child, in a folder of its own. */
async function run(t: TestContext, words: readonly string[], { env = {}, config }: Surroundings = {}): Promise<Program> {
  const cwd = await mkdtemp(join(tmpdir(), "camgate-main-"));
  t.after(() => rm(cwd, { recursive: true, force: true }));
  if (config !== undefined) await writeFile(join(cwd, "mediamtx.yml"), config);
  const child = spawn(process.execPath, [MAIN, ...words], { cwd, env: { ...inherited(), ...env }, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const output = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.err += text;
  });
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string);
  return { child, output, ended };
}

/** Without settings that a developer's shell may have. */
function inherited(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:MTX|RTSP)_/.test(name)));
}

/** Free ports of loopback, as the environment says them. */
async function freePorts(): Promise<{ readonly port: number; readonly env: Readonly<Record<string, string>> }> {
  const [port, rtp] = [await freeTcpPort(0), await freeUdpPortPair(0)];
  const env = {
    MTX_RTSPADDRESS: `127.0.0.1:${port}`,
    MTX_RTPADDRESS: `127.0.0.1:${rtp}`,
    MTX_RTCPADDRESS: `127.0.0.1:${rtp + 1}`,
    MTX_WEBRTC: "no",
  };
  return { port, env };
}

/** A gateway that listens. */
async function runGateway(
  t: TestContext,
  surroundings: Surroundings = {},
  words: readonly string[] = [],
): Promise<Program & { readonly port: number }> {
  const { port, env } = await freePorts();
  const program = await run(t, words, { ...surroundings, env: { ...env, ...surroundings.env } });
  let isOver = false;
  void program.ended.then(() => {
    isOver = true;
  });
  await until("the listener", () => isOver || program.output.out.includes("listener opened"));
  assert.equal(isOver, false, program.output.out + program.output.err);
  return { ...program, port };
}

test("without a config it runs on defaults, until SIGTERM: connections are closed, the exit code is 0", async (t) => {
  const { child, output, ended, port } = await runGateway(t);
  assert.match(output.out, new RegExp(`^\\S+ \\S+ INF camgate ${version.replaceAll(".", "\\.")}\n`));
  assert.match(output.out, /INF no config file found, using defaults\n/);
  const client = await RawRtspClient.connect(port);
  assert.equal((await client.request("OPTIONS", `rtsp://127.0.0.1:${port}/cam`)).status, 200);
  child.kill("SIGTERM");
  await client.closed;
  assert.equal(await ended, 0);
  assert.match(output.out, /INF SIGTERM: shutting down\n$/);
  assert.equal(output.err, "");
});

test("the reference config runs as it is, also when it is named", async (t) => {
  const { child, output, ended } = await runGateway(t, {}, [REFERENCE_CONFIG]);
  assert.ok(output.out.includes(`configuration loaded from ${REFERENCE_CONFIG}`));
  assert.ok(!output.out.includes(" ERR "), output.out);
  child.kill("SIGINT");
  assert.equal(await ended, 0);
});

test("SIGTERM leaves the cameras in order", async (t) => {
  const camera = await ScriptedCamera.start();
  t.after(() => camera.close());
  const { child, output, ended } = await runGateway(t, { config: `paths:\n  cam:\n    source: ${camera.url("stream", "admin:s3cret")}\n` });
  await until("the stream", () => output.out.includes("stream is available"));
  child.kill("SIGTERM");
  assert.equal(await ended, 0);
  assert.equal(camera.of("TEARDOWN").length, 1);
  assert.ok(!output.out.includes("s3cret"));
});

test("a second signal ends it at once", async (t) => {
  const camera = await ScriptedCamera.start({ script: { TEARDOWN: () => "silent" } });
  t.after(() => camera.close());
  const { child, output, ended } = await runGateway(t, { config: `paths:\n  cam:\n    source: ${camera.url()}\n` });
  await until("the stream", () => output.out.includes("stream is available"));
  child.kill("SIGTERM");
  await camera.when(() => camera.of("TEARDOWN").length === 1);
  child.kill("SIGINT");
  assert.equal(await ended, "SIGKILL");
});

test("a config with errors: every one is printed, and nothing starts", async (t) => {
  const { ended, output } = await run(t, [], { config: "readTimeout: soon\nlogLevl: info\npaths:\n  cam:\n    source: nonsense\n" });
  assert.equal(await ended, 1);
  const lines = output.err.trimEnd().split("\n");
  assert.equal(lines.length, 3, output.err);
  for (const [i, place] of [
    "mediamtx.yml:1: error: readTimeout",
    "mediamtx.yml:2: error: logLevl",
    "mediamtx.yml:5: error: paths.cam.source",
  ].entries())
    assert.ok(lines[i]!.startsWith(place), lines[i]);
  assert.equal(output.out, "");
});

test("a config that relies on protection which is not there does not start", async (t) => {
  const { ended, output } = await run(t, [], { config: "paths:\n  x: {srtReadPassphrase: long-enough}\n" });
  assert.equal(await ended, 1);
  assert.match(output.err, /mediamtx\.yml:2: error: paths\.x\.srtReadPassphrase: needs SRT encryption/);
});

test("a config that is named and not there", async (t) => {
  const { ended, output } = await run(t, ["missing.yml"]);
  assert.equal(await ended, 1);
  assert.match(output.err, /missing\.yml.*ENOENT/);
});

test("an address that is taken: exit code 1, in words that name it", async (t) => {
  const taken = createServer();
  taken.listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.after(() => taken.close());
  const address = `127.0.0.1:${(taken.address() as { port: number }).port}`;
  const { env } = await freePorts();
  const { ended, output } = await run(t, [], { env: { ...env, MTX_RTSPADDRESS: address } });
  assert.equal(await ended, 1);
  assert.match(output.out, new RegExp(`ERR .*address already in use.*${address.replaceAll(".", "\\.")}`));
});

test("a ring that another process records to: exit code 75, in words that name both", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "camgate-ring-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const config = `ring: {directory: ${directory}, size: 32M}\npaths: {cam: {record: yes, recordStore: ring}}\n`;
  const first = await runGateway(t, { config });
  await until("the ring", () => first.output.out.includes(`[ring] recording to ${directory}\n`));
  const second = await run(t, [], { config, env: (await freePorts()).env });
  assert.equal(await second.ended, 75); // sysexits.h EX_TEMPFAIL
  assert.match(second.output.out, new RegExp(`ERR another process records to ${directory} .*"pid":${first.child.pid},`));
  first.child.kill("SIGTERM");
  assert.equal(await first.ended, 0);
});

test("structured logs: each line is a JSON object", async (t) => {
  const { child, output, ended } = await runGateway(t, { env: { MTX_LOGSTRUCTURED: "yes" } });
  child.kill("SIGTERM");
  assert.equal(await ended, 0);
  const records = output.out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, string>);
  assert.ok(records.length >= 3);
  for (const record of records) {
    assert.deepEqual(Object.keys(record), ["timestamp", "level", "message"]);
    assert.match(record["timestamp"]!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:Z|[+-]\d\d:\d\d)$/);
  }
  assert.equal(records[0]!["level"], "INF");
});

test("what it prints when it is asked: version, help, check, config show", async (t) => {
  const ask = async (words: readonly string[], config?: string): Promise<readonly [number | string, string]> => {
    const { ended, output } = await run(t, words, config === undefined ? {} : { config });
    return [await ended, output.out + output.err];
  };
  const [versionAnswer, help, check, wrong, show, flag] = await Promise.all([
    ask(["--version"]),
    ask(["--help"]),
    ask(["check"], "logLevel: info\n"),
    ask(["check"], "logLevel: loud\n"),
    ask(["config", "show"], "readTimeout: 7s\n"),
    ask(["--nonsense"]),
  ]);
  assert.deepEqual(versionAnswer, [0, `${version}\n`]);
  assert.equal(help[0], 0);
  assert.match(help[1], /^Usage: camgate \[config file\]$/m);
  assert.match(help[1], /^ {2}check /m);
  assert.equal(check[0], 0);
  assert.match(check[1], /: 0 errors, 0 warnings\n$/);
  assert.equal(wrong[0], 1);
  assert.match(wrong[1], /mediamtx\.yml:1: error: logLevel/);
  assert.equal(show[0], 0);
  assert.match(show[1], /^readTimeout: 7s$/m);
  assert.equal(flag[0], 1);
  assert.match(flag[1], /unknown flag --nonsense/);
});
