// Memory as Linux tells it: /proc/meminfo, /proc/vmstat (proc(5)).

export interface MemoryFacts {
  readonly totalBytes: number;
  /** What programs could not have: all but what is free or given back on demand. */
  readonly usedBytes: number;
  readonly swapUsedBytes: number;
}

/** Undefined: it cannot be read. */
export function parseMemory(text: string): MemoryFacts | undefined {
  const [total, available, swapTotal, swapFree] = ["MemTotal", "MemAvailable", "SwapTotal", "SwapFree"].map((name) =>
    kilobytes(text, name),
  );
  if (total === undefined || available === undefined) return undefined;
  return {
    totalBytes: total * 1024,
    usedBytes: Math.max(0, total - available) * 1024,
    swapUsedBytes: Math.max(0, (swapTotal ?? 0) - (swapFree ?? 0)) * 1024,
  };
}

/** Processes killed for want of memory since the start of the machine; undefined where the kernel does not count them (before 4.13). */
export function parseOomKills(text: string): number | undefined {
  const [, count] = /^oom_kill (\d{1,15})$/m.exec(text) ?? [];
  return count === undefined ? undefined : Number(count);
}

function kilobytes(text: string, name: string): number | undefined {
  const [, amount] = new RegExp(`^${name}: +(\\d{1,15}) kB$`, "m").exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount);
}
