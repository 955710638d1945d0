// MediaMTX's metrics, to the letter.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readExposition } from "#testing/exposition.ts";
import { type MediaSources, type PathFacts, type SessionFacts, writeMediaMetrics } from "./media-metrics.ts";
import { parseMetricsFilter } from "./metrics-filter.ts";

const CONN = "18294761-f9d1-4ea9-9a35-fe265b62eb41";
const SESSION = "124b22ce-9c34-4387-b045-44caf98049f7";
const OTHER = "00000000-0000-4000-8000-000000000000";

const gate: PathFacts = {
  name: "gate",
  state: "available",
  readers: [
    { type: "rtspSession", id: "1" },
    { type: "hlsSession", id: "2" },
    { type: "rtspSession", id: "3" },
  ],
  inboundBytes: 123,
  outboundBytes: 456,
  inboundFramesInError: 7,
};
const yard: PathFacts = { name: "yard", state: "grace", readers: [], inboundBytes: 0, outboundBytes: 0, inboundFramesInError: 0 };

const remote = { address: "::1", port: 3455 };
const connection: SessionFacts = {
  id: CONN,
  remote,
  state: "read",
  path: "gate",
  counters: () => ({ inboundBytes: 11, outboundBytes: 22 }),
};

class Session implements SessionFacts {
  readonly id = SESSION;
  readonly remote = remote;
  readonly state = "publish";
  readonly path = "gate";
  readonly #bytes = 1;

  counters() {
    return {
      inboundBytes: this.#bytes,
      inboundRTPPackets: 2,
      inboundRTPPacketsLost: 3,
      inboundRTPPacketsInError: 4,
      inboundRTPPacketsJitter: 5.25,
      inboundRTCPPackets: 6,
      inboundRTCPPacketsInError: 7,
      outboundBytes: 8,
      outboundRTPPackets: 9,
      outboundRTPPacketsReportedLost: 10,
      outboundRTPPacketsDiscarded: 11,
      outboundRTCPPackets: 12,
    };
  }
}

const busy: MediaSources = {
  paths: () => [gate, yard],
  rtsp: { connections: () => [connection], sessions: () => [new Session()] },
};
const idle: MediaSources = { paths: () => [], rtsp: { connections: () => [], sessions: () => [] } };

const written = (sources: MediaSources, query = ""): string => writeMediaMetrics(sources, parseMetricsFilter(new URLSearchParams(query)));

const PATHS = `# Paths
paths{name="gate",state="ready"} 1
paths_readers{name="gate",readerType="hlsSession",state="ready"} 1
paths_readers{name="gate",readerType="rtspSession",state="ready"} 2
paths_inbound_bytes{name="gate",state="ready"} 123
paths_outbound_bytes{name="gate",state="ready"} 456
paths_inbound_frames_in_error{name="gate",state="ready"} 7
paths{name="yard",state="notReady"} 1
paths_readers{name="yard",readerType="",state="notReady"} 0
paths_inbound_bytes{name="yard",state="notReady"} 0
paths_outbound_bytes{name="yard",state="notReady"} 0
paths_inbound_frames_in_error{name="yard",state="notReady"} 0

# Paths (deprecated)
paths_bytes_received{name="gate",state="ready"} 123
paths_bytes_sent{name="gate",state="ready"} 456
paths_bytes_received{name="yard",state="notReady"} 0
paths_bytes_sent{name="yard",state="notReady"} 0

`;

const CONNS = `# RTSP connections
rtsp_conns{id="${CONN}"} 1
rtsp_conns_inbound_bytes{id="${CONN}"} 11
rtsp_conns_outbound_bytes{id="${CONN}"} 22

# RTSP connections (deprecated)
rtsp_conns_bytes_received{id="${CONN}"} 11
rtsp_conns_bytes_sent{id="${CONN}"} 22

`;

