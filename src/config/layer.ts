// A layer of the config: what one place (the file, the environment, the API, the NOC) sets, decoded, each value with its origin.

import type { OldName } from "./old-names.table.ts";
import type { Place, Problems } from "./problem.ts";

export type LayerName = "file" | "environment" | "overlay" | "desired";

/** Where a value comes from. */
export type Origin =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly place: Place }
  | { readonly kind: "environment"; readonly variable: string }
  | { readonly kind: "overlay" | "desired" };

export const defaultOrigin: Origin = { kind: "default" };

export interface Leaf {
  readonly value: unknown;
  readonly origin: Origin;
}

export type Leaves = ReadonlyMap<string, Leaf>;

export interface Layer {
  readonly name: LayerName;
  /** By full name, groups included: `readTimeout`, `mqtt.urls`. */
  readonly global: Leaves;
  readonly pathDefaults: Leaves;
  readonly paths: ReadonlyMap<string, Leaves>;
  /** Where each path is named first. */
  readonly pathOrigins: ReadonlyMap<string, Origin>;
  /** Paths of lower layers that are not there for this one: what it says of them itself is all there is. */
  readonly removedPaths?: ReadonlySet<string>;
}

/** `default`, `camgate.yml:12`, `env:MTX_RTSPADDRESS`, `overlay`, `desired`. */
export function originText(origin: Origin): string {
  switch (origin.kind) {
    case "file":
      return `${origin.place.file}:${origin.place.line}`;
    case "environment":
      return `env:${origin.variable}`;
    default:
      return origin.kind;
  }
}

/** The place that a problem with a value is reported at. */
export function originPlace(origin: Origin): Place {
  return origin.kind === "file" ? origin.place : { file: undefined, line: undefined };
}

/** Completes a message about a value that stands in no file: ` (set by MTX_API)`. */
export function originNote(origin: Origin): string {
  switch (origin.kind) {
    case "environment":
      return ` (set by ${origin.variable})`;
    case "overlay":
    case "desired":
      return ` (set by the ${origin.kind} layer)`;
    default:
      return "";
  }
}

/** Notes the use of old names, so that each makes one warning however often it stands in a config. */
export class OldNameLog {
  readonly #uses = new Map<OldName, { readonly place: Place; readonly field: string; count: number }>();

  note(place: Place, field: string, old: OldName): void {
    const use = this.#uses.get(old);
    if (use === undefined) {
      this.#uses.set(old, { place, field, count: 1 });
    } else {
      use.count++;
    }
  }

  report(problems: Problems): void {
    for (const [old, { place, field, count }] of this.#uses) {
      if (old.silent !== true) {
        const more = count > 1 ? ` (and ${count - 1} more)` : "";
        problems.warning(place, field, `${old.weak === true ? "is a short form" : "is an old name"}: ${old.instead}${more}`);
      }
    }
  }
}

/** A layer while it is read. Old names are applied last: they win over new names of the same layer unless they are weak. */
export class LayerBuilder {
  readonly global = new Map<string, Leaf>();
  readonly pathDefaults = new Map<string, Leaf>();
  readonly paths = new Map<string, Map<string, Leaf>>();
  readonly #pathOrigins = new Map<string, Origin>();
  readonly #assignments: (() => void)[] = [];

  path(name: string, origin: Origin): Map<string, Leaf> {
    const known = this.paths.get(name);
    if (known !== undefined) {
      return known;
    }
    const leaves = new Map<string, Leaf>();
    this.paths.set(name, leaves);
    this.#pathOrigins.set(name, origin);
    return leaves;
  }

  /** Takes down what an old name means to the place it was written in. */
  assign(target: Map<string, Leaf>, old: OldName, value: unknown, origin: Origin): void {
    this.#assignments.push(() => {
      for (const assignment of old.set(value)) {
        const leaves = assignment.inPathDefaults === true ? this.pathDefaults : target;
        if (old.weak !== true || !leaves.has(assignment.name)) {
          leaves.set(assignment.name, { value: assignment.value, origin });
        }
      }
    });
  }

  build(name: LayerName): Layer {
    for (const apply of this.#assignments.splice(0)) {
      apply();
    }
    return { name, global: this.global, pathDefaults: this.pathDefaults, paths: this.paths, pathOrigins: this.#pathOrigins };
  }
}
