// /v3/rtspconns, /v3/rtspsessions, and the same of rtsps: clients of the RTSP servers, in MediaMTX's words.
import { redactedQuery } from "#base/redacted-query.ts";
import { pageOf, parsePage } from "#http/page.ts";
import type { SessionEntry } from "#relay/session-registry.ts";
import { OK, type Route } from "./route.ts";
import { commonItem, countersOf, entryOf, type OldNames, type Sessions } from "./session-item.ts";

/** What sessions of the RTSP server tell besides. */
interface SrtpEntry extends SessionEntry {
  readonly profile?: string | undefined;
}

/** What connections of the RTSP server tell besides. */
interface ConnectionEntry extends SessionEntry {
  /** The one that its newest request belonged to. */
  readonly session?: { readonly id: string } | undefined;
}

const SESSION_COUNTERS = [
  "inboundBytes",
  "inboundRTPPackets",
  "inboundRTPPacketsLost",
  "inboundRTPPacketsInError",
  "inboundRTPPacketsJitter",
  "inboundRTCPPackets",
  "inboundRTCPPacketsInError",
  "outboundBytes",
  "outboundRTPPackets",
  "outboundRTPPacketsReportedLost",
  "outboundRTPPacketsDiscarded",
  "outboundRTCPPackets",
];

/** Names that older clients look for, and what they are called now. */
const OLD_CONNECTION_COUNTERS: OldNames = [
  ["bytesReceived", "inboundBytes"],
  ["bytesSent", "outboundBytes"],
];
const OLD_SESSION_COUNTERS: OldNames = [
  ...OLD_CONNECTION_COUNTERS,
  ["rtpPacketsReceived", "inboundRTPPackets"],
  ["rtpPacketsSent", "outboundRTPPackets"],
  ["rtpPacketsLost", "inboundRTPPacketsLost"],
  ["rtpPacketsInError", "inboundRTPPacketsInError"],
  ["rtpPacketsJitter", "inboundRTPPacketsJitter"],
  ["rtcpPacketsReceived", "inboundRTCPPackets"],
  ["rtcpPacketsSent", "outboundRTCPPackets"],
  ["rtcpPacketsInError", "inboundRTCPPacketsInError"],
];

/** Of the plain server, or of that with TLS. */
export function rtspRoutes(sessions: Sessions, server: "rtsp" | "rtsps"): readonly Route[] {
  const [conn, session] = [`${server}Conn`, `${server}Session`] as const;
  const [conns, ofSessions] = [`/v3/${server}conns`, `/v3/${server}sessions`];
  return [
    {
      method: "GET",
      template: `${conns}/list`,
      answer: ({ query }) => {
        const page = pageOf(sessions.list(conn), parsePage(query));
        return { ...page, items: page.items.map(connectionItem) };
      },
    },
    {
      method: "GET",
      template: `${conns}/get/{id}`,
      answer: ({ parameter }) => connectionItem(entryOf(sessions, conn, parameter)),
    },
    {
      method: "GET",
      template: `${ofSessions}/list`,
      answer: ({ query }) => {
        const page = pageOf(sessions.list(session), parsePage(query));
        const connections = connectionsBySession(sessions.list(conn));
        return { ...page, items: page.items.map((one) => sessionItem(one, connections)) };
      },
    },
    {
      method: "GET",
      template: `${ofSessions}/get/{id}`,
      answer: ({ parameter }) => sessionItem(entryOf(sessions, session, parameter), connectionsBySession(sessions.list(conn))),
    },
    {
      method: "POST",
      template: `${ofSessions}/kick/{id}`,
      answer: ({ parameter }) => {
        entryOf(sessions, session, parameter).close();
        return OK;
      },
    },
  ];
}

function connectionsBySession(connections: readonly ConnectionEntry[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { id, session } of connections) {
    if (session === undefined) continue;
    const ids = found.get(session.id);
    if (ids === undefined) found.set(session.id, [id]);
    else ids.push(id);
  }
  return found;
}

function connectionItem(entry: ConnectionEntry) {
  return {
    ...commonItem(entry),
    session: entry.session?.id ?? null,
    tunnel: "none", // over HTTP or WebSocket: the server does not speak it
    ...countersOf(entry, ["inboundBytes", "outboundBytes"], OLD_CONNECTION_COUNTERS),
  };
}

function sessionItem(entry: SessionEntry, connections: ReadonlyMap<string, readonly string[]>) {
  const { state, path, query, user, userAgent, transport } = entry;
  return {
    ...commonItem(entry),
    state,
    path,
    query: redactedQuery(query),
    user,
    userAgent,
    transport: transport ?? null,
    profile: (entry as SrtpEntry).profile ?? (transport === undefined ? null : "AVP"),
    conns: connections.get(entry.id) ?? [],
    ...countersOf(entry, SESSION_COUNTERS, OLD_SESSION_COUNTERS),
  };
}
