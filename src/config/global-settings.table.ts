// MediaMTX's global settings, by section.

import { type InternalUser, iceServer, internalUser, permission } from "./object-types.table.ts";
import { type Need, section, setting } from "./setting.ts";
import {
  address,
  bool,
  count,
  duration,
  encryption,
  fingerprint,
  int,
  isHashedCredential,
  list,
  megabytes,
  network,
  oneOf,
  port,
  seconds,
  size,
  text,
} from "./value-types.ts";

const live = { effect: "live" } as const;
const isTrue = (value: unknown): boolean => value === true;
const includes = (item: string) => (value: unknown) => Array.isArray(value) && value.includes(item);

const hasHashes = (value: unknown): boolean =>
  (value as readonly InternalUser[]).some((user) => isHashedCredential(user.user) || isHashedCredential(user.pass));

/** Encryption of an HTTP server: refused where the server exists and TLS does not. */
const tls: readonly Need[] = [{ feature: "tls", asks: isTrue, security: true }];
const proxies: readonly Need[] = [{ feature: "proxies", security: true }];
const proxyProtocol: readonly Need[] = [{ feature: "proxyProtocol", security: true }];
const rtspTls: readonly Need[] = [{ feature: "rtspTls", security: true }];

const keyDoc = "File with the private key (PEM).";
const certDoc = "File with the certificate (PEM).";
const originsDoc = "Origins whose pages may call this server (CORS); `*` inside a host is a wildcard.";
const proxiesDoc = "Addresses and networks of proxies whose X-Forwarded headers are believed.";
const everyOrigin = ["*"];
const serverKey = "server.key";
const serverCert = "server.crt";

export const general = section(
  "General",
  { effect: "servers" },
  {
    logLevel: setting(oneOf("error", "warn", "info", "debug"), "info", "How much is logged.", live),
    logDestinations: setting(list(oneOf("stdout", "file", "syslog")), ["stdout"], "Where the log goes: stdout, file, syslog.", {
      ...live,
      needs: [
        { feature: "syslog", asks: includes("syslog") },
        { feature: "logFile", asks: includes("file") },
      ],
    }),
    logStructured: setting(bool, false, "One JSON object per log line, on stdout and in the file.", live),
    logFile: setting(text, "mediamtx.log", "Log file, used when `file` is among the destinations.", live),
    sysLogPrefix: setting(text, "mediamtx", "Name before each message in syslog.", live),
    dumpPackets: setting(bool, false, "Write the packets of each connection to disk, for debugging.", {
      needs: [{ feature: "dumpPackets" }],
    }),
    readTimeout: setting(duration, seconds(10), "How long a read from a peer may take."),
    writeTimeout: setting(duration, seconds(10), "How long a write to a peer may take."),
    writeQueueSize: setting(
      int(1, 1_048_576),
      512,
      "Packets that may wait for a slow reader; a power of two. More costs memory and rides out longer stalls.",
      {
        unit: "packets",
      },
    ),
    udpMaxPayloadSize: setting(
      int(1, 1472),
      1452,
      "Largest UDP payload that is sent; the default fits Ethernet with IPv6. Lower it for links with a smaller MTU.",
      {
        unit: "bytes",
      },
    ),
    udpReadBufferSize: setting(count, 0, "Kernel buffer of each UDP socket; 0 leaves the system's default. Raise it against losses.", {
      unit: "bytes",
    }),
    runOnConnect: setting(text, "", "Command that runs while a client is connected (MTX_CONN_TYPE, MTX_CONN_ID, RTSP_PORT).", {
      ...live,
      needs: [{ feature: "hooks" }],
      localOnly: "hook",
    }),
    runOnConnectRestart: setting(bool, false, "Start that command again when it exits.", { ...live, localOnly: "hook" }),
    runOnDisconnect: setting(text, "", "Command that runs once a client has gone; same variables.", {
      ...live,
      needs: [{ feature: "hooks" }],
      localOnly: "hook",
    }),
  },
);

