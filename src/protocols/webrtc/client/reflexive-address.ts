// The addresses that the world sees us with, asked of STUN servers (RFC 8489 §11): server-reflexive candidates.
import { randomBytes } from "node:crypto";
import { resolveHost } from "#base/resolve-host.ts";
import type { PeerPath } from "../peer-path.ts";
import { parseStun, type StunAddress, writeBindingQuery } from "../stun.ts";

/** §6.2.1 */
const FIRST_RETRY_MS = 500;
const MAX_SERVERS = 8;
const DEFAULT_PORT = 3478;

/** Sends the questions of one port and knows their answers. */
export class ReflexiveAddresses {
  /** By transaction, as hex. */
  readonly #waiting = new Map<string, (address: StunAddress | undefined) => void>();

  /** A datagram that looks like STUN. True: it was an answer for us. */
  onStun(bytes: Buffer): boolean {
    if (this.#waiting.size === 0) return false;
    const message = parseStun(bytes);
    if (message === undefined || (message.kind !== "success" && message.kind !== "error")) return false;
    const done = this.#waiting.get(message.transactionId.toString("hex"));
    done?.(message.mappedAddress);
    return done !== undefined;
  }

  /** What `stun:` URLs answer within the time; whatever fails is left out. Resolves as soon as all have answered. */
  async gather(
    urls: readonly string[],
    pathTo: (address: string, port: number) => PeerPath | undefined,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<readonly StunAddress[]> {
    const timeout = AbortSignal.any([signal, AbortSignal.timeout(Math.min(timeoutMs, 2 ** 31 - 1))]);
    const asked = urls.flatMap((url) => stunServer(url) ?? []).slice(0, MAX_SERVERS);
    const found = await Promise.all(asked.map(({ host, port }) => this.#ask(host, port, pathTo, timeout)));
    return found.flatMap((address) => address ?? []).filter((one, i, all) => all.findIndex((other) => isSame(one, other)) === i);
  }

  async #ask(
    host: string,
    port: number,
    pathTo: (address: string, port: number) => PeerPath | undefined,
    signal: AbortSignal,
  ): Promise<StunAddress | undefined> {
    const addresses = await Promise.race([resolveHost(host).catch(() => []), aborted(signal)]);
    const path = addresses?.[0] === undefined ? undefined : pathTo(addresses[0], port);
    if (path === undefined || signal.aborted) return undefined;
    const transactionId = randomBytes(12);
    const key = transactionId.toString("hex");
    let timer: NodeJS.Timeout | undefined;
    const ask = (retryMs: number): void => {
      path.send(writeBindingQuery(transactionId));
      timer = setTimeout(() => ask(retryMs * 2), retryMs);
    };
    try {
      const answer = new Promise<StunAddress | undefined>((resolve) => this.#waiting.set(key, resolve));
      ask(FIRST_RETRY_MS);
      return await Promise.race([answer, aborted(signal)]);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(key);
    }
  }
}

/** `stun:host`, `stun:host:port`, `stun:[::1]:port` (RFC 7064); undefined: it is another. */
export function stunServer(url: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^stun:(?:\[([0-9a-f:.]+)\]|([^:[\]\s/?]+))(?::(\d{1,5}))?(?:\?.*)?$/i.exec(url.trim());
  if (match === null) return undefined;
  const port = match[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  return port > 0 && port <= 65_535 ? { host: match[1] ?? match[2]!, port } : undefined;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

function isSame(a: StunAddress, b: StunAddress): boolean {
  return a.address === b.address && a.port === b.port;
}
