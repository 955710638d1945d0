// Simulated cameras: the demo clip on one RTSP path each, read with a password as real cameras are.
import { SystemClock } from "#base/clock.ts";
import type { Authorize } from "#relay/access.ts";
import type { PathSource } from "#relay/path-options.ts";
import { loadClip } from "../clip/clip.ts";
import { type Site, startSite } from "../rtsp-site.ts";
import { ClipSource } from "./clip-source.ts";

const PLACES = ["gate", "yard", "dock", "lobby"];

export interface CamerasOptions {
  /** 0: any free one. */
  readonly port: number;
  readonly count: number;
  /** Checked by Digest; undefined: everybody may read. */
  readonly login: { readonly user: string; readonly pass: string } | undefined;
}

/** `gate`, `yard`, `dock`, `lobby`, `camera5`, … */
export function cameraNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => PLACES[i] ?? `camera${i + 1}`);
}

/** Starts them on one RTSP server on loopback, over TCP and UDP, each at another place of the clip. Rejects with the system's error. */
export async function startCameras({ port, count, login }: CamerasOptions): Promise<Site> {
  const clip = loadClip();
  const clock = new SystemClock();
  const names = cameraNames(count);
  const source = (index: number): PathSource => ({
    kind: "pull",
    type: "rtspSource",
    url: "clip",
    open: () => new ClipSource({ clip, clock, startFrame: Math.floor((index * clip.frames.length) / count) }),
    onDemand: undefined,
  });
  return await startSite({
    paths: Object.fromEntries(names.map((name, index) => [name, { source: source(index) }])),
    server: { address: { host: "127.0.0.1", port }, authMethods: ["digest"] },
    ...(login !== undefined && { authorize: onlyWith(login) }),
  });
}

function onlyWith({ user, pass }: NonNullable<CamerasOptions["login"]>): Authorize {
  return ({ credentials }) => {
    const right = credentials.kind === "digest" && credentials.verify(user, { plain: pass });
    if (right) return Promise.resolve({ allowed: true, user });
    return Promise.resolve({ allowed: false, challenge: credentials.kind === "none", delayMs: 0, reason: "wrong user or password" });
  };
}
