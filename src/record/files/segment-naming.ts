// Names for the files of a path, by recordPath and the time of their first sample.
import { resolve } from "node:path";
import { FileNameTemplate, type ZoneOffset } from "../file-name.ts";
import type { GapCause } from "../store.ts";
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
  *from(start: SegmentStart, gapBefore: GapCause | undefined): Generator<NamedSegment> {
    const { utcUs } = start.utc;
    const nameOf = (startUtcUs: number) => this.#template.encode(this.#options.path, startUtcUs);
    const stepUs = nameOf(utcUs) === nameOf(utcUs + 1) ? 1_000_000 : 1;
    for (let i = 0; i < MAX_NAMES; i++) {
      const name = nameOf(utcUs + i * stepUs);
      yield { name, entry: this.#entryOf(name, start, gapBefore) };
    }
  }

  #entryOf(name: string, { utc }: SegmentStart, gapBefore: GapCause | undefined): SegmentFile {
    const { path, recordFormat } = this.#options;
    const { startUtcUs, earlierUtcUs = startUtcUs } = this.#template.decode(name) ?? { startUtcUs: utc.utcUs };
    const isEarlier = Math.abs(utc.utcUs - earlierUtcUs) < Math.abs(utc.utcUs - startUtcUs);
    const entry = new SegmentFile({ path, file: resolve(name), format: recordFormat, startUtcUs: isEarlier ? earlierUtcUs : startUtcUs });
    return Object.assign(entry, { isOpen: true, sizeBytes: 0, timeQuality: utc.quality, timeErrorMs: utc.errorMs, gapBefore });
  }
}
