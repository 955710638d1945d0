// /v3/publishers: who feeds paths, clients and pulled sources alike.
import { HttpFault } from "#http/http-fault.ts";
import type { SessionEntry, SessionRegistry } from "#relay/session-registry.ts";
import { protocolWord } from "./protocol-words.ts";
import { OK, type Route } from "./route.ts";

export interface PublishersOptions {
  readonly sessions: Pick<SessionRegistry, "all" | "get">;
}

export function publisherRoutes({ sessions }: PublishersOptions): readonly Route[] {
  return [
    { method: "GET", template: "/v3/publishers/list", answer: () => publishers(sessions).map(publisherItem) },
    {
      method: "POST",
      template: "/v3/publishers/kick/{id}",
      answer: ({ parameter: id }) => {
        const entry = sessions.get(id.toLowerCase());
        if (entry === undefined || !isPublisher(entry)) throw new HttpFault(404, "publisher not found");
        entry.close();
        return OK;
      },
    },
  ];
}

/** Oldest first. */
export function publishers(sessions: Pick<SessionRegistry, "all">): readonly SessionEntry[] {
  return sessions.all().filter(isPublisher);
}

/** A connection may say that its session publishes: the session is who does. */
function isPublisher({ kind, state }: SessionEntry): boolean {
  return state === "publish" && kind !== "rtspConn" && kind !== "rtspsConn";
}

function publisherItem({ path, id, kind }: SessionEntry) {
  return { path, clientId: id, protocol: protocolWord(kind) };
}