const S = `{id="${SESSION}",path="gate",remoteAddr="[::1]:3455",state="publish"}`;
const SESSIONS = `# RTSP sessions
rtsp_sessions${S} 1
rtsp_sessions_inbound_bytes${S} 1
rtsp_sessions_inbound_rtp_packets${S} 2
rtsp_sessions_inbound_rtp_packets_lost${S} 3
rtsp_sessions_inbound_rtp_packets_in_error${S} 4
rtsp_sessions_inbound_rtp_packets_jitter${S} 5.25
rtsp_sessions_inbound_rtcp_packets${S} 6
rtsp_sessions_inbound_rtcp_packets_in_error${S} 7
rtsp_sessions_outbound_bytes${S} 8
rtsp_sessions_outbound_rtp_packets${S} 9
rtsp_sessions_outbound_rtp_packets_reported_lost${S} 10
rtsp_sessions_outbound_rtp_packets_discarded${S} 11
rtsp_sessions_outbound_rtcp_packets${S} 12

# RTSP sessions (deprecated)
rtsp_sessions_bytes_received${S} 1
rtsp_sessions_bytes_sent${S} 8
rtsp_sessions_rtp_packets_received${S} 2
rtsp_sessions_rtp_packets_sent${S} 9
rtsp_sessions_rtp_packets_lost${S} 3
rtsp_sessions_rtp_packets_in_error${S} 4
rtsp_sessions_rtp_packets_jitter${S} 5.25
rtsp_sessions_rtcp_packets_received${S} 6
rtsp_sessions_rtcp_packets_sent${S} 12
rtsp_sessions_rtcp_packets_in_error${S} 7

`;

const NO_PATHS = `# Paths
paths 0
paths_inbound_bytes 0
paths_outbound_bytes 0
paths_inbound_frames_in_error 0

# Paths (deprecated)
paths_bytes_received 0
paths_bytes_sent 0
paths_readers 0

`;

const NO_CONNS = `# RTSP connections
rtsp_conns 0
rtsp_conns_inbound_bytes 0
rtsp_conns_outbound_bytes 0

# RTSP connections (deprecated)
rtsp_conns_bytes_received 0
rtsp_conns_bytes_sent 0

`;

const NO_SESSIONS = `# RTSP sessions
rtsp_sessions 0
rtsp_sessions_inbound_bytes 0
rtsp_sessions_inbound_rtp_packets 0
rtsp_sessions_inbound_rtp_packets_lost 0
rtsp_sessions_inbound_rtp_packets_in_error 0
rtsp_sessions_inbound_rtp_packets_jitter 0
rtsp_sessions_inbound_rtcp_packets 0
rtsp_sessions_inbound_rtcp_packets_in_error 0
rtsp_sessions_outbound_bytes 0
rtsp_sessions_outbound_rtp_packets 0
rtsp_sessions_outbound_rtp_packets_reported_lost 0
rtsp_sessions_outbound_rtp_packets_discarded 0
rtsp_sessions_outbound_rtcp_packets 0

# RTSP sessions (deprecated)
rtsp_sessions_bytes_received 0
rtsp_sessions_bytes_sent 0
rtsp_sessions_rtp_packets_received 0
rtsp_sessions_rtp_packets_sent 0
rtsp_sessions_rtp_packets_lost 0
rtsp_sessions_rtp_packets_in_error 0
rtsp_sessions_rtp_packets_jitter 0
rtsp_sessions_rtcp_packets_received 0
rtsp_sessions_rtcp_packets_sent 0
rtsp_sessions_rtcp_packets_in_error 0

`;

const NO_FORWARDS = `# Forward destinations
forward_dests 0
forward_dests_outbound_bytes 0

`;

test("everything, in order", () => {
  assert.equal(written(busy), PATHS + CONNS + SESSIONS);
});

test("nothing is there: lines of zeros", () => {
  assert.equal(written(idle), NO_PATHS + NO_CONNS + NO_SESSIONS);
});

test("a server that does not run is not spoken of", () => {
  assert.equal(written({ ...busy, rtsp: undefined }), PATHS);
  assert.equal(written({ ...busy, rtsp: undefined }, "type=rtsp_conns"), "");
});

