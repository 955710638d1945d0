// The command. Loading the program already makes the young generation grow: what is said of it comes before.
import { keepYoungGenerationSmall } from "#base/process/young-generation.ts";

const words = process.argv.slice(2);
// The NOC's side has no frames, and a simulated fleet needs a third less of the processor with room for what is young.
if (words[0] !== "noc") keepYoungGenerationSmall();
const { runProgram } = await import("./program.ts");
process.exitCode = await runProgram(words);
