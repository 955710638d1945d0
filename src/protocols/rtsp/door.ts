// What a RTSP server needs of the path registry, the one door to paths. The inlet has a door of its own.
import type { PathRegistry } from "#relay/path-registry.ts";

export type RtspDoor = Pick<
  PathRegistry,
  "describe" | "honour" | "openForRead" | "openForPublish" | "permit" | "permitPublish" | "makeStream"
>;
