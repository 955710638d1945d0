// A dashboard of docs/grafana as tests look at it: what it asks Prometheus for, and whether it can be shown.
import { readFileSync } from "node:fs";

export interface DashboardPanel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export interface DashboardExpression {
  readonly title: string;
  readonly expr: string;
  readonly legendFormat: string;
}

export interface Dashboard {
  readonly panels: readonly DashboardPanel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

export function readDashboard(file: string): Dashboard {
  return JSON.parse(readFileSync(new URL(`../../docs/grafana/${file}`, import.meta.url), "utf8")) as Dashboard;
}

/** Of its panels. */
export function panelExpressions({ panels }: Dashboard): DashboardExpression[] {
  return panels.flatMap(({ title, targets }) => (targets ?? []).map(({ expr, legendFormat }) => ({ title, expr, legendFormat })));
}

/** Of its panels and its variables. */
export function allExpressions(dashboard: Dashboard): DashboardExpression[] {
  const variables = dashboard.templating.list.map(({ definition = "" }) => ({ title: "variables", expr: definition, legendFormat: "" }));
  return [...panelExpressions(dashboard), ...variables];
}

/** Ids and titles of their own, places beside each other, variables that are there. */
export function layoutFaults(dashboard: Dashboard): string[] {
  const { panels, templating } = dashboard;
  const faults: string[] = [];
  if (new Set(panels.map(({ id }) => id)).size !== panels.length) faults.push("two panels have one id");
  const taken = new Set<string>();
  for (const { title, gridPos } of panels) {
    if (title === "") faults.push("a panel has no title");
    if (gridPos.x + gridPos.w > 24) faults.push(`${title} is too wide`);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        if (taken.has(`${x} ${y}`)) faults.push(`${title} overlaps another panel`);
        taken.add(`${x} ${y}`);
      }
    }
  }
  const variables = new Set(["__rate_interval", ...templating.list.map(({ name }) => name)]);
  for (const { title, expr } of allExpressions(dashboard))
    for (const [, name] of expr.matchAll(/\$(\w+)/g)) if (!variables.has(name!)) faults.push(`${title}: $${name}`);
  return faults;
}

/** Its expressions as a file of recording rules, which promtool can check. */
export function dashboardRules(dashboard: Dashboard): { readonly text: string; readonly count: number } {
  const filled = panelExpressions(dashboard).map(({ expr }) => expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$\w+/g, ".*"));
  const rules = filled.map((expr, i) => `  - record: dashboard:expression_${i}\n    expr: ${JSON.stringify(expr)}\n`);
  return { text: `groups:\n- name: dashboard\n  rules:\n${rules.join("")}`, count: filled.length };
}

/** Metrics that an expression asks for, with the labels that it chooses by. */
export function metricsAsked(expr: string, prefix: RegExp): { readonly name: string; readonly labels: readonly string[] }[] {
  const pattern = new RegExp(`(?<![a-zA-Z0-9_:])((?:${prefix.source})[a-z0-9_:]*)(?![a-zA-Z0-9_:(])(?:\\{([^}]*)\\})?`, "g");
  return [...expr.matchAll(pattern)].map(([, name, selector = ""]) => ({
    name: name!,
    labels: [...selector.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label]) => label!),
  }));
}
