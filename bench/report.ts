// A benchmark's outcome as a table for people and as JSON for machines.

import { type Result, ratios } from "./harness.ts";
import { machineText } from "./process-figures.ts";
import type { ServerKind } from "./server-under-test.ts";

/** One column of the table. `goal`: the most that the ratio to a peer may be. */
export interface Column {
  readonly figure: string;
  readonly title: string;
  readonly digits: number;
  readonly goal?: number;
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

export function reportText(report: Report): string {
  const [own, ...peers] = report.servers.map(({ name }) => name);
  const lines = [
    `${report.name}: ${report.load}; ${report.rounds} interleaved rounds, median (least–most)`,
    machineText(),
    ...report.servers.map(({ name, version }) => `${name}: ${version}`),
    "",
  ];
  const rows = [["", "", ...report.columns.map(({ title }) => title)]];
  for (const setting of settingsOf(report)) {
    for (const { contender, figures } of resultsAt(report, setting)) {
      rows.push([
        setting,
        contender,
        ...report.columns.map(({ figure, digits }) => {
          const summary = figures[figure];
          if (!summary) return "–";
          const [middle, least, most] = [summary.median, summary.min, summary.max].map((value) => value.toFixed(digits));
          return least === most ? `${middle}` : `${middle} (${least}–${most})`;
        }),
      ]);
    }
    for (const peer of peers) rows.push([setting, `${own} / ${peer}`, ...ratioCells(report, setting, own!, peer)]);
  }
  return `${[...lines, ...alignColumns(rows)].join("\n")}\n`;
}

export function reportJson(report: Report): string {
  const [own, ...peers] = report.servers.map(({ name }) => name);
  const comparisons = settingsOf(report).flatMap((setting) =>
    peers.map((peer) => ({ setting, of: own, to: peer, ratios: ratiosAt(report, setting, own!, peer) })),
  );
  const { name, load, rounds, servers, results } = report;
  return `${JSON.stringify({ name, load, rounds, machine: machineText(), servers, results, comparisons }, undefined, 2)}\n`;
}

function ratioCells(report: Report, setting: string, own: string, peer: string): string[] {
  const found = ratiosAt(report, setting, own, peer);
  return report.columns.map(({ figure, goal }) => {
    const ratio = found[figure];
    if (ratio === undefined) return "–";
    if (goal === undefined) return `${ratio.toFixed(2)}×`;
    return `${ratio.toFixed(2)}× (goal ${goal.toFixed(2)}: ${ratio <= goal ? "reached" : "missed"})`;
  });
}

function ratiosAt(report: Report, setting: string, own: string, peer: string): Record<string, number> {
  const results = resultsAt(report, setting);
  const figuresOf = (name: string) => results.find(({ contender }) => contender === name)?.figures ?? {};
  return ratios(figuresOf(own), figuresOf(peer));
}

function settingsOf(report: Report): string[] {
  return [...new Set(report.results.map(({ parameters }) => settingText(parameters)))];
}

function resultsAt(report: Report, setting: string): Report["results"] {
  return report.results.filter(({ parameters }) => settingText(parameters) === setting);
}

function settingText(parameters: Readonly<Record<string, number>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${value} ${name}`)
    .join(", ");
}

function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}
