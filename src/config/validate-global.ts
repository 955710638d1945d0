// What global settings must satisfy together; single values are judged where they are decoded.

import { compileGoRegexp } from "./go-regexp.ts";
import type { GlobalConfig } from "./schema.ts";
import { validateAppliance } from "./validate-hooks.ts";
import { isHashedCredential } from "./value-types.ts";

/** Takes the setting at fault, what is wrong with it, and the setting that makes it wrong where the first may not stand in the file. */
export type Report = (field: string, message: string, because?: string) => void;

export function validateGlobal(config: GlobalConfig, report: Report): void {
  validateGeneral(config, report);
  if (config.profile === "appliance") {
    validateAppliance(config, (field, message) => report(field, message, "profile"));
  }
  validateAuthentication(config, report);
  validateAddresses(config, report);
  if (config.rtsp) {
    validateRtsp(config, report);
  }
  if (config.webrtc) {
    validateWebRtc(config, report);
  }
  if (config.mqtt.urls.length > 0) {
    validateMqtt(config, report);
  }
}

function validateGeneral(config: GlobalConfig, report: Report): void {
  for (const name of ["readTimeout", "writeTimeout"] as const) {
    if (config[name] <= 0) {
      report(name, "must be more than zero");
    }
  }
  if ((config.writeQueueSize & (config.writeQueueSize - 1)) !== 0) {
    report("writeQueueSize", "must be a power of two");
  }
  if (config.hlsCDNSecret !== "" && !/^[a-zA-Z0-9!$()*+.;<=>[\]^_\-{}@#&]+$/.test(config.hlsCDNSecret)) {
    report("hlsCDNSecret", "has characters that a header cannot carry safely");
  }
}

function validateAuthentication(config: GlobalConfig, report: Report): void {
  const isHttpUrl = (url: string): boolean => /^https?:\/\/[^/]/.test(url);
  if (config.authMethod === "http" && !isHttpUrl(config.authHTTPAddress)) {
    report("authHTTPAddress", "must be a http:// or https:// URL with authMethod: http", "authMethod");
  }
  if (config.authMethod === "jwt") {
    if (!isHttpUrl(config.authJWTJWKS)) {
      report("authJWTJWKS", "must be a http:// or https:// URL with authMethod: jwt", "authMethod");
    }
    if (config.authJWTClaimKey === "") {
      report("authJWTClaimKey", "must not be empty with authMethod: jwt");
    }
  }
  const lists = {
    authInternalUsers: config.authInternalUsers.flatMap((user) => user.permissions),
    authHTTPExclude: config.authHTTPExclude,
  };
  for (const [name, permissions] of Object.entries({ ...lists, authJWTExclude: config.authJWTExclude })) {
    for (const { path } of permissions) {
      const pattern = path.startsWith("~") ? compileGoRegexp(path.slice(1)) : undefined;
      if (pattern !== undefined && "fault" in pattern) {
        report(name, `the path '${path}' ${pattern.fault}`);
      }
    }
  }
}

function validateAddresses(config: GlobalConfig, report: Report): void {
  const needed = [
    ["api", "apiAddress"],
    ["metrics", "metricsAddress"],
    ["pprof", "pprofAddress"],
    ["playback", "playbackAddress"],
    ["rtmp", "rtmpAddress"],
    ["hls", "hlsAddress"],
    ["webrtc", "webrtcAddress"],
    ["moq", "moqQUICAddress"],
  ] as const;
  for (const [server, address] of needed) {
    if (config[server] && config[address] === "") {
      report(address, `must be set while ${server} is on`);
    }
  }
}

function validateRtsp(config: GlobalConfig, report: Report): void {
  const { rtspEncryption: encryption, rtspTransports: transports } = config;
  const requireSet = (names: readonly (keyof GlobalConfig)[], when: string): void => {
    for (const name of names) {
      if (config[name] === "" || config[name] === 0) {
        report(name, `must be set ${when}`);
      }
    }
  };
  if (encryption !== "strict") {
    requireSet(["rtspAddress"], "unless rtspEncryption is strict");
    requireSet(transports.includes("udp") ? ["rtpAddress", "rtcpAddress"] : [], "while rtspTransports has udp");
    requireSet(
      transports.includes("multicast") ? ["multicastIPRange", "multicastRTPPort", "multicastRTCPPort"] : [],
      "while rtspTransports has multicast",
    );
  }
  if (encryption !== "no") {
    requireSet(["rtspsAddress"], `with rtspEncryption: ${encryption}`);
    requireSet(transports.includes("udp") ? ["srtpAddress", "srtcpAddress"] : [], `with rtspEncryption: ${encryption} and udp`);
    requireSet(
      transports.includes("multicast") ? ["multicastIPRange", "multicastSRTPPort", "multicastSRTCPPort"] : [],
      `with rtspEncryption: ${encryption} and multicast`,
    );
  }
  if (config.rtspAuthMethods.length === 0) {
    report("rtspAuthMethods", "must have at least one method");
  }
  if (config.rtspAuthMethods.includes("digest")) {
    if (config.authMethod !== "internal") {
      report("rtspAuthMethods", "can have digest with authMethod: internal only");
    }
    if (config.authInternalUsers.some((user) => isHashedCredential(user.user) || isHashedCredential(user.pass))) {
      report("rtspAuthMethods", "cannot have digest while authInternalUsers has hashed credentials");
    }
  }
}

function validateWebRtc(config: GlobalConfig, report: Report): void {
  const hasListener = config.webrtcLocalUDPAddress !== "" || config.webrtcLocalTCPAddress !== "";
  if (!hasListener && config.webrtcICEServers2.length === 0) {
    report("webrtcLocalUDPAddress", "one of webrtcLocalUDPAddress, webrtcLocalTCPAddress and webrtcICEServers2 must be set");
  }
  if (hasListener && !config.webrtcIPsFromInterfaces && config.webrtcAdditionalHosts.length === 0) {
    report("webrtcIPsFromInterfaces", "must be on unless webrtcAdditionalHosts names the addresses to tell clients");
  }
}

function validateMqtt({ mqtt }: GlobalConfig, report: Report): void {
  if (mqtt.tenant === "") {
    report("mqtt.tenant", "must be set while mqtt.urls has a broker", "mqtt.urls");
  }
  for (const [one, other] of [
    ["cert", "key"],
    ["key", "cert"],
  ] as const) {
    if (mqtt[one] === "" && mqtt[other] !== "") {
      report(`mqtt.${one}`, `must be set together with mqtt.${other}`, `mqtt.${other}`);
    }
  }
  const files = (["ca", "cert"] as const).filter((name) => mqtt[name] !== "");
  const plain = mqtt.urls.find((url) => /^(?:mqtt|ws):/.test(url));
  if (files.length > 0 && plain !== undefined) {
    report("mqtt.urls", `${plain} has no TLS, which mqtt.${files[0]} is for: write mqtts:// or wss://`);
  }
  if (mqtt.homeAssistantPictures > 0 && mqtt.homeAssistantPictures < 5000) {
    report("mqtt.homeAssistantPictures", "must be 5s or more, or 0");
  }
  for (const name of ["telemetryInterval", "reconnectCap"] as const) {
    if (mqtt[name] < 1000) {
      report(`mqtt.${name}`, "must be 1s or more");
    }
  }
}
