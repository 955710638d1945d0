// The passive side of DTLS 1.2 (RFC 6347) as WebRTC uses it: both sides show a certificate, and what comes of it are keys for SRTP (RFC 5764).
import { createECDH, type ECDH, randomBytes } from "node:crypto";
import { SRTP_PROFILES, type SrtpProfile } from "#rtp/srtp/srtp-profile.ts";
import { Association } from "./association.ts";
import { type ClientHello, parseCertificate, parseCertificateVerify, parseClientHello, parseClientKeyExchange } from "./client-hello.ts";
import type { DtlsOptions } from "./endpoint.ts";
import type { Outgoing } from "./flight.ts";
import { type HandshakeMessage, HandshakeType } from "./handshake-message.ts";
import { exportSrtpKeys, extendedMasterSecret, finishedData, masterSecretOf, type Randoms, writeKeysOf } from "./key-schedule.ts";
import { ContentType } from "./record.ts";
import {
  CIPHER_SUITE,
  certificateBody,
  certificateRequestBody,
  helloVerifyRequestBody,
  serverHelloBody,
  serverKeyExchangeBody,
} from "./server-messages.ts";
import { isExpectedCertificate, isSignedBy, OWN_SCHEME, SECP256R1 } from "./signature.ts";

/** The message that is waited for. */
type Phase = "hello" | "certificate" | "keyExchange" | "certificateVerify" | "finished";

/** Nothing here throws on what a client sends. Whoever owns it limits how long a handshake may take. */
export class DtlsServer {
  readonly #options: DtlsOptions;
  readonly #association: Association;
  readonly #cookie = randomBytes(20);
  #phase: Phase = "hello";
  #hello: ClientHello | undefined;
  #profile: SrtpProfile | undefined;
  #randoms: Randoms | undefined;
  #ecdh: ECDH | undefined;
  #clientCertificate: Buffer | undefined;
  #masterSecret: Buffer | undefined;

  constructor(options: DtlsOptions) {
    this.#options = options;
    const { send, onEnd } = options;
    const onRepeat = () => this.#association.flights.repeat();
    this.#association = new Association({ peer: "client", send, onEnd, step: (message) => this.#step(message), onRepeat });
  }

  get connected(): boolean {
    return this.#association.connected;
  }

  /** What the client complained of, in the clear: a hint for the log, no proof. */
  get complaint(): number | undefined {
    return this.#association.complaint;
  }

  /** One datagram of the client. */
  receive(datagram: Buffer): void {
    this.#association.receive(datagram);
  }

  /** Says goodbye, where there is somebody to hear it. */
  close(): void {
    this.#association.close();
  }

