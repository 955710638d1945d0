// Requests to the gateway that served this page: JSON in, JSON out, and what went wrong in words.

export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Below this page's own address, wherever a proxy has put it. */
function urlOf(path: string): URL {
  return new URL(`camgate/v1/${path}`, document.baseURI);
}

/** Rejects with an ApiError; its status is 0 where the gateway was not reached. */
export async function ask<T>(path: string, method: "GET" | "POST" | "PATCH" | "DELETE" = "GET", body?: unknown): Promise<T> {
  const request: RequestInit = { method, cache: "no-store" };
  if (body !== undefined) Object.assign(request, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const response = await fetch(urlOf(path), request).catch(() => {
    throw new ApiError(0, "the gateway does not answer");
  });
  const value: unknown = await response.json().catch(() => undefined);
  if (response.ok) return value as T;
  const { error } = (value ?? {}) as { readonly error?: unknown };
  throw new ApiError(response.status, typeof error === "string" ? error : `the gateway answered ${response.status}`);
}

/** A camera's footage from an instant on, as a file that a video element plays. */
export function footageUrl(camera: string, startMs: number, seconds: number): string {
  const query = { path: camera, start: new Date(startMs).toISOString(), duration: seconds.toFixed(3), format: "fmp4", tracks: "video" };
  return `${urlOf("playback/get")}?${new URLSearchParams(query)}`;
}

/** Names of paths may have slashes: each part is escaped by itself. */
export function pathPart(name: string): string {
  return name.split("/").map(encodeURIComponent).join("/");
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
