// When the frames of a camera are due, without drift, on the clock that all processes of this machine share.
import { CAMERA_LOAD } from "./synthetic-h264.ts";

/** CLOCK_MONOTONIC in µs: the same in every process. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** Calls `sendFrame` for every frame that is due, the first one `phase` (0 to 1) of a frame interval from now. A late timer is made up for. */
export function everyFrame(sendFrame: () => void, phase = 0): void {
  const intervalUs = 1e6 / CAMERA_LOAD.framesPerSecond;
  const startUs = monotonicUs() + phase * intervalUs;
  let sent = 0;
  const sendDue = () => {
    for (; startUs + sent * intervalUs <= monotonicUs(); sent += 1) sendFrame();
    setTimeout(sendDue, Math.max(0, (startUs + sent * intervalUs - monotonicUs()) / 1000));
  };
  sendDue();
}
