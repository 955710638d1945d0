// Benchmark: the SD ring. It has no peer; what is judged are the goals of docs/performance.md.
import { type Benchmark, measurePart } from "./benchmark.ts";
import type { Column } from "./report.ts";
import { measureCpu, measureRecovery, measureWrites } from "./ring-figures.ts";
import { measureIndex } from "./ring-index.ts";

const FOUR_MBIT = "4 Mbit/s, 30 frames/s, GOP 2 s, fragments of 1 s, synced every second";

export const ring: Benchmark = {
  name: "ring",
  summary: "the SD ring: write amplification, recovery, a large index, CPU of recording",
  modest: [{}],
  run: async (options) => [
    await measurePart(options, {
      name: "ring-writes",
      load: `loop device, ext4; ${FOUR_MBIT}; one lap into new files, two over them`,
      columns: WRITES,
      settings: [
        { cameras: 1, mbit: 4, chunks: options.trial ? 4 : 16 },
        { cameras: options.trial ? 1 : (options.cameras ?? 4), mbit: 4, chunks: options.trial ? 4 : 24 },
      ],
      measure: measureWrites,
    }),
    await measurePart(options, {
      name: "ring-recovery",
      load: `loop device, page cache empty; ${FOUR_MBIT}; nobody closed the ring`,
      columns: RECOVERY,
      settings: [{ cameras: options.trial ? 2 : 8, mbit: 4, chunks: options.trial ? 6 : 24 }],
      measure: measureRecovery,
    }),
    await measurePart(options, {
      name: "ring-index",
      load: "2 TB in chunks of 16 MiB, records alone; a gap every 22 minutes",
      columns: INDEX,
      settings: [
        { chunks: options.trial ? 5000 : 131_072, cameras: 1 },
        { chunks: options.trial ? 5000 : 131_072, cameras: 8 },
      ],
      measure: measureIndex,
    }),
    await measurePart(options, {
      name: "ring-cpu",
      load: `a process that records, and nothing else; ${FOUR_MBIT}`,
      columns: CPU,
      settings: [
        { cameras: 8, mbit: 4 },
        { cameras: 16, mbit: 4 },
      ].slice(options.trial ? 1 : 0),
      measure: measureCpu,
    }),
  ],
};

const WRITES: readonly Column[] = [
  { figure: "firstLapAmplification", title: "device / media bytes, first lap", digits: 3 },
  { figure: "laterAmplification", title: "after it", digits: 3, most: 1.03 },
  { figure: "firstLapWrites", title: "device writes per fragment, first lap", digits: 2 },
  { figure: "laterWrites", title: "after it", digits: 2, most: 2.5 },
  { figure: "firstByteColdMs", title: "first byte p95 ms, from the device", digits: 1, most: 150 },
  { figure: "firstByteMs", title: "from memory", digits: 1 },
];

const RECOVERY: readonly Column[] = [
  { figure: "recoveryMs", title: "start ms", digits: 0, most: 1000 },
  { figure: "recoveryMaxMs", title: "longest", digits: 0 },
];

const INDEX: readonly Column[] = [
  { figure: "loadMs", title: "start ms", digits: 0, most: 1500 },
  { figure: "indexMb", title: "index MB", digits: 1, most: 40 },
  { figure: "listP95Ms", title: "30 days of a camera p95 ms", digits: 2, most: 20 },
  { figure: "wholeP95Ms", title: "all of the ring p95 ms", digits: 1, most: 60 },
];

const CPU: readonly Column[] = [
  { figure: "cpuPercent", title: "CPU %", digits: 1, most: 12 },
  { figure: "storedMbit", title: "Mbit/s stored", digits: 1 },
  { figure: "refused", title: "fragments refused", digits: 0, most: 0 },
  { figure: "residentMib", title: "RSS MiB", digits: 0 },
];
