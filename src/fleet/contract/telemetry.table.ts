// up/tel, §6: how the machine, the network, the clock, the disks, the recordings and the cameras are. Absent: not here. null: not measurable now.
import { count, flag, list, mapOf, number, object, oneOf, orNull, percent, text, time } from "./schema.ts";
import { enveloped, pushedStream } from "./words.table.ts";

const THROTTLING = list(
  oneOf(["uv", "cap", "thr", "tmp"], "Under-voltage, capped, throttled, soft limit of temperature."),
  "Which of them.",
);

const system = object(
  "The machine and the gateway's process.",
  {
    up_s: count("How long the process runs."),
    load1: orNull(number("Load of the last minute.")),
    cpu_pct: orNull(percent("Of all processors, everything that runs.")),
    cpu_by: object("Shares of it.", { gw: percent("The gateway.") }, { ffmpeg: percent("Its ffmpeg processes.") }),
    mem_used_pct: orNull(percent("Memory that is used.")),
    rss_mb: number("Memory of the process."),
    swap_mb: orNull(number("Swap that is used.")),
    fd: orNull(count("Open descriptors of the process.")),
    evloop_p99_ms: orNull(number("99th percentile of the event loop's lateness, last whole minute.")),
    gc_ms: orNull(number("Spent on garbage collection, last whole minute.")),
  },
  {
    host_up_s: count("How long the machine runs."),
    temp_c: orNull(number("Of the processor.")),
    thr: object("A Raspberry Pi that lacks voltage or is too hot.", { now: THROTTLING, ever: THROTTLING }),
    volt_mv: orNull(number("Supply voltage.")),
    oom: count("Processes killed for want of memory since the boot."),
    restarts: orNull(count("Starts of the process since the boot, after the first.")),
  },
);

const network = object(
  "The network.",
  {
    if: list(
      object("One interface.", {
        n: text("Its name."),
        up: flag("Whether it has a link."),
        mbps: orNull(number("Speed of the link.")),
        rx_kbps: number("Received."),
        tx_kbps: number("Sent."),
        err: count("Errors, both directions."),
        drop: count("Packets dropped, both directions."),
      }),
      "All but loopback.",
    ),
    wan: orNull(text("The interface of the default route.")),
  },
  {
    rtt_ms: orNull(number("To the broker and back.")),
    loss_pct: orNull(percent("Packets to the broker that had to be sent again, last hour.")),
    dns_ms: orNull(number("How long the broker's name took to look up, at the last connection.")),
    wifi_dbm: orNull(number("Signal.")),
    lte: orNull(object("Mobile radio.", {}, { rsrp: number("Reference signal, dBm."), band: text("Band.") })),
    bytes_up_day: count("Sent to the NOC since midnight, UTC."),
  },
);

const clock = object("The clock.", {
  st: oneOf(["synced", "free", "unset"], "`free`: nothing keeps it right. `unset`: the time may be anything."),
  src: text("What vouches for it, else its quality."),
  off_ms: orNull(number("Offset to its source.")),
  err_ms: orNull(number("Bound of its error.")),
  last_sync_s: orNull(number("Since it was last compared.")),
  steps: count("How often it was stepped."),
  rtc: flag("There is a battery-backed clock."),
});

const disk = object(
  "One file system that the gateway writes.",
  {
    mnt: text("Where it is mounted."),
    fs: text("Kind of file system."),
    size_mb: number("Size."),
    free_mb: number("Free."),
    ro: flag("Read-only."),
  },
  {
    w_bytes_day: number("Written a day at the pace since the start."),
    life_w_tb: number("Ever written to the file system."),
    tbw_tb: number("What the medium may be written in its life."),
    wear_pct: number("How much of that is used."),
    eol: orNull(oneOf(["ok", "warn", "urgent"], "What the medium says of its end.")),
    sync_p50_ms: number("Median time to make data safe."),
    sync_p99_ms: number("99th percentile."),
    sync_max_ms: number("Longest."),
    io_err: count("Errors met."),
  },
);

