// The passive side of DTLS 1.2 (RFC 6347) as WebRTC uses it: both sides show a certificate, and what comes of it are keys for SRTP (RFC 5764).
import { createECDH, type ECDH, randomBytes } from "node:crypto";
import { SRTP_PROFILES, type SrtpProfile } from "#rtp/srtp/srtp-profile.ts";
import { type ClientHello, parseCertificate, parseCertificateVerify, parseClientHello, parseClientKeyExchange } from "./client-hello.ts";
import { Alert, type DtlsOptions } from "./endpoint.ts";
import { Flights, type Outgoing } from "./flight.ts";
import { type HandshakeMessage, HandshakeReassembly, HandshakeType, writeHandshake } from "./handshake-message.ts";
import {
  exportSrtpKeys,
  extendedMasterSecret,
  finishedData,
  masterSecretOf,
  type Randoms,
  type WriteKeys,
  writeKeysOf,
} from "./key-schedule.ts";
import { ContentType, type DtlsRecord, openFragment, parseRecords, ReplayWindow } from "./record.ts";
import {
  CIPHER_SUITE,
  certificateBody,
  certificateRequestBody,
  helloVerifyRequestBody,
  serverHelloBody,
  serverKeyExchangeBody,
} from "./server-messages.ts";
import { isExpectedCertificate, isSignedBy, OWN_SCHEME, SECP256R1 } from "./signature.ts";

type Phase = "hello" | "certificate" | "keyExchange" | "certificateVerify" | "finished" | "connected" | "ended";

/** Nothing here throws on what a client sends. Whoever owns it limits how long a handshake may take. */
export class DtlsServer {
  readonly #options: DtlsOptions;
  readonly #cookie = randomBytes(20);
  readonly #reassembly = new HandshakeReassembly();
  readonly #replay = new ReplayWindow();
  readonly #transcript: Buffer[] = [];
  readonly #flights: Flights;
  #phase: Phase = "hello";
  #hello: ClientHello | undefined;
  #profile: SrtpProfile | undefined;
  #randoms: Randoms | undefined;
  #ecdh: ECDH | undefined;
  #clientCertificate: Buffer | undefined;
  #masterSecret: Buffer | undefined;
  #keys: WriteKeys | undefined;
  #ownSequence = 0;
  /** What the client complained of, in the clear: a hint for the log, no proof. */
  complaint: number | undefined;

  constructor(options: DtlsOptions) {
    this.#options = options;
    this.#flights = new Flights(options.send);
  }

  get connected(): boolean {
    return this.#phase === "connected";
  }

