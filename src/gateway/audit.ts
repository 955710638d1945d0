// The audit log, as a part of the gateway: kept where there is a NOC, or the gateway is an appliance. What others note comes to it from them.
import { join, resolve } from "node:path";
import { version } from "#base/version.ts";
import type { Config } from "#config/config.ts";
import type { AuditNote } from "#control/audit-lines.ts";
import { AuditLog } from "#control/audit-log.ts";
import type { AuthRequest } from "#control/auth/access-question.ts";
import type { GatewayEvent } from "#control/event-bus.ts";
import { RateLimit } from "#fleet/rate-limit.ts";
import { configChanges } from "./config-changes.ts";
import type { GatewayContext } from "./context.ts";
import type { RunningPart } from "./part.ts";

/** What has to do with who may come in, and may be done from outside again and again. */
const EVENTS = new Set(["cmd.denied", "sec.auth", "sec.ban"]);
const STRANGERS = { burst: 20, everyMs: 10_000 };
/** Whoever comes again within that is not noted again. */
const LOGIN_MS = 3_600_000;
const MAX_LOGINS = 1024;

/** What others have of it. */
export interface GatewayAudit {
  readonly log: AuditLog;
  note(note: AuditNote): void;
  /** Somebody was let in. */
  onGrant(request: AuthRequest, user: string): void;
}

export async function start(context: GatewayContext, config: Config): Promise<RunningPart> {
  const { fs, clock, events } = context;
  await clock.keep(config);
  const log = await AuditLog.open({
    fs,
    directory: join(resolve(config.global.dataDirectory), "audit"),
    stamp: () => {
      const nowUs = clock.nowUs();
      const { utcUs, quality } = clock.utcOf(nowUs);
      return { ts: Math.round(utcUs / 1000), tq: quality, boot: clock.keeper?.bootCounter ?? 0, mono: Math.round(nowUs / 1000) };
    },
    log: context.log.child("audit"),
  });
  const nowMs = (): number => clock.nowUs() / 1000;
  const strangers = new RateLimit(STRANGERS, nowMs());
  const logins = new Map<string, number>();
  const audit: GatewayAudit = {
    log,
    note: (note) => log.note(note),
    onGrant({ action, path, remote, protocol }, user) {
      if (user === "") return;
      const key = JSON.stringify([user, remote.address, action, path]);
      const isKnown = nowMs() - (logins.get(key) ?? Number.NEGATIVE_INFINITY) < LOGIN_MS;
      if (isKnown) return;
      logins.delete(key);
      logins.set(key, nowMs());
      if (logins.size > MAX_LOGINS) logins.delete(logins.keys().next().value!);
      log.note({ who: `${user}, ${remote.address}`, op: "login", ...(path !== "" && { cam: path }), data: { action, protocol } });
    },
  };
  const onEvent = ({ type, data }: GatewayEvent): void => {
    if (EVENTS.has(type) && strangers.take(nowMs())) log.note({ who: "a stranger", op: type, data });
  };
  const closing = new AbortController();
  events.bus.onEvent(onEvent, closing.signal);
  context.audit = audit;
  log.note({ who: "the gateway", op: "start", data: { version } });
  let before = config;
  return {
    update(next) {
      const changed = configChanges(before, next);
      before = next;
      if (changed.length > 0) log.note({ who: "the gateway", op: "config", data: { changed } });
    },
    async close() {
      closing.abort();
      if (context.audit === audit) context.audit = undefined;
      log.note({ who: "the gateway", op: "stop" });
      await log.close();
    },
  };
}