const FOOTAGE = {
  oldest: orNull(time("Begin of the oldest footage.")),
  newest: orNull(time("End of the newest footage.")),
  gaps_24h: count("Gaps of the last 24 hours."),
  gap_s_24h: number("Seconds missing of the last 24 hours."),
};

const recording = object(
  "Recordings.",
  {
    ...FOOTAGE,
    cams: mapOf(
      object(
        "One camera.",
        { ...FOOTAGE, span_s: number("Of all footage together."), mb: number("Size of it.") },
        {
          st: text("What its recorder does."),
          why: orNull(text("Why it does not record.")),
          dropped: count("Frames received and not recorded."),
          write_age_ms: orNull(number("Since bytes were last safe on the medium.")),
        },
      ),
      "By camera.",
    ),
  },
  {
    ring_mb: orNull(number("Size of the ring.")),
    locked_mb: orNull(number("Kept from being overwritten.")),
    wq_bytes: count("Footage in memory that waits to be written."),
  },
);

const cameraHealth = object("One camera.", {
  st: oneOf(
    ["off", "connecting", "probing", "live", "stalled", "backoff", "auth", "config"],
    "`stalled`: a session without frames. `auth`: it refuses the credentials. `config`: the address or codec cannot be used.",
  ),
  since: orNull(time("Since when it is in that state.")),
  proto: orNull(text("`rtsp/tcp`.")),
  codec: orNull(text("Of the first video track.")),
  w: orNull(count("Width.")),
  h: orNull(count("Height.")),
  fps: orNull(number("Frames per second.")),
  kbps: orNull(number("Received media.")),
  gop_s: orNull(number("Between the last two keyframes.")),
  age_ms: orNull(number("Of the newest frame.")),
  rtp_lost: count("Packets lost."),
  rtp_late: count("Packets too late."),
  dup: count("Packets that came twice."),
  reconn: count("Reconnects."),
  last_err: orNull(text("Why it was last lost.")),
  cam_clk_off_ms: orNull(number("The camera's clock less ours.")),
  ps_changes: count("Times that it came with other parameter sets."),
  audio: orNull(text("Codec of the audio track.")),
  readers: mapOf(count("How many."), "Viewers by protocol."),
  tx_kbps: number("Sent to viewers."),
});

export const telemetry = enveloped(
  object(
    "The full health document.",
    {
      sys: system,
      net: network,
      clk: clock,
      disk: list(disk, "Each file system once."),
      rec: recording,
      cams: mapOf(cameraHealth, "By path."),
      sec: object("The door, since the start.", { auth_fail: count("Refused credentials."), banned: count("Addresses shut out now.") }),
    },
    {
      io: mapOf(object("One line.", { v: count("0 or 1.") }, { since: time("Since when.") }), "Named inputs and outputs."),
      push: list(pushedStream, "Streams that are pushed, while there are any."),
      mq: object(
        "The link.",
        {
          reconn: count("Connections after the first."),
          outbox: count("Messages that wait."),
          drop_tel: count("Telemetry given up."),
          drop_evt: count("Events given up."),
          rtt_ms: orNull(number("The broker's last acknowledgement.")),
        },
        {
          hints: count("Time hints that were taken."),
          hints_refused: count("Time hints that were not: unsigned, old, retained, or wrong."),
        },
      ),
      sched: object("Schedules of the config.", {
        next: orNull(time("When the next one is due; null while the time is not known.")),
        do: orNull(text("What is done then.")),
        fail: count("Schedules that went wrong the last time."),
      }),
      agg: object(
        "Of an outage: this stands for several samples, with the bounds and means of numbers that varied.",
        {},
        { s: number("Seconds."), n: count("Samples."), min: { type: "object" }, avg: { type: "object" }, max: { type: "object" } },
      ),
      full: flag("False: only what changed since the last one; merge by `sid` and `seq`. Absent: true."),
    },
  ),
);
