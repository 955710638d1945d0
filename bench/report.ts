// A benchmark's outcome as a table for people and as JSON for machines.
import { alignedLines } from "#base/text-table.ts";
import { type Result, ratios, type Summary } from "./harness.ts";
import { machineText } from "./process-figures.ts";
import { OWN_NAME, type ServerKind } from "./server-under-test.ts";

/** One column of the table. */
export interface Column {
  readonly figure: string;
  readonly title: string;
  readonly digits: number;
  /** The most that the ratio to a peer may be. */
  readonly goal?: number;
  /** The most, and the least, that camgate's own median may be. */
  readonly most?: number;
  readonly least?: number;
  /** False: a ratio of this figure says nothing. */
  readonly compared?: boolean;
}

/** What a benchmark hands back: enough to print it and to compare it with another run. */
export interface Report {
  readonly name: string;
  readonly load: string;
  readonly rounds: number;
  readonly servers: readonly ServerKind[];
  readonly columns: readonly Column[];
  readonly results: readonly Result<Readonly<Record<string, number>>>[];
}

/** A goal, and whether it was reached. */
interface Verdict {
  readonly setting: string;
  readonly figure: string;
  readonly value: number;
  /** A ratio to this peer; without it camgate's own figure. */
  readonly to?: string;
  readonly most?: number;
  readonly least?: number;
  readonly reached: boolean;
}

export function reportText(report: Report): string {
  const lines = [
    `${report.name}: ${report.load}; ${report.rounds} interleaved rounds, median (least–most)`,
    machineText(),
    ...report.servers.map(({ name, version }) => `${name}: ${version}`),
    "",
  ];
  const rows = [["", "", ...report.columns.map(({ title }) => title)]];
  for (const setting of settingsOf(report)) {
    for (const { contender, figures } of resultsAt(report, setting)) {
      rows.push([setting, contender, ...report.columns.map((column) => figureCell(column, figures[column.figure], contender))]);
    }
    for (const peer of peersOf(report)) rows.push([setting, `${ownOf(report)} / ${peer}`, ...ratioCells(report, setting, peer)]);
  }
  return `${[...lines, ...alignedLines(rows)].join("\n")}\n`;
}

/** One document for any number of reports, and for what went wrong on the way. */
export function reportsJson(reports: readonly Report[], failures: readonly string[] = []): string {
  const documents = reports.map((report) => {
    const { name, load, rounds, servers, results } = report;
    const comparisons = settingsOf(report).flatMap((setting) =>
      peersOf(report).map((peer) => ({ setting, of: ownOf(report), to: peer, ratios: ratiosAt(report, setting, peer) })),
    );
    return { name, load, rounds, servers, results, comparisons, goals: verdictsOf(report) };
  });
  return `${JSON.stringify({ machine: machineText(), reports: documents, failures }, undefined, 2)}\n`;
}

/** Every goal of the report that could be judged. */
export function verdictsOf(report: Report): Verdict[] {
  return settingsOf(report).flatMap((setting) =>
    report.columns.flatMap((column): Verdict[] => {
      const { figure, goal, most, least } = column;
      const value = resultsAt(report, setting).find(({ contender }) => contender === OWN_NAME)?.figures[figure]?.median;
      const own = value === undefined || !hasLimit(column) ? [] : [{ value, reached: keepsLimit(column, value) }];
      const limits = { ...(most !== undefined && { most }), ...(least !== undefined && { least }) };
      const toPeers = peersOf(report).flatMap((to) => {
        const ratio = ratiosAt(report, setting, to)[figure];
        return goal === undefined || ratio === undefined ? [] : [{ value: ratio, to, most: goal, reached: ratio <= goal }];
      });
      return [...own.map((verdict) => ({ ...verdict, ...limits })), ...toPeers].map((verdict) => ({ setting, figure, ...verdict }));
    }),
  );
}

function figureCell(column: Column, summary: Summary | undefined, contender: string): string {
  if (!summary) return "–";
  const [middle, least, most] = [summary.median, summary.min, summary.max].map((value) => value.toFixed(column.digits));
  const figures = least === most ? `${middle}` : `${middle} (${least}–${most})`;
  if (contender !== OWN_NAME || !hasLimit(column)) return figures;
  const limit = column.most === undefined ? `≥ ${column.least}` : `≤ ${column.most}`;
  return `${figures} [${limit}: ${keepsLimit(column, summary.median) ? "reached" : "missed"}]`;
}

function hasLimit({ most, least }: Column): boolean {
  return most !== undefined || least !== undefined;
}

function keepsLimit({ most = Number.POSITIVE_INFINITY, least = Number.NEGATIVE_INFINITY }: Column, value: number): boolean {
  return value <= most && value >= least;
}

function ratioCells(report: Report, setting: string, peer: string): string[] {
  const found = ratiosAt(report, setting, peer);
  return report.columns.map(({ figure, goal }) => {
    const ratio = found[figure];
    if (ratio === undefined) return "–";
    if (goal === undefined) return `${ratio.toFixed(2)}×`;
    return `${ratio.toFixed(2)}× (goal ${goal.toFixed(2)}: ${ratio <= goal ? "reached" : "missed"})`;
  });
}

function ratiosAt(report: Report, setting: string, peer: string): Record<string, number> {
  const results = resultsAt(report, setting);
  const figuresOf = (name: string) => results.find(({ contender }) => contender === name)?.figures ?? {};
  const meaningless = new Set(report.columns.filter(({ compared }) => compared === false).map(({ figure }) => figure));
  const found = ratios(figuresOf(ownOf(report)), figuresOf(peer));
  return Object.fromEntries(Object.entries(found).filter(([figure]) => !meaningless.has(figure)));
}

/** What ratios are of: the first server. */
function ownOf({ servers }: Report): string {
  return servers[0]?.name ?? "";
}

function peersOf({ servers }: Report): string[] {
  return servers.slice(1).map(({ name }) => name);
}

function settingsOf(report: Report): string[] {
  return [...new Set(report.results.map(({ parameters }) => settingText(parameters)))];
}

function resultsAt(report: Report, setting: string): Report["results"] {
  return report.results.filter(({ parameters }) => settingText(parameters) === setting);
}

/** `{ readers: 10, gopSeconds: 2, lineMbit: 100 }` as "10 readers, gop 2 s, line 100 Mbit/s". */
function settingText(parameters: Readonly<Record<string, number>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => {
      const [, what, unit] = /^(.+)(Seconds|Mbit)$/.exec(name) ?? [];
      return what === undefined ? `${value} ${name}` : `${what} ${value} ${unit === "Mbit" ? "Mbit/s" : "s"}`;
    })
    .join(", ");
}
