import { testFaults } from "./run-fault.ts";
import { sdpFaults } from "./sdp-faults.ts";

testFaults(sdpFaults);
