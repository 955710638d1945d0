// The client's side of one RTSP session with a camera: DESCRIBE, SETUP, PLAY, and where its packets come in (RFC 2326 §10).
import { isIP } from "node:net";
import { PeerFault, type PeerFaultCode } from "#base/errors.ts";
import { openSrtpLadder } from "#native/srtp-ladder.ts";
import { parseSdp, type Sdp, type SdpAttribute, type SdpMedia } from "#rtp/sdp.ts";
import type { MikeyKey } from "#rtp/srtp/mikey.ts";
import { ChannelMap } from "./channel-map.ts";
import { type AddressFault, RtspClient, type ServerMemory } from "./client.ts";
import { contentBaseOf, parsePublic, parseSession } from "./headers.ts";
import type { TakePacket } from "./interleaved.ts";
import { keyOfAttributes, parseKeyMgmtHeader, writeKeyMgmtHeader } from "./key-mgmt.ts";
import type { RtspResponse } from "./message.ts";
import { type MediaTrack, tracksOf } from "./sdp-tracks.ts";
import { newMikeyKey, SecureTrack } from "./secure-track.ts";
import { parseTransports, writeTransport } from "./transport-header.ts";
import { openUdpPair, type UdpPair } from "./udp-pair.ts";
import { controlUrl, parseRtspUrl, type RtspUrl, urlWithoutCredentials } from "./url.ts";

