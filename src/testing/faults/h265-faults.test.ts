import { h265Faults } from "./h265-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(h265Faults);
