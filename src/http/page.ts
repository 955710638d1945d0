// Pages of a list, as MediaMTX's clients ask for them: `page`, from 0, and `itemsPerPage`.
import { CallerFault } from "#base/errors.ts";

export interface Page {
  /** From 0. */
  readonly number: number;
  readonly size: number;
}

/** One page, and how much there is besides. */
export interface Paged<T> {
  readonly itemCount: number;
  readonly pageCount: number;
  /** None where the page is behind the last. */
  readonly items: readonly T[];
}

const DEFAULT_SIZE = 100;
const MAX_NUMBER = 2 ** 31 - 1;

/** The first 100 items where nothing is asked for. Throws a CallerFault that names the parameter. */
export function parsePage(query: URLSearchParams): Page {
  const size = numberOf(query, "itemsPerPage") ?? DEFAULT_SIZE;
  if (size === 0) throw new CallerFault("invalid", "invalid items per page", "itemsPerPage");
  return { number: numberOf(query, "page") ?? 0, size };
}

export function pageOf<T>(all: readonly T[], { number, size }: Page): Paged<T> {
  return { itemCount: all.length, pageCount: Math.ceil(all.length / size), items: all.slice(number * size, (number + 1) * size) };
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? "";
  if (text === "") return undefined;
  if (!/^\d{1,10}$/.test(text) || Number(text) > MAX_NUMBER) {
    throw new CallerFault("invalid", `invalid ${name}: '${text}' is not a number from 0 to ${MAX_NUMBER}`, name);
  }
  return Number(text);
}
