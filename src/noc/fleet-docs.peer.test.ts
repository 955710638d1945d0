// docs/grafana/camgate-fleet.json and docs/prometheus: they ask for what the export tells, and Prometheus' own tools find nothing wrong.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { allExpressions, dashboardRules, layoutFaults, metricsAsked, readDashboard } from "#testing/grafana-dashboard.ts";
import { findPeer } from "#testing/peers/find-peer.ts";
import { runPeer, startPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { fleetMetrics } from "./fleet-metrics.ts";
import { FleetView } from "./fleet-view.ts";

const promtool = findPeer("promtool");
const RULES = new URL("../../docs/prometheus/fleet-rules.yml", import.meta.url);
const dashboard = readDashboard("camgate-fleet.json");

/** What is told of a site that has told everything. */
function exported(): string {
  const view = new FleetView();
  const envelope = { v: 1, sid: "00000001-0001" };
  const health = {
    sys: { up_s: 4, cpu_pct: 3, mem_used_pct: 4, temp_c: 50 },
    clk: { st: "synced" },
    disk: [{ size_mb: 4, free_mb: 1, ro: false, wear_pct: 3 }],
    ...{ rec: { gaps_24h: 1 }, mq: { outbox: 4 }, cams: { gate: { st: "live" } } },
  };
  for (const [kind, body] of [
    ["state", { online: true, sw: 'odd"\\\n version' }],
    ["tel", health],
    ["cfg", { ver: 3, st: "applied" }],
    ["evt", { id: "01J8", type: "cam.lost", sev: "crit" }],
  ] as const) {
    const payload = Buffer.from(JSON.stringify({ ...envelope, ...body }));
    view.take({ topic: `cg/v1/acme/gw-0001/up/${kind}`, payload, isRetained: false }, 0);
  }
  assert.equal(view.ignored, 0);
  return fleetMetrics(view, 1000, true);
}

const metrics = new Map(
  [...exported().matchAll(/^([a-z0-9_]+)(?:\{(.*)\})? /gm)].map(([, name, labels = ""]) => [
    name!,
    new Set([...labels.matchAll(/(\w+)="/g)].map(([, label]) => label!)),
  ]),
);
/** What the rules make of them. */
const recorded = new Map([["camgate:sites_up:ratio", new Set(["tenant"])]]);

test("the dashboard can be shown", () => {
  assert.deepEqual(layoutFaults(dashboard), []);
});

test("dashboard and rules ask for metrics that there are, by labels they have; every metric is asked for", () => {
  const { groups } = parse(readFileSync(RULES, "utf8")) as { groups: { rules: { alert?: string; record?: string; expr: string }[] }[] };
  const rules = groups.flatMap((group) => group.rules.map(({ alert, record, expr }) => ({ title: alert ?? record ?? "", expr })));
  const asked = new Set<string>();
  for (const { title, expr } of [...allExpressions(dashboard), ...rules]) {
    const found = metricsAsked(expr, /camgate[_:]/);
    assert.ok(found.length > 0 || title === "variables", title);
    for (const { name, labels } of found) {
      const own = metrics.get(name) ?? recorded.get(name);
      assert.ok(own !== undefined, `${title}: there is no metric ${name}`);
      for (const label of labels) assert.ok(own.has(label), `${title}: ${name} has no label ${label}`);
      asked.add(name);
    }
    for (const [, by] of expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g))
      for (const label of by!.split(", ").filter((one) => one !== ""))
        assert.ok(
          found.some(({ name }) => metrics.get(name)?.has(label)),
          `${title}: no metric has the label ${label}`,
        );
  }
  assert.deepEqual(
    [...metrics.keys()].filter((name) => !asked.has(name)),
    [],
  );
});

test("docs/noc.md names them all", () => {
  const text = readFileSync(new URL("../../docs/noc.md", import.meta.url), "utf8");
  const told = new Set([...text.matchAll(/`(camgate_(?:site|noc)_[a-z0-9_]+)`/g)].map(([, name]) => name!));
  assert.deepEqual([...told].sort(), [...metrics.keys()].sort());
});

test("promtool finds nothing wrong with the metrics", { skip: promtool.missing }, async (t) => {
  const checker = startPeer(t, promtool, ["check", "metrics"]);
  checker.write(exported());
  checker.endInput();
  const { code } = await checker.exited;
  assert.equal(code, 0, checker.stderr);
});

test("Prometheus can parse the dashboard and the rules, and each alert sees what it is for", { skip: promtool.missing }, async (t) => {
  const { text, count } = dashboardRules(dashboard);
  const file = join(await temporaryFolder(t), "rules.yml");
  await writeFile(file, text);
  assert.match((await runPeer(t, promtool, ["check", "rules", file])).stdout.toString(), new RegExp(`SUCCESS: ${count} rules found`));
  await runPeer(t, promtool, ["check", "rules", "--lint-fatal", fileURLToPath(RULES)]);
  const unit = fileURLToPath(new URL("fleet-rules.test.yml", RULES));
  assert.match((await runPeer(t, promtool, ["test", "rules", unit], { timeoutMs: 60_000 })).stdout.toString(), /SUCCESS/);
  const tests = readFileSync(unit, "utf8");
  const alerts = [...readFileSync(RULES, "utf8").matchAll(/- alert: (\w+)/g)].map(([, name]) => name!);
  assert.ok(alerts.length > 10);
  for (const name of alerts) assert.match(tests, new RegExp(`alertname: ${name}\\n +exp_alerts:\\n`), name);
});
