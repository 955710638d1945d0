// What this process takes of the machine.

export interface ProcessFacts {
  readonly uptimeSeconds: number;
  readonly memory: {
    readonly rssBytes: number;
    readonly heapUsedBytes: number;
    readonly heapTotalBytes: number;
    /** Buffers and what else lies outside the heap on behalf of objects in it. */
    readonly externalBytes: number;
    /** Of those, buffers. */
    readonly arrayBuffersBytes: number;
  };
  readonly cpu: { readonly userSeconds: number; readonly systemSeconds: number };
}

export function processFacts(): ProcessFacts {
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    uptimeSeconds: process.uptime(),
    memory: { rssBytes: rss, heapUsedBytes: heapUsed, heapTotalBytes: heapTotal, externalBytes: external, arrayBuffersBytes: arrayBuffers },
    cpu: { userSeconds: user / 1e6, systemSeconds: system / 1e6 },
  };
}
