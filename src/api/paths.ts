// /v3/paths: what the relay knows of its paths, in MediaMTX's words.
import type { Clock } from "#base/clock.ts";
import { codecProperties } from "#codecs/properties.ts";
import { HttpFault } from "#http/http-fault.ts";
import { pageOf, parsePage } from "#http/page.ts";
import { writeTime } from "#record/playback/time-text.ts";
import type { ClientIdentity, Path } from "#relay/path.ts";
import type { PathRegistry } from "#relay/path-registry.ts";
import type { SessionRegistry } from "#relay/session-registry.ts";
import { protocolWord } from "./protocol-words.ts";
import type { Route } from "./route.ts";

export interface PathsOptions {
  readonly registry: Pick<PathRegistry, "list" | "get">;
  readonly sessions: Pick<SessionRegistry, "get">;
  readonly clock: Pick<Clock, "utcOf">;
}

export function pathRoutes({ registry, sessions, clock }: PathsOptions): readonly Route[] {
  return [
    {
      method: "GET",
      template: "/v3/paths/list",
      answer: ({ query }) => {
        const page = pageOf(registry.list(), parsePage(query));
        return { ...page, items: page.items.map((path) => pathItem(path, clock)) };
      },
    },
    {
      method: "GET",
      template: "/v3/paths/get/{name}",
      answer: ({ parameter: name }) => {
        if (name === "") throw new HttpFault(400, "invalid name");
        const path = registry.get(name);
        if (path === undefined) throw new HttpFault(404, "path not found");
        const item = pathItem(path, clock);
        return { ...item, subscribers: item.readers.map((reader) => subscriberItem(reader, sessions)) };
      },
    },
  ];
}

/**
 * A path is online while it is available: MediaMTX says so of a pulled source from the beginning, whether it has ever connected or not. Names without
 * a direction, and `ready`, are what older clients look for.
 */
function pathItem(path: Path, clock: Pick<Clock, "utcOf">) {
  const { name, confName, state, availableSinceUs, source, tracks, readers, ...counters } = path.snapshot();
  const { inboundBytes, outboundBytes, inboundFramesInError } = counters;
  const available = state === "available";
  const since = availableSinceUs === undefined ? null : writeTime(clock.utcOf(availableSinceUs).utcUs);
  const described = tracks.map(({ parameters }) => codecProperties(parameters));
  return {
    name,
    confName,
    ready: available,
    readyTime: since,
    available,
    availableTime: since,
    online: available,
    onlineTime: since,
    source: source === undefined ? null : identityItem(source),
    tracks: described.map(({ label }) => label),
    tracks2: described.map(({ label, props }) => ({ codec: label, codecProps: props })),
    readers: readers.map(identityItem).sort((a, b) => compare(a.type, b.type) || compare(a.id, b.id)),
    inboundBytes,
    outboundBytes,
    inboundFramesInError,
    bytesReceived: inboundBytes,
    bytesSent: outboundBytes,
  };
}

/** Who reads, by address. */
function subscriberItem({ type, id }: ClientIdentity, sessions: PathsOptions["sessions"]) {
  return { protocol: protocolWord(type), clientIP: sessions.get(id)?.remote?.address ?? "" };
}

function identityItem({ type, id }: ClientIdentity): ClientIdentity {
  return { type, id };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
