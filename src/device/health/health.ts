// How the machine and this process are, in the words of the MQTT contract: `null` is what could not be measured, what is absent does not exist here.
import type { LteHealth } from "./lte-modem.ts";
import type { SyncPercentiles } from "./sync-times.ts";

export interface SystemHealth {
  /** Of this process. */
  readonly up_s: number;
  readonly host_up_s?: number;
  readonly load1: number | null;
  /** Shares of the whole machine, from 0 to 100: of everything that runs, and of the gateway with the ffmpeg processes it started. */
  readonly cpu_pct: number | null;
  readonly cpu_by: { readonly gw: number; readonly ffmpeg?: number };
  readonly mem_used_pct: number | null;
  readonly rss_mb: number;
  readonly swap_mb: number | null;
  /** Open descriptors of this process. */
  readonly fd: number | null;
  readonly temp_c?: number | null;
  /** A Raspberry Pi that lacks voltage or is too hot: now, and since it was switched on. */
  readonly thr?: { readonly now: readonly Throttling[]; readonly ever: readonly Throttling[] };
  /** 99th percentile of the event loop's lateness over the last whole minute. */
  readonly evloop_p99_ms: number | null;
  /** Spent on garbage collection in the last whole minute. */
  readonly gc_ms: number | null;
  /** Processes that the kernel killed for want of memory since the machine was started. */
  readonly oom?: number;
  /** Starts of this process since the machine was started, after the first. */
  readonly restarts?: number | null;
  /** Of the supply, where the board measures it. */
  readonly volt_mv?: number | null;
}

/** Under-voltage, frequency capped, throttled, at the soft limit of temperature. */
export type Throttling = "uv" | "cap" | "thr" | "tmp";

export interface InterfaceHealth {
  readonly n: string;
  readonly up: boolean;
  readonly mbps: number | null;
  readonly rx_kbps: number;
  readonly tx_kbps: number;
  /** Both directions, since the interface is there. */
  readonly err: number;
  readonly drop: number;
}

export interface NetworkHealth {
  readonly if: readonly InterfaceHealth[];
  /** The interface of the default route. */
  readonly wan: string | null;
  readonly wifi_dbm?: number | null;
  readonly lte?: LteHealth | null;
}

export interface ClockHealth {
  /** `free`: nothing keeps it right, and the time is an estimate. `unset`: the time may be anything. */
  readonly st: "synced" | "free" | "unset";
  /** What vouches for the time, else its quality. */
  readonly src: string;
  readonly off_ms: number | null;
  readonly err_ms: number | null;
  readonly last_sync_s: number | null;
  readonly steps: number;
  readonly rtc: boolean;
}

export interface DiskHealth {
  /** Where it is mounted. */
  readonly mnt: string;
  readonly fs: string;
  readonly size_mb: number;
  readonly free_mb: number;
  readonly ro: boolean;
  /** At the pace since the gateway was started; not before ten minutes. */
  readonly w_bytes_day?: number;
  /** Ever written to the file system, where it counts (ext4). */
  readonly life_w_tb?: number;
  readonly tbw_tb?: number;
  readonly wear_pct?: number;
  /** What the medium says of its end of life (eMMC). */
  readonly eol?: "ok" | "warn" | "urgent" | null;
  /** To make data safe, by the last syncs of the gateway's own files. */
  readonly sync_p50_ms?: number;
  readonly sync_p99_ms?: number;
  readonly sync_max_ms?: number;
  /** Errors that the file system has met (ext4). */
  readonly io_err?: number;
}

/** The numbers that the contract has no words for, in plain units: for the metrics and for `/v3/stats`. */
export interface HostFacts {
  readonly memoryTotalBytes: number | null;
  readonly memoryUsedBytes: number | null;
  readonly disks: readonly DiskFacts[];
  readonly interfaces: readonly InterfaceFacts[];
}

export interface DiskFacts {
  readonly mount: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly readOnly: boolean;
  /** To the block device, since the machine was started; undefined where it does not count. */
  readonly writtenBytes: number | undefined;
  readonly errors: number | undefined;
  readonly syncs: SyncPercentiles | undefined;
}

export interface InterfaceFacts {
  readonly name: string;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly errors: number;
  readonly drops: number;
}

export interface Health {
  readonly sys: SystemHealth;
  readonly net: NetworkHealth;
  readonly disk: readonly DiskHealth[];
  readonly facts: HostFacts;
}
