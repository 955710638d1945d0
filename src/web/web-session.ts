// One WHIP or WHEP session of this page, begun again whenever it ends: RFC 9725, draft-ietf-wish-whep.
import { candidateFragment, iceServersOf } from "./session-sdp.ts";

const RETRY_MS = 2000;

export interface SessionLogin {
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
}

export interface WebSessionOptions extends SessionLogin {
  /** Of the endpoint, `…/whep` or `…/whip`, its query included. */
  readonly url: string;
  /** Gives a new connection its transceivers, tracks and listeners. */
  prepare(connection: RTCPeerConnection): void;
  /** The offer as it is sent; the browser has to take it, too. */
  editOffer?(sdp: string): Promise<string>;
  /** The server's answer, before the browser sees it. */
  editAnswer?(sdp: string): string;
  onConnected?(): void;
  /** In words for people. Unless it is final, another attempt follows. */
  onError(text: string): void;
}

/** What the server said no with. */
class Refusal extends Error {}

export class WebSession {
  readonly #options: WebSessionOptions;
  #connection: RTCPeerConnection | undefined;
  #sessionUrl: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: WebSessionOptions) {
    this.#options = options;
    void this.#start();
  }

  /** Ends it, here and at the server. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#end();
  }

  async #start(): Promise<void> {
    const { url, prepare, editOffer, editAnswer } = this.#options;
    try {
      const iceServers = await this.#iceServers();
      if (this.#closed) return;
      const connection = new RTCPeerConnection({ iceServers });
      this.#connection = connection;
      const early: RTCIceCandidate[] = [];
      let offer = "";
      connection.addEventListener("icecandidate", ({ candidate }) => {
        if (candidate === null || candidate.candidate === "") return;
        if (this.#sessionUrl === undefined) early.push(candidate);
        else void this.#trickle(offer, [candidate]);
      });
      connection.addEventListener("connectionstatechange", () => this.#onState(connection));
      prepare(connection);
      const own = await connection.createOffer();
      offer = (await editOffer?.(own.sdp ?? "")) ?? own.sdp ?? "";
      await connection.setLocalDescription({ type: "offer", sdp: offer });
      const response = await this.#fetch(url, { method: "POST", headers: { "Content-Type": "application/sdp" }, body: offer });
      if (response.status !== 201) throw new Refusal(await refusalText(response));
      const location = response.headers.get("Location");
      if (location !== null) this.#sessionUrl = new URL(location, url).href;
      const answer = await response.text();
      if (this.#closed || this.#connection !== connection) {
        this.#end();
        return;
      }
      await connection.setRemoteDescription({ type: "answer", sdp: editAnswer?.(answer) ?? answer });
      if (early.length > 0) await this.#trickle(offer, early);
    } catch (error) {
      this.#fail(error instanceof Refusal ? error.message : `no connection: ${error instanceof Error ? error.message : error}`);
    }
  }

  #onState(connection: RTCPeerConnection): void {
    if (this.#connection !== connection) return;
    if (connection.connectionState === "connected") this.#options.onConnected?.();
    if (connection.connectionState === "failed" || connection.connectionState === "closed") this.#fail("the connection was lost");
  }

  async #iceServers(): Promise<RTCIceServer[]> {
    const response = await this.#fetch(this.#options.url, { method: "OPTIONS" });
    return response.ok ? iceServersOf(response.headers.get("Link")) : [];
  }

  /** A candidate that the server does not take is no loss: it has its own. */
  async #trickle(offer: string, candidates: readonly RTCIceCandidate[]): Promise<void> {
    if (this.#sessionUrl === undefined) return;
    const headers = { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*" };
    await this.#fetch(this.#sessionUrl, { method: "PATCH", headers, body: candidateFragment(offer, candidates) }).catch(() => {});
  }

  #fetch(url: string, request: RequestInit): Promise<Response> {
    const { user, pass, token } = this.#options;
    const headers = new Headers(request.headers);
    if (user) headers.set("Authorization", `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${user}:${pass ?? ""}`)))}`);
    else if (token) headers.set("Authorization", `Bearer ${token}`);
    return fetch(url, { ...request, headers });
  }

  #fail(text: string): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#end();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#start();
    }, RETRY_MS);
    this.#options.onError(`${text}; trying again`);
  }

  #end(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    const url = this.#sessionUrl;
    this.#sessionUrl = undefined;
    if (url === undefined) {
      connection?.close();
      return;
    }
    // The server first: it would take a connection that closes for the end of the session, and not know it any more.
    void this.#fetch(url, { method: "DELETE", keepalive: true })
      .catch(() => {})
      .then(() => connection?.close());
  }
}

/** The server's own words, where it has some. */
async function refusalText(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => undefined);
  if (typeof body === "object" && body !== null && "error" in body && typeof body.error === "string") return body.error;
  return `the server answered ${response.status}`;
}
