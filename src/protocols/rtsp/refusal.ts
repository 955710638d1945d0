// Refusals that have an RTSP status of their own.
import { CallerFault } from "#base/errors.ts";

export class RtspRefusal extends CallerFault {
  /** RFC 2326 §7.1.1. */
  readonly status: number;

  constructor(status: number, message: string) {
    super("invalid", message);
    this.name = "RtspRefusal";
    this.status = status;
  }
}

/** What is wrong with a request for a replay. Its message goes to the client as well, behind the reason phrase. */
export class ReplayRefusal extends RtspRefusal {}
