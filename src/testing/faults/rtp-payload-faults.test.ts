import { rtpPayloadFaults } from "./rtp-payload-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(rtpPayloadFaults);
