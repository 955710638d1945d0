import { rtpLossFaults } from "./rtp-loss-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(rtpLossFaults);
