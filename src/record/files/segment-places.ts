// Where the files of all paths lie: MediaMTX's recordPath of every entry of the config, as names to look for and to give.
import { resolve, sep } from "node:path";
import { FileNameTemplate, type SegmentName, type ZoneOffset } from "../file-name.ts";
import { SegmentFile } from "./segment-file.ts";
import { EXTENSIONS, type RecordFormat } from "./segment-format.ts";

/** An entry of the config. */
export interface RecordingPlace {
  /** `recordPath`: without extension, relative to the working directory. */
  readonly recordPath: string;
  readonly recordFormat: RecordFormat;
  /** The entry is the one that a path of this name has. False for names that no path may have. */
  owns(path: string): boolean;
}

interface KnownName {
  readonly template: FileNameTemplate;
  readonly format: RecordFormat;
  readonly owners: RecordingPlace[];
}

const FORMATS = ["fmp4", "mpegts"] as const;

export class SegmentPlaces {
  readonly #places: readonly RecordingPlace[];
  readonly #names: readonly KnownName[];

  constructor(places: readonly RecordingPlace[], zone: ZoneOffset) {
    this.#places = places;
    const templates = new Map<string, KnownName>();
    for (const place of places) {
      for (const format of FORMATS) {
        const key = resolve(place.recordPath) + EXTENSIONS[format];
        const known = templates.get(key) ?? { template: new FileNameTemplate(key, zone), format, owners: [] };
        known.owners.push(place);
        templates.set(key, known);
      }
    }
    this.#names = [...templates.values()];
  }

  /** Folders with everything below them; none lies in another. */
  get roots(): readonly string[] {
    return outermost(this.#names.map(({ template }) => template.commonFolder()));
  }

  /** The folders in which files of a path can be. */
  rootsOf(path: string): readonly string[] {
    const own = this.#names.filter(({ owners }) => owners.some((place) => place.owns(path)));
    return outermost(own.map(({ template }) => template.commonFolder(path)));
  }

  /** How files of a path are recorded now; undefined: it has no entry. */
  formatOf(path: string): RecordFormat | undefined {
    return this.#places.find((place) => place.owns(path))?.recordFormat;
  }

  /** Undefined: the file is no segment of any path. */
  segmentOf(file: string): SegmentFile | undefined {
    const found = this.#find(file);
    return found && new SegmentFile({ ...found.name, file, format: found.format });
  }

  /** What the name of a segment was made of; undefined: the config has no place for such files any more. */
  templateOf(file: string): FileNameTemplate | undefined {
    return this.#find(file)?.template;
  }

  #find(file: string): { readonly template: FileNameTemplate; readonly name: SegmentName; readonly format: RecordFormat } | undefined {
    for (const { template, format, owners } of this.#names) {
      if (!file.endsWith(EXTENSIONS[format])) continue;
      const name = template.decode(file);
      if (name !== undefined && owners.some((place) => place.owns(name.path))) return { template, name, format };
    }
    return undefined;
  }
}

/** Whether `folder` is `root` or lies below it. */
export function isInside(folder: string, root: string): boolean {
  return folder === root || folder.startsWith(root.endsWith(sep) ? root : root + sep);
}

function outermost(folders: readonly string[]): readonly string[] {
  const all = [...new Set(folders)];
  return all.filter((folder) => !all.some((other) => other !== folder && isInside(folder, other)));
}