  /** One datagram of the client. */
  receive(datagram: Buffer): void {
    for (const record of parseRecords(datagram)) {
      if (this.#phase === "ended") return;
      this.#take(record);
    }
  }

  /** Says goodbye, where there is somebody to hear it. */
  close(): void {
    if (this.#phase === "connected") this.#flights.sendAlert(1, Alert.warning, Alert.closeNotify);
    this.#stop();
  }

  #take(record: DtlsRecord): void {
    const { type, epoch } = record;
    let { fragment } = record;
    if (epoch > 1 || (epoch === 1 && this.#keys === undefined)) return; // came before what it needs: it will be repeated
    if (epoch === 1) {
      const { clientKey, clientSalt } = this.#keys!;
      const plain = openFragment(clientKey, clientSalt, record);
      if (plain === undefined || !this.#replay.accept(record.sequence.readUIntBE(2, 6))) return;
      fragment = plain;
    }
    if (type === ContentType.handshake) this.#takeHandshake(fragment, epoch === 1);
    else if (type === ContentType.alert) this.#takeAlert(fragment, epoch === 1);
  }

  #takeHandshake(fragment: Buffer, isEncrypted: boolean): void {
    if (this.#reassembly.push(fragment, isEncrypted)) this.#flights.repeat();
    for (let message = this.#reassembly.shift(); message !== undefined && this.#phase !== "ended"; message = this.#reassembly.shift()) {
      const fault = this.#step(message);
      if (fault !== undefined) this.#fail(fault);
    }
  }

  /** In the clear anybody may have sent it. */
  #takeAlert(fragment: Buffer, isEncrypted: boolean): void {
    const [level = 0, description = 0] = fragment;
    if (!isEncrypted) this.complaint = description;
    else if (description === Alert.closeNotify || level === Alert.fatal) {
      const fault = description === Alert.closeNotify && this.connected ? undefined : `the client ended DTLS with alert ${description}`;
      this.#stop();
      this.#options.onEnd(fault);
    }
  }

  /** Why the handshake fails, if it does. */
  #step(message: HandshakeMessage): string | undefined {
    const { type, body } = message;
    if (this.#phase === "hello" && type === HandshakeType.clientHello) return this.#onClientHello(message);
    if (this.#phase === "certificate" && type === HandshakeType.certificate) {
      this.#clientCertificate = parseCertificate(body);
      if (!isExpectedCertificate(this.#clientCertificate, this.#options.fingerprints))
        return "the client's certificate is not the one of its offer (a=fingerprint)";
      this.#phase = "keyExchange";
    } else if (this.#phase === "keyExchange" && type === HandshakeType.clientKeyExchange) {
      const point = parseClientKeyExchange(body);
      this.#transcript.push(message.bytes);
      this.#phase = "certificateVerify";
      return point !== undefined && this.#deriveKeys(point) ? undefined : "the client's key is no point of the curve";
    } else if (this.#phase === "certificateVerify" && type === HandshakeType.certificateVerify) {
      if (!this.#ownsCertificate(body)) return "the client does not own its certificate";
      this.#phase = "finished";
    } else if (this.#phase === "finished" && type === HandshakeType.finished) {
      if (!body.equals(finishedData(this.#masterSecret!, "client", Buffer.concat(this.#transcript))))
        return "the handshake was tampered with";
      this.#transcript.push(message.bytes);
      this.#finish();
      return undefined;
    } else if (this.#phase === "connected")
      return undefined; // no renegotiation (RFC 8827 §6.5)
    else return `handshake message ${type} out of place`;
    this.#transcript.push(message.bytes);
    return undefined;
  }

  #onClientHello(message: HandshakeMessage): string | undefined {
    const hello = parseClientHello(message.body);
    if (hello === undefined) return "the ClientHello is broken";
    if (!hello.cookie.equals(this.#cookie)) {
      // RFC 6347 §4.2.1: nothing larger goes to an address before it has answered
      this.#send([writeHandshake(HandshakeType.helloVerifyRequest, this.#ownSequence++, helloVerifyRequestBody(this.#cookie))], false);
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
    this.#transcript.push(message.bytes);
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
    const messages = bodies.map(([type, body]) => writeHandshake(type, this.#ownSequence++, body));
    for (const { bytes } of messages) this.#transcript.push(bytes);
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
      ? extendedMasterSecret(secret, Buffer.concat(this.#transcript))
      : masterSecretOf(secret, randoms);
    this.#keys = writeKeysOf(this.#masterSecret, randoms);
    this.#flights.setKey(this.#keys.serverKey, this.#keys.serverSalt);
    return true;
  }

  #ownsCertificate(body: Buffer): boolean {
    const claim = parseCertificateVerify(body);
    return claim !== undefined && isSignedBy(this.#clientCertificate!, claim.scheme, Buffer.concat(this.#transcript), claim.signature);
  }

  #finish(): void {
    const randoms = this.#randoms!;
    const { bytes } = writeHandshake(
      HandshakeType.finished,
      this.#ownSequence++,
      finishedData(this.#masterSecret!, "server", Buffer.concat(this.#transcript)),
    );
    this.#phase = "connected";
    this.#transcript.length = 0;
    const flight: readonly Outgoing[] = [
      { type: ContentType.changeCipherSpec, epoch: 0, fragment: Buffer.from([1]) },
      { type: ContentType.handshake, epoch: 1, fragment: bytes },
    ];
    this.#flights.send(flight, false);
    const profile = this.#profile!;
    const { client, server } = exportSrtpKeys(this.#masterSecret!, randoms, profile.keyBytes, profile.saltBytes);
    this.#options.onConnected({ local: { profile, ...server }, remote: { profile, ...client } });
  }

  #fail(fault: string): void {
    this.#flights.sendAlert(0, Alert.fatal, Alert.handshakeFailure);
    this.#stop();
    this.#options.onEnd(fault);
  }

  #stop(): void {
    this.#phase = "ended";
    this.#flights.stop();
  }

  #send(messages: readonly HandshakeMessage[], untilHeard: boolean): void {
    this.#flights.send(
      messages.map(({ bytes }) => ({ type: ContentType.handshake, epoch: 0, fragment: bytes })),
      untilHeard,
    );
  }
}
