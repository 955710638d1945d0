// camgate's own metrics of the process and of its time.
import { TIME_QUALITIES, type TimeQuality } from "#base/clock.ts";
import type { DelayReport } from "#device/health/event-loop-delay.ts";
import type { ProcessFacts } from "./process-facts.ts";
import { gauge, type MetricFamily, stateSamples } from "./text-format.ts";

/** How datagrams are sent; fits the native room's rungs. */
export type NativeRung = "gso" | "sendmmsg" | "dgram";

/** Fits the status of the gateway's clock. */
export interface ClockFacts {
  readonly quality: TimeQuality;
  readonly errorMs: number | undefined;
  readonly correctionMs?: number | undefined;
  readonly secondsSinceSync?: number | undefined;
  readonly steps?: number;
}

const RUNGS = Object.keys({ gso: 0, sendmmsg: 0, dgram: 0 } satisfies Record<NativeRung, 0>);

export function processFamilies(
  version: string,
  { uptimeSeconds, memory, cpu }: ProcessFacts,
  { delay, gcMs }: { readonly delay: DelayReport | undefined; readonly gcMs: number },
  rung: NativeRung,
): readonly MetricFamily[] {
  return [
    {
      name: "camgate_info",
      type: "gauge",
      help: "Always 1; the labels tell the version of camgate and of Node.",
      samples: [{ labels: { version, node: process.version }, value: 1 }],
    },
    gauge("camgate_uptime_seconds", "Time since the process was started.", uptimeSeconds),
    gauge("camgate_event_loop_delay_p50_seconds", "Median delay of the event loop in the last whole minute.", delay?.p50Seconds),
    gauge("camgate_event_loop_delay_p99_seconds", "99th percentile of the event loop's delay in the last whole minute.", delay?.p99Seconds),
    gauge("camgate_event_loop_delay_max_seconds", "Longest delay of the event loop in the last whole minute.", delay?.maxSeconds),
    {
      name: "camgate_gc_seconds_total",
      type: "counter",
      help: "Time spent on garbage collection.",
      samples: [{ value: gcMs / 1000 }],
    },
    gauge("camgate_memory_rss_bytes", "Memory of the process that is resident.", memory.rssBytes),
    gauge("camgate_memory_heap_used_bytes", "JavaScript heap in use.", memory.heapUsedBytes),
    gauge("camgate_memory_heap_total_bytes", "JavaScript heap reserved.", memory.heapTotalBytes),
    gauge("camgate_memory_external_bytes", "Memory outside the heap that objects hold, buffers above all.", memory.externalBytes),
    gauge("camgate_memory_array_buffers_bytes", "Part of the external memory that is buffers.", memory.arrayBuffersBytes),
    {
      name: "camgate_cpu_seconds_total",
      type: "counter",
      help: "CPU time of the process, in its own code (user) and in the kernel (system).",
      samples: [
        { labels: { mode: "user" }, value: cpu.userSeconds },
        { labels: { mode: "system" }, value: cpu.systemSeconds },
      ],
    },
    {
      name: "camgate_native_rung",
      type: "gauge",
      help: "How datagrams are sent: 1 for the way that is in use.",
      samples: stateSamples("rung", RUNGS, rung),
    },
  ];
}

export function clockFamilies({ quality, errorMs, correctionMs, secondsSinceSync, steps }: ClockFacts): readonly MetricFamily[] {
  return [
    {
      name: "camgate_clock_quality",
      type: "gauge",
      help: "How far the time can be trusted: 1 for the quality it has.",
      samples: stateSamples("quality", TIME_QUALITIES, quality),
    },
    gauge("camgate_clock_error_seconds", "Bound of the time's error; absent where it is not known.", inSeconds(errorMs)),
    gauge("camgate_clock_correction_seconds", "UTC less wall clock, as the time keeper knows it.", inSeconds(correctionMs)),
    gauge("camgate_clock_sync_age_seconds", "Time since the clock was last synchronised; absent before the first time.", secondsSinceSync),
    {
      name: "camgate_clock_steps_total",
      type: "counter",
      help: "How often the wall clock was set while the process ran.",
      samples: [{ value: steps }],
    },
  ];
}

function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
