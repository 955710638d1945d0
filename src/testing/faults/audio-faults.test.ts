import { audioFaults } from "./audio-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(audioFaults);
