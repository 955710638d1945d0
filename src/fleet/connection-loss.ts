// Why there is no connection to a broker, or why one ended: what the wait before the next attempt depends on.
import { errorText } from "#base/errors.ts";
import type { LossCause } from "./reconnect-policy.ts";

export interface LossNotes {
  /** The broker does not speak this version of MQTT. */
  readonly isVersionRefused?: boolean;
  /** Somebody else came with this gateway's name. */
  readonly isTakenOver?: boolean;
  /** The broker that it sends us to, as it says. */
  readonly elsewhere?: string;
}

export class ConnectionLoss extends Error {
  readonly why: LossCause;
  readonly notes: LossNotes;

  constructor(why: LossCause, message: string, notes: LossNotes = {}) {
    super(message);
    this.name = "ConnectionLoss";
    this.why = why;
    this.notes = notes;
  }

  towards(elsewhere: string): ConnectionLoss {
    return new ConnectionLoss(this.why, this.message, { ...this.notes, elsewhere });
  }
}

/** Reason codes of MQTT 5 §2.4; those of 3.1.1 §3.2.2.3 are 1 to 5. */
const VERSION_CODES = new Set([1, 0x84]);
const AUTH_CODES = new Set([2, 4, 5, 0x85, 0x86, 0x87, 0x8a, 0x8c]);
const BUSY_CODES = new Set([3, 0x88, 0x89, 0x8e, 0x97, 0x9c, 0x9d, 0x9f]);
const TAKEN_OVER = 0x8e;
const TLS_REFUSAL = /^EPROTO$|^ERR_SSL|^ERR_TLS|^ERR_OSSL|CERT|SELF_SIGNED|UNABLE_TO_|^CRL_|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH/;
/** Node's words where an address says nothing of itself. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the broker reset the connection",
  ENOTFOUND: "its name is not known",
  EAI_AGAIN: "the name service does not answer",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no network",
  ETIMEDOUT: "it does not answer",
};

/** Of whatever a connection failed with. */
export function lossOf(error: unknown): ConnectionLoss {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const { code } = first as { readonly code?: unknown };
  if (typeof code === "number") return lossOfCode(code, errorText(first));
  if (typeof code === "string" && TLS_REFUSAL.test(code)) return new ConnectionLoss("auth", `TLS: ${tlsText(errorText(first))}`);
  const text = (typeof code === "string" && WORDS[code]) || errorText(first);
  // What has no code are faults of the protocol, and that nothing came in time.
  const isServer = code === undefined ? !/timeout/i.test(text) : code === "ECONNRESET" || code === "EPIPE";
  return new ConnectionLoss(isServer ? "server" : "link", text);
}

/** What OpenSSL means by `806C4B7E3B7F0000:error:0A000414:SSL routines:ssl3_read_bytes:sslv3 alert certificate revoked:../deps/…:1601:SSL alert number 44`. */
function tlsText(text: string): string {
  const [, reason] = /(?:^|:)error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]+):/.exec(text) ?? [];
  const [, alert] = /^(?:sslv3|tlsv1(?:\.\d|3)?) (?:alert )?(.+)$/.exec(reason ?? "") ?? [];
  return alert === undefined ? (reason ?? text) : `the broker refused: ${alert}`;
}

/** Of a reason code of the broker. */
export function lossOfCode(code: number, text = `the broker ended the connection with reason ${code}`): ConnectionLoss {
  if (VERSION_CODES.has(code)) return new ConnectionLoss("server", text, { isVersionRefused: true });
  if (code === TAKEN_OVER) return new ConnectionLoss("busy", "another client came with this gateway's name", { isTakenOver: true });
  return new ConnectionLoss(AUTH_CODES.has(code) ? "auth" : BUSY_CODES.has(code) ? "busy" : "server", text);
}

/** The loss of a connection that nobody wants any more. */
export function closedByUs(): ConnectionLoss {
  return new ConnectionLoss("link", "the link was closed");
}
