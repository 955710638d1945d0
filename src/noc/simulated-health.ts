// Telemetry of a gateway that does not exist: figures that wander as real ones do, in a document as real ones are.

export class SimulatedHealth {
  readonly #cameras: readonly string[];
  readonly #random: () => number;
  readonly #startedMs: number;

  /** `nowMs` as later calls of `read` have it. */
  constructor(cameras: number, random: () => number, nowMs: number) {
    this.#cameras = Array.from({ length: cameras }, (_, i) => `cam${i + 1}`);
    this.#random = random;
    this.#startedMs = nowMs;
  }

  /** Without envelope. `utcMs`: now. */
  read(nowMs: number, utcMs: number): Readonly<Record<string, unknown>> {
    const around = (middle: number, part: number): number => Number((middle * (1 + part * (2 * this.#random() - 1))).toFixed(1));
    const upS = Math.round((nowMs - this.#startedMs) / 1000);
    const footage = { oldest: utcMs - 86_400_000, newest: utcMs, gaps_24h: 0, gap_s_24h: 0 };
    return {
      sys: {
        ...{ up_s: upS, host_up_s: upS, load1: around(0.4, 0.5), cpu_pct: around(18, 0.5), cpu_by: { gw: around(12, 0.5), ffmpeg: 0 } },
        ...{ mem_used_pct: around(41, 0.1), rss_mb: around(118, 0.1), swap_mb: 0, fd: 60, temp_c: around(55, 0.1) },
        ...{ evloop_p99_ms: around(7, 0.5), gc_ms: around(12, 0.5), oom: 0 },
      },
      net: {
        if: [{ n: "eth0", up: true, mbps: 1000, rx_kbps: around(8200, 0.1), tx_kbps: around(350, 0.1), err: 0, drop: 0 }],
        wan: "eth0",
      },
      clk: { st: "synced", src: "ntp", off_ms: around(0.8, 0.9), err_ms: 12, last_sync_s: 64, steps: 1, rtc: false },
      disk: [{ mnt: "/rec", fs: "ext4", size_mb: 118_000, free_mb: Math.round(around(3000, 0.2)), ro: false, wear_pct: around(2.3, 0.01) }],
      rec: { ...footage, cams: Object.fromEntries(this.#cameras.map((name) => [name, { ...footage, span_s: 86_400, mb: 40_000 }])) },
      cams: Object.fromEntries(this.#cameras.map((name) => [name, this.#camera(utcMs - upS * 1000, around)])),
      sec: { auth_fail: 0, banned: 0 },
    };
  }

  #camera(since: number, around: (middle: number, part: number) => number): object {
    return {
      ...{ st: "live", since, proto: "rtsp/tcp", codec: "h264", w: 1920, h: 1080, fps: 25, kbps: Math.round(around(4000, 0.1)), gop_s: 2 },
      ...{ age_ms: Math.round(around(38, 0.5)), rtp_lost: 0, rtp_late: 0, dup: 0, reconn: 0, last_err: null, cam_clk_off_ms: -120 },
      ...{ ps_changes: 0, audio: null, readers: { rtsp: 0, whep: 0, hls: 0, srt: 0 }, tx_kbps: 0 },
    };
  }
}
