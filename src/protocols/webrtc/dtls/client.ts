// The active side of DTLS 1.2 (RFC 6347) as WebRTC uses it: both sides show a certificate, and what comes of it are keys for SRTP (RFC 5764).
import { createECDH, randomBytes } from "node:crypto";
import { SRTP_PROFILES, type SrtpProfile } from "#rtp/srtp/srtp-profile.ts";
import { Association } from "./association.ts";
import { parseCertificate } from "./client-hello.ts";
import {
  certificateVerifyBody,
  clientHelloBody,
  clientKeyExchangeBody,
  parseHelloVerifyRequest,
  parseServerHello,
  parseServerKeyExchange,
  type ServerHello,
} from "./client-messages.ts";
import type { DtlsOptions } from "./endpoint.ts";
import type { Outgoing } from "./flight.ts";
import { type HandshakeMessage, HandshakeType } from "./handshake-message.ts";
import { exportSrtpKeys, extendedMasterSecret, finishedData, masterSecretOf, type Randoms, writeKeysOf } from "./key-schedule.ts";
import { ContentType } from "./record.ts";
import { certificateBody } from "./server-messages.ts";
import { isExpectedCertificate, isSignedBy } from "./signature.ts";

/** The message that is waited for. */
type Phase = "hello" | "certificate" | "keyExchange" | "helloDone" | "finished";

/** Nothing here throws on what a server sends. Whoever owns it limits how long a handshake may take. */
export class DtlsClient {
  readonly #options: DtlsOptions;
  readonly #association: Association;
  readonly #random = randomBytes(32);
  #phase: Phase = "hello";
  #verified = false;
  #hello: ServerHello | undefined;
  #profile: SrtpProfile | undefined;
  #certificate: Buffer | undefined;
  #serverPoint: Buffer | undefined;
  #isCertificateWanted = false;
  #masterSecret: Buffer | undefined;

  constructor(options: DtlsOptions) {
    this.#options = options;
    const { send, onEnd } = options;
    // a server that repeats itself gets nothing for it: our own flight goes out again by its timer
    this.#association = new Association({ peer: "server", send, onEnd, step: (message) => this.#step(message) });
  }

  get connected(): boolean {
    return this.#association.connected;
  }

  /** What the server complained of, in the clear: a hint for the log, no proof. */
  get complaint(): number | undefined {
    return this.#association.complaint;
  }

  /** Says hello, until the server answers. To be called once. */
  start(): void {
    this.#sendHello(Buffer.alloc(0));
  }

