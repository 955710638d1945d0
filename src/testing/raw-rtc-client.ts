// A WebRTC client of a test's making: its offer, its checks, its certificate and every packet are the test's. DTLS is werift's.
import { createHash, randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { DtlsClient, RTCDtlsTransport } from "werift";
import { deferred } from "#base/deferred.ts";
import { parseStun, type StunMessage, writeBindingRequest } from "#protocols/webrtc/stun.ts";
import type { SrtpMasterKeys } from "#rtp/srtp/session-keys.ts";
import { openSrtcpReceiver, openSrtcpSender, type SrtcpReceiver, type SrtcpSender } from "#rtp/srtp/srtcp.ts";
import { AEAD_AES128_GCM } from "#rtp/srtp/srtp-profile.ts";
import { openSrtpReceiver, type SrtpReceiver } from "#rtp/srtp/srtp-receiver.ts";
import { openSrtpSender, type SrtpSender } from "#rtp/srtp/srtp-sender.ts";

export interface RawRtcOptions {
  /** Lines of each media besides those of the transport, from `m=` on, with `a=mid` by place. Default: H.264 to receive. */
  readonly medias?: readonly (readonly string[])[];
  /** Another certificate's digest in the offer: hex with colons. */
  readonly fingerprint?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const RECEIVE_H264 = [
  "m=video 9 UDP/TLS/RTP/SAVPF 102",
  "a=rtpmap:102 H264/90000",
  "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f",
  "a=rtcp-fb:102 nack",
  "a=rtcp-fb:102 nack pli",
  "a=recvonly",
];
export const SEND_H264 = RECEIVE_H264.map((line) => line.replace("recvonly", "sendonly"));

const certificate = RTCDtlsTransport.SetupCertificate();

/** What the server's answer says. */
interface ServerSide {
  readonly ufrag: string;
  readonly password: string;
  readonly port: number;
}

export class RawRtcClient {
  readonly offer: string;
  readonly ufrag = randomBytes(4).toString("hex");
  readonly password = randomBytes(12).toString("hex");
  socket: Socket;
  /** RTP and RTCP of the server, decrypted, as they came. */
  readonly rtp: Buffer[] = [];
  readonly rtcp: Buffer[] = [];
  /** Every datagram that came, with its kind. */
  readonly datagrams = { stun: 0, dtls: 0, media: 0 };
  response: Response | undefined;
  answer = "";
  server: ServerSide | undefined;
  dtlsClosed = false;
  /** Datagrams of the server that are to be lost: asked for each. */
  loses: (datagram: Buffer) => boolean = () => false;
  #remote: SrtpMasterKeys | undefined;
  #srtpReceiver: SrtpReceiver | undefined;
  #srtcpReceiver: SrtcpReceiver | undefined;
  #srtcpSender: SrtcpSender | undefined;
  srtpSender: SrtpSender | undefined;
  /** Media that came before DTLS was done here. */
  #early: Buffer[] = [];
  #onDtls: ((data: Buffer) => void) | undefined;
  #isClosed = false;
  readonly #checks = new Map<string, (message: StunMessage) => void>();

  private constructor(socket: Socket, offer: string) {
    this.socket = socket;
    this.offer = offer.replace("UFRAG", this.ufrag).replace("PASSWORD", this.password);
    socket.on("message", (bytes) => this.#take(bytes));
  }

  static async open({ medias = [RECEIVE_H264], fingerprint }: RawRtcOptions = {}): Promise<RawRtcClient> {
    const { certPem } = await certificate;
    const der = Buffer.from(certPem.replace(/-----[^-]+-----|\s/g, ""), "base64");
    const digest = fingerprint ?? createHash("sha256").update(der).digest("hex").toUpperCase().match(/../g)!.join(":");
    const transport = ["c=IN IP4 0.0.0.0", "a=ice-ufrag:UFRAG", "a=ice-pwd:PASSWORD", `a=fingerprint:sha-256 ${digest}`, "a=setup:actpass"];
    const lines = [
      "v=0",
      "o=- 1 1 IN IP4 127.0.0.1",
      "s=-",
      "t=0 0",
      `a=group:BUNDLE ${medias.map((_, i) => i).join(" ")}`,
      ...transport.slice(1),
    ];
    for (const [i, media] of medias.entries()) lines.push(media[0]!, `a=mid:${i}`, "a=rtcp-mux", ...media.slice(1));
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new RawRtcClient(socket, `${lines.join("\r\n")}\r\n`);
  }

  /** Offer, checks and DTLS: everything up to the keys. */
  static async connect(url: string, options: RawRtcOptions = {}): Promise<RawRtcClient> {
    const client = await RawRtcClient.open(options);
    try {
      await client.post(url, options.headers);
      if (client.response!.status !== 201) throw new Error(`${client.response!.status} ${client.answer}`);
      await client.check();
      await client.handshake();
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  async post(url: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    this.response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/sdp", ...headers }, body: this.offer });
    this.answer = await this.response.text();
    const [, ufrag = ""] = /a=ice-ufrag:(\S+)/.exec(this.answer) ?? [];
    const [, password = ""] = /a=ice-pwd:(\S+)/.exec(this.answer) ?? [];
    const port = Number(/a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)/.exec(this.answer)?.[1]);
    this.server = { ufrag, password, port };
  }

  /** Where the session can be ended and changed. */
  get location(): string {
    return new URL(this.response!.headers.get("location")!, this.response!.url).href;
  }

  /** A check that nominates its path; resolves with the answer. */
  async check(
    changes: { readonly username?: string; readonly password?: string; readonly role?: "controlled" } = {},
  ): Promise<StunMessage> {
    const { ufrag, password } = this.server!;
    const transactionId = randomBytes(12);
    const answered = deferred<StunMessage>();
    this.#checks.set(transactionId.toString("hex"), answered.resolve);
    this.send(
      writeBindingRequest({
        transactionId,
        username: changes.username ?? `${ufrag}:${this.ufrag}`,
        password: changes.password ?? password,
        priority: 1,
        useCandidate: true,
        role: changes.role ?? "controlling",
        tieBreaker: Buffer.alloc(8),
      }),
    );
    return answered.promise;
  }

  /** Resolves once both sides have the keys. */
  async handshake(): Promise<void> {
    const { certPem, privateKey, signatureHash } = await certificate;
    const wire = {
      type: "udp",
      closed: false,
      address: { address: "127.0.0.1", family: "IPv4", port: 1 },
      onData: (_data: Buffer, _from: readonly [string, number]) => {},
      send: async (datagram: Buffer) => this.send(Buffer.from(datagram)),
      close: async () => {},
    };
    this.#onDtls = (data) => wire.onData(data, ["127.0.0.1", 1]);
    const options = { cert: certPem, key: privateKey, signatureHash, srtpProfiles: [7 as const], extendedMasterSecret: true };
    const dtls = new DtlsClient({ ...options, transport: wire as never });
    const connected = deferred<void>();
    dtls.onConnect.once(() => connected.resolve());
    dtls.onClose.once(() => {
      this.dtlsClosed = true;
    });
    await dtls.connect();
    await connected.promise;
    const keys = dtls.extractSessionKeys(16, 12);
    const profile = AEAD_AES128_GCM;
    const remote = { profile, masterKey: keys.remoteKey, masterSalt: keys.remoteSalt };
    const local = { profile, masterKey: keys.localKey, masterSalt: keys.localSalt };
    this.#remote = remote;
    this.#srtpReceiver = openSrtpReceiver(remote);
    this.#srtcpReceiver = openSrtcpReceiver(remote);
    this.#srtcpSender = openSrtcpSender(local);
    this.srtpSender = openSrtpSender(local);
    for (const bytes of this.#early) this.#takeMedia(bytes);
    this.#early = [];
  }

  /** Packets that came before may come again. */
  forgetReplays(): void {
    this.#srtpReceiver = openSrtpReceiver(this.#remote!);
  }

  /** From another port from now on, as behind a NAT that forgot. */
  async move(): Promise<void> {
    this.socket.close();
    this.socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(this.socket, "listening");
    this.socket.on("message", (bytes) => this.#take(bytes));
  }

  send(datagram: Buffer): void {
    this.socket.send(datagram, this.server!.port, "127.0.0.1");
  }

  sendRtcp(compound: Buffer): void {
    this.send(this.#srtcpSender!.protect(compound)!);
  }

  /** Idempotent: a test may leave before its cleanup does. */
  close(): void {
    if (!this.#isClosed) this.socket.close();
    this.#isClosed = true;
  }

  #take(bytes: Buffer): void {
    const first = bytes[0]!;
    if (first < 4) {
      this.datagrams.stun++;
      const message = parseStun(bytes);
      if (message !== undefined) this.#checks.get(message.transactionId.toString("hex"))?.(message);
    } else if (first < 64) {
      this.datagrams.dtls++;
      this.#onDtls?.(bytes);
    } else if (!this.loses(bytes)) {
      this.datagrams.media++;
      if (this.#remote === undefined) this.#early.push(bytes);
      else this.#takeMedia(bytes);
    }
  }

  #takeMedia(bytes: Buffer): void {
    const type = bytes[1]! & 0x7f;
    if (type >= 64 && type < 96) {
      const compound = this.#srtcpReceiver?.unprotect(bytes, 0, bytes.length);
      if (compound !== undefined) this.rtcp.push(compound);
      return;
    }
    const end = this.#srtpReceiver?.unprotect(bytes, 0, bytes.length);
    if (end !== undefined) this.rtp.push(bytes.subarray(0, end));
  }
}
