import { testFaults } from "./run-fault.ts";
import { sdpUrlFaults } from "./sdp-url-faults.ts";

testFaults(sdpUrlFaults);
