import { rtpFaults } from "./rtp-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(rtpFaults);
