// npm run fuzz -- [pattern …]: the mutation tests with more rounds than `npm test` has, on other damage in each run.
import { randomInt } from "node:crypto";
import { dirname } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { sourceFiles } from "./source-tree.ts";

const DEFAULT_ROUNDS = 1_000_000;
/** A file that takes longer for each million rounds hangs. */
const FILE_TIMEOUT_MS = 600_000;

const HELP = `Usage: npm run fuzz -- [pattern ...]

Runs every mutation test, or those whose file name contains a pattern.

Environment:
  CAMGATE_FUZZ_ROUNDS  rounds of all mutation loops together (default ${DEFAULT_ROUNDS}); each has the share that it has in npm test
  CAMGATE_FUZZ_SEED    an earlier run's seed, to repeat it with the same rounds (default: another one each time)
`;

const patterns = process.argv.slice(2);
if (patterns.includes("--help") || patterns.includes("-h")) {
  process.stdout.write(HELP);
  process.exit();
}

process.chdir(dirname(import.meta.dirname));
const files = sourceFiles("src")
  .filter(({ path, code }) => path.endsWith(".test.ts") && code.includes("fuzzRounds("))
  .map(({ path }) => path)
  .filter((path) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern)));
if (files.length === 0) {
  process.stderr.write(`no mutation test matches ${patterns.join(" ")}\n`);
  process.exit(1);
}

const rounds = Number(process.env["CAMGATE_FUZZ_ROUNDS"] ?? DEFAULT_ROUNDS);
const seed = Number(process.env["CAMGATE_FUZZ_SEED"] ?? randomInt(1, 2 ** 31));
if (![rounds, seed].every((number) => Number.isSafeInteger(number) && number > 0)) {
  process.stderr.write("CAMGATE_FUZZ_ROUNDS and CAMGATE_FUZZ_SEED are positive whole numbers\n");
  process.exit(1);
}
process.env["CAMGATE_FUZZ_ROUNDS"] = String(rounds);
process.env["CAMGATE_FUZZ_SEED"] = String(seed);
const how = `CAMGATE_FUZZ_SEED=${seed} CAMGATE_FUZZ_ROUNDS=${rounds} npm run fuzz${patterns.length === 0 ? "" : ` -- ${patterns.join(" ")}`}\n`;
process.stdout.write(how);

const events = run({ files, timeout: FILE_TIMEOUT_MS * Math.max(1, rounds / 1e6) });
events.on("test:fail", () => {
  process.exitCode = 1;
});
events.compose(new spec()).pipe(process.stdout, { end: false });
process.on("exit", (code) => {
  if (code !== 0) process.stdout.write(`\nTo repeat it: ${how}`);
});