const MAX_REDIRECTS = 2;
const DEFAULT_TIMEOUT_S = 60;
const TEARDOWN_MS = 1000;
/** A datagram that opens the way through NAT and firewalls (C90): a packet without payload of a type that no stream has. */
const HOLE_PUNCH = Buffer.from([0x80, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

export interface PlaySessionOptions {
  readonly url: RtspUrl;
  /** Of the certificate that is trusted alone (`rtsps`); empty: the usual authorities. */
  readonly fingerprint: string;
  readonly transport: "tcp" | "udp";
  readonly memory: ServerMemory;
  /** Take media from any port of the camera's address. */
  readonly anyPort: boolean;
  readonly udpPortRange: readonly [number, number];
  readonly udpReadBufferBytes: number;
  /** Value of the Range header of PLAY. */
  readonly range: string;
  /** Value of the Scale header; undefined: none. */
  readonly scale: string | undefined;
  readonly addressFault: AddressFault | undefined;
  random(): number;
  onPacket(trackIndex: number, isRtcp: boolean, bytes: Buffer, start: number, end: number): void;
  /** There was garbage between interleaved packets, and they were found again. */
  onResync(): void;
  onClosed(fault: PeerFault): void;
}

/** Where the RTCP of one track goes. */
type SendRtcp = (bytes: Buffer) => void;

export class PlaySession {
  readonly client: RtspClient;
  /** The methods of OPTIONS. */
  readonly methods: ReadonlySet<string>;
  readonly medias: readonly MediaTrack[];
  readonly skipped: readonly string[];
  /** What is wrong with medias that are used all the same, in words for the log. */
  readonly remarks: readonly string[];
  /** What the camera says a session lives without a sign of life. */
  timeoutS = DEFAULT_TIMEOUT_S;
  readonly #options: PlaySessionOptions;
  readonly #url: RtspUrl;
  readonly #contentBase: string | undefined;
  readonly #aggregateUrl: string;
  readonly #channels: ChannelMap;
  readonly #pairs: UdpPair[] = [];
  readonly #secured: SecureTrack[] = [];
  readonly #sessionAttributes: readonly SdpAttribute[];
  readonly #sendRtcp: SendRtcp[] = [];
  readonly #punches: (() => void)[] = [];

  private constructor(options: PlaySessionOptions, described: Described) {
    this.#options = options;
    this.client = described.client;
    this.methods = described.methods;
    this.#url = described.url;
    this.#channels = described.channels;
    this.#contentBase = described.contentBase;
    this.#aggregateUrl = controlUrl(described.url, described.contentBase, described.sdp.control)[0]!;
    this.#sessionAttributes = described.sdp.attributes;
    const { usable, skipped, remarks } = tracksOf(described.sdp);
    this.medias = usable;
    this.skipped = skipped;
    this.remarks = remarks;
    this.#channels.describe(usable);
  }

  /** Connects and describes, following redirects. Rejects with a PeerFault. */
  static async open(options: PlaySessionOptions, signal: AbortSignal): Promise<PlaySession> {
    let { url } = options;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const described = await describe(url, options, signal);
      if (!("redirect" in described)) return new PlaySession(options, described);
      // The credentials were given for the first host; they go along only to the same one.
      if (described.redirect.scheme !== url.scheme || described.redirect.tunnel !== "none")
        throw new PeerFault("unsupported", `redirected to a ${described.redirect.scheme} URL that cannot be followed`);
      const sameHost = described.redirect.host === url.host;
      url = sameHost ? { ...described.redirect, user: url.user, pass: url.pass } : described.redirect;
    }
    throw new PeerFault("protocol", `more than ${MAX_REDIRECTS} redirects`);
  }

  async setUpAll(): Promise<void> {
    for (const { media, track } of this.medias) {
      if (this.#options.transport === "tcp") await this.#setUpTcp(track.index, media);
      else await this.#setUpUdp(track.index, media);
    }
  }

  async play(): Promise<void> {
    const { range, scale } = this.#options;
    const response = await this.client.request("PLAY", this.#aggregateUrl, { Range: range, ...(scale !== undefined && { Scale: scale }) });
    if (response.status !== 200) throw faultOf("PLAY", response);
    this.#readSession(response);
    for (const punch of this.#punches) punch();
  }

  async keepAlive(method: string): Promise<RtspResponse> {
    return this.client.request(method, this.#aggregateUrl);
  }

  /** It is over: the connection is closed. */
  end(fault: PeerFault): void {
    this.client.close(fault);
  }

  sendRtcp(trackIndex: number, bytes: Buffer): void {
    this.#sendRtcp[trackIndex]?.(bytes);
  }

  /** Says goodbye, for a second at most, and closes. */
  async close(fault: PeerFault): Promise<void> {
    if (fault.code === "aborted" || fault.code === "stalled" || fault.code === "unsupported") {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise((resolve) => {
        timer = setTimeout(resolve, TEARDOWN_MS);
      });
      await Promise.race([this.client.request("TEARDOWN", this.#aggregateUrl).catch(() => {}), patience]);
      clearTimeout(timer);
    }
    this.client.close(fault);
    for (const pair of this.#pairs.splice(0)) pair.close();
    for (const secured of this.#secured.splice(0)) secured.close();
  }

  async #setUpTcp(trackIndex: number, media: SdpMedia): Promise<void> {
    const wanted = trackIndex * 2;
    const header = writeTransport({ profile: "RTP/AVP", lower: "tcp", multicast: false, interleaved: [wanted, wanted + 1] });
    const response = await this.#setUp(media.control, { Transport: header });
    // The reply decides, whatever was asked for.
    const granted = parseTransports(response.headers.getAll("Transport")).find(({ lower }) => lower === "tcp");
    const [rtp, rtcp] = granted?.interleaved ?? [wanted, wanted + 1];
    this.#channels.set(rtp, trackIndex, false);
    this.#channels.set(rtcp, trackIndex, true);
    this.#sendRtcp[trackIndex] = (bytes) => {
      const framing = Buffer.from([0x24, rtcp, bytes.length >>> 8, bytes.length & 0xff]);
      this.client.socket.write(Buffer.concat([framing, bytes]));
    };
  }

  async #setUpUdp(trackIndex: number, media: SdpMedia): Promise<void> {
    const { udpPortRange, udpReadBufferBytes, random, anyPort } = this.#options;
    const local = this.#url.scheme === "rtsps" ? newMikeyKey([]) : undefined;
    if (local !== undefined && !media.protocol.startsWith("RTP/SAVP"))
      throw new PeerFault("config", "the source offers no SRTP, and media over UDP would be in clear: set `rtspTransport: tcp`");
    const peer = this.client.remoteAddress;
    const pair = await openUdpPair(peer, udpPortRange, random, { readBufferBytes: udpReadBufferBytes });
    this.#pairs.push(pair);
    const clientPorts = [pair.rtp.port, pair.rtcp.port] as const;
    const profile = local === undefined ? "RTP/AVP" : "RTP/SAVP";
    const transport = writeTransport({ profile, lower: "udp", multicast: false, clientPorts });
    const keys = local && { KeyMgmt: writeKeyMgmtHeader(urlWithoutCredentials(this.#url), local, Date.now()) };
    const response = await this.#setUp(media.control, { Transport: transport, ...keys });
    const secured = local && (await this.#secure(local, response, media));
    if (secured !== undefined) this.#secured.push(secured);
    const take = this.#takerOf(trackIndex, secured);
    const granted = parseTransports(response.headers.getAll("Transport")).find(({ lower }) => lower === "udp");
    const ports = granted?.serverPorts?.includes(0) ? undefined : granted?.serverPorts;
    if (ports === undefined && !anyPort) {
      throw new PeerFault("config", "the source does not say which UDP ports it uses: set `rtspAnyPort: yes`, or `rtspTransport: tcp`");
    }
    const from = isUsable(granted?.source) ? granted.source : peer;
    pair.rtp.expect(from, anyPort ? undefined : ports![0], (bytes) => take(false, bytes, 0, bytes.length));
    pair.rtcp.expect(from, anyPort ? undefined : ports![1], (bytes) => take(true, bytes, 0, bytes.length));
    if (ports === undefined) return;
    const address = pair.rtp.addressFor(from);
    this.#sendRtcp[trackIndex] = (bytes) => {
      const packet = secured === undefined ? bytes : secured.protectReport(bytes);
      if (packet !== undefined) pair.rtcp.socket.send(packet, ports[1], address);
    };
    this.#punches.push(() => {
      pair.rtp.socket.send(HOLE_PUNCH, ports[0], address);
      pair.rtcp.socket.send(HOLE_PUNCH, ports[1], address);
    });
  }

  /** The server tells its key in the answer, or told it in the description. */
  async #secure(local: MikeyKey, response: RtspResponse, media: SdpMedia): Promise<SecureTrack> {
    const remote =
      parseKeyMgmtHeader(response.headers.get("KeyMgmt")) ?? keyOfAttributes(media.attributes) ?? keyOfAttributes(this.#sessionAttributes);
    if (remote === undefined)
      throw new PeerFault("unsupported", "the source tells no key for SRTP that can be used: set `rtspTransport: tcp`");
    return new SecureTrack({ local, remote, makeCipher: (await openSrtpLadder()).makeCipher });
  }

  #takerOf(trackIndex: number, secured: SecureTrack | undefined): TakePacket {
    const { onPacket } = this.#options;
    if (secured === undefined) return (isRtcp, bytes, start, end) => onPacket(trackIndex, isRtcp, bytes, start, end);
    return (isRtcp, bytes, start, end) =>
      secured.open(isRtcp, bytes, start, end, (opened, from, to) => onPacket(trackIndex, isRtcp, opened, from, to));
  }

  /** Tries the control URL's readings in order; only "no such thing" goes on to the next. */
  async #setUp(control: string | undefined, headers: Readonly<Record<string, string>>): Promise<RtspResponse> {
    let last: RtspResponse | undefined;
    for (const url of controlUrl(this.#url, this.#contentBase, control)) {
      last = await this.client.request("SETUP", url, headers);
      if (last.status === 200) {
        this.#readSession(last);
        return last;
      }
      if (last.status !== 400 && last.status !== 404) break;
    }
    const fault = faultOf("SETUP", last!);
    throw last!.status === 461 ? new TransportRefused(fault.message) : fault;
  }

  #readSession(response: RtspResponse): void {
    const session = parseSession(response.headers.get("Session") ?? "");
    if (session === undefined) return;
    this.client.setSession(session.id);
    if (session.timeoutS !== undefined && session.timeoutS > 0) this.timeoutS = session.timeoutS;
  }
}

/** The camera does not have this transport: another one may do. */
export class TransportRefused extends PeerFault {
  constructor(message: string) {
    super("unsupported", message);
  }
}

interface Described {
  readonly client: RtspClient;
  readonly channels: ChannelMap;
  readonly url: RtspUrl;
  readonly methods: ReadonlySet<string>;
  readonly contentBase: string | undefined;
  readonly sdp: Sdp;
}

async function describe(
  url: RtspUrl,
  options: PlaySessionOptions,
  signal: AbortSignal,
): Promise<Described | { readonly redirect: RtspUrl }> {
  const channels = new ChannelMap();
  let isDescribed = false; // until then an end of the connection shows in the exchange; one that redirects ends by our own hand
  const client = await RtspClient.connect(
    {
      url,
      fingerprint: options.fingerprint,
      addressFault: options.addressFault,
      memory: options.memory,
      isKnownChannel: (channel) => channels.has(channel),
      onPacket: (channel, bytes, start, end) => channels.route(channel, bytes, start, end, options.onPacket),
      onResync: () => options.onResync(),
      onClosed: (fault) => {
        if (isDescribed) options.onClosed(fault);
      },
    },
    signal,
  );
  const abort = (): void => client.close(new PeerFault("aborted", "closed"));
  signal.addEventListener("abort", abort, { once: true });
  try {
    const answer = await exchangeDescription(client, channels, url);
    isDescribed = !("redirect" in answer);
    return answer;
  } catch (error) {
    client.close(error as PeerFault);
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function exchangeDescription(
  client: RtspClient,
  channels: ChannelMap,
  url: RtspUrl,
): Promise<Described | { readonly redirect: RtspUrl }> {
  const requestUrl = urlWithoutCredentials(url);
  const options = await client.request("OPTIONS", requestUrl);
  const response = await client.request("DESCRIBE", requestUrl, { Accept: "application/sdp" });
  if (response.status >= 300 && response.status < 400) {
    const redirect = parseRtspUrl(response.headers.get("Location") ?? "");
    if (redirect === undefined) throw new PeerFault("protocol", "a redirect without a usable Location");
    client.close(new PeerFault("ended", "redirected"));
    return { redirect };
  }
  if (response.status !== 200) throw faultOf("DESCRIBE", response);
  const sdp = parseSdp(response.body);
  if (sdp === undefined) throw new PeerFault("protocol", "the SDP cannot be read");
  return {
    client,
    channels,
    url,
    methods: parsePublic(options.headers.getAll("Public")),
    contentBase: contentBaseOf(response.headers),
    sdp,
  };
}

/** Cameras behind NAT or with two networks send from an address of their own; some name none, or 0.0.0.0. */
function isUsable(source: string | undefined): source is string {
  return source !== undefined && isIP(source) !== 0 && source !== "0.0.0.0" && source !== "::";
}

const CODE_OF_STATUS: Readonly<Record<number, PeerFaultCode>> = {
  401: "auth",
  403: "auth",
  404: "not-found",
  453: "busy",
  454: "ended",
  461: "unsupported",
  503: "busy",
};

/** What an answer that is not 200 means for the session. */
export function faultOf(method: string, response: RtspResponse): PeerFault {
  return new PeerFault(CODE_OF_STATUS[response.status] ?? "protocol", `${method} was answered ${response.status} ${response.reason}`);
}
