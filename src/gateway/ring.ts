// The SD ring, as a part of the gateway: what it takes from the config, and what the log tells of it.

import { join, resolve } from "node:path";
import type { Log } from "#base/log.ts";
import type { Config, PathEntry } from "#config/config.ts";
import type { Share } from "#config/setting.ts";
import { type CameraQuota, DEFAULT_QUOTA } from "#record/ring/allocator.ts";
import { Ring, type RingSettings } from "#record/ring/ring.ts";
import type { RingEvent } from "#record/ring/ring-event.ts";
import type { WearReport } from "#record/ring/wear.ts";
import type { GatewayContext } from "./context.ts";
import type { RunningPart } from "./part.ts";
import { entryOf } from "./paths.ts";

/** A disk that hangs does not keep the gateway from stopping. */
const CLOSE_TIMEOUT_MS = 10_000;

/** Rejects with a StartFault when another process has the ring. */
export async function start(context: GatewayContext, config: Config): Promise<RunningPart> {
  const clock = await context.clock.keep(config);
  const { directory, size } = config.global.ring;
  const log = context.log.child("ring");
  const ring: Ring = new Ring({
    fs: context.fs,
    directory: resolve(directory),
    clock,
    ...(size > 0 && { sizeBytes: size }),
    identityPath: join(resolve(config.global.dataDirectory), "ring-id"),
    settings: ringSettings(config, size),
    log,
    quotaOf: (path) => {
      const entry = entryOf(context.config, path);
      return entry && quotaOf(entry, context.config, bytesIn(ring));
    },
    onEvent: (event) => {
      if (event.type === "status" && event.status === "recording") {
        log.info(`recording to ${resolve(directory)}`);
        ring.configure(ringSettings(context.config, bytesIn(ring)));
        // The clock's anchors lie on the card, too: it tells its times in another gateway.
        void clock.addCopy(join(resolve(directory), "gwr1", "clk.log"));
      }
      tell(event, log);
      context.events.recording.onRing(event);
    },
  });
  await ring.start();
  context.ring = ring;
  return {
    update: (next) => ring.configure(ringSettings(next, bytesIn(ring))),
    async close() {
      await withPatience(ring.close(), log);
      context.ring = undefined;
    },
  };
}

/** 0 while it is not known. */
function bytesIn({ usage }: Ring): number {
  return usage === undefined ? 0 : usage.chunks * usage.chunkBytes;
}

function ringSettings({ global }: Config, sizeBytes: number): RingSettings {
  const { syncPeriod, lockedMax, tbw, wearPolicy } = global.ring;
  return {
    syncPeriodMs: syncPeriod,
    lockedShare: fractionOf(lockedMax, sizeBytes),
    lockCapPolicy: "reject",
    wear: { ratedTb: tbw === 0 ? undefined : tbw, policy: wearPolicy },
  };
}

/** `recordDeleteAfter` limits the ring only where somebody wrote it: its default is meant for files. */
function quotaOf({ name, settings }: PathEntry, config: Config, sizeBytes: number): CameraQuota {
  const { ringMinSpan, ringMaxSpan, ringMaxSize, recordDeleteAfter } = settings;
  const isWritten = [`paths.${name}.recordDeleteAfter`, "pathDefaults.recordDeleteAfter"].some(
    (field) => (config.origins.get(field)?.kind ?? "default") !== "default",
  );
  const maxMs = ringMaxSpan || (isWritten ? recordDeleteAfter : 0);
  const maxBytes = bytesOf(ringMaxSize, sizeBytes);
  return { ...DEFAULT_QUOTA, minMs: ringMinSpan, maxMs: maxMs || undefined, maxBytes: maxBytes || undefined };
}

function tell(event: RingEvent, log: Log): void {
  switch (event.type) {
    case "gap":
      log.warn(`path ${event.path}: footage is missing (${event.cause})`);
      return;
    case "stop":
      log.error(`path ${event.path} is not recorded: ${event.text}`);
      return;
    case "disk-slow":
      log.warn("the disk is slow: data is written less often");
      return;
    case "bad-chunk":
      log.warn(`chunk ${event.chunk} is given up: ${event.text}`);
      return;
    case "no-growth":
      log.warn(event.text);
      return;
    case "wear":
      tellWear(event.report, log);
      return;
    default:
      return;
  }
}

function tellWear({ level, used = 0, daysLeft }: WearReport, log: Log): void {
  const left = daysLeft === undefined ? "" : `, ${Math.round(daysLeft)} days are left at this pace`;
  const share = `${Math.round(used * 100)} % of what the card is rated for is written${left}`;
  if (level === "protect") log.warn(`${share}: from now on the first picture of each group is recorded, and sound`);
  else if (level === "warn") log.warn(share);
}

export function bytesOf(share: Share, ofBytes: number): number {
  return "bytes" in share ? share.bytes : (share.percent / 100) * ofBytes;
}

/** 1 where the whole is not known. */
function fractionOf(share: Share, ofBytes: number): number {
  if ("percent" in share) return share.percent / 100;
  return ofBytes === 0 ? 1 : Math.min(1, share.bytes / ofBytes);
}

/** Resolves when something is closed, or is given up. */
export async function withPatience(closed: Promise<void>, log: Log): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((done) => {
    timer = setTimeout(() => {
      log.error(`not closed after ${CLOSE_TIMEOUT_MS / 1000} s: the disk does not answer`);
      done();
    }, CLOSE_TIMEOUT_MS);
  });
  await Promise.race([closed, patience]);
  clearTimeout(timer);
}
