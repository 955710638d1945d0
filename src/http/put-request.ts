// One PUT to a server that was judged before: to that address alone, under the name of its URL, bounded in silence and in what it answers.
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import type { SecureContext } from "node:tls";
import { errorText, PeerFault } from "#base/errors.ts";

export interface PutRequest {
  /** `https:`, without credentials. */
  readonly url: URL;
  /** What its host was resolved to. */
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sizeBytes: number;
  /** Read while it is sent; not to its end where the server answers before. */
  body(signal: AbortSignal): AsyncIterable<Buffer>;
  /** So many bytes more were handed to the connection, which takes more. */
  readonly onSent: (sizeBytes: number) => void;
  readonly signal: AbortSignal;
}

export interface PutReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Its beginning. */
  readonly text: string;
}

/** One upload's connections: a part goes over that of the part before, where the server leaves it open. */
export interface PutConnections {
  readonly agent: Agent;
  /** Nothing goes forth or back for so long: it is given up. */
  readonly silenceMs: number;
}

export function openPutConnections(secureContext: SecureContext, silenceMs: number): PutConnections {
  return { silenceMs, agent: new Agent({ keepAlive: true, maxSockets: 1, secureContext }) };
}

/** A server that is asked first can refuse before all of it was sent. Below, asking costs more. */
const ASK_FIRST_BYTES = 64 * 1024;
/** RFC 9110 §10.1.1: whoever does not know the question does not answer it. */
const ASK_MS = 2000;
const MAX_TEXT_BYTES = 2048;

/** Rejects with a PeerFault where there is no answer, with the signal's reason when it is aborted, and with what the body is rejected with. */
export async function sendPut(put: PutRequest, { agent, silenceMs }: PutConnections): Promise<PutReply> {
  const { url, address, headers, sizeBytes, signal } = put;
  signal.throwIfAborted();
  const ended = new AbortController();
  let ownFault: { readonly error: unknown } | undefined;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const asksFirst = sizeBytes >= ASK_FIRST_BYTES;
  const request = httpsRequest({
    host: address,
    ...(isIP(host) === 0 && { servername: host }),
    port: url.port || 443,
    path: url.pathname + url.search,
    method: "PUT",
    headers: { ...headers, Host: url.host, "Content-Length": sizeBytes, ...(asksFirst && { Expect: "100-continue" }) },
    agent,
    timeout: silenceMs,
  });
  const abort = (): void => void request.destroy(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  request.on("timeout", () => request.destroy(new PeerFault("timeout", `${host} was silent for ${silenceMs / 1000} s`)));
  try {
    const answered = new Promise<IncomingMessage>((resolve, reject) => request.on("response", resolve).on("error", reject));
    answered.catch(() => {}); // it is waited for below
    const sending = sendBody(request, put, asksFirst, ended.signal).catch((error: unknown) => {
      ownFault = { error };
      throw error;
    });
    const response = await Promise.race([answered, sending.then(() => answered)]);
    ended.abort();
    return { status: response.statusCode ?? 0, headers: response.headers, text: await textOf(response, silenceMs) };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw ownFault === undefined ? faultOf(error, host) : ownFault.error;
  } finally {
    ended.abort();
    signal.removeEventListener("abort", abort);
    if (!request.writableFinished) request.destroy();
  }
}

type Request = ReturnType<typeof httpsRequest>;

async function sendBody(request: Request, { body, onSent, sizeBytes }: PutRequest, asksFirst: boolean, ended: AbortSignal): Promise<void> {
  if (asksFirst) {
    request.flushHeaders();
    await mayBegin(request, ended);
  }
  if (sizeBytes > 0) {
    for await (const bytes of body(ended)) {
      if (ended.aborted || request.destroyed) return;
      const goesOn = request.write(bytes);
      if (!goesOn) await once(request, "drain", { signal: ended }).catch(() => {}); // answered, or gone: told by the answer
      onSent(bytes.length);
    }
  }
  if (!ended.aborted) request.end();
}

/** The server said so, or says nothing. */
function mayBegin(request: Request, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    request.once("socket", (socket) => {
      const ask = (): void => {
        timer = setTimeout(resolve, ASK_MS);
      };
      if (socket.connecting) socket.once("secureConnect", ask);
      else ask();
    });
    request.once("continue", resolve).once("close", resolve);
    ended.addEventListener("abort", () => resolve(), { once: true });
    request.once("close", () => clearTimeout(timer));
    request.once("continue", () => clearTimeout(timer));
  });
}

/** Whoever sends it drop by drop is not waited for. */
async function textOf(response: IncomingMessage, timeoutMs: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => response.destroy(), timeoutMs);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_TEXT_BYTES) break; // which ends the connection
    }
  } catch {
    // The status has said it.
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).subarray(0, MAX_TEXT_BYTES).toString("utf8");
}

/** `config`: the server cannot be believed, and trying again does not change that. */
function faultOf(error: unknown, host: string): unknown {
  if (error instanceof PeerFault) return error;
  const { code = "" } = error as NodeJS.ErrnoException;
  const text = `${host}: ${errorText(error) || code}`;
  if (/^(?:ERR_TLS_CERT|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH)/.test(code)) return new PeerFault("config", text);
  return new PeerFault(code === "ETIMEDOUT" ? "timeout" : "connect", text, { cause: error });
}
