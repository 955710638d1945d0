// One upload's way to its server: which hosts may be sent to is asked before each connection, so before one that a redirect leads to as well.
import type { SecureContext } from "node:tls";
import { resolveDestination } from "#base/destination.ts";
import { CallerFault, PeerFault } from "#base/errors.ts";
import { openPutConnections, type PutReply, sendPut } from "./put-request.ts";
import type { SendPart } from "./resumable-put.ts";

export interface Destination {
  readonly url: string;
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  /** `destinationHosts`, of now. */
  allowed(): readonly string[];
  readonly secureContext: SecureContext;
  /** Nothing goes forth or back for so long: that attempt is given up. */
  readonly silenceMs?: number;
}

const MAX_REDIRECTS = 5;
const SILENCE_MS = 60_000;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 307, 308]);
/** What names the content goes along; what says who we are does not. */
const HARMLESS_HEADERS: ReadonlySet<string> = new Set(["content-type", "repr-digest", "content-range"]);

export interface OpenDestination {
  readonly send: SendPart;
  close(): void;
}

export function openDestination({ url, headers, allowed, secureContext, silenceMs = SILENCE_MS }: Destination): OpenDestination {
  const connections = openPutConnections(secureContext, silenceMs);
  const first = new URL(url);
  /** Where parts go once a server has sent us elsewhere. */
  let place = first;
  const send: SendPart = async (part) => {
    for (let hops = 0; ; hops++) {
      const all = { ...headers, ...part.headers };
      const isElsewhere = place.origin !== first.origin;
      const kept = Object.entries(all).filter(([name]) => !isElsewhere || HARMLESS_HEADERS.has(name.toLowerCase()));
      const address = await addressOf(place.hostname, allowed());
      const reply = await sendPut({ ...part, url: place, address, headers: Object.fromEntries(kept) }, connections).catch(
        (error: unknown) => {
          place = first; // which may send us elsewhere this time
          throw error;
        },
      );
      const { location } = reply.headers;
      if (!REDIRECTS.has(reply.status) || location === undefined) return reply;
      if (hops === MAX_REDIRECTS) throw new PeerFault("protocol", `${first.hostname}: more than ${MAX_REDIRECTS} redirects`);
      place = redirected(location, place, reply);
    }
  };
  return { send, close: () => connections.agent.destroy() };
}

async function addressOf(host: string, allowed: readonly string[]): Promise<string> {
  try {
    return await resolveDestination(host, allowed, "dest.put");
  } catch (error) {
    if (error instanceof CallerFault) throw error;
    throw new PeerFault("connect", `${host}: its address is not known (${(error as NodeJS.ErrnoException).code ?? "no answer"})`);
  }
}

function redirected(location: string, from: URL, { status }: PutReply): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (target?.protocol !== "https:" || target.username !== "" || target.password !== "")
    throw new CallerFault("unauthorized", `dest.put: a redirect (${status}) of ${from.hostname} leads to no https:// URL`, "dest.put");
  target.hash = "";
  return target;
}
