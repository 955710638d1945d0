// /v3/recordings: what is recorded of each path, in MediaMTX's words.
import { CallerFault } from "#base/errors.ts";
import { parseRfc3339 } from "#base/rfc3339.ts";
import { pathNameFault } from "#config/path-name.ts";
import { HttpFault } from "#http/http-fault.ts";
import { pageOf, parsePage } from "#http/page.ts";
import { writeTime } from "#record/playback/time-text.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { RecordingLibrary } from "./recording-library.ts";
import { OK, type Route } from "./route.ts";

export interface RecordingsOptions {
  readonly registry: Pick<PathRegistry, "confOf">;
  /** Undefined: nothing is recorded. */
  readonly recordings: Pick<RecordingLibrary, "paths" | "startsOf" | "deleteSegment"> | undefined;
}

export function recordingRoutes({ registry, recordings }: RecordingsOptions): readonly Route[] {
  const recordingItem = async (name: string) => {
    const starts = (await recordings?.startsOf(name)) ?? [];
    return { name, segments: starts.map((startUtcUs) => ({ start: writeTime(startUtcUs) })) };
  };
  const checkConfigured = (path: string): void => {
    const fault = pathNameFault(path);
    if (fault !== undefined) throw new CallerFault("invalid", `invalid path name: ${fault} (${path})`, "path");
    if (registry.confOf(path) === undefined) throw new CallerFault("not-configured", `path '${path}' is not configured`, "path");
  };
  return [
    {
      method: "GET",
      template: "/v3/recordings/list",
      answer: async ({ query }) => {
        const wanted = parsePage(query);
        const page = pageOf((await recordings?.paths()) ?? [], wanted);
        const items: Awaited<ReturnType<typeof recordingItem>>[] = [];
        for (const name of page.items) items.push(await recordingItem(name));
        return { ...page, items };
      },
    },
    {
      method: "GET",
      template: "/v3/recordings/get/{name}",
      answer: ({ parameter: name }) => {
        if (name === "") throw new HttpFault(400, "invalid name");
        checkConfigured(name);
        return recordingItem(name);
      },
    },
    {
      method: "DELETE",
      template: "/v3/recordings/deletesegment",
      answer: async ({ query }) => {
        const path = query.get("path") ?? "";
        const start = query.get("start") ?? "";
        const startUtcUs = parseRfc3339(start);
        if (startUtcUs === undefined) {
          throw new CallerFault("invalid", `invalid start: '${start}' is not a time like 2026-03-01T14:05:09.5+01:00 (RFC 3339)`, "start");
        }
        checkConfigured(path);
        if (recordings === undefined) throw new CallerFault("not-found", "nothing is recorded");
        await recordings.deleteSegment(path, startUtcUs);
        return OK;
      },
    },
  ];
}
