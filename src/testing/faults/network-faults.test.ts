import { networkFaults } from "./network-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(networkFaults);
