// MediaMTX's metrics of paths, connections and sessions: its names, labels, order, comments and zero lines.
import { formatAddress } from "#base/listen-address.ts";
import type { PathSnapshot } from "#relay/path.ts";
import type { SessionEntry } from "#relay/session-registry.ts";
import { type ItemParameter, type MetricsFilter, wantsGroup } from "./metrics-filter.ts";
import { type Labels, writeLabels, writeSample } from "./text-format.ts";

export type PathFacts = Pick<PathSnapshot, "name" | "state" | "readers" | "inboundBytes" | "outboundBytes" | "inboundFramesInError">;

export type SessionFacts = Pick<SessionEntry, "id" | "remote" | "state" | "path" | "counters">;

export interface MediaSources {
  /** By name. */
  paths(): readonly PathFacts[];
  /** Undefined: there is no RTSP server, and nothing is said of one. Oldest first. */
  readonly rtsp: RtspFacts | undefined;
  /** The same of the RTSPS server. */
  readonly rtsps?: RtspFacts | undefined;
  /** And of the WebRTC server, whose clients have no connections. */
  readonly webrtc?: Pick<RtspFacts, "sessions"> | undefined;
}

export interface RtspFacts {
  connections(): readonly SessionFacts[];
  sessions(): readonly SessionFacts[];
}

interface Row {
  /** What a filter compares with. */
  readonly key: string;
  readonly labels: Labels;
  readonly values: Readonly<Record<string, number>>;
}

/** A comment, and under it the metrics of each item. */
interface Section {
  readonly title: string;
  /** What follows the group's name in the metric's, with the key of its value. */
  readonly metrics: readonly (readonly [suffix: string, key: string])[];
}

interface Group {
  /** The value of `type`, and the metrics' name. */
  readonly name: string;
  readonly parameter: ItemParameter;
  readonly sections: readonly [current: Section, deprecated: Section];
  rows(): readonly Row[];
}

/** The key of the metric that is 1 for each item. */
const PRESENCE = ["", "presence"] as const;

const CONNECTION_METRICS: Section["metrics"] = [
  PRESENCE, //
  ["_inbound_bytes", "inboundBytes"],
  ["_outbound_bytes", "outboundBytes"],
];

const DEPRECATED_CONNECTION_METRICS: Section["metrics"] = [
  ["_bytes_received", "inboundBytes"],
  ["_bytes_sent", "outboundBytes"],
];

const SESSION_METRICS: Section["metrics"] = [
  PRESENCE,
  ["_inbound_bytes", "inboundBytes"],
  ["_inbound_rtp_packets", "inboundRTPPackets"],
  ["_inbound_rtp_packets_lost", "inboundRTPPacketsLost"],
  ["_inbound_rtp_packets_in_error", "inboundRTPPacketsInError"],
  ["_inbound_rtp_packets_jitter", "inboundRTPPacketsJitter"],
  ["_inbound_rtcp_packets", "inboundRTCPPackets"],
  ["_inbound_rtcp_packets_in_error", "inboundRTCPPacketsInError"],
  ["_outbound_bytes", "outboundBytes"],
  ["_outbound_rtp_packets", "outboundRTPPackets"],
  ["_outbound_rtp_packets_reported_lost", "outboundRTPPacketsReportedLost"],
  ["_outbound_rtp_packets_discarded", "outboundRTPPacketsDiscarded"],
  ["_outbound_rtcp_packets", "outboundRTCPPackets"],
];

const DEPRECATED_SESSION_METRICS: Section["metrics"] = [
  ["_bytes_received", "inboundBytes"],
  ["_bytes_sent", "outboundBytes"],
  ["_rtp_packets_received", "inboundRTPPackets"],
  ["_rtp_packets_sent", "outboundRTPPackets"],
  ["_rtp_packets_lost", "inboundRTPPacketsLost"],
  ["_rtp_packets_in_error", "inboundRTPPacketsInError"],
  ["_rtp_packets_jitter", "inboundRTPPacketsJitter"],
  ["_rtcp_packets_received", "inboundRTCPPackets"],
  ["_rtcp_packets_sent", "outboundRTCPPackets"],
  ["_rtcp_packets_in_error", "inboundRTCPPacketsInError"],
];

const WEBRTC_METRICS: Section["metrics"] = [
  PRESENCE,
  ["_inbound_bytes", "inboundBytes"],
  ["_inbound_rtp_packets", "inboundRTPPackets"],
  ["_inbound_rtp_packets_lost", "inboundRTPPacketsLost"],
  ["_inbound_rtp_packets_jitter", "inboundRTPPacketsJitter"],
  ["_inbound_rtcp_packets", "inboundRTCPPackets"],
  ["_outbound_bytes", "outboundBytes"],
  ["_outbound_rtp_packets", "outboundRTPPackets"],
  ["_outbound_rtcp_packets", "outboundRTCPPackets"],
  ["_outbound_frames_discarded", "outboundFramesDiscarded"],
];

const DEPRECATED_WEBRTC_METRICS: Section["metrics"] = [
  ["_bytes_received", "inboundBytes"],
  ["_bytes_sent", "outboundBytes"],
  ["_rtp_packets_received", "inboundRTPPackets"],
  ["_rtp_packets_sent", "outboundRTPPackets"],
  ["_rtp_packets_lost", "inboundRTPPacketsLost"],
  ["_rtp_packets_jitter", "inboundRTPPacketsJitter"],
  ["_rtcp_packets_received", "inboundRTCPPackets"],
  ["_rtcp_packets_sent", "outboundRTCPPackets"],
];

