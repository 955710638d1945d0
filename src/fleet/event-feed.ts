// Events as the NOC gets them: each with an id of its own that it keeps, those of one condition tied together, and never more than can be read.
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Schedule } from "#base/schedule.ts";
import type { GatewayEvent } from "#control/event-bus.ts";
import type { Happened } from "./envelope.ts";
import { EventLimiter } from "./event-limiter.ts";
import type { OpenConditions } from "./open-conditions.ts";
import { ulid } from "./ulid.ts";
import type { Uplink } from "./uplink.ts";

export interface EventFeedOptions {
  readonly uplink: Pick<Uplink, "add">;
  readonly conditions: OpenConditions;
  readonly log: Log;
  nowMs(): number;
  /** Of a monotonic time of this boot, in µs: UTC, ms since 1970. */
  utcMs(atUs: number): number;
  happenedAt(atUs: number): Happened;
  readonly schedule: Schedule;
}

/** After so long it is told how many were left out. */
const SUPPRESSED_MS = 60_000;

export class EventFeed {
  readonly #options: EventFeedOptions;
  readonly #limiter: EventLimiter;
  #cancel: (() => void) | undefined;

  constructor(options: EventFeedOptions) {
    this.#options = options;
    this.#limiter = new EventLimiter(options.nowMs());
  }

  readonly onEvent = (event: GatewayEvent): void => {
    const { nowMs, conditions, utcMs } = this.#options;
    const begun = event.condition === undefined ? undefined : conditions.get(event.condition);
    // What began before this process did, and was told: it goes on.
    const phase = event.phase === "new" && begun !== undefined ? "update" : event.phase;
    // An end without a beginning that was told: there is nothing to end.
    if (event.condition !== undefined && begun === undefined && phase !== "new") return;
    const isEnd = phase === "end";
    if (!isEnd && !this.#limiter.admit(event.type, nowMs())) {
      this.#cancel ??= this.#options.schedule(() => this.#tellSuppressed(), SUPPRESSED_MS);
      return;
    }
    const id = ulid(utcMs(event.atUs));
    if (event.condition !== undefined && phase === "new") conditions.begin(event.condition, id);
    if (event.condition !== undefined && isEnd) conditions.end(event.condition);
    const send = (): void => this.#send(event, { id, ph: phase, ...(begun !== undefined && { ref: begun }) });
    // Told only when it is kept: whoever was told of a beginning is told of its end, also after a crash in between.
    if (event.condition === undefined) send();
    else void conditions.saved().then(send);
  };

  /** What began before this process did, and has not come again by now, is over. */
  endInherited(): void {
    const { conditions, nowMs } = this.#options;
    for (const condition of conditions.inherited) {
      const [type = condition, ...rest] = condition.split(" ");
      const camera = rest.length > 0 && type.startsWith("cam.") ? { camera: rest.join(" ") } : {};
      this.onEvent({ type, severity: "info", phase: "end", condition, ...camera, data: { restart: true }, atUs: nowMs() * 1000 });
    }
  }

  close(): void {
    if (this.#cancel === undefined) return;
    this.#cancel();
    this.#tellSuppressed();
  }

  #tellSuppressed(): void {
    this.#cancel = undefined;
    const atUs = this.#options.nowMs() * 1000;
    for (const [type, n] of this.#limiter.takeSuppressed()) {
      const event = { type: "evt.suppressed", severity: "warn", phase: "new", data: { type, n }, atUs } as const;
      this.#send(event, { id: ulid(this.#options.utcMs(atUs)), ph: "new" });
    }
  }

  #send({ type, severity, camera, data, atUs }: GatewayEvent, { id, ph, ref }: { id: string; ph: string; ref?: string }): void {
    const { uplink, happenedAt, log } = this.#options;
    const body = { id, type, sev: severity, ph, ...(ref !== undefined && { ref }), ...(camera !== undefined && { cam: camera }), data };
    uplink.add(severity === "crit" ? 0 : 1, { topic: "evt", happened: happenedAt(atUs), body }).catch((error: unknown) => {
      log.warn(`an event is not kept: ${errorText(error)}`);
    });
  }
}
