// The numbers of a health document that tables and metrics want, whatever a gateway wrote there.

type Json = Readonly<Record<string, unknown>>;

export interface SiteFigures {
  readonly cameras: number;
  readonly camerasLive: number;
  readonly cpuPercent: number | undefined;
  readonly temperatureC: number | undefined;
  readonly memoryPercent: number | undefined;
  readonly clockSynced: boolean | undefined;
  /** Of the fullest, 0 to 100. */
  readonly diskUsedPercent: number | undefined;
  /** Of the most worn. */
  readonly wearPercent: number | undefined;
  readonly diskReadOnly: boolean;
  readonly gaps24h: number | undefined;
  readonly upSeconds: number | undefined;
  readonly outbox: number | undefined;
}

export function figuresOf(health: Json | undefined): SiteFigures {
  const [sys, clk, rec, mq] = ["sys", "clk", "rec", "mq"].map((name) => objectOf(health?.[name]));
  const disks = Array.isArray(health?.["disk"]) ? health["disk"].map(objectOf) : [];
  const cameras = Object.values(objectOf(health?.["cams"]));
  const used = disks.flatMap((disk) => {
    const [size, free] = [numberOf(disk["size_mb"]), numberOf(disk["free_mb"])];
    return size === undefined || free === undefined || size <= 0 ? [] : [(100 * (size - free)) / size];
  });
  return {
    cameras: cameras.length,
    camerasLive: cameras.filter((camera) => objectOf(camera)["st"] === "live").length,
    cpuPercent: numberOf(sys!["cpu_pct"]),
    temperatureC: numberOf(sys!["temp_c"]),
    memoryPercent: numberOf(sys!["mem_used_pct"]),
    clockSynced: typeof clk!["st"] === "string" ? clk!["st"] === "synced" : undefined,
    diskUsedPercent: highest(used),
    wearPercent: highest(disks.flatMap((disk) => numberOf(disk["wear_pct"]) ?? [])),
    diskReadOnly: disks.some((disk) => disk["ro"] === true),
    gaps24h: numberOf(rec!["gaps_24h"]),
    upSeconds: numberOf(sys!["up_s"]),
    outbox: numberOf(mq!["outbox"]),
  };
}

function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function highest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values);
}
