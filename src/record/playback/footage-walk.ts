// Fragments of an index one after the other, with the footage they belong to.
import type { Footage, FootageFragment, RecordingIndex } from "../recording-index.ts";

export interface WalkedFragment {
  readonly footage: Footage;
  readonly fragment: FootageFragment;
  /** Footage is missing before it. */
  readonly gap: boolean;
}

export interface FootageWish {
  readonly path: string;
  readonly fromUtcUs: number;
  readonly toUtcUs: number;
}

/** Ends when `signal` is aborted; ending the walk lets go of what was open. What is missing before the first one is no gap. */
export async function* walkFootage(
  index: RecordingIndex,
  wish: FootageWish,
  signal: AbortSignal,
): AsyncGenerator<WalkedFragment, undefined> {
  let isFirst = true;
  for await (const footage of index.read(wish.path, wish.fromUtcUs, wish.toUtcUs, signal)) {
    let gap = footage.gapBefore !== undefined;
    for await (const fragment of footage.fragments(signal)) {
      if (signal.aborted) return;
      yield { footage, fragment, gap: !isFirst && (gap || fragment.gap) };
      gap = false;
      isFirst = false;
    }
  }
}
