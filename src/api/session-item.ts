// What the API's items of connections and sessions have in common.
import { formatAddress } from "#base/listen-address.ts";
import { HttpFault } from "#http/http-fault.ts";
import { writeTime } from "#record/playback/time-text.ts";
import type { SessionEntry, SessionKind, SessionRegistry } from "#relay/session-registry.ts";

export type Sessions = Pick<SessionRegistry, "list" | "get">;

/** Names that older clients look for, and what they are called now. */
export type OldNames = readonly (readonly [old: string, now: string])[];

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Throws an HttpFault: there is none, or the text is no id. */
export function entryOf(sessions: Sessions, kind: SessionKind, text: string): SessionEntry {
  const id = text.toLowerCase();
  if (!UUID.test(id)) throw new HttpFault(400, `invalid id: '${text}' is not a UUID`);
  const entry = sessions.get(id);
  if (entry?.kind !== kind) throw new HttpFault(404, kind.endsWith("Conn") ? "connection not found" : "session not found");
  return entry;
}

export function commonItem({ id, created, remote }: SessionEntry) {
  return {
    id,
    created: writeTime(created.getTime() * 1000),
    remoteAddr: remote === undefined ? "" : formatAddress(remote.address, remote.port),
  };
}

export function countersOf(entry: SessionEntry, names: readonly string[], old: OldNames): Readonly<Record<string, number>> {
  const counters = entry.counters();
  const item: Record<string, number> = {};
  for (const name of names) item[name] = counters[name] ?? 0;
  for (const [name, now] of old) item[name] = counters[now] ?? 0;
  return item;
}
