// The inlet that child processes publish to, for tests of sources that are such processes.
import { SystemClock } from "#base/clock.ts";
import { type Log, silentLog } from "#base/log.ts";
import { RtspInlet } from "#protocols/rtsp/inlet.ts";
import type { TestScope } from "./peers/run-peer.ts";

export function openInlet(scope: TestScope, options: { readonly readTimeoutMs?: number; readonly log?: Log } = {}): RtspInlet {
  const inlet = new RtspInlet({ clock: new SystemClock(), log: silentLog, readTimeoutMs: 10_000, ...options });
  scope.after(() => inlet.close());
  return inlet;
}
