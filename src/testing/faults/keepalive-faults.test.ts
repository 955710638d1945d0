import { keepaliveFaults } from "./keepalive-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(keepaliveFaults);
