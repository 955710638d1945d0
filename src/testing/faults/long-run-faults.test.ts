import { longRunFaults } from "./long-run-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(longRunFaults);
