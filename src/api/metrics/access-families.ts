// camgate's own metrics of who was let in: logins, bans, and what limits kept out.
import type { ConnectionLimits } from "#base/connection-limits.ts";
import type { AuthCounters } from "#control/auth/authenticator.ts";
import { gauge, type MetricFamily } from "./text-format.ts";

export interface AccessFacts {
  readonly connections: Pick<ConnectionLimits, "open" | "refused">;
  readonly readersRefused: number;
  readonly auth: Readonly<AuthCounters>;
}

export function accessFamilies({ connections, readersRefused, auth }: AccessFacts): readonly MetricFamily[] {
  const { refused } = connections;
  return [
    gauge("camgate_connections", "Connections to RTSP and HTTP servers that are open.", connections.open),
    {
      name: "camgate_connections_refused_total",
      type: "counter",
      help: "Connections that a limit ended: of all, of one address, of strangers from one address, or a stranger's that made room for another.",
      samples: [
        { labels: { limit: "total" }, value: refused.total },
        { labels: { limit: "address" }, value: refused.perAddress },
        { labels: { limit: "strangers" }, value: refused.strangersPerAddress },
        { labels: { limit: "made_room" }, value: refused.madeRoom },
      ],
    },
    counter("camgate_readers_refused_total", "Readers that a limit kept out, of their path or of all paths.", readersRefused),
    {
      name: "camgate_logins_total",
      type: "counter",
      help: "Requests that were judged: allowed, asked for credentials, refused, or refused unseen during a ban.",
      samples: [
        { labels: { outcome: "granted" }, value: auth.granted },
        { labels: { outcome: "challenged" }, value: auth.challenged },
        { labels: { outcome: "refused" }, value: auth.refused - auth.refusedBanned },
        { labels: { outcome: "banned" }, value: auth.refusedBanned },
      ],
    },
    counter("camgate_bans_total", "Addresses, or users of one, that were banned for wrong passwords.", auth.bans),
    counter("camgate_password_hashes_total", "Argon2 hashes computed.", auth.hashes),
    counter("camgate_auth_service_faults_total", "Times that the authentication or key server gave no useful answer.", auth.serviceFaults),
  ];
}

function counter(name: string, help: string, value: number): MetricFamily {
  return { name, type: "counter", help, samples: [{ value }] };
}