export const authentication = section(
  "Authentication",
  { effect: "live" },
  {
    authMethod: setting(
      oneOf("internal", "http", "jwt"),
      "internal",
      "Who decides: the users below, an HTTP server, or signed tokens (JWT).",
      {
        needs: [
          { feature: "authHTTP", asks: (value) => value === "http", security: true },
          { feature: "authJWT", asks: (value) => value === "jwt", security: true },
        ],
      },
    ),
    authInternalUsers: setting(
      list(internalUser),
      [
        {
          user: "any",
          pass: "",
          ips: [],
          permissions: [
            { action: "publish", path: "" },
            { action: "read", path: "" },
            { action: "playback", path: "" },
          ],
        },
        {
          user: "any",
          pass: "",
          ips: ["127.0.0.1/32", "::1/128"],
          permissions: [
            { action: "api", path: "" },
            { action: "metrics", path: "" },
            { action: "pprof", path: "" },
          ],
        },
      ],
      "Users of the method `internal`. A list of your own replaces the default list as a whole.",
      {
        appliance: [],
        needs: [{ feature: "hashedPasswords", asks: hasHashes, security: true }],
      },
    ),
    authHTTPAddress: setting(text, "", "URL that is asked with a POST for each login; 2xx allows."),
    authHTTPFingerprint: setting(fingerprint, "", "SHA-256 of that server's certificate, where no authority vouches for it."),
    authHTTPExclude: setting(list(permission), [], "Actions that are allowed without asking the HTTP server."),
    authJWTJWKS: setting(text, "", "URL of the key set (JWKS) that tokens are verified with."),
    authJWTJWKSFingerprint: setting(fingerprint, "", "SHA-256 of that server's certificate, where no authority vouches for it."),
    authJWTClaimKey: setting(text, "mediamtx_permissions", "Claim that holds the permissions."),
    authJWTExclude: setting(list(permission), [], "Actions that are allowed without a token."),
    authJWTIssuer: setting(text, "", "Issuer (`iss`) that a token must carry; empty accepts any."),
    authJWTAudience: setting(text, "", "Audience (`aud`) that a token must carry; empty accepts any."),
  },
);

export const api = section(
  "Control API",
  { effect: "api", needs: [{ feature: "api" }], switch: "api" },
  {
    api: setting(bool, false, "Serve the control API."),
    apiAddress: setting(address, ":9997", "Where it listens (TCP, HTTP)."),
    apiEncryption: setting(bool, false, "Serve it over HTTPS.", { needs: [{ feature: "api" }, ...tls] }),
    apiServerKey: setting(text, serverKey, keyDoc),
    apiServerCert: setting(text, serverCert, certDoc),
    apiAllowOrigins: setting(list(text), everyOrigin, originsDoc),
    apiTrustedProxies: setting(list(network), [], proxiesDoc, { needs: [{ feature: "api" }, ...proxies] }),
  },
);

export const metrics = section(
  "Metrics",
  { effect: "metrics", needs: [{ feature: "metrics" }], switch: "metrics" },
  {
    metrics: setting(bool, false, "Serve metrics for Prometheus."),
    metricsAddress: setting(address, ":9998", "Where they are served (TCP, HTTP)."),
    metricsEncryption: setting(bool, false, "Serve them over HTTPS.", { needs: [{ feature: "metrics" }, ...tls] }),
    metricsServerKey: setting(text, serverKey, keyDoc),
    metricsServerCert: setting(text, serverCert, certDoc),
    metricsAllowOrigins: setting(list(text), everyOrigin, originsDoc),
    metricsTrustedProxies: setting(list(network), [], proxiesDoc, { needs: [{ feature: "metrics" }, ...proxies] }),
  },
);

export const pprof = section(
  "Profiling",
  { effect: "pprof", needs: [{ feature: "pprof" }], switch: "pprof" },
  {
    pprof: setting(bool, false, "Serve CPU and heap profiles."),
    pprofAddress: setting(address, ":9999", "Where they are served (TCP, HTTP)."),
    pprofEncryption: setting(bool, false, "Serve them over HTTPS.", { needs: [{ feature: "pprof" }, ...tls] }),
    pprofServerKey: setting(text, serverKey, keyDoc),
    pprofServerCert: setting(text, serverCert, certDoc),
    pprofAllowOrigins: setting(list(text), everyOrigin, originsDoc),
    pprofTrustedProxies: setting(list(network), [], proxiesDoc, { needs: [{ feature: "pprof" }, ...proxies] }),
  },
);

export const playback = section(
  "Playback server",
  { effect: "playback", needs: [{ feature: "playback" }], switch: "playback" },
  {
    playback: setting(bool, false, "Serve recordings for download and playback."),
    playbackAddress: setting(address, ":9996", "Where they are served (TCP, HTTP)."),
    playbackEncryption: setting(bool, false, "Serve them over HTTPS.", { needs: [{ feature: "playback" }, ...tls] }),
    playbackServerKey: setting(text, serverKey, keyDoc),
    playbackServerCert: setting(text, serverCert, certDoc),
    playbackAllowOrigins: setting(list(text), everyOrigin, originsDoc),
    playbackTrustedProxies: setting(list(network), [], proxiesDoc, { needs: [{ feature: "playback" }, ...proxies] }),
  },
);

