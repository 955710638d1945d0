// What is known of each site, from what gateways publish: for the table of `watch` and for metrics. Never throws at what comes.
import { parseStrictJson } from "#fleet/strict-json.ts";

type Json = Readonly<Record<string, unknown>>;

export interface SiteView {
  readonly tenant: string;
  readonly gatewayId: string;
  /** Undefined: only its telemetry was seen. */
  online: boolean | undefined;
  /** Of the last birth or death. */
  sid: string;
  sw: string | undefined;
  /** Why it came or went. */
  why: string | undefined;
  /** Of the last birth or death, UTC ms as the gateway knows it. */
  sinceMs: number | undefined;
  /** Monotonic, ms: when the last message came; undefined: none but what the broker kept. */
  seenMs: number | undefined;
  /** The last health document. */
  health: Json | undefined;
  /** The last report of its desired config. */
  config: Json | undefined;
  events: Record<"info" | "warn" | "crit", number>;
}

export interface SeenEvent {
  readonly site: SiteView;
  readonly event: Json;
}

const TOPIC = /^cg\/v1\/([a-z0-9]{2,16})\/([a-z0-9][a-z0-9-]{2,31})\/up\/(state|tel|evt|cfg|res|job|info)(?:\/|$)/;
const MAX_BYTES = 256 * 1024;
/** A fleet that is larger is not one of a console. */
const MAX_SITES = 200_000;
/** Events come at least once: so many ids are remembered. */
const MAX_IDS = 10_000;

export class FleetView {
  readonly sites = new Map<string, SiteView>();
  /** Messages that were nothing of the contract. */
  ignored = 0;
  readonly #ids = new Set<string>();
  readonly #onEvent: ((seen: SeenEvent) => void) | undefined;

  /** Each event once. */
  constructor(onEvent?: (seen: SeenEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** What `take` understands, below a tenant or of all. */
  static filters(tenant: string | undefined): readonly string[] {
    return ["state", "tel", "evt", "cfg"].map((name) => `cg/v1/${tenant ?? "+"}/+/up/${name}`);
  }

  /** `nowMs` is monotonic. */
  take(
    { topic, payload, isRetained }: { readonly topic: string; readonly payload: Buffer; readonly isRetained: boolean },
    nowMs: number,
  ): void {
    const [, tenant, gatewayId, kind] = TOPIC.exec(topic) ?? [];
    if (tenant === undefined || gatewayId === undefined) {
      this.ignored++;
      return;
    }
    const key = `${tenant}/${gatewayId}`;
    if (payload.length === 0) {
      if (kind === "state") this.sites.delete(key); // wiped
      return;
    }
    const parsed = payload.length > MAX_BYTES ? { fault: "too large" } : parseStrictJson(payload.toString("utf8"));
    const body = "value" in parsed && typeof parsed.value === "object" && parsed.value !== null ? (parsed.value as Json) : undefined;
    if (body === undefined || body["v"] !== 1 || (!this.sites.has(key) && this.sites.size >= MAX_SITES)) {
      this.ignored++;
      return;
    }
    const site = this.#site(key, tenant, gatewayId);
    if (!isRetained) site.seenMs = nowMs;
    if (kind === "state") takeState(site, body);
    else if (kind === "tel") site.health = body;
    else if (kind === "cfg") site.config = body;
    else if (kind === "evt") this.#takeEvent(site, body);
  }

  #site(key: string, tenant: string, gatewayId: string): SiteView {
    let site = this.sites.get(key);
    if (site === undefined) {
      site = { tenant, gatewayId, ...NOTHING, events: { info: 0, warn: 0, crit: 0 } };
      this.sites.set(key, site);
    }
    return site;
  }

  #takeEvent(site: SiteView, event: Json): void {
    const { id, sev } = event;
    if (typeof id !== "string" || id.length > 64 || this.#ids.has(id)) return;
    this.#ids.add(id);
    if (this.#ids.size > MAX_IDS) this.#ids.delete(this.#ids.values().next().value!);
    if (sev === "info" || sev === "warn" || sev === "crit") site.events[sev]++;
    this.#onEvent?.({ site, event });
  }
}

const NOTHING = {
  online: undefined,
  sid: "",
  sw: undefined,
  why: undefined,
  sinceMs: undefined,
  seenMs: undefined,
  health: undefined,
  config: undefined,
} as const;

function takeState(site: SiteView, { online, sid, sw, why, ts }: Json): void {
  if (typeof online !== "boolean" || typeof sid !== "string" || !/^[0-9a-f]{8}-[0-9a-f]{4}$/.test(sid)) return;
  if (!online && sid < site.sid) return; // §5: the will of a session that another one has followed
  site.online = online;
  site.sid = sid;
  site.why = typeof why === "string" ? why : undefined;
  site.sinceMs = typeof ts === "number" ? ts : undefined;
  if (typeof sw === "string") site.sw = sw;
}
