// The sites as a table of plain text: those with trouble first.
import { counted } from "#base/counted.ts";
import { alignedLines } from "#base/text-table.ts";
import type { SeenEvent, SiteView } from "./fleet-view.ts";
import { plainText } from "./plain-text.ts";
import { figuresOf } from "./site-figures.ts";

/** Telemetry that is away for three intervals says more than a will. */
const SILENT_MS = 3 * 60_000;

export type SiteState = "up" | "silent" | "down" | "?";

/** `nowMs` is monotonic, as the view's. */
export function siteState({ online, seenMs, health }: SiteView, nowMs: number): SiteState {
  if (online === false) return "down";
  if (seenMs !== undefined && nowMs - seenMs > SILENT_MS) return "silent";
  return online === true || health !== undefined ? "up" : "?";
}

const ORDER: readonly SiteState[] = ["down", "silent", "?", "up"];
const HEADINGS = ["GATEWAY", "STATE", "SEEN", "VERSION", "CAMERAS", "CPU", "TEMP", "DISK", "WEAR", "CLOCK", "GAPS", "CONFIG", "EVENTS"];

/** At most `rows` sites; the last line says how many are not shown. */
export function siteTable(sites: Iterable<SiteView>, nowMs: number, rows = Number.POSITIVE_INFINITY): string[] {
  const all = [...sites].map((site) => ({ site, state: siteState(site, nowMs), trouble: troubleOf(site) }));
  all.sort(
    (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || b.trouble - a.trouble || (nameOf(a.site) < nameOf(b.site) ? -1 : 1),
  );
  const shown = all.slice(0, rows);
  const lines = alignedLines([HEADINGS, ...shown.map(({ site, state }) => cellsOf(site, state, nowMs))]);
  const counts = ORDER.map((state) => [state, all.filter((one) => one.state === state).length] as const).filter(([, n]) => n > 0);
  const summary = `${counted(all.length, "site")}${counts.map(([state, n]) => `, ${n} ${state === "?" ? "unknown" : state}`).join("")}`;
  return [summary, ...lines, ...(all.length > shown.length ? [`… and ${all.length - shown.length} more`] : [])];
}

export function eventLine({ site, event }: SeenEvent): string {
  const { ts, sev, type, ph, cam, data } = event;
  const time = typeof ts === "number" && Math.abs(ts) < 8.64e15 ? new Date(ts).toISOString() : "at an unknown time";
  const camera = cam === undefined ? "" : ` ${plainText(cam, 100)}`;
  const details = data === undefined ? "" : ` ${plainText(JSON.stringify(data), 300)}`;
  return `${time} ${plainText(sev, 8)} ${nameOf(site)}${camera} ${plainText(type, 64)} ${plainText(ph, 8)}${details}`;
}

function nameOf({ tenant, gatewayId }: SiteView): string {
  return `${tenant}/${gatewayId}`;
}

function troubleOf({ health }: SiteView): number {
  const { cameras, camerasLive, diskReadOnly, clockSynced } = figuresOf(health);
  return cameras - camerasLive + (diskReadOnly ? 1 : 0) + (clockSynced === false ? 1 : 0);
}

function cellsOf(site: SiteView, state: SiteState, nowMs: number): string[] {
  const figures = figuresOf(site.health);
  const number = (value: number | undefined, unit: string): string => (value === undefined ? "-" : `${Math.round(value)}${unit}`);
  const { ver, st } = site.config ?? {};
  return [
    nameOf(site),
    state === "down" && site.why !== undefined ? `down (${plainText(site.why, 12)})` : state,
    site.seenMs === undefined ? "-" : `${Math.round((nowMs - site.seenMs) / 1000)}s`,
    plainText(site.sw ?? "-", 20),
    site.health === undefined ? "-" : `${figures.camerasLive}/${figures.cameras}`,
    number(figures.cpuPercent, "%"),
    number(figures.temperatureC, "C"),
    `${number(figures.diskUsedPercent, "%")}${figures.diskReadOnly ? " ro" : ""}`,
    number(figures.wearPercent, "%"),
    figures.clockSynced === undefined ? "-" : figures.clockSynced ? "ok" : "not set",
    number(figures.gaps24h, ""),
    ver === undefined ? "-" : `${plainText(ver, 8)} ${plainText(st, 12)}`,
    `${site.events.warn}w ${site.events.crit}c`,
  ];
}
