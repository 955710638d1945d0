// The parts of a gateway, in the order they are started. A new server is a file `<noun>.ts` and a line here.
import type { Config } from "#config/config.ts";
import { auditKey } from "./audit-key.ts";
import { hasLink, linkKey } from "./fleet-key.ts";
import { type Part, serverKey } from "./part.ts";
import { recordingKey, ringKey } from "./recording-key.ts";
import { servesRtsp, servesRtsps } from "./rtsp-options.ts";

/**
 * RTSP comes before anything recorded is touched: a gateway that is started twice fails there, and the files of the first are left alone. Hooks follow, since
 * what they run publishes to it.
 */
export const PARTS: readonly Part[] = [
  { name: "RTSP", key: serverKey("rtsp", servesRtsp), load: () => import("./rtsp.ts") },
  { name: "RTSPS", key: serverKey("rtsp", servesRtsps), load: () => import("./rtsps.ts") },
  { name: "WebRTC", key: serverKey("webrtc", ({ webrtc }) => webrtc), load: () => import("./webrtc.ts") },
  { name: "hooks", key: () => "", load: () => import("./hooks.ts"), isBelow: true },
  { name: "audit", key: auditKey, load: () => import("./audit.ts"), isBelow: true },
  // Before recording: what is not to be recorded now is not begun.
  {
    name: "schedules",
    key: ({ global }) => (global.schedules.length > 0 ? "" : undefined),
    load: () => import("./schedules.ts"),
    isBelow: true,
  },
  { name: "ring", key: ringKey, load: () => import("./ring.ts"), isBelow: true },
  { name: "recording", key: recordingKey, load: () => import("./recording.ts"), isBelow: true },
  { name: "health", key: healthKey, load: () => import("./health.ts"), isBelow: true },
  { name: "commands", key: commandsKey, load: () => import("./commands.ts"), isBelow: true },
  { name: "playback", key: serverKey("playback", ({ playback }) => playback), load: () => import("./playback.ts") },
  { name: "API", key: serverKey("api", ({ api }) => api), load: () => import("./api.ts") },
  { name: "pprof", key: serverKey("pprof", ({ pprof }) => pprof), load: () => import("./pprof.ts") },
  { name: "metrics", key: serverKey("metrics", ({ metrics }) => metrics), load: () => import("./metrics.ts") },
  { name: "pushes", key: (config) => (hasLink(config) ? "" : undefined), load: () => import("./pushes.ts"), isBelow: true },
  { name: "NOC", key: nocKey, load: () => import("./noc.ts"), isBelow: true },
  { name: "MQTT", key: linkKey, load: () => import("./fleet.ts") },
  { name: "events", key: (config) => (hasLink(config) ? "" : undefined), load: () => import("./watch.ts") },
];

/** It stays where there was a link: a desired config that takes the link away is undone by it. */
function nocKey(config: Config, isRunning: boolean): string | undefined {
  return isRunning || hasLink(config) ? "" : undefined;
}

/** Whoever can ask for it: the site page is on WebRTC's port, and the NOC behind the link. */
function healthKey(config: Config): string | undefined {
  return config.global.metrics ? "" : commandsKey(config);
}

function commandsKey(config: Config): string | undefined {
  const { api, webrtc } = config.global;
  return api || webrtc || hasLink(config) ? "" : undefined;
}
