// The client's half of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): an offer is posted, the answer's session is ended by DELETE.
import { errorText, PeerFault } from "#base/errors.ts";
import { type IncomingReply, sendRequest } from "#http/outgoing-request.ts";
import type { ClientUrl } from "./client-url.ts";

/** Of an answer; MediaMTX's limit. */
const MAX_ANSWER_BYTES = 128 * 1024;
const MAX_REASON_CHARACTERS = 200;
/** RFC 9725 §4.5: a server may send us on. */
const MAX_REDIRECTS = 3;
/** Nobody waits longer for a server that is told goodbye. */
const DELETE_TIMEOUT_MS = 1000;

/** Where a server may have us send to, redirects and its own addresses included. What is wrong, in words, or undefined. */
export interface SignallingPolicy {
  /** Of a URL, which has to be HTTPS then. */
  hostFault(host: string): string | undefined;
  addressFault(address: string): string | undefined;
}

export interface SignallingOptions {
  readonly target: ClientUrl;
  /** Empty: none. */
  readonly bearerToken: string;
  /** SHA-256 of the server's certificate, where no authority vouches for it; empty: the usual ones. */
  readonly fingerprint: string;
  /** PEM; they vouch beside the usual ones. */
  readonly authorities?: readonly string[];
  /** Undefined: anywhere. */
  readonly policy?: SignallingPolicy;
  readonly timeoutMs: number;
}

export class Signalling {
  readonly #options: SignallingOptions;
  #session: string | undefined;

  constructor(options: SignallingOptions) {
    this.#options = options;
  }

  /** The `stun:` and `turn:` URLs that the server names (RFC 9725 §4.6). A server that does not like the question is no fault; one that is not there is. */
  async iceServers(signal: AbortSignal): Promise<readonly string[]> {
    const { headers } = await this.#request("OPTIONS", this.#options.target.url, undefined, signal);
    return iceServerUrls(headers["link"] ?? "");
  }

  /** The answer. Rejects with a PeerFault. */
  async post(offer: string, signal: AbortSignal): Promise<string> {
    let { url } = this.#options.target;
    for (let redirects = 0; ; redirects++) {
      const reply = await this.#request("POST", url, offer, signal);
      const { status, headers, body, cut } = reply;
      const location = headers.location;
      if ((status === 307 || status === 308) && location !== undefined && redirects < MAX_REDIRECTS) {
        url = resolved(location, url);
        continue;
      }
      if (status !== 201) throw faultOf(reply);
      if (location !== undefined) this.#session = resolved(location, url);
      const type = headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
      if (type !== "application/sdp") throw new PeerFault("protocol", `the server answered with ${type ?? "no type"}, not application/sdp`);
      if (cut) throw new PeerFault("limit", `the server's answer is longer than ${MAX_ANSWER_BYTES} bytes`);
      return body.toString("utf8");
    }
  }

  /** Ends the session at the server, if there is one. Never rejects; takes a second at most. */
  async end(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    await this.#request("DELETE", session, undefined, AbortSignal.timeout(DELETE_TIMEOUT_MS)).catch(() => {});
  }

  /** Credentials go to the server of the config alone. */
  async #request(method: string, url: string, body: string | undefined, signal: AbortSignal): Promise<IncomingReply> {
    const { target, bearerToken, fingerprint, authorities, policy, timeoutMs } = this.#options;
    if (policy !== undefined) {
      const { protocol, hostname } = new URL(url);
      const fault = protocol === "https:" ? policy.hostFault(hostname) : "it is led to a URL that is not https://";
      if (fault !== undefined) throw new PeerFault("config", fault);
    }
    const isOurs = new URL(url).origin === new URL(target.url).origin;
    const headers: Record<string, string> = { "User-Agent": "camgate" };
    if (body !== undefined) headers["Content-Type"] = "application/sdp";
    if (isOurs && bearerToken !== "") headers["Authorization"] = `Bearer ${bearerToken}`;
    else if (isOurs && target.basic !== undefined) {
      const { user, password } = target.basic;
      headers["Authorization"] = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    }
    try {
      return await sendRequest({
        method,
        url,
        headers,
        ...(body !== undefined && { body }),
        fingerprint,
        ...(authorities !== undefined && { authorities }),
        addressFault: policy?.addressFault,
        timeoutMs,
        maxBytes: () => MAX_ANSWER_BYTES,
        signal,
      });
    } catch (error) {
      if (signal.aborted) throw new PeerFault("aborted", "closed");
      throw new PeerFault("connect", errorText(error), { cause: error });
    }
  }
}

function resolved(location: string, base: string): string {
  const url = URL.canParse(location, base) ? new URL(location, base) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw new PeerFault("protocol", "the server's Location is no HTTP URL");
  return url.href;
}

/** What a status other than 201 means for whoever tries again. */
function faultOf({ status, headers, body }: IncomingReply): PeerFault {
  const reason = reasonOf(headers["content-type"], body);
  const text = `the server answered ${status}${reason === "" ? "" : `: ${reason}`}`;
  if (status === 401 || status === 403) return new PeerFault("auth", text);
  if (status === 404 || status === 410) return new PeerFault("not-found", text);
  if (status === 406 || status === 415) return new PeerFault("unsupported", text);
  if (status === 409 || status === 429 || status === 503) return new PeerFault("busy", text);
  return new PeerFault("protocol", text);
}

/** One line of what a server says in JSON or plain text; pages are for people. */
function reasonOf(type: string | undefined, body: Buffer): string {
  let text = "";
  if (type?.startsWith("application/json") === true) {
    try {
      const { error } = JSON.parse(body.toString("utf8")) as { error?: unknown };
      if (typeof error === "string") text = error;
    } catch {
      return "";
    }
  } else if (type?.startsWith("text/plain") === true) text = body.toString("utf8");
  return text.replace(/\s+/g, " ").trim().slice(0, MAX_REASON_CHARACTERS);
}

/** Targets of links whose relation is `ice-server`. */
export function iceServerUrls(link: string | readonly string[]): readonly string[] {
  const text = typeof link === "string" ? link : link.join(", ");
  return [...text.matchAll(/<([^<>]{1,256})>([^<]*)/g)].flatMap(([, url = "", parameters = ""]) =>
    /;\s*rel\s*=\s*"?ice-server"?/i.test(parameters) ? [url] : [],
  );
}
