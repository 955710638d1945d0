// Footage out of a store: its fragments come one after the other, and each stretch of them that has one timeline is a footage of its own.
import type { Footage, FootageFragment } from "./recording-index.ts";
import type { GapCause } from "./store.ts";

/** What a footage says of itself. */
export type FootageFacts = Omit<Footage, "gapBefore" | "fragments">;

/** A fragment on its way out. */
export interface FragmentOut extends Pick<FootageFragment, "samples"> {
  /** Why footage is missing before it. */
  readonly gap: GapCause | undefined;
}

/** How a store knows which fragments belong together. */
export interface FootageRule<Fragment extends FragmentOut> {
  factsOf(first: Fragment): FootageFacts;
  /** `next` is of the footage that began with `first`. */
  goesOn(first: Fragment, next: Fragment, facts: FootageFacts): boolean;
}

/** Fragments as footage, in their order. Ends the walk when nobody wants more of it. `gapBefore`: of the first. */
export async function* footageOf<Fragment extends FragmentOut>(
  walk: AsyncGenerator<Fragment, undefined>,
  rule: FootageRule<Fragment>,
  gapBefore: GapCause | undefined,
): AsyncGenerator<Footage> {
  try {
    let head = await walk.next();
    let cause = gapBefore;
    while (head.done !== true) {
      const footage = new WalkedFootage(walk, rule, head.value, cause);
      yield footage;
      head = await footage.end();
      cause = head.done === true ? undefined : head.value.gap;
    }
  } finally {
    await walk.return(undefined);
  }
}

class WalkedFootage<Fragment extends FragmentOut> implements Footage {
  readonly tracks: Footage["tracks"];
  readonly epochUtcUs: number;
  readonly timeQuality: Footage["timeQuality"];
  readonly timeErrorMs: number | undefined;
  readonly gapBefore: GapCause | undefined;
  readonly runId: string;
  readonly #walk: AsyncGenerator<Fragment, undefined>;
  readonly #rule: FootageRule<Fragment>;
  readonly #facts: FootageFacts;
  readonly #first: Fragment;
  #next: IteratorResult<Fragment, undefined> | undefined;

  constructor(walk: AsyncGenerator<Fragment, undefined>, rule: FootageRule<Fragment>, first: Fragment, gapBefore: GapCause | undefined) {
    const facts = rule.factsOf(first);
    this.#walk = walk;
    this.#rule = rule;
    this.#facts = facts;
    this.#first = first;
    this.tracks = facts.tracks;
    this.epochUtcUs = facts.epochUtcUs;
    this.timeQuality = facts.timeQuality;
    this.timeErrorMs = facts.timeErrorMs;
    this.runId = facts.runId;
    this.gapBefore = gapBefore;
  }

  async *fragments(signal: AbortSignal): AsyncGenerator<FootageFragment> {
    if (this.#next !== undefined) return;
    this.#next = { done: false, value: this.#first };
    for (let isFirst = true; this.#isOurs(this.#next) && !signal.aborted; isFirst = false) {
      const { gap, samples } = this.#next.value;
      yield { gap: !isFirst && gap !== undefined, samples };
      this.#next = await this.#walk.next();
    }
  }

  /** Passes over what was not read; the first fragment of the next footage, or the end. */
  async end(): Promise<IteratorResult<Fragment, undefined>> {
    this.#next ??= { done: false, value: this.#first };
    while (this.#isOurs(this.#next)) this.#next = await this.#walk.next();
    return this.#next;
  }

  #isOurs(next: IteratorResult<Fragment, undefined>): next is IteratorYieldResult<Fragment> {
    return next.done !== true && this.#rule.goesOn(this.#first, next.value, this.#facts);
  }
}
