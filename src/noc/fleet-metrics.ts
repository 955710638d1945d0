// The fleet as Prometheus metrics (text format 0.0.4), from what is known of each site.
import type { FleetView, SiteView } from "./fleet-view.ts";
import { plainText } from "./plain-text.ts";
import { figuresOf, type SiteFigures } from "./site-figures.ts";
import { siteState } from "./site-table.ts";

type Value = number | boolean | undefined;

const FAMILIES: readonly (readonly [name: string, help: string, value: (site: SiteView, figures: SiteFigures, nowMs: number) => Value])[] =
  [
    ["camgate_site_up", "Whether the gateway is there and tells how it is.", (site, _, nowMs) => siteState(site, nowMs) === "up"],
    [
      "camgate_site_silent_seconds",
      "Since its last message.",
      ({ seenMs }, _, nowMs) => (seenMs === undefined ? undefined : (nowMs - seenMs) / 1000),
    ],
    ["camgate_site_uptime_seconds", "How long its process runs.", (_, { upSeconds }) => upSeconds],
    ["camgate_site_cameras", "Cameras.", ({ health }, { cameras }) => (health === undefined ? undefined : cameras)],
    [
      "camgate_site_cameras_live",
      "Cameras that are live.",
      ({ health }, { camerasLive }) => (health === undefined ? undefined : camerasLive),
    ],
    ["camgate_site_cpu_percent", "Processors in use.", (_, { cpuPercent }) => cpuPercent],
    ["camgate_site_memory_percent", "Memory in use.", (_, { memoryPercent }) => memoryPercent],
    ["camgate_site_temperature_celsius", "Of the processor.", (_, { temperatureC }) => temperatureC],
    ["camgate_site_disk_used_percent", "Of the fullest disk.", (_, { diskUsedPercent }) => diskUsedPercent],
    ["camgate_site_disk_wear_percent", "Of the most worn disk.", (_, { wearPercent }) => wearPercent],
    [
      "camgate_site_disk_read_only",
      "Whether a disk is read-only.",
      ({ health }, { diskReadOnly }) => (health === undefined ? undefined : diskReadOnly),
    ],
    ["camgate_site_clock_synced", "Whether its clock is kept right.", (_, { clockSynced }) => clockSynced],
    ["camgate_site_recording_gaps_24h", "Gaps of recordings in 24 hours.", (_, { gaps24h }) => gaps24h],
    ["camgate_site_outbox_messages", "Messages that wait at the gateway.", (_, { outbox }) => outbox],
    [
      "camgate_site_config_version",
      "Desired config that runs; 0: none.",
      ({ config }) => (typeof config?.["ver"] === "number" ? config["ver"] : undefined),
    ],
    [
      "camgate_site_config_failed",
      "Whether the last desired config was refused or taken back.",
      ({ config }) => (config === undefined ? undefined : config["st"] === "rejected" || config["st"] === "rolled_back"),
    ],
  ];

/** `nowMs` is monotonic, as the view's; `isConnected`: to the broker. Names of tenants and gateways need no escapes. */
export function fleetMetrics(view: FleetView, nowMs: number, isConnected: boolean): string {
  const sites = [...view.sites.values()].map((site) => ({
    site,
    figures: figuresOf(site.health),
    labels: `tenant="${site.tenant}",gateway="${site.gatewayId}"`,
  }));
  const lines = [
    "# HELP camgate_noc_connected Whether this exporter hears the broker: if not, all else is old.",
    "# TYPE camgate_noc_connected gauge",
    `camgate_noc_connected ${Number(isConnected)}`,
    "# HELP camgate_site_info Version of the software.",
    "# TYPE camgate_site_info gauge",
    ...sites.flatMap(({ site: { sw }, labels }) => (sw === undefined ? [] : `camgate_site_info{${labels},version="${labelText(sw)}"} 1`)),
  ];
  for (const [name, help, read] of FAMILIES) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`);
    for (const { site, figures, labels } of sites) {
      const value = read(site, figures, nowMs);
      if (value !== undefined) lines.push(`${name}{${labels}} ${Number(value)}`);
    }
  }
  lines.push("# HELP camgate_site_events_total Events that were seen, by severity.", "# TYPE camgate_site_events_total counter");
  for (const { site, labels } of sites)
    for (const [severity, count] of Object.entries(site.events))
      lines.push(`camgate_site_events_total{${labels},severity="${severity}"} ${count}`);
  return `${lines.join("\n")}\n`;
}

function labelText(text: string): string {
  return plainText(text, 64).replace(/["\\]/g, "\\$&");
}
