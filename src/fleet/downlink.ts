// What comes down: each topic to whoever knows what to do with it. What is not the contract's is counted and forgotten.
import type { CommandMessage } from "./command-intake.ts";
import type { IncomingMessage } from "./mqtt-connection.ts";
import { parseStrictJson } from "./strict-json.ts";
import { NOC_STATE_TOPIC, type Topics } from "./topics.ts";

/** A document that the broker keeps for this gateway: what is wanted of it. */
export interface RetainedDocument {
  /** Empty: there is none any more. */
  readonly payload: Buffer;
}

export interface TimeMessage {
  readonly payload: Buffer;
  /** The broker kept it: it is of another time. */
  readonly isRetained: boolean;
}

/** The broker may forget a message when its promise resolves. None may reject. */
export interface DownlinkHandlers {
  command(message: CommandMessage): Promise<void>;
  /** The desired config; absent: this gateway takes none. */
  config?(document: RetainedDocument): Promise<void>;
  /** The next job; absent: this gateway takes none. */
  job?(document: RetainedDocument): Promise<void>;
  time?(message: TimeMessage): Promise<void>;
  /** Whether the NOC takes in what is sent. */
  nocState(isOnline: boolean): void;
}

const MAX_NOC_STATE_BYTES = 4096;

export class Downlink {
  /** Messages that were nothing of the contract. */
  ignored = 0;
  readonly #topics: Topics;
  readonly #handlers: DownlinkHandlers;

  constructor(topics: Topics, handlers: DownlinkHandlers) {
    this.#topics = topics;
    this.#handlers = handlers;
  }

  /** Resolves when the broker may forget it. */
  async receive({ topic, payload, isRetained, responseTopic }: IncomingMessage): Promise<void> {
    const { command, config, job, time } = this.#handlers;
    const isBroadcast = topic === this.#topics.fleetCommands;
    if (isBroadcast || topic === this.#topics.down("cmd"))
      await command({ payload, isRetained, isBroadcast, responseTopic: this.#topics.responseTopic(responseTopic) });
    else if (topic === this.#topics.down("cfg") && config !== undefined) await config({ payload });
    else if (topic === this.#topics.down("job") && job !== undefined) await job({ payload });
    else if (topic === this.#topics.down("time") && time !== undefined) await time({ payload, isRetained });
    else if (topic === NOC_STATE_TOPIC) this.#receiveNocState(payload);
    else this.ignored++;
  }

  /** An empty one says that nobody tells any more: then the NOC counts as there. */
  #receiveNocState(payload: Buffer): void {
    if (payload.length === 0) {
      this.#handlers.nocState(true);
      return;
    }
    const parsed = payload.length > MAX_NOC_STATE_BYTES ? { fault: "too large" } : parseStrictJson(payload.toString("utf8"));
    const isOnline = "value" in parsed ? (parsed.value as { readonly online?: unknown } | null)?.online : undefined;
    if (typeof isOnline === "boolean") this.#handlers.nocState(isOnline);
    else this.ignored++;
  }
}
