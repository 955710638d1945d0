// The fault table: every row of every family, in the order of their ids.
import { audioFaults } from "./audio-faults.ts";
import { authFaults } from "./auth-faults.ts";
import type { Fault } from "./fault.ts";
import { keepaliveFaults } from "./keepalive-faults.ts";
import { longRunFaults } from "./long-run-faults.ts";
import { networkFaults } from "./network-faults.ts";
import { readersFaults } from "./readers-faults.ts";
import { rtcpTimeFaults } from "./rtcp-time-faults.ts";
import { rtpFaults } from "./rtp-faults.ts";
import { sdpFaults } from "./sdp-faults.ts";
import { tcpFramingFaults } from "./tcp-framing-faults.ts";

export const FAULTS: readonly Fault[] = [
  ...sdpFaults,
  ...authFaults,
  ...keepaliveFaults,
  ...tcpFramingFaults,
  ...rtpFaults,
  ...audioFaults,
  ...rtcpTimeFaults,
  ...networkFaults,
  ...readersFaults,
  ...longRunFaults,
];
