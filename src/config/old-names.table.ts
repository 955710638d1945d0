// Old names of settings that still load: what they mean today.

import type { ValueType } from "./setting.ts";
import { bool, count, credential, duration, encryption, int, list, network as networkType, oneOf, text } from "./value-types.ts";

/** What an old name sets today: settings of the same place, or of `pathDefaults`. */
export interface Assignment {
  readonly name: string;
  readonly value: unknown;
  readonly inPathDefaults?: true;
}

export interface OldName {
  readonly type: ValueType;
  /** Completes "use …", or tells why nothing is left to set. */
  readonly instead: string;
  readonly set: (value: unknown) => readonly Assignment[];
  /** The new names win where both are given in the same layer. */
  readonly weak?: true;
  /** Another spelling rather than an old name: loads without a warning. */
  readonly silent?: true;
}

function renamed(type: ValueType, name: string): OldName {
  return { type, instead: `use ${name}`, set: (value) => [{ name, value }] };
}

function negated(name: string): OldName {
  return { type: bool, instead: `use ${name}`, set: (value) => [{ name, value: value !== true }] };
}

function wrapped(name: string): OldName {
  return { type: text, instead: `use ${name}`, set: (value) => [{ name, value: value === "" ? [] : [value] }] };
}

function toPathDefaults(type: ValueType, name: string): OldName {
  return { type, instead: `use pathDefaults.${name}`, set: (value) => [{ name, value, inPathDefaults: true }] };
}

function ignored(type: ValueType, why: string): OldName {
  return { type, instead: why, set: () => [] };
}

/** The per-path credentials become entries of authInternalUsers once all layers are merged, see `legacy-credentials.ts`. */
function legacyCredential(name: string, type: ValueType): OldName {
  return { type, instead: "use authInternalUsers", set: (value) => [{ name, value }] };
}

function h264Profile(): OldName {
  return renamed(oneOf("baseline", "main", "high"), "rpiCameraH264Profile");
}

function h264Level(): OldName {
  return renamed(oneOf("4.0", "4.1", "4.2"), "rpiCameraH264Level");
}

const originLists = ["api", "metrics", "pprof", "playback", "hls", "webrtc", "moq"].map((server) => `${server}AllowOrigins`);

/** `scheme:host:port`, or `scheme:user:password:host:port` as the old list of ICE servers has it. */
function iceServer(server: string): unknown {
  const parts = server.split(":");
  const [scheme, username, password, host, port] = parts;
  return parts.length === 5
    ? { url: `${scheme}:${host}:${port}`, username, password, clientOnly: false }
    : { url: server, username: "", password: "", clientOnly: false };
}

