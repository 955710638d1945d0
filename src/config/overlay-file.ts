// The overlay as a text: settings as in a config file, and below `overlay:` what only an overlay has.

import { settingsLayer } from "./file-layer.ts";
import { type Leaves, OldNameLog } from "./layer.ts";
import { oldPathNames } from "./old-names.table.ts";
import { type Overlay, overlayOf, overlayOrigin } from "./overlay.ts";
import { Problems } from "./problem.ts";
import type { RawMap, RawNode } from "./raw-node.ts";
import { globalGroups, globalSchema, pathSchema } from "./schema.ts";
import { plainValue, yamlLines, yamlText } from "./value-text.ts";
import { readYaml, type YamlLimits } from "./yaml-source.ts";

/** Settings of some ten thousand paths. */
export const OVERLAY_LIMITS: YamlLimits = { bytes: 8 * 1024 * 1024, lexemes: 1_000_000 };

/** Of a text that may have too many lexemes. */
const LEAST_LENGTH = OVERLAY_LIMITS.lexemes;

const HEAD = [
  "# What was changed over camgate's API, in the words of the config file. camgate reads this file when it starts and writes it at each change.",
  "# To undo changes: stop camgate, delete them here, or the whole file, and start it. An edit of the same setting in the config file undoes one, too.",
];

export function writeOverlay({ layer, said }: Overlay): string {
  const lines = [...HEAD];
  const groups = new Map([...globalGroups].map((group): [string, string[]] => [group, []]));
  for (const [name, { value }] of layer.global) {
    const entry = globalSchema.get(name)!;
    const { group } = entry.section;
    const plain = plainValue(value, entry.type);
    if (group === undefined) lines.push(...yamlLines(name, plain));
    else groups.get(group)!.push(...yamlLines(name.slice(group.length + 1), plain, "  "));
  }
  for (const [group, own] of groups) if (own.length > 0) lines.push(`${group}:`, ...own);
  if (layer.pathDefaults.size > 0) lines.push("pathDefaults:", ...pathLines(layer.pathDefaults, "  "));
  if (layer.paths.size > 0) lines.push("paths:");
  for (const [path, leaves] of layer.paths) {
    lines.push(leaves.size === 0 ? `  ${yamlText(path)}: {}` : `  ${yamlText(path)}:`, ...pathLines(leaves, "    "));
  }
  if (layer.removedPaths!.size + said.size > 0) lines.push("overlay:");
  if (layer.removedPaths!.size > 0)
    lines.push("  # Paths of the config file that are not taken from there.", ...yamlLines("removedPaths", [...layer.removedPaths!], "  "));
  if (said.size > 0)
    lines.push(
      "  # Marks of what file and environment said when a setting was changed: once they say something else, the change is dropped.",
      "  said:",
    );
  for (const [field, mark] of said) lines.push(`    ${yamlText(field)}: ${yamlText(mark)}`);
  return `${lines.join("\n")}\n`;
}

/** Whether a text of ours is too large to be read again. */
export function isTooLarge(text: string): boolean {
  if (text.length > OVERLAY_LIMITS.bytes) return true;
  if (text.length < LEAST_LENGTH) return false;
  const problems = new Problems();
  parseOverlay(text, "", problems);
  return problems.hasErrors;
}

/** Undefined where it has problems. */
export function parseOverlay(text: string, fileName: string, problems: Problems): Overlay | undefined {
  const root = readYaml(text, fileName, problems, OVERLAY_LIMITS);
  if (root === undefined) return undefined;
  const entries = root.kind === "map" ? root.entries : [];
  const own = entries.find(({ key }) => key === "overlay")?.value;
  const settings: RawNode = root.kind === "map" ? { ...root, entries: entries.filter(({ key }) => key !== "overlay") } : root;
  const { global, pathDefaults, paths } = settingsLayer(
    settings,
    { name: "overlay", originOf: () => overlayOrigin },
    problems,
    new OldNameLog(),
  );
  const parts = own === undefined || own.kind === "null" ? { removedPaths: [], said: [] } : ownParts(own, problems);
  if (parts === undefined || problems.hasErrors) return undefined;
  return overlayOf({ global, pathDefaults, paths, removedPaths: new Set(parts.removedPaths) }, parts.said);
}

function ownParts(own: RawNode, problems: Problems): { removedPaths: string[]; said: [string, string][] } | undefined {
  const known = ["removedPaths", "said"];
  const bad = own.kind === "map" ? own.entries.find(({ key }) => !known.includes(key)) : own;
  if (bad !== undefined || own.kind !== "map") {
    problems.error(own.place, "overlay", `holds ${known.join(" and ")}, nothing else`);
    return undefined;
  }
  const removed = childOf(own, "removedPaths");
  const said = childOf(own, "said");
  const names = removed?.kind === "list" ? removed.items.flatMap((item) => (item.kind === "scalar" ? [item.text] : [])) : [];
  const marks =
    said?.kind === "map"
      ? said.entries.flatMap(({ key, value }): [string, string][] => (value.kind === "scalar" ? [[key, value.text]] : []))
      : [];
  return { removedPaths: names, said: marks };
}

function childOf(map: RawMap, key: string): RawNode | undefined {
  return map.entries.find((entry) => entry.key === key)?.value;
}

function pathLines(leaves: Leaves, indent: string): string[] {
  return [...leaves].flatMap(([name, { value }]) =>
    yamlLines(name, plainValue(value, (pathSchema.get(name) ?? oldPathNames.get(name))!.type), indent),
  );
}
