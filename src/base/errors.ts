// Coded errors. Three kinds, three fates: a peer fault ends that session with one log line, a caller fault goes back
// and names the field, and anything else is our bug and ends the process.

/** What a peer did wrong, or what kept us from reaching it. The code is stable: logs, events and tests name it. */
export type PeerFaultCode =
  | "aborted" // we closed it ourselves
  | "auth" // credentials refused, after a correct challenge round
  | "busy" // the peer has no room for another session (RTSP 453, 503)
  | "config" // the source's settings or URL cannot work, whatever the peer does
  | "connect" // no connection: refused, unreachable, unknown host
  | "ended" // the peer ended an established session
  | "limit" // a limit of ours was passed (sizes, counts)
  | "not-found" // the peer does not know the stream
  | "protocol" // the peer broke the protocol
  | "stalled" // the session stands but no media comes
  | "timeout" // no answer in time
  | "unsupported"; // the peer wants what we do not have

/** Ends one session or one attempt, never anything else. */
export class PeerFault extends Error {
  readonly code: PeerFaultCode;

  constructor(code: PeerFaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PeerFault";
    this.code = code;
  }
}

/** Why a request cannot be served; every protocol maps it to its own status in one place. */
export type CallerFaultCode =
  | "conflict" // someone else holds it
  | "invalid" // a field is wrong
  | "not-configured" // no path entry matches
  | "not-found" // nothing there
  | "no-stream" // the path is there, a stream is not
  | "too-many" // a limit on clients is reached
  | "timed-out" // an on-demand source did not come in time
  | "unauthorized";

/** Goes back to whoever asked. `field` names what to mend where one field is at fault; `cure` tells whoever runs the gateway, in its log. */
export class CallerFault extends Error {
  readonly code: CallerFaultCode;
  readonly field: string | undefined;
  readonly cure: string | undefined;

  constructor(code: CallerFaultCode, message: string, field?: string, cure?: string) {
    super(message);
    this.name = "CallerFault";
    this.code = code;
    this.field = field;
    this.cure = cure;
  }
}

/** Keeps the gateway from starting; `exitCode` tells whatever started it (sysexits.h) whether to try again. */
export class StartFault extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.name = "StartFault";
    this.exitCode = exitCode;
  }
}

/** The text of whatever was thrown, for one log line. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
