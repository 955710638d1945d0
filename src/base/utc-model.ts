// UTC of every stamp of every boot, from clock anchors. Nothing that was stored is ever rewritten: stamps stay, the model learns.
import { BootTimeline } from "./boot-timeline.ts";
import type { Stamp, StampRange, TimeQuality, UtcTime } from "./clock.ts";
import { type ClockAnchor, TRUST } from "./clock-anchor.ts";

/** Changes below this are no news. */
const TOLERANCE_US = 1000;
/** A boot is known to have lived until its last anchor; one is written every hour, so it may have gone on for that long and a little. */
const UNSEEN_LIFE_US = 70 * 60 * 1e6;

interface Boot {
  readonly counter: number;
  /** Ordered by monotonic time. */
  anchors: ClockAnchor[];
  /** The clock held up to here: in memory only, replaced by the next. */
  confirmed: ClockAnchor | undefined;
  /** The last stamp of it that is known of, and that of its footage. */
  endMonoUs: number;
  footageEndMonoUs: number;
  timeline: BootTimeline;
  /** Where its neighbours leave room for it. Undefined: where its own anchors say. */
  place: Place | undefined;
  /** Its UTC times, footage nobody told of included; before it is placed. */
  bounds: { readonly leastUs: number; readonly greatestUs: number };
  stale: boolean;
}

/** Where a boot without a clock of its own, or with one that its neighbours prove wrong, is put. */
interface Place {
  readonly shiftUs: number;
  readonly quality: TimeQuality;
  /** How far it could be moved between its neighbours. */
  readonly errorMs: number | undefined;
}

/** How far a boot may be moved. Undefined: nothing is known. */
interface Room {
  /** UTC of its monotonic 0 is not before. */
  readonly notBeforeUs: number | undefined;
  /** UTC of its end is not after. */
  readonly notAfterUs: number | undefined;
}

const NO_TIMELINE = new BootTimeline([]);
const NO_BOUNDS = { leastUs: 0, greatestUs: 0 };

/**
 * Within a boot, the best anchors rule: see BootTimeline. A boot lies after the end of each one before it and before the start of each one after it;
 * where anchors contradict that, the boots with the better clock stay and the others give way. Pure: all it knows comes through its methods.
 */
export class UtcModel {
  readonly #boots = new Map<number, Boot>();
  /** By counter; made when asked for after a change. */
  #ordered: readonly Boot[] = [];
  #stale = false;
  #version = 1;

  constructor(anchors: readonly ClockAnchor[] = []) {
    this.replace(anchors);
    this.#refresh();
    this.#version = 1;
  }

  /** Grows whenever the UTC of some stamp changed by more than a millisecond, or its quality did. */
  get version(): number {
    this.#refresh();
    return this.#version;
  }

  add(anchor: ClockAnchor): void {
    const boot = this.#bootOf(anchor.bootCounter);
    if (boot.confirmed !== undefined && boot.confirmed.monoUs <= anchor.monoUs) boot.confirmed = undefined;
    insert(boot.anchors, anchor);
    this.#touch(boot, anchor.monoUs);
  }

  /** The clock is still as the last anchors say: keeps the error from growing. Lasts until the next, and is not part of `anchors`. */
  confirm(anchor: ClockAnchor): void {
    const boot = this.#bootOf(anchor.bootCounter);
    boot.confirmed = anchor;
    this.#touch(boot, anchor.monoUs);
  }

  /** Forgets all anchors and takes these; footage that was noted stays. */
  replace(anchors: readonly ClockAnchor[]): void {
    for (const boot of this.#boots.values()) {
      boot.anchors = [];
      boot.endMonoUs = boot.footageEndMonoUs;
      this.#touch(boot, 0);
      if (boot.footageEndMonoUs === 0) this.#boots.delete(boot.counter);
    }
    for (const anchor of anchors) this.add(anchor);
  }