/** What a filter lets through, each section with an empty line behind it. */
export function writeMediaMetrics({ paths, rtsp, rtsps, webrtc }: MediaSources, filter: MetricsFilter): string {
  let text = wantsGroup(filter, "paths", "path") ? writePaths(paths(), filter.items.get("path")) : "";
  // There are no forward destinations: MediaMTX says so only where they are asked for by type.
  if (filter.type === "forward_dests" && filter.items.size === 0) {
    text += section("Forward destinations", [zero("forward_dests"), zero("forward_dests_outbound_bytes")]);
  }
  const groups = [
    ...(rtsp ? rtspGroups("rtsp", "RTSP", rtsp) : []),
    ...(rtsps ? rtspGroups("rtsps", "RTSPS", rtsps) : []),
    ...(webrtc ? [webRtcGroup(webrtc)] : []),
  ];
  for (const group of groups) {
    if (wantsGroup(filter, group.name, group.parameter)) text += writeGroup(group, filter.items.get(group.parameter));
  }
  return text;
}

function rtspGroups(prefix: "rtsp" | "rtsps", protocol: string, { connections, sessions }: RtspFacts): readonly Group[] {
  return [
    {
      name: `${prefix}_conns`,
      parameter: `${prefix}_conn`,
      sections: [
        { title: `${protocol} connections`, metrics: CONNECTION_METRICS },
        { title: `${protocol} connections (deprecated)`, metrics: DEPRECATED_CONNECTION_METRICS },
      ],
      rows: () => connections().map((entry) => ({ key: entry.id, labels: { id: entry.id }, values: { presence: 1, ...entry.counters() } })),
    },
    {
      name: `${prefix}_sessions`,
      parameter: `${prefix}_session`,
      sections: [
        { title: `${protocol} sessions`, metrics: SESSION_METRICS },
        { title: `${protocol} sessions (deprecated)`, metrics: DEPRECATED_SESSION_METRICS },
      ],
      rows: () => sessions().map(sessionRow),
    },
  ];
}

function webRtcGroup({ sessions }: Pick<RtspFacts, "sessions">): Group {
  return {
    name: "webrtc_sessions",
    parameter: "webrtc_session",
    sections: [
      { title: "WebRTC sessions", metrics: WEBRTC_METRICS },
      { title: "WebRTC sessions (deprecated)", metrics: DEPRECATED_WEBRTC_METRICS },
    ],
    rows: () => sessions().map(sessionRow),
  };
}

function sessionRow(entry: SessionFacts): Row {
  const { id, state, path, remote } = entry;
  const remoteAddr = remote === undefined ? "" : formatAddress(remote.address, remote.port);
  return { key: id, labels: { id, state, path, remoteAddr }, values: { presence: 1, ...entry.counters() } };
}

/** `wanted`: an item that may not be there. Where there are others, the titles of the empty sections are. */
function writeGroup({ name, sections, rows }: Group, wanted: string | undefined): string {
  const all = rows();
  if (all.length === 0 && wanted !== undefined) return "";
  const chosen = wanted === undefined ? all : all.filter(({ key }) => key === wanted);
  return sections
    .map(({ title, metrics }) => {
      if (all.length === 0)
        return section(
          title,
          metrics.map(([suffix]) => zero(name + suffix)),
        );
      const lines = chosen.flatMap(({ labels, values }) => {
        const written = writeLabels(labels);
        return metrics.map(([suffix, key]) => writeSample(name + suffix, written, values[key] ?? 0));
      });
      return section(title, lines);
    })
    .join("");
}

function writePaths(all: readonly PathFacts[], wanted: string | undefined): string {
  if (all.length === 0) return wanted === undefined ? NO_PATHS : "";
  const chosen = wanted === undefined ? all : all.filter(({ name }) => name === wanted);
  const current: string[] = [];
  const deprecated: string[] = [];
  for (const path of chosen) {
    const labels = { name: path.name, state: path.state === "available" ? "ready" : "notReady" };
    const written = writeLabels(labels);
    current.push(
      writeSample("paths", written, 1),
      ...writeReaders(path, labels),
      writeSample("paths_inbound_bytes", written, path.inboundBytes),
      writeSample("paths_outbound_bytes", written, path.outboundBytes),
      writeSample("paths_inbound_frames_in_error", written, path.inboundFramesInError),
    );
    deprecated.push(
      writeSample("paths_bytes_received", written, path.inboundBytes),
      writeSample("paths_bytes_sent", written, path.outboundBytes),
    );
  }
  return section("Paths", current) + section("Paths (deprecated)", deprecated);
}

function writeReaders({ readers }: PathFacts, labels: Labels): readonly string[] {
  const counts = new Map<string, number>();
  for (const { type } of readers) counts.set(type, (counts.get(type) ?? 0) + 1);
  if (counts.size === 0) counts.set("", 0);
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([readerType, count]) => writeSample("paths_readers", writeLabels({ ...labels, readerType }), count));
}

function section(title: string, lines: readonly string[]): string {
  return `# ${title}\n${lines.join("")}\n`;
}

function zero(name: string): string {
  return writeSample(name, "", 0);
}

/** MediaMTX has the readers among what is deprecated here, and only here. */
const NO_PATHS =
  section("Paths", ["paths", "paths_inbound_bytes", "paths_outbound_bytes", "paths_inbound_frames_in_error"].map(zero)) +
  section("Paths (deprecated)", ["paths_bytes_received", "paths_bytes_sent", "paths_readers"].map(zero));
