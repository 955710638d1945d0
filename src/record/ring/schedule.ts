// Timers that a test can hold in its hand.

/** Calls back once after a delay, unless the returned function is called before. */
export type Schedule = (run: () => void, delayMs: number) => () => void;

export const afterDelay: Schedule = (run, delayMs) => {
  const timer = setTimeout(run, delayMs).unref();
  return () => clearTimeout(timer);
};
