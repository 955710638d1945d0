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
