// A request that cannot be served, and how CallerFaults become HTTP statuses.
import { CallerFault, type CallerFaultCode } from "#base/errors.ts";

/** Answered with `status` and the message in the error envelope. */
export class HttpFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "HttpFault";
    this.status = status;
  }
}

const STATUS: Readonly<Record<CallerFaultCode, number>> = {
  conflict: 409,
  invalid: 400,
  "not-configured": 400,
  "not-found": 404,
  "no-stream": 404,
  "too-many": 503,
  "timed-out": 504,
  unauthorized: 401,
};

/** undefined: the error is ours. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpFault) return error.status;
  return error instanceof CallerFault ? STATUS[error.code] : undefined;
}
