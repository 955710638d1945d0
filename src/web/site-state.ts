// What the gateway tells of its site: cameras, what is recorded of them, itself. Times are UTC, ms since 1970; null: not known now.

export interface Camera {
  readonly st: "off" | "connecting" | "probing" | "live" | "stalled" | "backoff" | "auth" | "config";
  readonly since: number | null;
  readonly codec: string | null;
  readonly w: number | null;
  readonly h: number | null;
  readonly fps: number | null;
  readonly kbps: number | null;
  readonly last_err: string | null;
  readonly audio: string | null;
  readonly readers: Readonly<Record<string, number>>;
}

export interface Recorder {
  readonly st: string;
  readonly why: string | null;
  readonly oldest: number | null;
  readonly newest: number | null;
}

export interface Gateway {
  readonly sys: {
    readonly up_s: number | null;
    readonly cpu_pct: number | null;
    readonly mem_used_pct: number | null;
    readonly temp_c: number | null;
  };
  readonly disk: readonly {
    readonly mnt: string;
    readonly size_mb: number | null;
    readonly free_mb: number | null;
    readonly ro?: boolean;
  }[];
  readonly clk: { readonly st: string; readonly err_ms: number | null };
}

/** GET site: what this user may see. */
export interface SiteState {
  /** Empty: nobody is logged in. */
  readonly user: string;
  /** May change cameras and users. */
  readonly admin: boolean;
  readonly cameras: Readonly<Record<string, Camera>>;
  readonly recorders: Readonly<Record<string, Recorder>>;
  /** Absent for those who may not see it. */
  readonly gateway?: Gateway;
}

export interface Span {
  readonly from: number;
  readonly to: number;
  readonly gap: string | null;
}

const STATES: Readonly<Record<Camera["st"], string>> = {
  off: "off",
  connecting: "connecting",
  probing: "waiting for a picture",
  live: "live",
  stalled: "no picture comes",
  backoff: "lost, trying again",
  auth: "wrong user or password",
  config: "cannot work as configured",
};

export function stateText({ st, last_err: error }: Camera): string {
  return st !== "live" && error !== null ? `${STATES[st]}: ${error}` : STATES[st];
}

/** `H.264 · 1920 × 1080 · 25 fps · 4.0 Mbit/s · 2 viewers`. */
export function pictureText({ codec, audio, w, h, fps, kbps, readers }: Camera): string {
  const viewers = Object.values(readers).reduce((sum, count) => sum + count, 0);
  const parts = [
    ...(codec === null ? [] : [codecText(codec)]),
    ...(w === null || h === null ? [] : [`${w} × ${h}`]),
    ...(fps === null ? [] : [`${Math.round(fps)} fps`]),
    ...(kbps === null ? [] : [kbps >= 1000 ? `${(kbps / 1000).toFixed(1)} Mbit/s` : `${kbps} kbit/s`]),
    ...(audio === null ? [] : [`sound ${codecText(audio)}`]),
    `${viewers} ${viewers === 1 ? "viewer" : "viewers"}`,
  ];
  return parts.join(" · ");
}

const CODECS: Readonly<Record<string, string>> = {
  h264: "H.264",
  h265: "H.265",
  av1: "AV1",
  vp8: "VP8",
  vp9: "VP9",
  mjpeg: "M-JPEG",
  aac: "AAC",
  opus: "Opus",
  pcma: "G.711 A",
  pcmu: "G.711 µ",
  g722: "G.722",
  lpcm: "LPCM",
};

function codecText(codec: string): string {
  return CODECS[codec] ?? codec;
}

export function recorderText(recorder: Recorder | undefined): string {
  if (recorder === undefined) return "";
  return recorder.st === "recording" ? "recording" : `recorder ${recorder.st}${recorder.why === null ? "" : `: ${recorder.why}`}`;
}

export function gatewayTexts({ sys, disk, clk }: Gateway): readonly string[] {
  const percent = (name: string, value: number | null): string[] => (value === null ? [] : [`${name} ${Math.round(value)} %`]);
  const disks = disk.flatMap(({ mnt, size_mb: size, free_mb: free, ro }) => {
    if (size === null || free === null) return [];
    return [`${mnt} ${(free / 1000).toFixed(1)} of ${(size / 1000).toFixed(0)} GB free${ro === true ? ", read-only" : ""}`];
  });
  return [
    ...percent("CPU", sys.cpu_pct),
    ...percent("memory", sys.mem_used_pct),
    ...(sys.temp_c === null || sys.temp_c === undefined ? [] : [`${Math.round(sys.temp_c)} °C`]),
    ...disks,
    `clock ${clk.st}`,
    ...(sys.up_s === null ? [] : [`up ${spanText(sys.up_s)}`]),
  ];
}

function spanText(seconds: number): string {
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  return days > 0 ? `${days} d ${hours} h` : hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min`;
}
