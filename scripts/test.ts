// Runs every test, or those whose file name contains an argument: `npm test -- rtsp h264`. Ends with node:test's own summary.
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { bundleWeb } from "./bundle-web.ts";
import { leftoverMarker, takeLeftovers } from "./leftovers.ts";
import { type TestEvent, withFinalCheck } from "./test-events.ts";

const TEST_TIMEOUT_MS = 120_000;
const FILE_TIMEOUT_MS = 300_000;

const ROOT = dirname(import.meta.dirname);
const wanted = process.argv.slice(2);
const files = ["bench", "hw-tests", "scripts", "src"]
  .flatMap(testFiles)
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)));

function testFiles(folder: string): string[] {
  try {
    return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".test.ts") && !name.includes("node_modules"))
      .map((name) => join(folder, name))
      .sort();
  } catch {
    return []; // No such folder.
  }
}

if (files.length === 0) {
  process.stderr.write(`no test file matches ${wanted.join(" ")}\n`);
  process.exit(1);
}

process.chdir(ROOT);
await bundleWeb(join(ROOT, "dist/web")); // a gateway that is run from its sources serves its pages from there
const marker = leftoverMarker();
process.env[marker.name] = marker.value;

const options = {
  files,
  concurrency: Math.max(2, availableParallelism()),
  timeout: FILE_TIMEOUT_MS,
  // The later of two --test-timeout wins: a hanging test fails alone, a hanging file is killed. The import lets a process that
  // outlives its test say which file started it.
  execArgv: [`--test-timeout=${TEST_TIMEOUT_MS}`, "--import", "data:text/javascript,process.env.CAMGATE_TEST_FILE ??= process.argv[1]"],
};
const events = run(options as Parameters<typeof run>[0]) as AsyncIterable<TestEvent>;

let failed = false;
await pipeline(
  withFinalCheck(events, "no process outlives its test", () => takeLeftovers(marker)),
  async function* watch(checked: AsyncIterable<TestEvent>) {
    for await (const event of checked) {
      if (event.type === "test:fail") failed = true;
      yield event;
    }
  },
  new spec(),
  process.stdout,
  { end: false },
);
process.exitCode = failed ? 1 : 0;
