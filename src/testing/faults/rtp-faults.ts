// Rows of the fault table: what happens to RTP, on the way and in the camera.
import type { Fault } from "./fault.ts";

export const rtpFaults: readonly Fault[] = [];