test("WebRTC: sessions, and lines of zeros", () => {
  const webrtc = {
    sessions: () => [
      {
        id: SESSION,
        state: "read" as const,
        path: "gate",
        remote: { address: "::1", port: 3455 },
        counters: () => ({
          inboundRTCPPackets: 3,
          outboundBytes: 8,
          outboundRTPPackets: 9,
          outboundRTCPPackets: 2,
          outboundFramesDiscarded: 1,
        }),
      },
    ],
  };
  const labels = `{id="${SESSION}",path="gate",remoteAddr="[::1]:3455",state="read"}`;
  const lines = (names: readonly (readonly [string, number])[], after = ""): string =>
    names.map(([name, value]) => `webrtc_sessions${name}${after} ${value}\n`).join("");
  const current = (values: readonly number[], after?: string): string => {
    const names = ["", "_inbound_bytes", "_inbound_rtp_packets", "_inbound_rtp_packets_lost", "_inbound_rtp_packets_jitter"];
    names.push("_inbound_rtcp_packets", "_outbound_bytes", "_outbound_rtp_packets", "_outbound_rtcp_packets", "_outbound_frames_discarded");
    return `# WebRTC sessions\n${lines(
      names.map((name, i) => [name, values[i]!] as const),
      after,
    )}\n`;
  };
  const old = (values: readonly number[], after?: string): string => {
    const names = ["_bytes_received", "_bytes_sent", "_rtp_packets_received", "_rtp_packets_sent", "_rtp_packets_lost"];
    names.push("_rtp_packets_jitter", "_rtcp_packets_received", "_rtcp_packets_sent");
    return `# WebRTC sessions (deprecated)\n${lines(
      names.map((name, i) => [name, values[i]!] as const),
      after,
    )}\n`;
  };
  assert.equal(
    written({ ...busy, webrtc }, "type=webrtc_sessions"),
    current([1, 0, 0, 0, 0, 3, 8, 9, 2, 1], labels) + old([0, 8, 0, 9, 0, 0, 3, 2], labels),
  );
  assert.equal(written({ ...busy, webrtc }, `webrtc_session=${SESSION}`), written({ ...busy, webrtc }, "type=webrtc_sessions"));
  const none = { sessions: () => [] };
  assert.equal(written({ ...idle, webrtc: none }, "type=webrtc_sessions"), current(Array(10).fill(0)) + old(Array(8).fill(0)));
});

test("by type", () => {
  assert.equal(written(busy, "type=paths"), PATHS);
  assert.equal(written(busy, "type=rtsp_conns"), CONNS);
  assert.equal(written(busy, "type=rtsp_sessions"), SESSIONS);
  assert.equal(written(busy, "type=forward_dests"), NO_FORWARDS);
  assert.equal(written(busy, "type=nothing"), "");
  assert.equal(written(busy, "type=&path="), written(busy), "empty parameters are none");
});

test("by item: everything else is silent", () => {
  const onlyGate = PATHS.replaceAll(/^.*"yard".*\n/gm, "");
  assert.equal(written(busy, "path=gate"), onlyGate);
  assert.equal(written(busy, "type=paths&path=gate"), onlyGate);
  assert.equal(written(busy, `rtsp_conn=${CONN}`), CONNS);
  assert.equal(written(busy, `rtsp_session=${SESSION}`), SESSIONS);
  assert.equal(written(busy, `rtsp_session=${SESSION}&path=gate`), onlyGate + SESSIONS, "one of each");
  for (const item of ["hls_muxer", "srt_conn", "webrtc_session", "rtsps_conn", "forward_dest"])
    assert.equal(written(busy, `${item}=x`), "");
  assert.equal(written(busy, "type=rtsp_conns&path=gate"), "");
  assert.equal(written(busy, "type=forward_dests&path=gate"), "");
});

test("an item that is not there leaves the titles, and not even those where there is none at all", () => {
  assert.equal(written(busy, "path=gat"), "# Paths\n\n# Paths (deprecated)\n\n");
  assert.equal(written(busy, `rtsp_conn=${OTHER}`), "# RTSP connections\n\n# RTSP connections (deprecated)\n\n");
  for (const query of ["path=gate", `rtsp_conn=${CONN}`, `rtsp_session=${SESSION}`]) assert.equal(written(idle, query), "");
});

test("names of strangers stay inside their quotes", () => {
  const name = 'a"} 1\npaths{name="evil\\';
  const paths = [{ ...yard, name }];
  const sessions = [Object.assign(new Session(), { path: name, remote: undefined })];
  const text = written({ paths: () => paths, rtsp: { connections: () => [], sessions: () => sessions } });
  const { samples } = readExposition(text);
  assert.deepEqual(
    samples.filter((sample) => sample.name === "paths"),
    [{ name: "paths", labels: { name, state: "notReady" }, value: 1 }],
  );
  assert.deepEqual(samples.find((sample) => sample.name === "rtsp_sessions")?.labels, {
    id: SESSION,
    path: name,
    remoteAddr: "",
    state: "publish",
  });
  assert.equal(
    readExposition(written({ paths: () => paths, rtsp: undefined }, String(new URLSearchParams({ path: name })))).samples.length,
    7,
  );
});

test("a counter that a session does not have is 0", () => {
  const bare = { ...connection, counters: () => ({}) };
  const text = written({ paths: () => [], rtsp: { connections: () => [bare], sessions: () => [] } }, "type=rtsp_conns");
  assert.equal(text, CONNS.replaceAll(/ (11|22)$/gm, " 0"));
});
