// What happens at the gateway, for whoever wants to know: told at once, to each listener. Knows no feature.

export type EventSeverity = "info" | "warn" | "crit";

/** Something that happened at one instant is `new` and nothing more; what lasts is `new`, perhaps `update`, and `end`. */
export type EventPhase = "new" | "update" | "end";

export interface GatewayEvent {
  /** Two words of the MQTT contract: `cam.lost`. */
  readonly type: string;
  readonly severity: EventSeverity;
  readonly phase: EventPhase;
  /** Of what lasts: the same from its beginning to its end, and of nothing else meanwhile. */
  readonly condition?: string;
  /** The path that it is about. */
  readonly camera?: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Monotonic µs of when it happened; it may be told later. */
  readonly atUs: number;
}

/** Called in the middle of things: it must not throw, nor wait. */
export type EventListener = (event: GatewayEvent) => void;

export class EventBus {
  readonly #listeners = new Set<EventListener>();

  readonly emit: EventListener = (event) => {
    for (const listener of this.#listeners) listener(event);
  };

  onEvent(listener: EventListener, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }
}
