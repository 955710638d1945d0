import { rtpTimeFaults } from "./rtp-time-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(rtpTimeFaults);
