// Whether a certificate that came over the link is one that this gateway can show to its broker.
import { type KeyObject, X509Certificate } from "node:crypto";

export interface CertificateExpectation {
  /** That it has to be for; private. */
  readonly key: KeyObject;
  /** Its common name. */
  readonly name: string;
  /** UTC, ms; undefined: nobody knows the time. */
  readonly nowMs: number | undefined;
  /** Who may have issued it, beside whoever issued the present one. */
  readonly authorities: readonly X509Certificate[];
  readonly present: X509Certificate | undefined;
}

/** RFC 5280 §4.2.1.12. */
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const MAX_CHAIN = 5;

/** Of a PEM file, in its order; undefined: it holds none, or something else. */
export function parseCertificates(pem: string): readonly X509Certificate[] | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,32768}-----END CERTIFICATE-----/g) ?? [];
  try {
    const certificates = blocks.map((block) => new X509Certificate(block));
    return certificates.length === 0 ? undefined : certificates;
  } catch {
    return undefined;
  }
}

/** Completes "the certificate …"; undefined: it can be shown. `chain`: the certificate, then those of who issued it, if they came along. */
export function certificateFault(chain: readonly X509Certificate[], expectation: CertificateExpectation): string | undefined {
  const { key, name, nowMs, present } = expectation;
  const [own] = chain;
  if (own === undefined) return "is missing";
  if (!own.checkPrivateKey(key)) return "is for another key than the one that was asked for";
  const names = own.subject.split("\n").flatMap((line) => (line.startsWith("CN=") ? [line.slice(3)] : []));
  if (names.length !== 1 || names[0] !== name) return `is for '${names.join(" and ")}', not for '${name}'`;
  if (own.ca) return "is one of an authority";
  if (own.keyUsage !== undefined && !own.keyUsage.includes(CLIENT_AUTH)) return "is not for clients";
  const [from, to] = [Date.parse(own.validFrom), Date.parse(own.validTo)];
  if (nowMs !== undefined && nowMs < from) return `holds from ${new Date(from).toISOString()} on, which is not yet`;
  if (nowMs !== undefined && nowMs >= to) return `held until ${new Date(to).toISOString()}`;
  if (from >= to) return "holds at no time";
  if (isVouchedFor(own, chain, expectation.authorities)) return undefined;
  if (present !== undefined && own.issuer === present.issuer && !knowsIssuer(own, expectation.authorities)) return undefined;
  return "was issued by nobody that mqtt.ca names, nor by who issued the present one";
}

/** By one of the authorities, or by one in the chain that is vouched for so. Dates are not looked at. */
export function isVouchedFor(own: X509Certificate, chain: readonly X509Certificate[], authorities: readonly X509Certificate[]): boolean {
  let certificate = own;
  for (let length = 0; length < MAX_CHAIN; length++) {
    const isIssuer = (other: X509Certificate): boolean => certificate.checkIssued(other) && certificate.verify(other.publicKey);
    if (authorities.some(isIssuer)) return true;
    const next = chain.find((other) => other !== certificate && other.ca && isIssuer(other));
    if (next === undefined) return false;
    certificate = next;
  }
  return false;
}

/** An authority of that name is there, so that its signature could be checked, and was not its own. */
function knowsIssuer({ issuer }: X509Certificate, authorities: readonly X509Certificate[]): boolean {
  return authorities.some(({ subject }) => subject === issuer);
}
