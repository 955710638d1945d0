// What a site's path hands to its readers of packets, seen from inside: what a player is to be compared with.
import type { Reader } from "#relay/reader.ts";
import type { Unit } from "#relay/unit.ts";
import type { Site } from "../rtsp-site.ts";

/** The units of `path` from now on, growing; before them the open GOP. Rejects when the path has no stream. */
export async function watchUnits(site: Site, path: string): Promise<readonly Unit[]> {
  const units: Unit[] = [];
  const reader: Reader = { name: "watch", wants: () => "packets", onUnit: (unit) => void units.push(unit), onEnd: () => {} };
  const request = { action: "read", path, protocol: "rtsp", query: "", id: "", credentials: { kind: "none" } } as const;
  const remote = { address: "127.0.0.1", port: 0 };
  const lease = await site.registry.openForRead({ ...request, remote }, reader, { type: "rtspSession", id: "watch" });
  lease.start();
  return units;
}
