// camgate's own metrics of pulled sources, and of the streams that come from them or from publishers.
import type { PathSnapshot } from "#relay/path.ts";
import type { SourceState } from "#relay/source.ts";
import { type MetricFamily, type Sample, stateSamples } from "./text-format.ts";

const STATES = Object.keys({
  off: 0,
  connecting: 0,
  probing: 0,
  live: 0,
  stalled: 0,
  backoff: 0,
  auth: 0,
  config: 0,
} satisfies Record<SourceState, 0>);

/** `nowUs`: monotonic, of this boot. */
export function sourceFamilies(paths: readonly PathSnapshot[], nowUs: number): readonly MetricFamily[] {
  const pulled = paths.filter(({ sourceState }) => sourceState !== undefined);
  const linked = (name: string): readonly Sample[] =>
    pulled.map(({ name: path, sourceLink }) => ({ labels: { path }, value: sourceLink?.counters()[name] }));
  const perTrack = (value: (tally: PathSnapshot["tallies"][number], clockRateHz: number) => number | undefined): readonly Sample[] =>
    paths.flatMap(({ name, tracks, tallies }) =>
      tallies.map((tally, i) => ({ labels: { path: name, track: String(i) }, value: value(tally, tracks[i]!.clockRateHz) })),
    );
  return [
    {
      name: "camgate_source_state",
      type: "gauge",
      help: "Whether the path's pulled source is in this state: 1 for the one it is in.",
      samples: pulled.flatMap(({ name, sourceState }) => stateSamples("state", STATES, sourceState!, { path: name })),
    },
    {
      name: "camgate_source_state_age_seconds",
      type: "gauge",
      help: "How long the source has been in its state.",
      samples: pulled.map(({ name, sourceStateSinceUs }) => ({ labels: { path: name }, value: secondsSince(sourceStateSinceUs, nowUs) })),
    },
    {
      name: "camgate_source_reconnects_total",
      type: "counter",
      help: "Attempts to have the source that ended, for whatever cause.",
      samples: pulled.map(({ name, reconnects }) => ({ labels: { path: name }, value: reconnects })),
    },
    {
      name: "camgate_source_rtp_packets_lost_total",
      type: "counter",
      help: "RTP packets of the source's session that never came.",
      samples: linked("inboundRTPPacketsLost"),
    },
    {
      name: "camgate_source_rtp_packets_late_total",
      type: "counter",
      help: "RTP packets of the source's session that came when they were given up.",
      samples: linked("inboundRTPPacketsLate"),
    },
    {
      name: "camgate_stream_frames_total",
      type: "counter",
      help: "Frames of a track since the stream is there.",
      samples: perTrack(({ units }) => units),
    },
    {
      name: "camgate_stream_damaged_frames_total",
      type: "counter",
      help: "Of those, frames that came incomplete.",
      samples: perTrack(({ damaged }) => damaged),
    },
    {
      name: "camgate_stream_received_bytes_total",
      type: "counter",
      help: "Bytes of a track since the stream is there.",
      samples: perTrack(({ bytes }) => bytes),
    },
    {
      name: "camgate_stream_frame_age_seconds",
      type: "gauge",
      help: "Time since a track's newest frame.",
      samples: perTrack(({ lastCaptureUs }) => secondsSince(lastCaptureUs, nowUs)),
    },
    {
      name: "camgate_stream_keyframe_interval_seconds",
      type: "gauge",
      help: "Between a track's last two keyframes.",
      samples: perTrack(({ gopTicks }, clockRateHz) => (gopTicks === undefined ? undefined : gopTicks / clockRateHz)),
    },
  ];
}

function secondsSince(us: number | undefined, nowUs: number): number | undefined {
  return us === undefined ? undefined : Math.max(0, nowUs - us) / 1e6;
}
