// TLS to a broker while the system's clock is wrong, as after a start without a battery: nobody could say whether a certificate is valid by it. So the
// connection is made first, and its certificates are looked at by hand, all but their dates as strictly as ever, before a byte is sent.
import { X509Certificate } from "node:crypto";
import { checkServerIdentity, connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { trustOptions } from "#base/tls-trust.ts";
import { isVouchedFor, parseCertificates } from "./certificate-check.ts";
import { ConnectionLoss, closedByUs, lossOf } from "./connection-loss.ts";
import type { TlsFiles } from "./mqtt-connection.ts";

/** What is known of the time where the system's clock is wrong. */
export interface EarlyTime {
  /** UTC, ms; undefined: nothing. */
  readonly nowMs: number | undefined;
  /** It is not before: when this version was made, or what an earlier boot knew. */
  readonly leastMs: number;
}

export interface EarlyTlsOptions {
  readonly host: string;
  readonly port: number;
  /** With `ca`: only authorities that the config names vouch for a broker whose dates cannot be checked. */
  readonly tls: TlsFiles;
  readonly time: EarlyTime;
  readonly timeoutMs: number;
}

export interface EarlyTls {
  readonly socket: TLSSocket;
  /** Once the time is known: what is wrong with the dates after all. */
  datesFault(nowMs: number): string | undefined;
}

/** RFC 5280 §4.2.1.12. */
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const MAX_CHAIN = 5;

/** Rejects with a ConnectionLoss. */
export function openEarlyTls({ host, port, tls, time, timeoutMs }: EarlyTlsOptions, signal: AbortSignal): Promise<EarlyTls> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(closedByUs());
      return;
    }
    // Whether it is the broker is found out below, and nothing is sent before.
    let socket: TLSSocket;
    try {
      socket = connect({ host, port, ...trustOptions(host), ...tls });
    } catch (error) {
      reject(lossOf(error)); // files that are no certificates
      return;
    }
    const fail = (loss: ConnectionLoss): void => {
      socket.destroy();
      reject(loss);
    };
    const abort = (): void => fail(closedByUs());
    const onError = (error: Error): void => fail(lossOf(error));
    const onClose = (): void => fail(new ConnectionLoss("server", "the broker closed the connection"));
    const timer = setTimeout(() => fail(new ConnectionLoss("link", "it does not answer")), timeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      socket.off("close", onClose);
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.once("error", onError);
    socket.once("close", onClose);
    socket.once("close", settle);
    socket.once("secureConnect", () => {
      settle();
      const chain = chainOf(socket.getPeerCertificate(true));
      const identity = checkServerIdentity(host, socket.getPeerCertificate());
      const fault =
        identity !== undefined
          ? identity.message
          : (brokerFault(chain, parseCertificates(String(tls.ca)) ?? []) ?? datesFault(chain, time));
      if (fault !== undefined) {
        fail(new ConnectionLoss("auth", `TLS: ${fault}`));
        return;
      }
      socket.off("error", onError);
      resolve({ socket, datesFault: (nowMs) => datesFault(chain, { nowMs, leastMs: nowMs }) });
    });
  });
}

/** As the peer sent it, itself first. */
function chainOf(peer: DetailedPeerCertificate): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (
    let one: DetailedPeerCertificate | undefined = peer;
    one?.raw !== undefined && chain.length <= MAX_CHAIN;
    one = one.issuerCertificate
  ) {
    if (chain.at(-1)?.raw.equals(one.raw)) break; // its own issuer
    chain.push(new X509Certificate(one.raw));
  }
  return chain;
}

/** Who vouches for it, and whether it is for a server; undefined: all is well. */
function brokerFault(chain: readonly X509Certificate[], authorities: readonly X509Certificate[]): string | undefined {
  const [own] = chain;
  if (own === undefined) return "the broker shows no certificate";
  if (own.keyUsage !== undefined && !own.keyUsage.includes(SERVER_AUTH)) return "its certificate is not for servers";
  if (authorities.some(({ raw }) => raw.equals(own.raw))) return undefined;
  const named = authorities.filter(({ ca }) => ca);
  return isVouchedFor(own, chain, named) ? undefined : "no authority of mqtt.ca vouches for its certificate (unable to verify)";
}

/** Without the time a certificate may be one of the future, but not one that had run out before. */
function datesFault(chain: readonly X509Certificate[], { nowMs, leastMs }: EarlyTime): string | undefined {
  for (const { validFrom, validTo } of chain) {
    const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
    if (from >= to) return "a certificate holds at no time";
    if (to <= (nowMs ?? leastMs)) return `a certificate has expired, on ${new Date(to).toISOString()}`;
    if (nowMs !== undefined && from > nowMs) return `a certificate is not yet valid, but from ${new Date(from).toISOString()} on`;
  }
  return undefined;
}
