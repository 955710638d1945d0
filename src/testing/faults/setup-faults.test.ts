import { testFaults } from "./run-fault.ts";
import { setupFaults } from "./setup-faults.ts";

testFaults(setupFaults);