  /** One datagram of the server. */
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
    if (this.#phase === "hello" && type === HandshakeType.helloVerifyRequest) return this.#onHelloVerifyRequest(body);
    let fault: string | undefined;
    if (this.#phase === "hello" && type === HandshakeType.serverHello) fault = this.#onServerHello(body);
    else if (this.#phase === "certificate" && type === HandshakeType.certificate) fault = this.#onCertificate(body);
    else if (this.#phase === "keyExchange" && type === HandshakeType.serverKeyExchange) fault = this.#onKeyExchange(body);
    else if (this.#phase === "helloDone" && type === HandshakeType.certificateRequest) this.#isCertificateWanted = true;
    else if (this.#phase === "helloDone" && type === HandshakeType.serverHelloDone) {
      this.#association.addToTranscript(message.bytes);
      return this.#answer();
    } else if (this.#phase === "finished" && type === HandshakeType.finished) return this.#onFinished(body);
    else return `handshake message ${type} out of place`;
    this.#association.addToTranscript(message.bytes);
    return fault;
  }

  /** §4.2.1: neither it nor the hello before it is part of the transcript. */
  #onHelloVerifyRequest(body: Buffer): string | undefined {
    const cookie = parseHelloVerifyRequest(body);
    if (cookie === undefined || this.#verified) return "the HelloVerifyRequest is broken, or comes twice";
    this.#verified = true;
    this.#association.clearTranscript();
    this.#sendHello(Buffer.from(cookie));
    return undefined;
  }

  #onServerHello(body: Buffer): string | undefined {
    const hello = parseServerHello(body);
    if (typeof hello === "string") return hello;
    this.#profile = SRTP_PROFILES.find(({ id }) => id === hello.srtpProfile);
    if (this.#profile === undefined) return "the server knows no SRTP profile of ours";
    this.#hello = hello;
    this.#phase = "certificate";
    return undefined;
  }

  #onCertificate(body: Buffer): string | undefined {
    const certificate = parseCertificate(body);
    if (!isExpectedCertificate(certificate, this.#options.fingerprints))
      return "the server's certificate is not the one of its answer (a=fingerprint)";
    this.#certificate = certificate;
    this.#phase = "keyExchange";
    return undefined;
  }

  #onKeyExchange(body: Buffer): string | undefined {
    const exchange = parseServerKeyExchange(body);
    if (exchange === undefined) return "the server's key exchange is broken, or not on the curve secp256r1";
    const { point, parameters, scheme, signature } = exchange;
    const signed = Buffer.concat([this.#random, this.#hello!.random, parameters]);
    if (!isSignedBy(this.#certificate!, scheme, signed, signature)) return "the server does not own its certificate";
    this.#serverPoint = point;
    this.#phase = "helloDone";
    return undefined;
  }

  /** Certificate, ClientKeyExchange, CertificateVerify, ChangeCipherSpec, Finished. */
  #answer(): string | undefined {
    const { identity } = this.#options;
    const flight: Outgoing[] = [];
    const association = this.#association;
    const add = (type: number, body: Buffer, epoch: 0 | 1 = 0): void => {
      const fragment = association.write(type, body);
      association.addToTranscript(fragment);
      flight.push({ type: ContentType.handshake, epoch, fragment });
    };
    const ecdh = createECDH("prime256v1");
    const ownPoint = ecdh.generateKeys();
    let secret: Buffer;
    try {
      secret = ecdh.computeSecret(this.#serverPoint!);
    } catch {
      return "the server's key is no point of the curve";
    }
    if (this.#isCertificateWanted) add(HandshakeType.certificate, certificateBody(identity));
    add(HandshakeType.clientKeyExchange, clientKeyExchangeBody(ownPoint));
    const randoms = this.#randoms();
    this.#masterSecret = this.#hello!.extendedMasterSecret
      ? extendedMasterSecret(secret, association.transcript)
      : masterSecretOf(secret, randoms);
    const keys = writeKeysOf(this.#masterSecret, randoms);
    association.flights.setKey(keys.clientKey, keys.clientSalt);
    association.setReadKey(keys.serverKey, keys.serverSalt);
    if (this.#isCertificateWanted) add(HandshakeType.certificateVerify, certificateVerifyBody(identity, association.transcript));
    flight.push({ type: ContentType.changeCipherSpec, epoch: 0, fragment: Buffer.from([1]) });
    add(HandshakeType.finished, finishedData(this.#masterSecret, "client", association.transcript), 1);
    this.#phase = "finished";
    association.flights.send(flight, true);
    return undefined;
  }

  #onFinished(body: Buffer): string | undefined {
    const association = this.#association;
    if (!body.equals(finishedData(this.#masterSecret!, "server", association.transcript))) return "the handshake was tampered with";
    association.flights.stop();
    association.connect();
    const profile = this.#profile!;
    const { client, server } = exportSrtpKeys(this.#masterSecret!, this.#randoms(), profile.keyBytes, profile.saltBytes);
    this.#options.onConnected({ local: { profile, ...client }, remote: { profile, ...server } });
    return undefined;
  }

  #randoms(): Randoms {
    return { client: this.#random, server: this.#hello!.random };
  }

  #sendHello(cookie: Buffer): void {
    const fragment = this.#association.write(HandshakeType.clientHello, clientHelloBody(this.#random, cookie));
    this.#association.addToTranscript(fragment);
    this.#association.flights.send([{ type: ContentType.handshake, epoch: 0, fragment }], true);
  }
}
