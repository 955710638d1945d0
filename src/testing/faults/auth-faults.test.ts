import { authFaults } from "./auth-faults.ts";
import { testFaults } from "./run-fault.ts";

testFaults(authFaults);
