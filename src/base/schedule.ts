// Something once after a delay. Injected where tests move time themselves.

/** Calls `run` after the delay, unless the returned function is called before. */
export type Schedule = (run: () => void, delayMs: number) => () => void;

export function afterDelay(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}
