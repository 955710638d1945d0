// camgate's own metrics of the machine: CPU, memory, temperature, network, disks.
import type { DiskFacts, Health, InterfaceFacts, Throttling } from "#device/health/health.ts";
import { gauge, type MetricFamily, type Sample } from "./text-format.ts";

const THROTTLINGS = Object.keys({ uv: 0, cap: 0, thr: 0, tmp: 0 } satisfies Record<Throttling, 0>) as readonly Throttling[];
/** The words of the contract are short for the sake of modems. */
const CAUSES: Readonly<Record<Throttling, string>> = {
  uv: "under_voltage",
  cap: "frequency_capped",
  thr: "throttled",
  tmp: "temperature_limit",
};

/** What is not measured is left out. */
export function hostFamilies({ sys, facts }: Health): readonly MetricFamily[] {
  const ofInterfaces = (value: (one: InterfaceFacts) => number): readonly Sample[] =>
    facts.interfaces.map((one) => ({ labels: { interface: one.name }, value: value(one) }));
  const ofDisks = (value: (disk: DiskFacts) => number | undefined): readonly Sample[] =>
    facts.disks.map((disk) => ({ labels: { mount: disk.mount }, value: value(disk) }));
  const { thr } = sys;
  const throttled =
    thr === undefined ? [] : THROTTLINGS.map((one) => ({ labels: { cause: CAUSES[one] }, value: Number(thr.now.includes(one)) }));
  return [
    gauge("camgate_host_cpu_ratio", "Share of all cores that is in use: 1 is all.", ratio(sys.cpu_pct)),
    gauge("camgate_host_load1", "Load average of the last minute.", sys.load1 ?? undefined),
    gauge("camgate_host_memory_total_bytes", "Memory of the machine.", facts.memoryTotalBytes ?? undefined),
    gauge("camgate_host_memory_used_bytes", "Memory that programs could not have.", facts.memoryUsedBytes ?? undefined),
    gauge("camgate_host_uptime_seconds", "Time since the machine was started.", sys.host_up_s),
    gauge("camgate_host_temperature_celsius", "Temperature of the processor.", sys.temp_c ?? undefined),
    {
      name: "camgate_host_throttled",
      type: "gauge",
      help: "Whether a Raspberry Pi runs slower or lacks voltage now, by cause: 1 if so.",
      samples: throttled,
    },
    {
      name: "camgate_host_oom_kills_total",
      type: "counter",
      help: "Processes killed for want of memory since the machine was started.",
      samples: [{ value: sys.oom }],
    },
    gauge("camgate_open_descriptors", "Files and sockets that the process has open.", sys.fd ?? undefined),
    counter(
      "camgate_network_received_bytes_total",
      "Bytes that came in over a network interface.",
      ofInterfaces((one) => one.receivedBytes),
    ),
    counter(
      "camgate_network_sent_bytes_total",
      "Bytes that went out over a network interface.",
      ofInterfaces((one) => one.sentBytes),
    ),
    counter(
      "camgate_network_errors_total",
      "Errors of a network interface, both directions.",
      ofInterfaces((one) => one.errors),
    ),
    counter(
      "camgate_network_drops_total",
      "Packets that a network interface dropped, both directions.",
      ofInterfaces((one) => one.drops),
    ),
    perDisk(
      "camgate_disk_size_bytes",
      "Size of a file system that the gateway uses.",
      ofDisks((disk) => disk.totalBytes),
    ),
    perDisk(
      "camgate_disk_free_bytes",
      "Free on a file system that the gateway uses.",
      ofDisks((disk) => disk.freeBytes),
    ),
    perDisk(
      "camgate_disk_read_only",
      "Whether a file system can only be read: 1 if so.",
      ofDisks((disk) => Number(disk.readOnly)),
    ),
    perDisk(
      "camgate_disk_sync_p50_seconds",
      "Median of how long it takes to make data safe, in the last ten minutes.",
      ofDisks((disk) => seconds(disk.syncs?.p50Ms)),
    ),
    perDisk(
      "camgate_disk_sync_p99_seconds",
      "99th percentile of how long it takes to make data safe.",
      ofDisks((disk) => seconds(disk.syncs?.p99Ms)),
    ),
    perDisk(
      "camgate_disk_sync_max_seconds",
      "The longest it took to make data safe.",
      ofDisks((disk) => seconds(disk.syncs?.maxMs)),
    ),
    counter(
      "camgate_disk_written_bytes_total",
      "Bytes written to the device of a file system, by all programs.",
      ofDisks((disk) => disk.writtenBytes),
    ),
    counter(
      "camgate_disk_errors_total",
      "Errors that a file system has met, ever.",
      ofDisks((disk) => disk.errors),
    ),
  ];
}

function counter(name: string, help: string, samples: readonly Sample[]): MetricFamily {
  return { name, type: "counter", help, samples };
}

function perDisk(name: string, help: string, samples: readonly Sample[]): MetricFamily {
  return { name, type: "gauge", help, samples };
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

function ratio(percent: number | null): number | undefined {
  return percent === null ? undefined : percent / 100;
}
