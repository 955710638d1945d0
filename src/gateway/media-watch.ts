// Whether a change of the config has hurt cameras or recordings: what was live before it is live after it, unless the config says otherwise.
import type { GatewayContext } from "./context.ts";
import { entryOf } from "./paths.ts";

export class MediaWatch {
  readonly #context: GatewayContext;
  #live: readonly string[] = [];
  #recorded: readonly string[] = [];

  constructor(context: GatewayContext) {
    this.#context = context;
  }

  /** Takes down what is live and recorded now. */
  note(): void {
    const { registry, recording } = this.#context;
    const pulled = registry.list().filter((path) => path.state === "available" && path.conf.options.source.kind === "pull");
    this.#live = pulled.map(({ name }) => name);
    const recorders = recording?.recorders.list() ?? [];
    this.#recorded = recorders.filter(({ state }) => state.state === "recording").map(({ path }) => path);
  }

  /** Paths that the config has no more, pulls on demand or does not record are no loss. */
  holds(): boolean {
    const { registry, recording, config } = this.#context;
    const recordedNow = new Set(
      (recording?.recorders.list() ?? []).filter(({ state }) => state.state === "recording").map(({ path }) => path),
    );
    const isLive = (name: string): boolean => {
      const settings = entryOf(config, name)?.settings;
      if (settings === undefined || settings.sourceOnDemand || settings.source === "publisher") return true;
      return registry.get(name)?.state === "available";
    };
    const isRecorded = (name: string): boolean => entryOf(config, name)?.settings.record !== true || recordedNow.has(name);
    return this.#live.every(isLive) && this.#recorded.every(isRecorded);
  }
}