  /** There is footage up to this stamp. */
  noteFootage({ bootCounter, monoUs }: Stamp): void {
    const known = this.#boots.get(bootCounter);
    if (known !== undefined && known.footageEndMonoUs >= monoUs) return;
    const boot = known ?? this.#bootOf(bootCounter);
    boot.footageEndMonoUs = monoUs;
    if (boot.endMonoUs >= monoUs) return;
    boot.endMonoUs = monoUs;
    // The end of the newest boot is nobody's limit.
    if (boot !== this.#ordered.at(-1)) this.#stale = true;
  }

  utcOf({ bootCounter, monoUs }: Stamp): UtcTime {
    this.#refresh();
    const boot = this.#boots.get(bootCounter);
    const own = (boot?.timeline ?? NO_TIMELINE).at(monoUs);
    const place = boot?.place;
    return place === undefined ? own : { utcUs: own.utcUs + place.shiftUs, quality: place.quality, errorMs: place.errorMs };
  }

  /** By the kernel's name for it; undefined: no anchor is of such a boot. */
  bootOf(bootId: string): number | undefined {
    for (const { counter, anchors } of this.#boots.values()) if (anchors[0]?.bootId === bootId) return counter;
    return undefined;
  }

  /** Every stamp with this UTC time. None where the clock jumped over it, several where it was set back. */
  monoOf(utcUs: number): Stamp[] {
    return this.rangesOf(utcUs, utcUs).map(({ bootCounter, fromMonoUs }) => ({ bootCounter, monoUs: fromMonoUs }));
  }

  /** The stamps whose UTC times lie in an interval, both ends included; by boot, then by stamp. UTC does not jump inside of a range. The newest boot goes on for ever. */
  rangesOf(fromUtcUs: number, toUtcUs: number): StampRange[] {
    this.#refresh();
    const newest = this.#ordered.at(-1);
    return this.#ordered.flatMap((boot) => {
      const shiftUs = boot.place?.shiftUs ?? 0;
      const [fromUs, toUs] = [fromUtcUs - shiftUs, toUtcUs - shiftUs];
      if (boot !== newest && (toUs < boot.bounds.leastUs || fromUs > boot.bounds.greatestUs)) return [];
      const endMonoUs = boot === newest ? Number.POSITIVE_INFINITY : boot.endMonoUs + UNSEEN_LIFE_US;
      const ranges = boot.timeline.ranges(fromUs, toUs, endMonoUs);
      return ranges.map((range) => ({ bootCounter: boot.counter, ...range }));
    });
  }

  #bootOf(counter: number): Boot {
    const known = this.#boots.get(counter);
    if (known !== undefined) return known;
    const nothing = { anchors: [], confirmed: undefined, place: undefined, timeline: NO_TIMELINE, bounds: NO_BOUNDS };
    const fresh = { counter, ...nothing, endMonoUs: 0, footageEndMonoUs: 0, stale: false };
    this.#boots.set(counter, fresh);
    this.#stale = true;
    return fresh;
  }

  #touch(boot: Boot, monoUs: number): void {
    boot.endMonoUs = Math.max(boot.endMonoUs, monoUs);
    boot.stale = true;
    this.#stale = true;
  }

  /** Brings everything up to what was added since. O(boots), and the anchors of the boots that were touched. */
  #refresh(): void {
    if (!this.#stale) return;
    this.#stale = false;
    const boots = [...this.#boots.values()].sort((one, other) => one.counter - other.counter);
    let changed = false;
    for (const boot of boots) {
      if (!boot.stale) continue;
      boot.stale = false;
      const anchors = [...boot.anchors];
      if (boot.confirmed !== undefined) insert(anchors, boot.confirmed);
      const timeline = new BootTimeline(anchors);
      changed ||= timeline.differsFrom(boot.timeline, TOLERANCE_US);
      boot.timeline = timeline;
    }
    const places = placesOf(boots);
    for (const boot of boots) {
      const place = places.get(boot);
      changed ||= isMoved(boot.place, place);
      boot.place = place;
      boot.bounds = boot.timeline.utcBounds(boot.endMonoUs + UNSEEN_LIFE_US);
    }
    this.#ordered = boots;
    if (changed) this.#version++;
  }
}

