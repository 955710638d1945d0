// The parts of a gateway, in the order they are started. A new server is a file `gateway-<noun>.ts` and a line here.
import type { Config } from "#config/config.ts";
import { hasLink, linkKey } from "./gateway-fleet-key.ts";
import { type Part, serverKey } from "./gateway-part.ts";
import { recordingKey, ringKey } from "./gateway-recording-key.ts";
import { servesRtsp, servesRtsps } from "./gateway-rtsp-options.ts";

/**
 * RTSP comes before anything recorded is touched: a gateway that is started twice fails there, and the files of the first are left alone. Hooks follow, since
 * what they run publishes to it.
 */
export const PARTS: readonly Part[] = [
  { name: "RTSP", key: serverKey("rtsp", servesRtsp), load: () => import("./gateway-rtsp.ts") },
  { name: "RTSPS", key: serverKey("rtsp", servesRtsps), load: () => import("./gateway-rtsps.ts") },
  { name: "WebRTC", key: serverKey("webrtc", ({ webrtc }) => webrtc), load: () => import("./gateway-webrtc.ts") },
  { name: "hooks", key: () => "", load: () => import("./gateway-hooks.ts"), isBelow: true },
  { name: "ring", key: ringKey, load: () => import("./gateway-ring.ts"), isBelow: true },
  { name: "recording", key: recordingKey, load: () => import("./gateway-recording.ts"), isBelow: true },
  { name: "health", key: healthKey, load: () => import("./gateway-health.ts"), isBelow: true },
  { name: "commands", key: commandsKey, load: () => import("./gateway-commands.ts"), isBelow: true },
  { name: "playback", key: serverKey("playback", ({ playback }) => playback), load: () => import("./gateway-playback.ts") },
  { name: "API", key: serverKey("api", ({ api }) => api), load: () => import("./gateway-api.ts") },
  { name: "pprof", key: serverKey("pprof", ({ pprof }) => pprof), load: () => import("./gateway-pprof.ts") },
  { name: "metrics", key: serverKey("metrics", ({ metrics }) => metrics), load: () => import("./gateway-metrics.ts") },
  { name: "NOC", key: (config) => (hasLink(config) ? "" : undefined), load: () => import("./gateway-noc.ts"), isBelow: true },
  { name: "MQTT", key: linkKey, load: () => import("./gateway-fleet.ts") },
  { name: "events", key: (config) => (hasLink(config) ? "" : undefined), load: () => import("./gateway-watch.ts") },
];

/** Whoever can ask for it: the site page is on WebRTC's port, and the NOC behind the link. */
function healthKey(config: Config): string | undefined {
  return config.global.metrics ? "" : commandsKey(config);
}

function commandsKey(config: Config): string | undefined {
  const { api, webrtc } = config.global;
  return api || webrtc || hasLink(config) ? "" : undefined;
}
