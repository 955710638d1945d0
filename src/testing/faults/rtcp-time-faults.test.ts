import { rtcpTimeFaults } from "./rtcp-time-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(rtcpTimeFaults);