export const rtsp = section(
  "RTSP server",
  { effect: "rtsp", needs: [{ feature: "rtsp" }], switch: "rtsp" },
  {
    rtsp: setting(bool, true, "Serve RTSP: publishing and reading."),
    rtspTransports: setting(
      list(oneOf("udp", "multicast", "tcp")),
      ["udp", "multicast", "tcp"],
      "How media may travel: udp, multicast, tcp.",
      {
        needs: [{ feature: "rtspMulticast", asks: includes("multicast") }],
      },
    ),
    rtspEncryption: setting(encryption, "no", "RTSPS and SRTP: no, optional (beside plain RTSP) or strict (alone).", {
      needs: rtspTls,
    }),
    rtspAddress: setting(address, ":8554", "RTSP over TCP."),
    rtspsAddress: setting(address, ":8322", "RTSPS over TCP."),
    rtpAddress: setting(address, ":8000", "RTP over UDP; the RTCP port is the next one."),
    rtcpAddress: setting(address, ":8001", "RTCP over UDP."),
    multicastIPRange: setting(text, "224.1.0.0/16", "Network that multicast addresses are taken from."),
    multicastRTPPort: setting(port, 8002, "Multicast RTP."),
    multicastRTCPPort: setting(port, 8003, "Multicast RTCP."),
    srtpAddress: setting(address, ":8004", "SRTP over UDP."),
    srtcpAddress: setting(address, ":8005", "SRTCP over UDP."),
    multicastSRTPPort: setting(port, 8006, "Multicast SRTP."),
    multicastSRTCPPort: setting(port, 8007, "Multicast SRTCP."),
    rtspServerKey: setting(text, serverKey, keyDoc),
    rtspServerCert: setting(text, serverCert, certDoc),
    rtspAuthMethods: setting(list(oneOf("basic", "digest")), ["basic"], "Authentication that clients are offered: basic, digest.", {
      needs: [{ feature: "rtspDigest", asks: includes("digest"), security: true }],
    }),
    rtspTrustedProxies: setting(
      list(network),
      [],
      "Addresses and networks of proxies that send a PROXY protocol header with the client's address.",
      {
        needs: proxyProtocol,
      },
    ),
  },
);

export const rtmp = section(
  "RTMP server",
  { effect: "rtmp", needs: [{ feature: "rtmp" }], switch: "rtmp" },
  {
    rtmp: setting(bool, true, "Serve RTMP: publishing and reading."),
    rtmpEncryption: setting(encryption, "no", "RTMPS: no, optional (beside plain RTMP) or strict (alone).", {
      needs: [{ feature: "rtmp" }, { feature: "tls", security: true }],
    }),
    rtmpAddress: setting(address, ":1935", "RTMP over TCP."),
    rtmpsAddress: setting(address, ":1936", "RTMPS over TCP."),
    rtmpServerKey: setting(text, serverKey, keyDoc),
    rtmpServerCert: setting(text, serverCert, certDoc),
    rtmpTrustedProxies: setting(
      list(network),
      [],
      "Addresses and networks of proxies that send a PROXY protocol header with the client's address.",
      {
        needs: [{ feature: "rtmp" }, ...proxyProtocol],
      },
    ),
  },
);

