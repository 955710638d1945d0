import { readersFaults } from "./readers-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(readersFaults);