export const oldGlobalNames: ReadonlyMap<string, OldName> = new Map(
  Object.entries<OldName>({
    readBufferCount: renamed(int(1, 1_048_576), "writeQueueSize"),
    externalAuthenticationURL: {
      type: text,
      instead: "use authMethod: http and authHTTPAddress",
      set: (value) => [
        { name: "authMethod", value: "http" },
        { name: "authHTTPAddress", value },
      ],
    },
    authJWTInHTTPQuery: ignored(bool, "it has no effect any more"),
    apiAllowOrigin: wrapped("apiAllowOrigins"),
    metricsAllowOrigin: wrapped("metricsAllowOrigins"),
    pprofAllowOrigin: wrapped("pprofAllowOrigins"),
    playbackAllowOrigin: wrapped("playbackAllowOrigins"),
    rtspDisable: negated("rtsp"),
    protocols: renamed(list(oneOf("udp", "multicast", "tcp")), "rtspTransports"),
    encryption: renamed(encryption, "rtspEncryption"),
    authMethods: renamed(list(oneOf("basic", "digest")), "rtspAuthMethods"),
    serverKey: renamed(text, "rtspServerKey"),
    serverCert: renamed(text, "rtspServerCert"),
    rtspUDPReadBufferSize: renamed(count, "udpReadBufferSize"),
    rtmpDisable: negated("rtmp"),
    hlsDisable: negated("hls"),
    hlsAllowOrigin: wrapped("hlsAllowOrigins"),
    webrtcDisable: negated("webrtc"),
    webrtcAllowOrigin: wrapped("webrtcAllowOrigins"),
    webrtcICEUDPMuxAddress: renamed(text, "webrtcLocalUDPAddress"),
    webrtcICETCPMuxAddress: renamed(text, "webrtcLocalTCPAddress"),
    webrtcICEHostNAT1To1IPs: renamed(list(text), "webrtcAdditionalHosts"),
    webrtcICEServers: {
      type: list({
        kind: "text",
        check: (value) => (/^(stun|turn|turns):/.test(value) ? undefined : "is not a stun:, turn: or turns: address"),
      }),
      instead: "use webrtcICEServers2",
      set: (value) => [{ name: "webrtcICEServers2", value: (value as readonly string[]).map(iceServer) }],
    },
    moqHTTPS2Address: renamed(text, "moqHTTP2Address"),
    moqHTTPS3Address: renamed(text, "moqHTTP3Address"),
    record: toPathDefaults(bool, "record"),
    recordPath: toPathDefaults(text, "recordPath"),
    recordFormat: toPathDefaults(oneOf("fmp4", "mpegts"), "recordFormat"),
    recordPartDuration: toPathDefaults(duration, "recordPartDuration"),
    recordSegmentDuration: toPathDefaults(duration, "recordSegmentDuration"),
    recordDeleteAfter: toPathDefaults(duration, "recordDeleteAfter"),
  }),
);

export const oldPathNames: ReadonlyMap<string, OldName> = new Map(
  Object.entries<OldName>({
    fallback: { type: text, instead: "use alwaysAvailable", set: (value) => [{ name: "fallback", value }] },
    playback: ignored(bool, "it has no effect any more"),
    publishUser: legacyCredential("publishUser", credential),
    publishPass: legacyCredential("publishPass", credential),
    publishIPs: legacyCredential("publishIPs", list(networkType)),
    readUser: legacyCredential("readUser", credential),
    readPass: legacyCredential("readPass", credential),
    readIPs: legacyCredential("readIPs", list(networkType)),
    disablePublisherOverride: negated("overridePublisher"),
    sourceProtocol: renamed(oneOf("automatic", "udp", "multicast", "tcp"), "rtspTransport"),
    sourceAnyPortEnable: renamed(bool, "rtspAnyPort"),
    rtspUDPReadBufferSize: renamed(count, "sourceUDPReadBufferSize"),
    mpegtsUDPReadBufferSize: renamed(count, "sourceUDPReadBufferSize"),
    rtpUDPReadBufferSize: renamed(count, "sourceUDPReadBufferSize"),
    rpiCameraProfile: h264Profile(),
    rpiCameraHardwareH264Profile: h264Profile(),
    rpiCameraSoftwareH264Profile: h264Profile(),
    rpiCameraLevel: h264Level(),
    rpiCameraHardwareH264Level: h264Level(),
    rpiCameraSoftwareH264Level: h264Level(),
    rpiCameraJPEGQuality: renamed(int(0, 100), "rpiCameraMJPEGQuality"),
    runOnReady: renamed(text, "runOnAvailable"),
    runOnReadyRestart: renamed(bool, "runOnAvailableRestart"),
    runOnNotReady: renamed(text, "runOnUnavailable"),
  }),
);

/** Further spellings that MediaMTX does not know. */
export const globalAliases: ReadonlyMap<string, OldName> = new Map(
  Object.entries<OldName>({
    allowOrigin: {
      type: text,
      instead: "it sets every …AllowOrigins that is not given itself",
      set: (value) => originLists.map((name) => ({ name, value: value === "" ? [] : [value] })),
      weak: true,
    },
    "mqtt.url": {
      type: text,
      instead: "use mqtt.urls",
      set: (value) => [{ name: "mqtt.urls", value: value === "" ? [] : [value] }],
      weak: true,
      silent: true,
    },
  }),
);
