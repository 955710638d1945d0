// What went wrong with a command, in the contract's words.
import { CallerFault, type CallerFaultCode, errorText, PeerFault } from "#base/errors.ts";
import type { CommandError, CommandErrorCode } from "./command-request.ts";

const CALLER_CODES: Readonly<Record<CallerFaultCode, CommandErrorCode>> = {
  conflict: "E_BUSY",
  invalid: "E_SCHEMA",
  "not-configured": "E_NOTFOUND",
  "not-found": "E_NOTFOUND",
  "no-stream": "E_NODATA",
  "too-many": "E_BUSY",
  "timed-out": "E_TIMEOUT",
  unauthorized: "E_DENIED",
};

/** A refusal by the link itself. */
export class CommandFault extends Error {
  readonly error: CommandError;

  constructor(code: CommandErrorCode, message: string, retryS?: number) {
    super(message);
    this.name = "CommandFault";
    this.error = { c: code, m: message, ...(retryS !== undefined && { retry_s: retryS }) };
  }
}

/** Of whatever a command was rejected with. Only what is the caller's or a peer's is told in its words: our own bugs say nothing to strangers. */
export function commandErrorOf(error: unknown): CommandError {
  if (error instanceof CommandFault) return error.error;
  if (error instanceof CallerFault) return { c: CALLER_CODES[error.code], m: error.message };
  if (error instanceof PeerFault) return { c: error.code === "timeout" ? "E_TIMEOUT" : "E_NET", m: error.message };
  // Of a recording, or of where a clip is written: "full", "read-only", …
  if (error instanceof Error && error.name === "StoreFault") return { c: "E_IO", m: error.message };
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return { c: NETWORK.has(code) ? "E_NET" : "E_IO", m: errorText(error) };
  return { c: "E_INTERNAL", m: "internal error; the gateway's log says more" };
}

const NETWORK = new Set(["ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "ETIMEDOUT", "EPIPE", "EAI_AGAIN"]);
