// The command. Loading the program already makes the young generation grow: what is said of it comes before.
import { keepYoungGenerationSmall } from "#base/process/young-generation.ts";

keepYoungGenerationSmall();
const { runProgram } = await import("./program.ts");
process.exitCode = await runProgram(process.argv.slice(2));
