// The active side of DTLS 1.2 (RFC 6347) as WebRTC uses it: both sides show a certificate, and what comes of it are keys for SRTP (RFC 5764).
import { createECDH, randomBytes } from "node:crypto";
import { SRTP_PROFILES, type SrtpProfile } from "#rtp/srtp/srtp-profile.ts";
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
import { certificateBody } from "./server-messages.ts";
import { isExpectedCertificate, isSignedBy } from "./signature.ts";

/** The message that is waited for, or where it is behind all of them. */
type Phase = "hello" | "certificate" | "keyExchange" | "helloDone" | "finished" | "connected" | "ended";

/** Nothing here throws on what a server sends. Whoever owns it limits how long a handshake may take. */
export class DtlsClient {
  readonly #options: DtlsOptions;
  readonly #flights: Flights;
  readonly #reassembly = new HandshakeReassembly();
  readonly #replay = new ReplayWindow();
  readonly #random = randomBytes(32);
  readonly #transcript: Buffer[] = [];
  #phase: Phase = "hello";
  #ownSequence = 0;
  #verified = false;
  #hello: ServerHello | undefined;
  #profile: SrtpProfile | undefined;
  #certificate: Buffer | undefined;
  #serverPoint: Buffer | undefined;
  #isCertificateWanted = false;
  #masterSecret: Buffer | undefined;
  #keys: WriteKeys | undefined;
  /** What the server complained of, in the clear: a hint for the log, no proof. */
  complaint: number | undefined;

  constructor(options: DtlsOptions) {
    this.#options = options;
    this.#flights = new Flights(options.send);
  }

  get connected(): boolean {
    return this.#phase === "connected";
  }

  /** Says hello, until the server answers. To be called once. */
  start(): void {
    this.#sendHello(Buffer.alloc(0));
  }

  /** One datagram of the server. */
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
      const { serverKey, serverSalt } = this.#keys!;
      const plain = openFragment(serverKey, serverSalt, record);
      if (plain === undefined || !this.#replay.accept(record.sequence.readUIntBE(2, 6))) return;
      fragment = plain;
    }
    if (type === ContentType.handshake) this.#takeHandshake(fragment, epoch === 1);
    else if (type === ContentType.alert) this.#takeAlert(fragment, epoch === 1);
  }

  /** A server that repeats itself gets nothing for it: our own flight goes out again by its timer. */
  #takeHandshake(fragment: Buffer, isEncrypted: boolean): void {
    this.#reassembly.push(fragment, isEncrypted);
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
      const fault = description === Alert.closeNotify && this.connected ? undefined : `the server ended DTLS with alert ${description}`;
      this.#stop();
      this.#options.onEnd(fault);
    }
  }

  /** Why the handshake fails, if it does. */
  #step(message: HandshakeMessage): string | undefined {
    const { type, body } = message;
    if (this.#phase === "connected") return undefined; // no renegotiation (RFC 8827 §6.5)
    if (this.#phase === "hello" && type === HandshakeType.helloVerifyRequest) return this.#onHelloVerifyRequest(body);
    let fault: string | undefined;
    if (this.#phase === "hello" && type === HandshakeType.serverHello) fault = this.#onServerHello(body);
    else if (this.#phase === "certificate" && type === HandshakeType.certificate) fault = this.#onCertificate(body);
    else if (this.#phase === "keyExchange" && type === HandshakeType.serverKeyExchange) fault = this.#onKeyExchange(body);
    else if (this.#phase === "helloDone" && type === HandshakeType.certificateRequest) this.#isCertificateWanted = true;
    else if (this.#phase === "helloDone" && type === HandshakeType.serverHelloDone) {
      this.#transcript.push(message.bytes);
      return this.#answer();
    } else if (this.#phase === "finished" && type === HandshakeType.finished) return this.#onFinished(body);
    else return `handshake message ${type} out of place`;
    this.#transcript.push(message.bytes);
    return fault;
  }

  /** §4.2.1: neither it nor the hello before it is part of the transcript. */
  #onHelloVerifyRequest(body: Buffer): string | undefined {
    const cookie = parseHelloVerifyRequest(body);
    if (cookie === undefined || this.#verified) return "the HelloVerifyRequest is broken, or comes twice";
    this.#verified = true;
    this.#transcript.length = 0;
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
    const add = (type: number, body: Buffer, epoch: 0 | 1 = 0): void => {
      const { bytes } = writeHandshake(type, this.#ownSequence++, body);
      this.#transcript.push(bytes);
      flight.push({ type: ContentType.handshake, epoch, fragment: bytes });
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
      ? extendedMasterSecret(secret, Buffer.concat(this.#transcript))
      : masterSecretOf(secret, randoms);
    this.#keys = writeKeysOf(this.#masterSecret, randoms);
    this.#flights.setKey(this.#keys.clientKey, this.#keys.clientSalt);
    if (this.#isCertificateWanted) add(HandshakeType.certificateVerify, certificateVerifyBody(identity, Buffer.concat(this.#transcript)));
    flight.push({ type: ContentType.changeCipherSpec, epoch: 0, fragment: Buffer.from([1]) });
    add(HandshakeType.finished, finishedData(this.#masterSecret, "client", Buffer.concat(this.#transcript)), 1);
    this.#phase = "finished";
    this.#flights.send(flight, true);
    return undefined;
  }

  #onFinished(body: Buffer): string | undefined {
    if (!body.equals(finishedData(this.#masterSecret!, "server", Buffer.concat(this.#transcript))))
      return "the handshake was tampered with";
    this.#flights.stop();
    this.#phase = "connected";
    this.#transcript.length = 0;
    const profile = this.#profile!;
    const { client, server } = exportSrtpKeys(this.#masterSecret!, this.#randoms(), profile.keyBytes, profile.saltBytes);
    this.#options.onConnected({ local: { profile, ...client }, remote: { profile, ...server } });
    return undefined;
  }

  #randoms(): Randoms {
    return { client: this.#random, server: this.#hello!.random };
  }

  #sendHello(cookie: Buffer): void {
    const { bytes } = writeHandshake(HandshakeType.clientHello, this.#ownSequence++, clientHelloBody(this.#random, cookie));
    this.#transcript.push(bytes);
    this.#flights.send([{ type: ContentType.handshake, epoch: 0, fragment: bytes }], true);
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
}
