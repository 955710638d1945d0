// What is wrong with a config, where, and what was probably meant.

export interface Problem {
  readonly severity: "error" | "warning";
  /** Undefined where the problem does not stand in a file (environment, no file at all). */
  readonly file: string | undefined;
  /** Counts from 1. */
  readonly line: number | undefined;
  /** The setting (`paths.cam1.source`), the environment variable, or empty where it concerns the file as a whole. */
  readonly field: string;
  readonly message: string;
  /** The nearest valid name. */
  readonly suggestion?: string;
}

/** Where something was read: a line of a file, an environment variable, or a layer that has no lines. */
export interface Place {
  readonly file: string | undefined;
  readonly line: number | undefined;
}

/** Later ones are counted, not kept: a file that is broken throughout is told of once, at bounded cost. */
const maxKept = 1000;

/** Collects problems in the order they are found. */
export class Problems {
  /** The first ones, an error among them where there is one. */
  readonly all: Problem[] = [];
  #count = 0;
  #hasErrors = false;

  error(place: Place, field: string, message: string, suggest?: () => string | undefined): void {
    this.#add("error", place, field, message, suggest);
  }

  warning(place: Place, field: string, message: string): void {
    this.#add("warning", place, field, message);
  }

  /** All that were found, kept or not. */
  get count(): number {
    return this.#count;
  }

  get hasErrors(): boolean {
    return this.#hasErrors;
  }

  #add(severity: Problem["severity"], place: Place, field: string, message: string, suggest?: () => string | undefined): void {
    this.#count++;
    const isFirstError = severity === "error" && !this.#hasErrors;
    this.#hasErrors ||= isFirstError;
    if (this.all.length >= maxKept && !isFirstError) {
      return;
    }
    const base = { severity, file: place.file, line: place.line, field, message };
    const suggestion = suggest?.();
    this.all.push(suggestion === undefined ? base : { ...base, suggestion });
  }
}

/** One line for people: `camgate.yml:12: error: paths.cam1.sorce: unknown setting; did you mean 'source'?` */
export function formatProblem(problem: Problem): string {
  const place = problem.file === undefined ? "" : `${problem.file}:${problem.line === undefined ? "" : `${problem.line}:`} `;
  const field = problem.field === "" ? "" : `${problem.field}: `;
  const suggestion = problem.suggestion === undefined ? "" : `; did you mean '${problem.suggestion}'?`;
  return `${place}${problem.severity}: ${field}${problem.message}${suggestion}`;
}
