import { audioTimeFaults } from "./audio-time-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(audioTimeFaults);
