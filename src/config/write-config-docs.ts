// Writes `docs/config.md`: how configs are read, and a table of every setting.

import { builtFeatures, type Feature, featureNames } from "./built-features.ts";
import { configDocsIntroduction } from "./config-docs-introduction.ts";
import { globalAliases, type OldName, oldGlobalNames, oldPathNames } from "./old-names.table.ts";
import { globalSchema, globalSections, pathSchema, pathSections, type SchemaEntry } from "./schema.ts";
import type { Effect, ObjectType, Section, Setting, ValueType } from "./setting.ts";
import { plainValue, yamlText } from "./value-text.ts";

const effectTexts: Readonly<Record<Effect, string>> = {
  live: "nothing",
  path: "the path",
  servers: "all media servers",
  rtsp: "RTSP server",
  rtmp: "RTMP server",
  hls: "HLS server",
  webrtc: "WebRTC server",
  srt: "SRT server",
  moq: "MoQ server",
  api: "API server",
  metrics: "metrics server",
  pprof: "profiling server",
  playback: "playback server",
  mqtt: "MQTT link",
  process: "camgate",
};

/** The documentation as Markdown. */
export function writeConfigDocs(): string {
  const lines = [configDocsIntroduction, "", "## Global settings", ""];
  for (const section of globalSections) {
    lines.push(...sectionTable(section, globalSchema));
  }
  lines.push("## Settings of a path", "", "Below `pathDefaults:` they hold for every path, below a name in `paths:` for that path.", "");
  for (const section of pathSections) {
    lines.push(...sectionTable(section, pathSchema));
  }
  lines.push("## Objects in lists", "", ...objectTables(), ...oldNameTables(), ...missingFeatures());
  return `${lines.join("\n").trimEnd()}\n`;
}

function sectionTable(section: Section, schema: ReadonlyMap<string, SchemaEntry>): string[] {
  const entries = [...schema.values()].filter((entry) => entry.section === section);
  return [
    `### ${section.title}`,
    "",
    "| setting | value | default | a change restarts | meaning |",
    "|---|---|---|---|---|",
    ...entries.map(
      (entry) => `| \`${entry.name}\` | ${typeText(entry)} | ${defaultText(entry)} | ${effectTexts[entry.effect]} | ${cell(entry.doc)} |`,
    ),
    "",
  ];
}

function typeText(setting: Setting): string {
  const unit = setting.unit === undefined ? "" : `, ${setting.unit}`;
  return `${cell(typeName(setting.type))}${unit}`;
}

function typeName(type: ValueType): string {
  switch (type.kind) {
    case "bool":
      return "yes, no";
    case "int":
    case "float":
      return `${type.kind === "int" ? "whole number" : "number"}, ${type.min} to ${type.max}`;
    case "enum":
      return type.values
        .filter((value) => value !== "")
        .map((value) => `\`${value}\``)
        .join(", ");
    case "list":
      return type.of.kind === "object" ? `list of [${type.of.name}](#${type.of.name.toLowerCase()})` : `list: ${typeName(type.of)}`;
    case "object":
      return type.name;
    case "share":
      return "size or percentage";
    case "network":
      return "address or network";
    default:
      return type.kind;
  }
}

function defaultText(setting: Setting): string {
  const dropIn = valueText(setting.default, setting.type);
  return setting.appliance === undefined ? dropIn : `${dropIn}; appliance: ${valueText(setting.appliance, setting.type)}`;
}

function valueText(value: unknown, type: ValueType): string {
  const plain = plainValue(value, type);
  if (Array.isArray(plain) && plain.length > 0 && typeof plain[0] === "object") {
    return "see `config/camgate.yml`";
  }
  return plain === "" ? "empty" : `\`${cell(yamlText(plain))}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function objectTables(): string[] {
  const objects = new Map<string, ObjectType>();
  const collect = (type: ValueType): void => {
    if (type.kind === "list") {
      collect(type.of);
    } else if (type.kind === "object") {
      objects.set(type.name, type);
      for (const field of Object.values(type.fields)) {
        collect(field.type);
      }
    }
  };
  for (const entry of [...globalSchema.values(), ...pathSchema.values()]) {
    collect(entry.type);
  }
  return [...objects.values()].flatMap((object) => [
    `### ${object.name}`,
    "",
    "| field | value | default | meaning |",
    "|---|---|---|---|",
    ...Object.entries(object.fields).map(
      ([name, field]) =>
        `| \`${name}\` | ${typeText(field)} | ${field.required === true ? "must be given" : defaultText(field)} | ${cell(field.doc)} |`,
    ),
    "",
  ]);
}

function oldNameTables(): string[] {
  const table = (title: string, names: ReadonlyMap<string, OldName>): string[] => [
    `### ${title}`,
    "",
    "| name | instead |",
    "|---|---|",
    ...[...names].map(([name, old]) => `| \`${name}\` | ${old.instead} |`),
    "",
  ];
  return [
    "## Old names",
    "",
    "They load, each with one warning, and win over the new name where both stand in the same file.",
    "",
    ...table("Global", oldGlobalNames),
    ...table("Path", oldPathNames),
    ...table("Short forms", globalAliases),
  ];
}

function missingFeatures(): string[] {
  const missing = (Object.keys(featureNames) as Feature[]).filter((feature) => !builtFeatures.has(feature));
  if (missing.length === 0) {
    return [];
  }
  const settingsOf = (feature: Feature): string =>
    [...globalSchema.values(), ...pathSchema.values()]
      .filter((entry) => entry.needs.some((need) => need.feature === feature))
      .map((entry) => `\`${entry.name}\``)
      .join(", ");
  return [
    "## Not in this version",
    "",
    "Settings of these features are accepted, so that a config for MediaMTX loads. A value that asks for one of them makes a warning;",
    "one that asks for protection (encryption, another authentication, hashed credentials, trusted proxies) is refused.",
    "",
    "| feature | settings |",
    "|---|---|",
    ...missing.map((feature) => `| ${featureNames[feature]} | ${settingsOf(feature)} |`),
    "",
  ];
}
