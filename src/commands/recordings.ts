// Commands about recordings: what there is, and keeping some of it from being overwritten.
import { CallerFault } from "#base/errors.ts";
import type { Command } from "#control/command.ts";
import type { Lock, RecordingIndex, Span } from "#record/recording-index.ts";
import { cameraField, optionalCamera, optionalCount, optionalTime, rangeFields, readFields, textField } from "./command-input.ts";

export interface RecordingCommandsOptions {
  /** Undefined: no entry of the config is for such a path, or nothing is recorded. */
  indexOf(path: string): Pick<RecordingIndex, "spans" | "lock"> | undefined;
  /** Every store that holds locks. */
  stores(): readonly Pick<RecordingIndex, "locks" | "unlock">[];
}

/** Times are UTC, ms since 1970. */
export interface SpanItem {
  readonly from: number;
  readonly to: number;
  /** Quality of the times, and a bound of their error. */
  readonly tq: Span["timeQuality"];
  readonly err_ms: number | null;
  /** Why footage is missing before it. */
  readonly gap: string | null;
  readonly bytes: number;
  readonly locked: boolean;
  readonly open: boolean;
}

export interface LockItem {
  readonly lock_id: string;
  readonly cam: string;
  readonly from: number;
  readonly to: number;
  /** `null`: until it is unlocked. */
  readonly until: number | null;
  readonly reason: string;
  readonly mb: number;
}

interface ListInput {
  readonly cam: string;
  readonly fromUtcUs: number | undefined;
  readonly toUtcUs: number | undefined;
  readonly max: number;
  readonly offset: number;
}

interface LockInput {
  readonly cam: string;
  readonly fromUtcUs: number;
  readonly toUtcUs: number;
  readonly untilUtcUs: number | undefined;
  readonly why: string;
}

const PAGE = 1000;
const MAX_REASON_LENGTH = 256;

export function recordingCommands({ indexOf, stores }: RecordingCommandsOptions) {
  const indexFor = (cam: string): Pick<RecordingIndex, "spans" | "lock"> => {
    const index = indexOf(cam);
    if (index === undefined) throw new CallerFault("not-found", `nothing is recorded of a camera '${cam}'`, "cam");
    return index;
  };
  const lockOf = (id: string): Lock | undefined =>
    stores()
      .flatMap((store) => store.locks())
      .find((lock) => lock.id === id);

  const list: Command<ListInput, { readonly cam: string; readonly spans: readonly SpanItem[]; readonly next: string | null }> = {
    name: "rec.list",
    scope: "read",
    sight: "recordings",
    summary: "Stretches of footage of a camera, in the order of recording; `next` is the cursor of the page behind, null on the last.",
    parse: parseList,
    pathOf: ({ cam }) => cam,
    run: async ({ cam, fromUtcUs, toUtcUs, max, offset }) => {
      const range = { ...(fromUtcUs !== undefined && { fromUtcUs }), ...(toUtcUs !== undefined && { toUtcUs }) };
      const found = await indexFor(cam).spans(cam, { ...range, offset, limit: max + 1 });
      return { cam, spans: found.slice(0, max).map(spanItem), next: found.length > max ? String(offset + max) : null };
    },
  };
  const locks: Command<{ readonly cam: string | undefined }, { readonly locks: readonly LockItem[] }> = {
    name: "rec.locks",
    scope: "read",
    sight: "recordings",
    summary: "Locks on footage, of all cameras or of one.",
    parse: (input) => ({ cam: optionalCamera(readFields(input, ["cam"]).cam) }),
    pathOf: ({ cam }) => cam,
    run: async ({ cam }) => {
      const all = stores().flatMap((store) => store.locks());
      return { locks: all.filter(({ path }) => cam === undefined || path === cam).map(lockItem) };
    },
  };
  const lock: Command<LockInput, LockItem> = {
    name: "rec.lock",
    scope: "operate",
    sight: "recordings",
    summary: "Keeps a camera's footage between two times from being overwritten or deleted.",
    parse: parseLock,
    pathOf: ({ cam }) => cam,
    run: async ({ cam, ...wish }) => lockItem(await indexFor(cam).lock({ path: cam, ...wish })),
  };
  const unlock: Command<{ readonly id: string }, Readonly<Record<string, never>>> = {
    name: "rec.unlock",
    scope: "operate",
    sight: "recordings",
    summary: "Gives up a lock.",
    parse: (input) => ({ id: textField("lock_id", readFields(input, ["lock_id"]).lock_id, 100) }),
    pathOf: ({ id }) => lockOf(id)?.path,
    run: async ({ id }) => {
      for (const store of stores()) if (await store.unlock(id)) return {};
      throw new CallerFault("not-found", "lock not found", "lock_id");
    },
  };
  return [list, locks, lock, unlock] as const;
}

function parseList(input: unknown): ListInput {
  const { cam, from, to, max, cursor } = readFields(input, ["cam", "from", "to", "max", "cursor"]);
  const offset = cursor === undefined || cursor === null ? "0" : textField("cursor", cursor, 15);
  if (!/^\d+$/.test(offset)) throw new CallerFault("invalid", "cursor: has to be the `next` of an answer", "cursor");
  return {
    cam: cameraField(cam),
    fromUtcUs: optionalTime("from", from),
    toUtcUs: optionalTime("to", to),
    max: optionalCount("max", max, PAGE) ?? PAGE,
    offset: Number(offset),
  };
}

function parseLock(input: unknown): LockInput {
  const { cam, from, to, reason, until } = readFields(input, ["cam", "from", "to", "reason", "until"]);
  return {
    cam: cameraField(cam),
    ...rangeFields(from, to),
    untilUtcUs: optionalTime("until", until),
    why: reason === undefined || reason === null ? "" : textField("reason", reason, MAX_REASON_LENGTH),
  };
}

function spanItem({ startUtcUs, durationUs, timeQuality, timeErrorMs, gapBefore, sizeBytes, locked, open }: Span): SpanItem {
  return {
    from: toMs(startUtcUs),
    to: toMs(startUtcUs + durationUs),
    tq: timeQuality,
    err_ms: timeErrorMs ?? null,
    gap: gapBefore ?? null,
    bytes: sizeBytes,
    locked,
    open,
  };
}

function lockItem({ id, path, fromUtcUs, toUtcUs, untilUtcUs, why, sizeBytes }: Lock): LockItem {
  return {
    lock_id: id,
    cam: path,
    from: toMs(fromUtcUs),
    to: toMs(toUtcUs),
    until: untilUtcUs === undefined ? null : toMs(untilUtcUs),
    reason: why,
    mb: Math.round(sizeBytes / 1e6),
  };
}

function toMs(utcUs: number): number {
  return Math.round(utcUs / 1000);
}
