// A config before it has types: what a YAML document or an environment variable says, with the lines it says it in.

import type { Place } from "./problem.ts";

export interface RawNull {
  readonly kind: "null";
  readonly place: Place;
}
/** `text` is the source text of a plain scalar, else the text without its quotes. */
export interface RawScalar {
  readonly kind: "scalar";
  readonly text: string;
  readonly place: Place;
}
export interface RawList {
  readonly kind: "list";
  readonly items: readonly RawNode[];
  readonly place: Place;
}
export interface RawMap {
  readonly kind: "map";
  readonly entries: readonly RawEntry[];
  readonly place: Place;
}
export interface RawEntry {
  readonly key: string;
  readonly place: Place;
  readonly value: RawNode;
}

export type RawNode = RawNull | RawScalar | RawList | RawMap;
