// docs/grafana/camgate.json: its panels ask for metrics that there are, by labels they have, in expressions that Prometheus can parse.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { allExpressions, dashboardRules, layoutFaults, metricsAsked, readDashboard } from "#testing/grafana-dashboard.ts";
import { findPeer } from "#testing/peers/find-peer.ts";
import { runPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";

const promtool = findPeer("promtool");
const DOCS = new URL("../../../docs/", import.meta.url);

const dashboard = readDashboard("camgate.json");

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
  let asked = 0;
  for (const { title, expr, legendFormat } of allExpressions(dashboard)) {
    for (const { name, labels: chosen } of metricsAsked(expr, /camgate|paths/)) {
      const labels = metrics.get(name);
      assert.ok(labels !== undefined, `${title}: there is no metric ${name}`);
      for (const label of chosen) assert.ok(labels.has(label), `${title}: ${name} has no label ${label}`);
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
  assert.deepEqual(layoutFaults(dashboard), []);
});

test("Prometheus can parse every expression", { skip: promtool.missing }, async (t) => {
  const { text, count } = dashboardRules(dashboard);
  const file = join(await temporaryFolder(t), "rules.yml");
  await writeFile(file, text);
  const { stdout } = await runPeer(t, promtool, ["check", "rules", file]);
  assert.match(stdout.toString("utf8"), new RegExp(`SUCCESS: ${count} rules found`));
});