export const hls = section(
  "HLS server",
  { effect: "hls", needs: [{ feature: "hls" }], switch: "hls" },
  {
    hls: setting(bool, true, "Serve HLS: reading."),
    hlsAddress: setting(address, ":8888", "Where it is served (TCP, HTTP)."),
    hlsEncryption: setting(bool, false, "Serve it over HTTPS; Apple devices need that for low latency.", {
      needs: [{ feature: "hls" }, ...tls],
    }),
    hlsServerKey: setting(text, serverKey, keyDoc),
    hlsServerCert: setting(text, serverCert, certDoc),
    hlsAllowOrigins: setting(list(text), everyOrigin, originsDoc),
    hlsTrustedProxies: setting(list(network), [], proxiesDoc, { needs: [{ feature: "hls" }, ...proxies] }),
    hlsAlwaysRemux: setting(bool, false, "Make segments all the time instead of on the first request."),
    hlsVariant: setting(
      oneOf("mpegts", "fmp4", "lowLatency"),
      "lowLatency",
      "Kind of segments: mpegts, fmp4, or lowLatency (fMP4 in parts).",
    ),
    hlsSegmentCount: setting(int(1, 10_000), 7, "Segments kept; viewers can seek back as far, latency is not affected.", {
      unit: "segments",
    }),
    hlsSegmentDuration: setting(duration, seconds(1), "Shortest segment; each one starts at a keyframe, so it may be longer."),
    hlsPartDuration: setting(duration, 200, "Shortest part of a low-latency segment."),
    hlsSegmentMaxSize: setting(size, megabytes(50), "Largest segment, to bound memory."),
    hlsDirectory: setting(text, "", "Directory for segments; empty keeps them in memory."),
    hlsMuxerCloseAfter: setting(duration, seconds(60), "How long segments go on being made after the last request."),
    hlsCDNSecret: setting(text, "", "Bearer token by which a CDN's requests are known.", { secret: true }),
  },
);

export const webrtc = section(
  "WebRTC server",
  { effect: "webrtc", needs: [{ feature: "webrtc" }], switch: "webrtc" },
  {
    webrtc: setting(bool, true, "Serve WebRTC: publishing (WHIP) and reading (WHEP)."),
    webrtcAddress: setting(address, ":8889", "Where signalling and pages are served (TCP, HTTP)."),
    webrtcEncryption: setting(bool, false, "Serve signalling over HTTPS; media is always encrypted.", {
      needs: [{ feature: "webrtc" }, ...tls],
    }),
    webrtcServerKey: setting(text, serverKey, keyDoc),
    webrtcServerCert: setting(text, serverCert, certDoc),
    webrtcAllowOrigins: setting(list(text), everyOrigin, originsDoc),
    webrtcTrustedProxies: setting(list(network), [], proxiesDoc, { needs: [{ feature: "webrtc" }, ...proxies] }),
    webrtcLocalUDPAddress: setting(address, ":8189", "Media over UDP; empty turns it off."),
    webrtcLocalTCPAddress: setting(address, "", "Media over TCP, for networks without UDP; empty turns it off."),
    webrtcIPsFromInterfaces: setting(bool, true, "Tell clients the addresses of this machine's interfaces."),
    webrtcIPsFromInterfacesList: setting(list(text), [], "Interfaces whose addresses are told; empty means all."),
    webrtcAdditionalHosts: setting(list(text), [], "Further addresses or names to tell clients, such as the public one."),
    webrtcICEServers2: setting(list(iceServer), [], "STUN and TURN servers, for clients that cannot reach this machine directly."),
    webrtcSTUNGatherTimeout: setting(duration, seconds(5), "How long candidates are gathered from STUN servers."),
    webrtcHandshakeTimeout: setting(duration, seconds(10), "How long a connection may take to come up."),
    webrtcTrackGatherTimeout: setting(duration, seconds(2), "How long the tracks of a publisher are waited for."),
  },
);

export const srt = section(
  "SRT server",
  { effect: "srt", needs: [{ feature: "srt" }], switch: "srt" },
  {
    srt: setting(bool, true, "Serve SRT: publishing and reading."),
    srtAddress: setting(address, ":8890", "SRT over UDP."),
  },
);

export const moq = section(
  "MoQ server",
  { effect: "moq", needs: [{ feature: "moq" }], switch: "moq" },
  {
    moq: setting(bool, true, "Serve Media over QUIC: publishing and reading."),
    moqHTTP2Address: setting(address, ":8892", "Where the web client is served (TCP, HTTP/2)."),
    moqHTTP3Address: setting(address, ":8892", "WebTransport (UDP, HTTP/3)."),
    moqQUICAddress: setting(address, ":8893", "Native MoQ (UDP, QUIC)."),
    moqServerKey: setting(text, "auto.key", "File with the private key (PEM); `auto.key` makes one."),
    moqServerCert: setting(text, "auto.crt", "File with the certificate (PEM); `auto.crt` makes one."),
    moqAllowOrigins: setting(list(text), everyOrigin, originsDoc),
    moqTrustedProxies: setting(list(network), [], proxiesDoc, { needs: [{ feature: "moq" }, ...proxies] }),
  },
);

export const mediamtxGlobalSections = [general, authentication, api, metrics, pprof, playback, rtsp, rtmp, hls, webrtc, srt, moq] as const;