  /** Why the handshake fails, if it does. */
  #step(message: HandshakeMessage): string | undefined {
    const { type, body } = message;
    if (this.connected) return undefined; // no renegotiation (RFC 8827 §6.5)
    if (this.#phase === "hello" && type === HandshakeType.clientHello) return this.#onClientHello(message);
    if (this.#phase === "certificate" && type === HandshakeType.certificate) {
      this.#clientCertificate = parseCertificate(body);
      if (!isExpectedCertificate(this.#clientCertificate, this.#options.fingerprints))
        return "the client's certificate is not the one of its offer (a=fingerprint)";
      this.#phase = "keyExchange";
    } else if (this.#phase === "keyExchange" && type === HandshakeType.clientKeyExchange) {
      const point = parseClientKeyExchange(body);
      this.#association.addToTranscript(message.bytes);
      this.#phase = "certificateVerify";
      return point !== undefined && this.#deriveKeys(point) ? undefined : "the client's key is no point of the curve";
    } else if (this.#phase === "certificateVerify" && type === HandshakeType.certificateVerify) {
      if (!this.#ownsCertificate(body)) return "the client does not own its certificate";
      this.#phase = "finished";
    } else if (this.#phase === "finished" && type === HandshakeType.finished) {
      if (!body.equals(finishedData(this.#masterSecret!, "client", this.#association.transcript))) return "the handshake was tampered with";
      this.#association.addToTranscript(message.bytes);
      this.#finish();
      return undefined;
    } else return `handshake message ${type} out of place`;
    this.#association.addToTranscript(message.bytes);
    return undefined;
  }

  #onClientHello(message: HandshakeMessage): string | undefined {
    const hello = parseClientHello(message.body);
    if (hello === undefined) return "the ClientHello is broken";
    if (!hello.cookie.equals(this.#cookie)) {
      // RFC 6347 §4.2.1: nothing larger goes to an address before it has answered
      this.#send([this.#association.write(HandshakeType.helloVerifyRequest, helloVerifyRequestBody(this.#cookie))], false);
      return undefined;
    }
    const profile = SRTP_PROFILES.find(({ id }) => hello.srtpProfiles.includes(id));
    if (profile === undefined) return "the client knows no SRTP profile of ours";
    if (!hello.cipherSuites.includes(CIPHER_SUITE)) return "the client does not know TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    if (hello.groups !== undefined && !hello.groups.includes(SECP256R1)) return "the client does not know the curve secp256r1";
    if (hello.signatureSchemes !== undefined && !hello.signatureSchemes.includes(OWN_SCHEME))
      return "the client does not know ECDSA with SHA-256";
    this.#hello = hello;
    this.#profile = profile;
    this.#ecdh = createECDH("prime256v1");
    const randoms = { client: Buffer.from(hello.random), server: randomBytes(32) };
    this.#randoms = randoms;
    this.#association.addToTranscript(message.bytes);
    const { identity } = this.#options;
    const serverHello = serverHelloBody({
      random: randoms.server,
      srtpProfile: profile.id,
      extendedMasterSecret: hello.extendedMasterSecret,
      secureRenegotiation: hello.secureRenegotiation,
      namesGroups: hello.groups !== undefined,
    });
    const bodies: readonly (readonly [type: number, body: Buffer])[] = [
      [HandshakeType.serverHello, serverHello],
      [HandshakeType.certificate, certificateBody(identity)],
      [HandshakeType.serverKeyExchange, serverKeyExchangeBody(identity, randoms, this.#ecdh.generateKeys())],
      [HandshakeType.certificateRequest, certificateRequestBody()],
      [HandshakeType.serverHelloDone, Buffer.alloc(0)],
    ];
    const messages = bodies.map(([type, body]) => this.#association.write(type, body));
    for (const bytes of messages) this.#association.addToTranscript(bytes);
    this.#phase = "certificate";
    this.#send(messages, true);
    return undefined;
  }

  #deriveKeys(point: Buffer): boolean {
    let secret: Buffer;
    try {
      secret = this.#ecdh!.computeSecret(point);
    } catch {
      return false;
    }
    const randoms = this.#randoms!;
    this.#masterSecret = this.#hello!.extendedMasterSecret
      ? extendedMasterSecret(secret, this.#association.transcript)
      : masterSecretOf(secret, randoms);
    const keys = writeKeysOf(this.#masterSecret, randoms);
    this.#association.flights.setKey(keys.serverKey, keys.serverSalt);
    this.#association.setReadKey(keys.clientKey, keys.clientSalt);
    return true;
  }

  #ownsCertificate(body: Buffer): boolean {
    const claim = parseCertificateVerify(body);
    return claim !== undefined && isSignedBy(this.#clientCertificate!, claim.scheme, this.#association.transcript, claim.signature);
  }

  #finish(): void {
    const { flights, transcript } = this.#association;
    const fragment = this.#association.write(HandshakeType.finished, finishedData(this.#masterSecret!, "server", transcript));
    this.#association.connect();
    const flight: readonly Outgoing[] = [
      { type: ContentType.changeCipherSpec, epoch: 0, fragment: Buffer.from([1]) },
      { type: ContentType.handshake, epoch: 1, fragment },
    ];
    flights.send(flight, false);
    const profile = this.#profile!;
    const { client, server } = exportSrtpKeys(this.#masterSecret!, this.#randoms!, profile.keyBytes, profile.saltBytes);
    this.#options.onConnected({ local: { profile, ...server }, remote: { profile, ...client } });
  }

  #send(messages: readonly Buffer[], untilHeard: boolean): void {
    const flight = messages.map((fragment): Outgoing => ({ type: ContentType.handshake, epoch: 0, fragment }));
    this.#association.flights.send(flight, untilHeard);
  }
}
