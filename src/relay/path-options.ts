// What the relay must know of a path's settings. The gateway fills it from the config; nothing here reads one.
import type { SourceKind } from "./session-registry.ts";
import type { Source } from "./source.ts";

/** Settings that take effect on a live path. */
export interface LivePathOptions {
  readonly gopCache: boolean;
  /** Attached readers are kept this long while a pulled source reconnects. */
  readonly sourceReconnectGraceMs: number;
}

export interface PathOptions extends LivePathOptions {
  readonly source: PathSource;
  /** 0: no limit. */
  readonly maxReaders: number;
  /** The source's clock is trusted: times that leave are its own. */
  readonly absoluteTime: boolean;
  /** Where a DESCRIBE of a path without a stream is sent: `/other` or an absolute URL. */
  readonly fallback: string | undefined;
}

export interface OnDemandOptions {
  readonly startTimeoutMs: number;
  readonly closeAfterMs: number;
}

export type PathSource =
  | {
      readonly kind: "publisher";
      readonly overridePublisher: boolean;
      /** Starts a command that publishes here when somebody asks for the path; `stop` ends it. */
      readonly onDemand?: OnDemandOptions & { start(path: string, query: string): { stop(): void } };
    }
  | { readonly kind: "redirect"; readonly target: string }
  | {
      readonly kind: "pull";
      /** The API's word for it. */
      readonly type: SourceKind;
      /** As configured, with $G1 and $MTX_QUERY still in it. */
      readonly url: string;
      /**
       * Opens the source at the URL with its variables filled in; throws a PeerFault `config` when it cannot be one. `variables`: for a source that is
       * more than a URL, and has to fill them in itself.
       */
      open(url: string, path: string, variables: SourceVariables): Source;
      readonly onDemand: OnDemandOptions | undefined;
    };

/** What may stand in a source as `$G1` … and `$MTX_QUERY`. */
export interface SourceVariables {
  /** What the groups of the entry's expression found. */
  readonly groups: readonly string[];
  /** Of the first reader's URL, as it came. */
  readonly query: string;
}

/** One entry of the config's `paths`. */
export interface PathConf {
  /** Key of the entry: a path's name, `~^expression$` or `all_others`. */
  readonly name: string;
  /** What names of paths it matches: the whole match, then the groups. undefined for an exact name. */
  readonly pattern: { exec(path: string): readonly string[] | null } | undefined;
  readonly options: PathOptions;
  /** Equal keys: the difference between two versions of the entry is in live settings only. */
  readonly recreateKey: string;
}

/** The first entry that a path name belongs to, and the groups its expression found; undefined when none matches. */
export function findConf<Conf extends Pick<PathConf, "name" | "pattern">>(
  confs: readonly Conf[],
  path: string,
): { readonly conf: Conf; readonly groups: readonly string[] } | undefined {
  for (const conf of confs) {
    const match = conf.pattern === undefined ? (conf.name === path ? [path] : null) : conf.pattern.exec(path);
    if (match !== null) return { conf, groups: match.slice(1) };
  }
  return undefined;
}

/** Fills `$G1` … and `$MTX_QUERY` into a source URL, the highest group first so that `$G1` does not eat `$G10`. */
export function fillVariables(text: string, { groups, query }: SourceVariables): string {
  for (let i = groups.length; i >= 1; i--) text = text.replaceAll(`$G${i}`, () => groups[i - 1]!);
  return text.replaceAll("$MTX_QUERY", () => query);
}
