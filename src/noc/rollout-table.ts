// A rollout as lines of plain text: its rings, how many are where, and who failed.
import { alignedLines } from "#base/text-table.ts";
import { plainText } from "./plain-text.ts";
import { isFailed, type Rollout, type RolloutState, type SiteJobState } from "./rollout.ts";

const COLUMNS: readonly (readonly [heading: string, states: readonly SiteJobState[]])[] = [
  ["OPEN", ["open"]],
  ["SENT", ["sent"]],
  ["WAIT", ["queued", "wait"]],
  ["RUN", ["run"]],
  ["OK", ["ok"]],
  ["FAILED", ["err", "rej", "rolledback", "silent"]],
  ["MISSED", ["missed"]],
];
const FAULTS_SHOWN = 10;

export function rolloutTable(rollout: Rollout, faultsShown = FAULTS_SHOWN): string[] {
  const { state } = rollout;
  const rows = state.rings.map((members, i) => {
    const counts = rollout.counts(i);
    const cells = COLUMNS.map(([, states]) => String(states.reduce((sum, one) => sum + (counts.get(one) ?? 0), 0)));
    return [`${i + 1}${i === state.ring ? "*" : ""}`, String(members.length), ...cells];
  });
  const lines = alignedLines([["RING", "SITES", ...COLUMNS.map(([heading]) => heading)], ...rows]);
  const failed = Object.entries(state.sites).filter(([, site]) => isFailed(site) || site.st === "missed");
  const faults = failed.slice(0, faultsShown).map(([gateway, { st, err }]) => `${gateway}  ${st}  ${plainText(err ?? "", 200)}`);
  const rest = failed.length > faults.length ? [`… and ${failed.length - faults.length} more`] : [];
  const blocked = Object.keys(state.sites).filter((gateway) => state.sites[gateway]!.st === "open" && rollout.isBlocked(gateway)).length;
  const waits = blocked > 0 && state.st === "running" ? [`waiting for another job to be over: ${blocked}`] : [];
  return [rolloutLine(state), ...lines, ...waits, ...faults, ...rest];
}

/** All of it in one line. */
export function rolloutLine(state: RolloutState): string {
  const { job, request, st, why, ring, rings, sites } = state;
  const all = Object.values(sites);
  const ok = all.filter(({ st: one }) => one === "ok").length;
  const failed = all.filter(isFailed).length;
  const reason = why === null ? "" : ` (${why})`;
  return `${job}: ${plainText(request["op"], 64)}, ${st}${reason}, ring ${ring + 1} of ${rings.length}, ${ok} ok and ${failed} failed of ${all.length}`;
}

/** Every site, those that failed and those that were missed first. */
export function siteJobLines({ sites }: RolloutState): string[] {
  const order = (st: SiteJobState): number => COLUMNS.findIndex(([, states]) => states.includes(st));
  return Object.entries(sites)
    .sort(([a, { st: of }], [b, { st: and }]) => order(and) - order(of) || (a < b ? -1 : 1))
    .map(([gateway, { st, step, pct, err }]) => {
      const progress = st === "run" ? ` ${plainText(step ?? "", 32)} ${pct} %` : "";
      return `${gateway}  ${st}${progress}${err === null ? "" : `  ${plainText(err, 200)}`}`;
    });
}
