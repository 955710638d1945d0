// The fault table: every row of every family, in the order of their ids.
import { audioFaults } from "./audio-faults.ts";
import { audioTimeFaults } from "./audio-time-faults.ts";
import { authFaults } from "./auth-faults.ts";
import type { Fault } from "./fault.ts";
import { h265Faults } from "./h265-faults.ts";
import { keepaliveFaults } from "./keepalive-faults.ts";
import { keyframeFaults } from "./keyframe-faults.ts";
import { longRunFaults } from "./long-run-faults.ts";
import { networkFaults } from "./network-faults.ts";
import { readersFaults } from "./readers-faults.ts";
import { rtcpTimeFaults } from "./rtcp-time-faults.ts";
import { rtpLossFaults } from "./rtp-loss-faults.ts";
import { rtpPayloadFaults } from "./rtp-payload-faults.ts";
import { rtpTimeFaults } from "./rtp-time-faults.ts";
import { sdpFaults } from "./sdp-faults.ts";
import { sdpUrlFaults } from "./sdp-url-faults.ts";
import { setupFaults } from "./setup-faults.ts";
import { tcpFramingFaults } from "./tcp-framing-faults.ts";

export const FAULTS: readonly Fault[] = [
  ...sdpFaults,
  ...sdpUrlFaults,
  ...setupFaults,
  ...authFaults,
  ...keepaliveFaults,
  ...tcpFramingFaults,
  ...rtpLossFaults,
  ...rtpTimeFaults,
  ...rtpPayloadFaults,
  ...h265Faults,
  ...keyframeFaults,
  ...audioFaults,
  ...audioTimeFaults,
  ...rtcpTimeFaults,
  ...networkFaults,
  ...readersFaults,
  ...longRunFaults,
].sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
