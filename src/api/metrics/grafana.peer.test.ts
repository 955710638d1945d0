// docs/grafana/camgate.json: its panels ask for metrics that there are, by labels they have, in expressions that Prometheus can parse.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { findPeer } from "#testing/peers/find-peer.ts";
import { runPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";

const promtool = findPeer("promtool");
const DOCS = new URL("../../../docs/", import.meta.url);

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const dashboard = JSON.parse(readFileSync(new URL("grafana/camgate.json", DOCS), "utf8")) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
};
const panels = dashboard.panels.filter(({ type }) => type !== "row");
const expressions = panels.flatMap(({ title, targets }) => (targets ?? []).map((target) => ({ title, ...target })));

/** From the tables of docs/metrics.md, which are checked against the code: labels by metric. */
function documented(): ReadonlyMap<string, ReadonlySet<string>> {
  const metrics = new Map<string, ReadonlySet<string>>();
  for (const [, names, labels] of readFileSync(new URL("metrics.md", DOCS), "utf8").matchAll(
    /^\| ((?:`[a-z0-9_]+`(?:, )?)+) \|([^|]*)\|/gm,
  )) {
    const own = new Set(["instance", ...labels!.split(/[,\s]+/).filter((label) => label !== "")]);
    for (const [, name] of names!.matchAll(/`([a-z0-9_]+)`/g)) metrics.set(name!, own);
  }
  return metrics;
}

test("panels ask for what there is", () => {
  const metrics = documented();
  assert.ok(metrics.has("paths_readers") && metrics.has("camgate_host_cpu_ratio"));
  const definitions = dashboard.templating.list.map(({ definition = "" }) => ({ title: "variables", expr: definition, legendFormat: "" }));
  let asked = 0;
  for (const { title, expr, legendFormat } of [...expressions, ...definitions]) {
    for (const [, name, selector = ""] of expr.matchAll(/\b((?:camgate|paths)[a-z0-9_]*)\b(?:\{([^}]*)\})?/g)) {
      const labels = metrics.get(name!);
      assert.ok(labels !== undefined, `${title}: there is no metric ${name}`);
      for (const [, label] of selector.matchAll(/(\w+)(?:=~|!~|!=|=)"/g))
        assert.ok(labels.has(label!), `${title}: ${name} has no label ${label}`);
      if (!/ by /.test(expr)) {
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
          assert.ok(labels.has(label!), `${title}: ${name} has no label ${label}`);
      }
      asked++;
    }
  }
  assert.ok(asked > 30);
});

test("panels have titles of their own, stand beside each other, and use variables that are there", () => {
  const ids = dashboard.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const taken = new Set<string>();
  for (const { title, gridPos } of dashboard.panels) {
    assert.ok(title !== "");
    assert.ok(gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(!taken.has(`${x} ${y}`), `${title} overlaps another panel`);
        taken.add(`${x} ${y}`);
      }
    }
  }
  const variables = new Set(["__rate_interval", ...dashboard.templating.list.map(({ name }) => name)]);
  for (const { title, expr } of expressions)
    for (const [, name] of expr.matchAll(/\$(\w+)/g)) assert.ok(variables.has(name!), `${title}: $${name}`);
});

test("Prometheus can parse every expression", { skip: promtool.missing }, async (t) => {
  const filled = expressions.map(({ expr }) => expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$\w+/g, ".*"));
  const rules = filled.map((expr, i) => `  - record: dashboard:expression_${i}\n    expr: ${JSON.stringify(expr)}\n`);
  const file = join(await temporaryFolder(t), "rules.yml");
  await writeFile(file, `groups:\n- name: dashboard\n  rules:\n${rules.join("")}`);
  const { stdout } = await runPeer(t, promtool, ["check", "rules", file]);
  assert.match(stdout.toString("utf8"), new RegExp(`SUCCESS: ${filled.length} rules found`));
});