/** Keeps the order; of two at one time the later one counts. */
function insert(anchors: ClockAnchor[], anchor: ClockAnchor): void {
  let index = anchors.length;
  while (index > 0 && anchors[index - 1]!.monoUs > anchor.monoUs) index--;
  const isSameTime = anchors[index - 1]?.monoUs === anchor.monoUs;
  anchors.splice(isSameTime ? index - 1 : index, isSameTime ? 1 : 0, anchor);
}

function isMoved(one: Place | undefined, other: Place | undefined): boolean {
  return one?.quality !== other?.quality || Math.abs((one?.shiftUs ?? 0) - (other?.shiftUs ?? 0)) > TOLERANCE_US;
}

/** Boots with the best clocks stand; each lower level then fits itself between those above it. */
function placesOf(boots: readonly Boot[]): Map<Boot, Place> {
  const places = new Map<Boot, Place>();
  for (let trust = TRUST.synced - 1; trust > TRUST.none; trust--) {
    for (const [boot, room] of roomsOf(boots, trust, places)) {
      const place = fitted(boot, room);
      if (place !== undefined) places.set(boot, place);
    }
  }
  let elapsedUs = 0;
  for (const [boot, { notBeforeUs, notAfterUs }] of roomsOf(boots, TRUST.none, places)) {
    const lastStartUs = notAfterUs === undefined ? undefined : notAfterUs - boot.endMonoUs;
    const startUs = notBeforeUs ?? lastStartUs;
    // Nothing is known at all: one after the other from 1970 on, so that they can be ordered and told apart.
    if (startUs === undefined) places.set(boot, { shiftUs: elapsedUs, quality: "none", errorMs: undefined });
    else places.set(boot, { shiftUs: startUs, quality: "est", errorMs: slackMs(notBeforeUs, lastStartUs) });
    elapsedUs += boot.endMonoUs;
  }
  return places;
}

/** The boots of one level, in order, and the room that better ones leave each of them: those in between need theirs too. */
function roomsOf(boots: readonly Boot[], trust: number, places: ReadonlyMap<Boot, Place>): Map<Boot, Room> {
  const utcUsAt = (boot: Boot, monoUs: number): number => boot.timeline.utcUsAt(monoUs) + (places.get(boot)?.shiftUs ?? 0);
  const notAfter = new Map<Boot, number | undefined>();
  let notAfterUs: number | undefined;
  for (const boot of boots.toReversed()) {
    if (boot.timeline.trust > trust) notAfterUs = utcUsAt(boot, 0);
    else {
      notAfter.set(boot, notAfterUs);
      if (notAfterUs !== undefined) notAfterUs -= boot.endMonoUs;
    }
  }
  const rooms = new Map<Boot, Room>();
  let notBeforeUs: number | undefined;
  for (const boot of boots) {
    if (boot.timeline.trust > trust) notBeforeUs = utcUsAt(boot, boot.endMonoUs);
    else {
      if (boot.timeline.trust === trust) rooms.set(boot, { notBeforeUs, notAfterUs: notAfter.get(boot) });
      if (notBeforeUs !== undefined) notBeforeUs += boot.endMonoUs;
    }
  }
  return rooms;
}

/** Where a boot goes that claims a time it cannot have had. The boot before it weighs more than the one after it. */
function fitted({ timeline, endMonoUs }: Boot, { notBeforeUs, notAfterUs }: Room): Place | undefined {
  const lowestUs = notBeforeUs === undefined ? undefined : notBeforeUs - timeline.utcUsAt(0);
  const highestUs = notAfterUs === undefined ? undefined : notAfterUs - timeline.utcUsAt(endMonoUs);
  const shiftUs = Math.max(Math.min(0, highestUs ?? 0), lowestUs ?? Number.NEGATIVE_INFINITY);
  return shiftUs === 0 ? undefined : { shiftUs, quality: "est", errorMs: slackMs(lowestUs, highestUs) };
}

function slackMs(lowestUs: number | undefined, highestUs: number | undefined): number | undefined {
  return lowestUs === undefined || highestUs === undefined ? undefined : Math.abs(highestUs - lowestUs) / 1000;
}
