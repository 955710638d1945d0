// What was changed over the API: the layer above file and environment, and what those said of the same settings at the time.

import { createHash } from "node:crypto";
import type { Layer, Leaf, Leaves, Origin } from "./layer.ts";

export const overlayOrigin: Origin = { kind: "overlay" };

/** Never changed: each change makes another one. */
export interface Overlay {
  readonly layer: Layer;
  /**
   * By full name (`readTimeout`, `pathDefaults.record`, `paths.gate.source`): a mark of what the layers below say. A setting they do not have is not
   * here. `paths.gate` has `THERE` where settings were added to a path of theirs, else the mark of all they say of a path that was removed or replaced.
   */
  readonly said: ReadonlyMap<string, string>;
}

const THERE = "there";

export const emptyOverlay: Overlay = overlayOf(
  { global: new Map(), pathDefaults: new Map(), paths: new Map(), removedPaths: new Set() },
  [],
);

export function isEmptyOverlay({ layer }: Overlay): boolean {
  return layer.global.size + layer.pathDefaults.size + layer.paths.size + layer.removedPaths!.size === 0;
}

interface Settings {
  readonly global: Leaves;
  readonly pathDefaults: Leaves;
  readonly paths: ReadonlyMap<string, Leaves>;
  readonly removedPaths: ReadonlySet<string>;
}

/** `said`: in the order of the file. */
export function overlayOf(settings: Settings, said: Iterable<readonly [string, string]>): Overlay {
  const pathOrigins = new Map([...settings.paths.keys()].map((name) => [name, overlayOrigin]));
  return { layer: { name: "overlay", ...settings, pathOrigins }, said: new Map(said) };
}

/** The layers below: file and environment, lowest first. */
export type LowerLayers = readonly Layer[];

/** Global settings, and those of `pathDefaults`. */
export function withSettings(
  overlay: Overlay,
  lower: LowerLayers,
  changes: { readonly global: Leaves; readonly pathDefaults: Leaves },
): Overlay {
  const { layer } = overlay;
  const global = new Map([...layer.global, ...changes.global]);
  const pathDefaults = new Map([...layer.pathDefaults, ...changes.pathDefaults]);
  const said = new Map(overlay.said);
  for (const name of changes.global.keys()) note(said, name, lowerGlobal(lower, name));
  for (const name of changes.pathDefaults.keys()) note(said, `pathDefaults.${name}`, lowerDefault(lower, name));
  return overlayOf({ ...settingsOf(layer), global, pathDefaults }, said);
}

/** Settings of a path that is there, or of one that is made by this. */
export function withPath(overlay: Overlay, lower: LowerLayers, path: string, changes: Leaves): Overlay {
  const { layer } = overlay;
  const paths = new Map(layer.paths).set(path, new Map([...(layer.paths.get(path) ?? []), ...changes]));
  const said = new Map(overlay.said);
  for (const name of changes.keys()) note(said, `paths.${path}.${name}`, lowerPath(lower, path)?.get(name));
  if (!layer.removedPaths!.has(path) && lowerPath(lower, path) !== undefined) said.set(`paths.${path}`, THERE);
  return overlayOf({ ...settingsOf(layer), paths }, said);
}

/** The path has these settings and no others. */
export function withReplacedPath(overlay: Overlay, lower: LowerLayers, path: string, leaves: Leaves): Overlay {
  return withPath(withoutPath(overlay, lower, path), lower, path, leaves);
}

export function withoutPath(overlay: Overlay, lower: LowerLayers, path: string): Overlay {
  const { layer } = overlay;
  const paths = new Map(layer.paths);
  const removedPaths = new Set(layer.removedPaths);
  const said = new Map(
    [...overlay.said].filter(([field]) => field !== `paths.${path}` && !isSettingOf(field, path, layer.paths.get(path))),
  );
  paths.delete(path);
  const below = lowerPath(lower, path);
  if (below === undefined) removedPaths.delete(path);
  else {
    removedPaths.add(path);
    said.set(`paths.${path}`, markOfPath(below));
  }
  return overlayOf({ ...settingsOf(layer), paths, removedPaths }, said);
}

