// The keys that tokens are verified with: a JWKS (RFC 7517 §5) from a URL, fetched on first use and kept for an hour.
import { askService } from "./service-request.ts";
import type { TokenKeys } from "./token-signature.ts";

export interface KeySetOptions {
  readonly url: string;
  /** SHA-256 of the server's certificate; empty: the usual authorities. */
  readonly fingerprint: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Told when the keys could not be had. */
  readonly onFault: (text: string) => void;
}

/** MediaMTX's limit and period. */
const MAX_SET_BYTES = 131_072;
const FRESH_MS = 60 * 60_000;
/** While the server is down, the keys it gave last are still good for so long. */
const STALE_MS = 24 * 60 * 60_000;
/** The server is not asked more often, whatever tokens come in; sooner while there is no key at all. */
const MIN_PAUSE_MS = 30_000;
const MIN_PAUSE_WITHOUT_KEYS_MS = 2000;

export class KeySet {
  readonly #options: KeySetOptions;
  #keys: TokenKeys | undefined;
  #fetchedMs = 0;
  #triedMs = Number.NEGATIVE_INFINITY;
  #failing = false;
  #fetch: Promise<void> | undefined;

  constructor(options: KeySetOptions) {
    this.#options = options;
  }

  /** Fetches what is missing or an hour old; undefined when there is none to be had. Nobody waits for a server that is known to be down. */
  async keys(): Promise<TokenKeys | undefined> {
    const ageMs = this.#options.nowMs() - this.#fetchedMs;
    if (this.#keys === undefined) await this.#refetch();
    else if (ageMs >= FRESH_MS) {
      const fetch = this.#refetch();
      if (!this.#failing) await fetch;
    }
    return this.#options.nowMs() - this.#fetchedMs < STALE_MS ? this.#keys : undefined;
  }

  /** After a token named a key that is not in the set: the issuer may have changed keys. Undefined when it is too early to ask again. */
  async newerKeys(): Promise<TokenKeys | undefined> {
    const before = this.#keys;
    await this.#refetch();
    return this.#keys === before ? undefined : this.#keys;
  }

  /** Forgets the keys: the next token is verified with new ones or not at all. */
  refresh(): void {
    this.#keys = undefined;
    this.#triedMs = Number.NEGATIVE_INFINITY;
    this.#fetch = undefined;
  }

  #refetch(): Promise<void> {
    if (this.#fetch !== undefined) return this.#fetch;
    const nowMs = this.#options.nowMs();
    const pauseMs = this.#keys === undefined ? MIN_PAUSE_WITHOUT_KEYS_MS : MIN_PAUSE_MS;
    if (nowMs - this.#triedMs < pauseMs) return Promise.resolve();
    this.#triedMs = nowMs;
    const fetch: Promise<void> = this.#download().then(
      (keys) => {
        if (this.#fetch !== fetch) return;
        this.#fetch = undefined;
        this.#failing = false;
        this.#keys = keys;
        this.#fetchedMs = this.#options.nowMs();
      },
      (error: Error) => {
        if (this.#fetch === fetch) this.#fetch = undefined;
        this.#failing = true;
        this.#options.onFault(`the keys for tokens could not be had: ${error.message}`);
      },
    );
    this.#fetch = fetch;
    return fetch;
  }

  async #download(): Promise<TokenKeys> {
    const { url, fingerprint, timeoutMs, signal } = this.#options;
    const { status, body, cut } = await askService({ url, fingerprint, timeoutMs, maxBytes: () => MAX_SET_BYTES, signal });
    if (status < 200 || status > 299) throw new Error(`the server answered ${status}`);
    if (cut) throw new Error(`they are larger than ${MAX_SET_BYTES} bytes`);
    const { readTokenKeys } = await import("./token-signature.ts");
    return readTokenKeys(body.toString("utf8"));
  }
}
