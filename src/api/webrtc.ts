// /v3/webrtcsessions: clients of the WebRTC server, in MediaMTX's words.
import { redactedQuery } from "#base/redacted-query.ts";
import { pageOf, parsePage } from "#http/page.ts";
import type { SessionEntry } from "#relay/session-registry.ts";
import { OK, type Route } from "./route.ts";
import { commonItem, countersOf, entryOf, type OldNames, type Sessions } from "./session-item.ts";

/** What sessions of WebRTC tell besides. */
interface WebRtcEntry extends SessionEntry {
  /** Encryption stands: media can flow. */
  readonly established?: boolean;
  /** `type/protocol/address/port`; empty before there is a path. */
  readonly localCandidate?: string;
  readonly remoteCandidate?: string;
  /** Tracks of the path that this client does not get, and why. */
  readonly skippedTracks?: readonly string[];
}

const COUNTERS = [
  "inboundBytes",
  "inboundRTPPackets",
  "inboundRTPPacketsLost",
  "inboundRTPPacketsJitter",
  "inboundRTCPPackets",
  "outboundBytes",
  "outboundRTPPackets",
  "outboundRTPPacketsReportedLost",
  "outboundRTCPPackets",
  "outboundFramesDiscarded",
];

const OLD_COUNTERS: OldNames = [
  ["bytesReceived", "inboundBytes"],
  ["bytesSent", "outboundBytes"],
  ["rtpPacketsReceived", "inboundRTPPackets"],
  ["rtpPacketsSent", "outboundRTPPackets"],
  ["rtpPacketsLost", "inboundRTPPacketsLost"],
  ["rtpPacketsJitter", "inboundRTPPacketsJitter"],
  ["rtcpPacketsReceived", "inboundRTCPPackets"],
  ["rtcpPacketsSent", "outboundRTCPPackets"],
];

export function webRtcRoutes(sessions: Sessions): readonly Route[] {
  return [
    {
      method: "GET",
      template: "/v3/webrtcsessions/list",
      answer: ({ query }) => {
        const page = pageOf(sessions.list("webRTCSession"), parsePage(query));
        return { ...page, items: page.items.map(item) };
      },
    },
    {
      method: "GET",
      template: "/v3/webrtcsessions/get/{id}",
      answer: ({ parameter }) => item(entryOf(sessions, "webRTCSession", parameter)),
    },
    {
      method: "POST",
      template: "/v3/webrtcsessions/kick/{id}",
      answer: ({ parameter }) => {
        entryOf(sessions, "webRTCSession", parameter).close();
        return OK;
      },
    },
  ];
}

function item(entry: WebRtcEntry) {
  const { state, path, query, user, userAgent } = entry;
  return {
    ...commonItem(entry),
    peerConnectionEstablished: entry.established ?? false,
    localCandidate: entry.localCandidate ?? "",
    remoteCandidate: entry.remoteCandidate ?? "",
    state,
    path,
    query: redactedQuery(query),
    user,
    userAgent,
    skippedTracks: entry.skippedTracks ?? [],
    ...countersOf(entry, COUNTERS, OLD_COUNTERS),
  };
}
