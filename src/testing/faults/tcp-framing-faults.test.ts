import { testFaults } from "./run-fault.ts";
import { tcpFramingFaults } from "./tcp-framing-faults.ts";

testFaults(tcpFramingFaults);
