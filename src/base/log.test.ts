import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createLogger } from "./log.ts";
import type { LogRecord } from "./log-line.ts";
import { syslogSink } from "./log-sinks.ts";

const logModule = new URL("./log.ts", import.meta.url).href;

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "camgate-log-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function memorySink() {
  const lines: string[] = [];
  const write = async (records: readonly LogRecord[]) => {
    lines.push(...records.map(({ level, text }) => `${level} ${text}`));
  };
  return { lines, sink: { name: "memory", write, close: async () => {} } };
}

/** Runs a program that has `createLogger`, with `stdout` as its standard output. */
function runLogging(code: string, stdout: "pipe" | number) {
  const program = `import { createLogger } from ${JSON.stringify(logModule)};\n${code}`;
  return spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", stdout, "inherit", "ipc"] });
}

test("levels below the chosen one are left out, prefixes add up", async () => {
  const { lines, sink } = memorySink();
  const log = createLogger({ level: "warn", destinations: [sink] });
  const session = log.child("RTSP").child("session 1");
  for (const level of ["debug", "info", "warn", "error"] as const) session[level]("text\n");
  await log.close();
  assert.deepEqual(lines, ["warn [RTSP] [session 1] text\\n", "error [RTSP] [session 1] text\\n"]);
});

test("a file is appended to, in either form", async (t) => {
  const file = join(await temporaryFolder(t), "camgate.log");
  for (const structured of [false, true]) {
    const log = createLogger({ destinations: ["file"], file, structured });
    log.info("hello");
    log.info("again");
    await log.close();
  }
  const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
  assert.equal(lines.length, 4);
  assert.match(lines[0] ?? "", /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d INF hello$/);
  assert.equal(JSON.parse(lines[3] ?? "").message, "again");
});

test("other options while it is written to: level, form and file; prefixes that were handed out follow", async (t) => {
  const folder = await temporaryFolder(t);
  const [first, second] = [join(folder, "first.log"), join(folder, "second.log")];
  const log = createLogger({ destinations: ["file"], file: first });
  const child = log.child("RTSP");
  child.debug("left out");
  child.info("one");
  log.configure({ destinations: ["file"], file: first, level: "debug" });
  child.debug("two");
  log.configure({ destinations: ["file"], file: second, level: "warn", structured: true });
  child.info("left out");
  child.warn("three");
  await log.close();
  const textsOf = async (file: string) => (await readFile(file, "utf8")).trimEnd().split("\n");
  assert.deepEqual(
    (await textsOf(first)).map((line) => line.slice("2026/01/01 00:00:00 ".length)),
    ["INF [RTSP] one", "DEB [RTSP] two"],
  );
  assert.deepEqual(
    (await textsOf(second)).map((line) => JSON.parse(line).message),
    ["[RTSP] three"],
  );
});

test("a file that cannot be opened is one line elsewhere", async (t) => {
  const { lines, sink } = memorySink();
  const file = join(await temporaryFolder(t), "missing", "camgate.log");
  const log = createLogger({ destinations: ["file", sink], file });
  log.info("hello");
  await log.close();
  assert.deepEqual(
    lines.map((line) => line.split(": ENOENT")[0]),
    ["info hello", `error log file ${file} cannot be written`],
  );
});

test("standard output that nobody reads stops nobody: lines are dropped and counted", async () => {
  const child = runLogging(
    `const log = createLogger();
     for (let i = 0; i < 100_000; i++) log.info("line " + i);
     process.send("logged");
     process.once("message", async () => { log.info("the end"); await log.close(); process.disconnect(); });`,
    "pipe",
  );
  await once(child, "message");
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    if (text.includes("were dropped") && child.connected) child.send("finish", () => {});
  });
  await once(child, "close");
  const lines = text.trimEnd().split("\n");
  assert.match(lines[0] ?? "", /INF line 0$/);
  const dropped = Number(/WAR (\d+) log lines were dropped: standard output/.exec(text)?.[1]);
  assert.equal(lines.filter((line) => line.includes("INF line")).length + dropped, 100_000);
  assert.ok(lines.some((line) => line.endsWith("INF the end")));
});

test("standard output may be a file", async (t) => {
  const file = await open(join(await temporaryFolder(t), "out"), "w+");
  t.after(() => file.close());
  const child = runLogging(`const log = createLogger(); log.warn("to a file"); await log.close(); process.disconnect();`, file.fd);
  await once(child, "exit");
  assert.match((await file.read({ position: 0 })).buffer.toString(), /WAR to a file\n/);
});

test("standard output that is full or closed is one line elsewhere", { skip: !existsSync("/dev/full") && "needs /dev/full" }, async (t) => {
  const file = join(await temporaryFolder(t), "camgate.log");
  const code = `const log = createLogger({ destinations: ["stdout", "file"], file: ${JSON.stringify(file)} });
    process.once("message", async () => { log.info("first"); log.info("second"); await log.close(); process.disconnect(); });`;
  const full = await open("/dev/full", "w");
  t.after(() => full.close());
  for (const stdout of [full.fd, "pipe"] as const) {
    await rm(file, { force: true });
    const child = runLogging(code, stdout);
    child.stdout?.destroy();
    child.send("go");
    const [status] = await once(child, "exit");
    assert.equal(status, 0);
    const text = await readFile(file, "utf8");
    assert.match(text, /INF first\n.*INF second\n/);
    assert.equal(text.match(/ERR standard output cannot be written: (ENOSPC|write EPIPE)/g)?.length, 1);
  }
});

test("the system log gets bare lines through logger, each with its priority", async (t) => {
  const folder = await temporaryFolder(t);
  const command = join(folder, "logger");
  await writeFile(command, `#!/bin/sh\nwhile read -r line; do echo "$* $line" >>"${folder}/syslog"; done\n`);
  await chmod(command, 0o755);
  const log = createLogger({ destinations: [syslogSink("site", command)] });
  for (const level of ["info", "info", "warn", "error"] as const) log[level](`a ${level}`);
  await log.close();
  const lines = (await readFile(join(folder, "syslog"), "utf8")).trimEnd().split("\n").sort();
  assert.deepEqual(lines, [
    "-t site -p daemon.err a error",
    "-t site -p daemon.info a info",
    "-t site -p daemon.info a info",
    "-t site -p daemon.warning a warn",
  ]);
});

test("without logger there is one line elsewhere", async () => {
  const { lines, sink } = memorySink();
  const log = createLogger({ destinations: [syslogSink("site", "/nowhere/logger"), sink] });
  log.info("hello");
  log.info("again");
  await log.close();
  assert.deepEqual(lines, ["info hello", "info again", "error system log cannot be written: spawn /nowhere/logger ENOENT"]);
});
