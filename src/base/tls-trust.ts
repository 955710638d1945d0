// Whom we take a TLS server for: vouched for by an authority and named as we know it, or known by the fingerprint of its certificate.
import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { type ConnectionOptions, rootCertificates, type TLSSocket } from "node:tls";

/** For `tls.connect`. Nothing may be sent before `distrustOf` was asked. `authorities`: PEM; they vouch beside the system's. */
export function trustOptions(host: string, authorities: readonly string[] = []): ConnectionOptions {
  const isAddress = isIP(host.split("%")[0]!) !== 0;
  return {
    minVersion: "TLSv1.2",
    rejectUnauthorized: false,
    ...(!isAddress && { servername: host }),
    ...(authorities.length > 0 && { ca: [...rootCertificates, ...authorities] }),
  };
}

/**
 * Why the server of a connection that stands is not to be trusted, with its fingerprint; undefined: it is. `fingerprint` is the SHA-256 of its certificate in
 * hex, with or without colons: that certificate is trusted, and no other. Empty: the system's authorities decide.
 */
export function distrustOf(socket: TLSSocket, fingerprint: string): string | undefined {
  if (fingerprint === "" && socket.authorized) return undefined;
  const found = createHash("sha256").update(socket.getPeerCertificate().raw).digest("hex");
  if (fingerprint === "") return `no authority vouches for its certificate (${socket.authorizationError}), whose fingerprint is ${found}`;
  if (found === fingerprint.replaceAll(":", "").toLowerCase()) return undefined;
  return `its certificate has the fingerprint ${found}, which is not the one in the config`;
}
