// The frames of a site's path, seen from inside: two ends of a relay are compared with each other.
import type { Reader } from "#relay/reader.ts";
import type { Unit } from "#relay/unit.ts";
import type { Site } from "./rtsp-site.ts";

export class WatchedFrames {
  readonly units: Unit[] = [];

  of(kind: string): string[] {
    return this.units.filter(({ track }) => track.kind === kind).map(({ frame }) => Buffer.concat(frame ?? []).toString("base64"));
  }

  /** As many frames in a row from here, and from there beginning with the same one; undefined: they are not there yet. */
  runIn(other: WatchedFrames, kind: string, count: number): { readonly ours: string[]; readonly theirs: string[] } | undefined {
    const [mine, all] = [this.of(kind), other.of(kind)];
    const at = mine.findIndex((frame) => all.includes(frame));
    if (at < 0) return undefined;
    const from = all.indexOf(mine[at]!);
    const [ours, theirs] = [mine.slice(at, at + count), all.slice(from, from + count)];
    return ours.length === count && theirs.length === count ? { ours, theirs } : undefined;
  }
}

/** The frames of `path` from now on; before them the open GOP. Rejects when the path has no stream. */
export async function watchFrames(site: Site, path: string): Promise<WatchedFrames> {
  const watched = new WatchedFrames();
  const reader: Reader = { name: "watch", wants: () => "frame", onUnit: (unit) => void watched.units.push(unit), onEnd: () => {} };
  const request = { action: "read", path, protocol: "rtsp", query: "", id: "", credentials: { kind: "none" } } as const;
  const remote = { address: "127.0.0.1", port: 0 };
  const lease = await site.registry.openForRead({ ...request, remote }, reader, { type: "rtspSession", id: "watch" });
  lease.start();
  return watched;
}
