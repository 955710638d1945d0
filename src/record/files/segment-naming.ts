// Names for the files of a path, by recordPath and the time of their first sample.
import { resolve } from "node:path";
import { FileNameTemplate, type ZoneOffset } from "../file-name.ts";
import type { SegmentStart } from "./recording-run.ts";
import { SegmentFile } from "./segment-file.ts";
import { EXTENSIONS, type RecordFormat } from "./segment-format.ts";

/** Names that are taken are passed over, up to so many. */
const MAX_NAMES = 16;

export interface SegmentNamingOptions {
  readonly path: string;
  readonly recordPath: string;
  readonly recordFormat: RecordFormat;
  readonly zone: ZoneOffset;
}

export interface NamedSegment {
  /** As `recordPath` gives it. */
  readonly name: string;
  /** Open and empty. */
  readonly entry: SegmentFile;
}

/** The name that a template has for an instant, and those to take when there is such a file. */
export function* namesFrom(template: FileNameTemplate, path: string, utcUs: number): Generator<string> {
  const stepUs = template.encode(path, utcUs) === template.encode(path, utcUs + 1) ? 1_000_000 : 1;
  for (let i = 0; i < MAX_NAMES; i++) yield template.encode(path, utcUs + i * stepUs);
}

/** What a name given to `utcUs` tells: it may be coarser, and at the end of summer time it means two instants. */
export function timeOfName(template: FileNameTemplate, name: string, utcUs: number): number {
  const { startUtcUs, earlierUtcUs = startUtcUs } = template.decode(name) ?? { startUtcUs: utcUs };
  return Math.abs(utcUs - earlierUtcUs) < Math.abs(utcUs - startUtcUs) ? earlierUtcUs : startUtcUs;
}

export class SegmentNaming {
  readonly #options: SegmentNamingOptions;
  readonly #template: FileNameTemplate;

  constructor(options: SegmentNamingOptions) {
    this.#options = options;
    this.#template = new FileNameTemplate(options.recordPath + EXTENSIONS[options.recordFormat], options.zone);
  }

  /** Absolute. */
  get commonFolder(): string {
    return resolve(this.#template.commonFolder());
  }

  /** The name of the file, and those to take when there is such a file: no recording is overwritten. */
  *from(start: SegmentStart): Generator<NamedSegment> {
    for (const name of namesFrom(this.#template, this.#options.path, start.utc.utcUs)) yield { name, entry: this.#entryOf(name, start) };
  }

  #entryOf(name: string, { utc, stamp, gapBefore }: SegmentStart): SegmentFile {
    const { path, recordFormat } = this.#options;
    const startUtcUs = timeOfName(this.#template, name, utc.utcUs);
    const entry = new SegmentFile({ path, file: resolve(name), format: recordFormat, startUtcUs });
    return Object.assign(entry, { isOpen: true, sizeBytes: 0, stamp: { ...stamp, drift: [] }, gapBefore });
  }
}
