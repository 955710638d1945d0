// The shape of a setting: its type, default, effect of a change and the feature it belongs to. The tables are written with `setting` and `section`.

import type { Feature } from "./built-features.ts";

/** `dropIn` keeps MediaMTX's defaults for a user's own file; `appliance` is what the images ship. */
export type Profile = "dropIn" | "appliance";

/** What has to restart when a setting changes: nothing (`live`), the path, every media server (`servers`), one server, the link to the NOC (`mqtt`), or the process. */
export type Effect =
  | "live"
  | "path"
  | "servers"
  | "rtsp"
  | "rtmp"
  | "hls"
  | "webrtc"
  | "srt"
  | "moq"
  | "api"
  | "metrics"
  | "pprof"
  | "playback"
  | "mqtt"
  | "process";

export interface BoolType {
  readonly kind: "bool";
}
export interface IntType {
  readonly kind: "int";
  readonly min: number;
  readonly max: number;
}
export interface FloatType {
  readonly kind: "float";
  readonly min: number;
  readonly max: number;
}
/** `check` returns what is wrong with a text, without naming the field. */
export interface TextType {
  readonly kind: "text";
  readonly check?: (text: string) => string | undefined;
}
/** An IP address or CIDR; kept as CIDR text (`127.0.0.1/32`). */
export interface NetworkType {
  readonly kind: "network";
}
/** Go style text (`1d2h`, `200ms`); milliseconds in the loaded config. */
export interface DurationType {
  readonly kind: "duration";
}
/** Text such as `50M` (powers of 1024); bytes in the loaded config. */
export interface SizeType {
  readonly kind: "size";
}
/** A size or a percentage of the file system. */
export interface ShareType {
  readonly kind: "share";
}
/** `spellings` maps further accepted spellings (lower case) to a value. */
export interface EnumType {
  readonly kind: "enum";
  readonly values: readonly string[];
  readonly spellings?: Readonly<Record<string, string>>;
}
export interface ListType {
  readonly kind: "list";
  readonly of: ValueType;
  readonly length?: number;
}
/** `check` sees a decoded object and returns what is wrong with it as a whole. */
export interface ObjectType {
  readonly kind: "object";
  readonly name: string;
  readonly fields: Readonly<Record<string, Setting>>;
  // biome-ignore lint/suspicious/noExplicitAny: each object type knows its own shape
  readonly check?: (value: any) => string | undefined;
}

/** Types whose values are written as one scalar. */
export type ScalarType = BoolType | IntType | FloatType | TextType | NetworkType | DurationType | SizeType | ShareType | EnumType;
export type ValueType = ScalarType | ListType | ObjectType;

/** An amount of storage: absolute, or relative to the file system. Zero means that the limit is off. */
export type Share = { readonly bytes: number } | { readonly percent: number };

/** The value that a type has in the loaded config. */
export type Decoded<T> = T extends BoolType
  ? boolean
  : T extends { kind: "int" | "float" | "duration" | "size" }
    ? number
    : T extends { kind: "text" | "network" }
      ? string
      : T extends ShareType
        ? Share
        : T extends { kind: "enum"; values: readonly (infer V)[] }
          ? V
          : T extends { kind: "list"; of: infer O }
            ? readonly Decoded<O>[]
            : T extends { kind: "object"; fields: infer F }
              ? { readonly [K in keyof F]: F[K] extends { type: infer U } ? Decoded<U> : never }
              : never;

/**
 * A feature that a setting belongs to. `asks` tells whether a value that differs from the default asks for the feature; without it, every such value
 * does that is not empty or `false`. A need with `security` refuses the config where the feature is not built; others only warn.
 */
export interface Need {
  readonly feature: Feature;
  readonly asks?: (value: unknown) => boolean;
  readonly security?: true;
}

export type LocalOnly = "always" | "hook" | "noc";

export interface SettingNotes {
  /** Overrides the section's. */
  readonly effect?: Effect;
  /** Checked before the section's needs are; the first feature that is asked for and not built decides. */
  readonly needs?: readonly Need[];
  /** The value is never shown. */
  readonly secret?: true;
  /**
   * Taken from the file and the environment alone: always, or (`hook`) unless the file lets the API set what starts a program. `noc`: the NOC's desired
   * config may set it as well, the API may not.
   */
  readonly localOnly?: LocalOnly;
  /** For fields of an object: must be given. */
  readonly required?: true;
  /** What the number counts, for people (`bytes`, `px`, `µs`); durations and sizes carry their unit. */
  readonly unit?: string;
}

export interface Setting<T extends ValueType = ValueType> extends SettingNotes {
  readonly type: T;
  readonly default: Decoded<T>;
  /** The default of the appliance profile, where it differs. */
  readonly appliance?: Decoded<T>;
  /** One sentence for the reference, the schema and the documentation. */
  readonly doc: string;
}

/** Settings that are documented together and share effect, needs and the switch that turns them off as a whole. */
export interface Section<S extends Readonly<Record<string, Setting>> = Readonly<Record<string, Setting>>> {
  readonly title: string;
  /** Stands before each name: `mqtt` makes `mqtt.urls`. */
  readonly group?: string;
  readonly effect: Effect;
  readonly needs?: readonly Need[];
  /** The boolean setting of this section that, when off, makes the others ask for nothing. */
  readonly switch?: string;
  readonly settings: S;
}

export function setting<const T extends ValueType>(
  type: T,
  value: Decoded<T>,
  doc: string,
  notes: SettingNotes & { readonly appliance?: Decoded<T> } = {},
): Setting<T> {
  return { type, default: value, doc, ...notes };
}

export function section<S extends Readonly<Record<string, Setting>>>(
  title: string,
  common: Omit<Section, "title" | "settings">,
  settings: S,
): Section<S> {
  return { title, ...common, settings };
}

/** The loaded values of a table of settings. */
export type Values<S> = { readonly [K in keyof S]: S[K] extends { type: infer T } ? Decoded<T> : never };
