// What `source:`, `sourceRedirect:` and `forward:` may hold. Only the scheme and the authority are judged here: passwords may have any character.

import { splitCommandLine } from "#base/process/command-line.ts";
import { splitUrl } from "#base/url-parts.ts";
import { pathNameFault } from "./path-name.ts";

/** Schemes of sources that name a host; after `udp` a port as well. */
const hostSchemes: ReadonlySet<string> = new Set(
  "rtsp rtsps rtsp+http rtsps+http rtsp+ws rtsps+ws rtmp rtmps http https srt moqt whep wheps udp udp+mpegts udp+rtp".split(" "),
);
/** Schemes of sources that name something else than a host. */
const otherSchemes: ReadonlySet<string> = new Set(["unix+mpegts", "unix+rtp", "ffmpeg"]);
const forwardSchemes: ReadonlySet<string> = new Set(["rtsp", "rtsps", "rtmp", "rtmps", "srt", "whip", "whips"]);

/** What is wrong with a `source`, or undefined. */
export function sourceFault(source: string): string | undefined {
  if (source === "publisher" || source === "redirect" || source === "rpiCamera") {
    return undefined;
  }
  const scheme = /^([a-z][a-z0-9+]*):\/\//.exec(source)?.[1];
  if (scheme === undefined || (!hostSchemes.has(scheme) && !otherSchemes.has(scheme))) {
    return "is neither publisher, redirect, rpiCamera nor a URL of a known scheme (rtsp://, rtsps://, rtmp://, http://, srt://, whep://, udp+mpegts://, …)";
  }
  if (scheme === "ffmpeg") {
    return ffmpegFault(source.slice("ffmpeg://".length));
  }
  if (otherSchemes.has(scheme)) {
    return source.length === scheme.length + 3 ? "is not complete" : undefined;
  }
  const fault = authorityFault(source);
  if (fault !== undefined) {
    return fault;
  }
  return scheme.startsWith("udp") && !/:(\d{1,5}|\$G\d+)$/.test(splitUrl(source)!.host) ? "lacks the port" : undefined;
}

/** What is wrong with what stands behind `ffmpeg://`: an input and options, or options alone with an input among them. */
function ffmpegFault(line: string): string | undefined {
  const words = splitCommandLine(line);
  if (words === undefined) {
    return "has a quote or a backslash without an end";
  }
  if (words.length === 0) {
    return "is not complete: behind ffmpeg:// stands what ffmpeg reads, and then its options";
  }
  return words[0]!.startsWith("-") && !words.slice(1, -1).includes("-i")
    ? "has options of ffmpeg, and no -i with what it reads"
    : undefined;
}

/** What is wrong with the destination of a `forward` entry, or undefined. */
export function forwardFault(destination: string): string | undefined {
  const scheme = splitUrl(destination)?.scheme;
  if (scheme === undefined || !forwardSchemes.has(scheme)) {
    return "is not a rtsp, rtsps, rtmp, rtmps, srt, whip or whips URL";
  }
  return authorityFault(destination);
}

/** What is wrong with the target of a redirect, or undefined: `/path` on this server, or a RTSP URL. */
export function redirectFault(target: string): string | undefined {
  if (target.startsWith("/")) {
    return pathNameFault(target.slice(1));
  }
  return /^rtsps?:\/\//.test(target) ? authorityFault(target) : "is neither a path (/name) nor a RTSP URL";
}

function authorityFault(url: string): string | undefined {
  const parts = splitUrl(url)!;
  if (/^(:|$)/.test(parts.host)) {
    return "lacks the host";
  }
  if (parts.user === "" && parts.password !== "") {
    return "has a password without a user name";
  }
  return parts.user !== undefined && parts.password === undefined
    ? "has a user name without a password; write user:@host if it is empty"
    : undefined;
}

/** What is wrong with the URL of a MQTT broker, or undefined. */
export function brokerUrlFault(url: string): string | undefined {
  if (!/^(mqtts?|wss?):\/\/[^/\s]+/.test(url)) return "is not a mqtt://, mqtts://, ws:// or wss:// URL";
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || parsed.hostname === "") return "names no host";
  if (parsed.username !== "" || parsed.password !== "") return "carries credentials: they belong to mqtt.username and mqtt.passwordFile";
  if (parsed.search !== "" || parsed.hash !== "") return "has more than a host, a port and, for WebSocket, a path";
  return parsed.protocol.startsWith("mqtt") && parsed.pathname.length > 1 ? "has a path, which only WebSocket has" : undefined;
}
