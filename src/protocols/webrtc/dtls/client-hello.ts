// ClientHello (RFC 5246 §7.4.1.2, RFC 6347 §4.2.1) and the extensions that WebRTC needs.
import { numbersIn, Vectors } from "./vectors.ts";

export interface ClientHello {
  readonly version: number;
  readonly random: Buffer;
  readonly cookie: Buffer;
  readonly cipherSuites: readonly number[];
  /** RFC 8422 §5.1.1; undefined: it does not say. */
  readonly groups: readonly number[] | undefined;
  /** RFC 5246 §7.4.1.4.1; undefined: it does not say. */
  readonly signatureSchemes: readonly number[] | undefined;
  /** RFC 5764 §4.1.1 */
  readonly srtpProfiles: readonly number[];
  /** RFC 7627 §5.1 */
  readonly extendedMasterSecret: boolean;
  /** RFC 5746 §3.4: by extension or by suite. */
  readonly secureRenegotiation: boolean;
}

const Extension = { groups: 10, signatureSchemes: 13, useSrtp: 14, extendedMasterSecret: 23, renegotiation: 0xff01 } as const;
const RENEGOTIATION_SUITE = 0x00ff;

/** undefined: it is none. */
export function parseClientHello(body: Buffer): ClientHello | undefined {
  const vectors = new Vectors(body);
  const version = vectors.take(2)?.readUInt16BE(0);
  const random = vectors.take(32);
  const session = vectors.vector(1);
  const cookie = vectors.vector(1);
  const suites = vectors.vector(2);
  const compressions = vectors.vector(1);
  if (version === undefined || random === undefined || session === undefined || cookie === undefined) return undefined;
  if (suites === undefined || !compressions?.includes(0)) return undefined;
  const cipherSuites = numbersIn(suites);
  let groups: readonly number[] | undefined;
  let signatureSchemes: readonly number[] | undefined;
  let srtpProfiles: readonly number[] = [];
  let extendedMasterSecret = false;
  let secureRenegotiation = cipherSuites.includes(RENEGOTIATION_SUITE);
  const extensions = new Vectors(vectors.vector(2) ?? Buffer.alloc(0));
  while (!extensions.done) {
    const type = extensions.take(2)?.readUInt16BE(0);
    const data = extensions.vector(2);
    if (type === undefined || data === undefined) return undefined;
    const list = new Vectors(data);
    if (type === Extension.groups) groups = numbersIn(list.vector(2) ?? Buffer.alloc(0));
    else if (type === Extension.signatureSchemes) signatureSchemes = numbersIn(list.vector(2) ?? Buffer.alloc(0));
    else if (type === Extension.useSrtp) srtpProfiles = numbersIn(list.vector(2) ?? Buffer.alloc(0));
    else if (type === Extension.extendedMasterSecret) extendedMasterSecret = true;
    else if (type === Extension.renegotiation) secureRenegotiation = true;
  }
  return { version, random, cookie, cipherSuites, groups, signatureSchemes, srtpProfiles, extendedMasterSecret, secureRenegotiation };
}

/** The first certificate of a Certificate message, DER; undefined: there is none. */
export function parseCertificate(body: Buffer): Buffer | undefined {
  const list = new Vectors(body).vector(3);
  return list && new Vectors(list).vector(3);
}

/** The client's point (RFC 8422 §5.7), uncompressed. */
export function parseClientKeyExchange(body: Buffer): Buffer | undefined {
  const point = new Vectors(body).vector(1);
  return point?.length === 65 && point[0] === 4 ? point : undefined;
}

/** RFC 5246 §7.4.8 */
export function parseCertificateVerify(body: Buffer): { readonly scheme: number; readonly signature: Buffer } | undefined {
  const vectors = new Vectors(body);
  const scheme = vectors.take(2)?.readUInt16BE(0);
  const signature = vectors.vector(2);
  return scheme === undefined || signature === undefined ? undefined : { scheme, signature };
}
