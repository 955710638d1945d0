import { keyframeFaults } from "./keyframe-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(keyframeFaults);