/** What is left once the layers below were edited, and the full names of what went: settings and paths of which they say something else now. */
export function withoutOutdated(overlay: Overlay, lower: LowerLayers): { readonly overlay: Overlay; readonly dropped: readonly string[] } {
  const { layer, said } = overlay;
  const dropped: string[] = [];
  const keep = (leaves: Leaves, prefix: string, below: (name: string) => Leaf | undefined): Leaves =>
    new Map(
      [...leaves].filter(([name]) => {
        const leaf = below(name);
        const isSame = said.get(prefix + name) === (leaf === undefined ? undefined : markOf(leaf.value));
        if (!isSame) dropped.push(prefix + name);
        return isSame;
      }),
    );
  const removedPaths = new Set(
    [...layer.removedPaths!].filter((path) => {
      const below = lowerPath(lower, path);
      const isSame = below !== undefined && said.get(`paths.${path}`) === markOfPath(below);
      if (!isSame) dropped.push(`paths.${path}`);
      return isSame;
    }),
  );
  const paths = new Map<string, Leaves>();
  for (const [path, leaves] of layer.paths) {
    const below = lowerPath(lower, path);
    if (said.get(`paths.${path}`) === THERE && below === undefined) dropped.push(`paths.${path}`);
    else
      paths.set(
        path,
        keep(leaves, `paths.${path}.`, (name) => below?.get(name)),
      );
  }
  const global = keep(layer.global, "", (name) => lowerGlobal(lower, name));
  const pathDefaults = keep(layer.pathDefaults, "pathDefaults.", (name) => lowerDefault(lower, name));
  if (dropped.length === 0) return { overlay, dropped };
  return { overlay: withOwnMarks({ global, pathDefaults, paths, removedPaths }, said), dropped };
}

/** Without one setting (`readTimeout`, `paths.gate.source`) or one path, with all it says of it; undefined: it says nothing of that. */
export function withoutField(overlay: Overlay, field: string): Overlay | undefined {
  const settings = settingsOf(overlay.layer);
  for (const [path, leaves] of settings.paths) {
    if (field !== `paths.${path}` && !isSettingOf(field, path, leaves)) continue;
    const left = new Map([...leaves].filter(([name]) => field !== `paths.${path}.${name}`));
    const paths = new Map(settings.paths);
    if (left.size < leaves.size) paths.set(path, left);
    else paths.delete(path);
    return withOwnMarks({ ...settings, paths }, overlay.said);
  }
  const removedPath = [...settings.removedPaths].find((path) => field === `paths.${path}`);
  if (removedPath !== undefined) {
    return withOwnMarks(
      { ...settings, removedPaths: new Set([...settings.removedPaths].filter((path) => path !== removedPath)) },
      overlay.said,
    );
  }
  const name = field.replace(/^pathDefaults\./, "");
  const place = name === field ? "global" : "pathDefaults";
  if (!settings[place].has(name)) return undefined;
  return withOwnMarks({ ...settings, [place]: new Map([...settings[place]].filter(([key]) => key !== name)) }, overlay.said);
}

/** Marks of what is not there any more go, too. */
function withOwnMarks(settings: Settings, said: ReadonlyMap<string, string>): Overlay {
  const fields = new Set<string>([...settings.global.keys(), ...[...settings.pathDefaults.keys()].map((name) => `pathDefaults.${name}`)]);
  for (const path of settings.removedPaths) fields.add(`paths.${path}`);
  for (const [path, leaves] of settings.paths) {
    fields.add(`paths.${path}`);
    for (const name of leaves.keys()) fields.add(`paths.${path}.${name}`);
  }
  return overlayOf(
    settings,
    [...said].filter(([field]) => fields.has(field)),
  );
}

function settingsOf({ global, pathDefaults, paths, removedPaths = new Set() }: Layer): Settings {
  return { global, pathDefaults, paths, removedPaths };
}

/** Names of paths may have dots. */
function isSettingOf(field: string, path: string, leaves: Leaves | undefined): boolean {
  return field.startsWith(`paths.${path}.`) && leaves?.has(field.slice(`paths.${path}.`.length)) === true;
}

function note(said: Map<string, string>, field: string, leaf: Leaf | undefined): void {
  if (leaf === undefined) said.delete(field);
  else said.set(field, markOf(leaf.value));
}

function lowerGlobal(lower: LowerLayers, name: string): Leaf | undefined {
  return lower.findLast(({ global }) => global.has(name))?.global.get(name);
}

function lowerDefault(lower: LowerLayers, name: string): Leaf | undefined {
  return lower.findLast(({ pathDefaults }) => pathDefaults.has(name))?.pathDefaults.get(name);
}

/** Undefined: no layer has the path. */
function lowerPath(lower: LowerLayers, path: string): Leaves | undefined {
  const own = lower.flatMap(({ paths }) => paths.get(path) ?? []);
  return own.length === 0 ? undefined : new Map(own.flatMap((leaves) => [...leaves]));
}

function markOfPath(leaves: Leaves): string {
  return markOf([...leaves].map(([name, { value }]) => [name, value]).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}

/** Short, and it tells no password. */
function markOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}
