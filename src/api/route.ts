// What the API answers to: methods and paths as docs/openapi.yaml writes them.
import type { Caller } from "#control/command.ts";

export interface ApiRequest {
  /** What stands in the place of the path's parameter, decoded; empty where it has none. */
  readonly parameter: string;
  readonly query: URLSearchParams;
  readonly caller: Caller;
  /** Aborted when the client is gone, or the server closes. */
  readonly signal: AbortSignal;
  /** As JSON; undefined: it is empty. Rejects with what is wrong with it. */
  body(): Promise<unknown>;
}

export interface Route {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** `/v3/paths/get/{name}`: one parameter at most, at the end. A `{name}` takes slashes, too, an `{id}` does not. */
  readonly template: string;
  /** The body of the answer 200: JSON, or a BytesAnswer. What it throws is answered as the HTTP server does. */
  answer(request: ApiRequest): unknown;
}

/** An answer that is no JSON. */
export class BytesAnswer {
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;

  constructor(bytes: Buffer, headers: Readonly<Record<string, string>>) {
    this.bytes = bytes;
    this.headers = headers;
  }
}

/** The answer of those that change something. */
export const OK = { status: "ok" } as const;

/** By a path without percent-escapes. */
export function findRoute(
  routes: readonly Route[],
  method: string | undefined,
  path: string,
): { readonly route: Route; readonly parameter: string } | undefined {
  for (const route of routes) {
    const parameter = route.method === method ? parameterIn(path, route.template) : undefined;
    if (parameter !== undefined) return { route, parameter };
  }
  return undefined;
}

/** Undefined: the path does not fit. */
function parameterIn(path: string, template: string): string | undefined {
  const brace = template.indexOf("{");
  if (brace < 0) return path === template ? "" : undefined;
  if (!path.startsWith(template.slice(0, brace))) return undefined;
  const rest = path.slice(brace);
  return template.endsWith("{name}") || !rest.includes("/") ? rest : undefined;
}
