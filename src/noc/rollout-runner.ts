// Runs a rollout over the broker: hears what gateways say, sends and takes back, and keeps all that before it does it.
import { setTimeout as delay } from "node:timers/promises";
import { errorText } from "#base/errors.ts";
import type { IncomingMessage } from "#fleet/mqtt-connection.ts";
import { Topics } from "#fleet/topics.ts";
import { FleetView } from "./fleet-view.ts";
import { jobInSlot, jobNewsOf, jobPayload } from "./job-message.ts";
import type { BrokerAccess, NocConnection } from "./noc-connection.ts";
import type { Rollout } from "./rollout.ts";
import { fileNameOf } from "./rollout-plan.ts";
import { LOCK_EVERY_MS, type RolloutStore } from "./rollout-store.ts";
import type { Signer } from "./signing-keys.ts";
import { stayConnected } from "./steady-connection.ts";
import { USUAL_PART_MB, uploadGrant } from "./upload-grant.ts";

export interface RolloutRunnerOptions {
  readonly rollout: Rollout;
  /** Locked by the caller. */
  readonly store: RolloutStore;
  readonly access: BrokerAccess;
  /** Undefined: it goes unsigned. */
  readonly signer: Signer | undefined;
  /** Of the receiver, where the rollout has one. */
  readonly uploadKey: Buffer | undefined;
  /** After each change; must not throw. */
  onChange(): void;
  /** The broker was lost. */
  onTrouble(text: string): void;
}

const TICK_MS = 200;
/** What the broker keeps comes at once: when nothing came for so long there is no more. */
const QUIET_MS = 1000;
const SAVE_EVERY_MS = 1000;
/** Messages that the broker has not confirmed yet. */
const AT_ONCE = 10;
const TOPIC = /^cg\/v1\/[a-z0-9]+\/([a-z0-9-]+)\/(up|dn)\/([a-z]+)$/;

/** Until it is over, or the signal: then it is gone on with later. Rejects with a CallerFault where there is no broker at all, or another program took it. */
export async function runRollout(options: RolloutRunnerOptions, signal: AbortSignal): Promise<void> {
  const { access } = options;
  const run = new Run(options);
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const connected = stayConnected(access, run.link, both);
  const worked = run.work(both);
  try {
    await Promise.race([connected, worked]);
    stop.abort();
    await Promise.all([connected, worked]);
  } finally {
    stop.abort();
    await Promise.allSettled([connected, worked]);
    await run.save();
  }
}

class Run {
  readonly #options: RolloutRunnerOptions;
  readonly #view = new FleetView();
  readonly #topics: readonly string[];
  #connection: NocConnection | undefined;
  /** Monotonic. */
  #heardMs = 0;
  /** UTC, ms: since all that is kept is known. */
  #listeningMs: number | undefined;
  #savedMs = 0;
  #lockedMs = performance.now();
  /** Else another program has it, and what it knows. */
  #isOurs = true;

  constructor(options: RolloutRunnerOptions) {
    const { tenant } = options.rollout.state;
    this.#options = options;
    this.#topics = ["up/job", "up/info", "up/bulk", "up/state", "dn/job"].map((name) => `cg/v1/${tenant}/+/${name}`);
  }

  get link(): Parameters<typeof stayConnected>[1] {
    const { rollout, onTrouble } = this.#options;
    return {
      topics: this.#topics,
      random: Math.random,
      onMessage: (message) => this.#take(message),
      onUp: (connection) => {
        this.#connection = connection;
        this.#heardMs = performance.now();
      },
      onDown: (reason) => {
        this.#connection = undefined;
        this.#listeningMs = undefined;
        rollout.forget();
        onTrouble(`the broker is away: ${reason}`);
      },
    };
  }

  /** Resolves when it is over, or the signal is aborted. */
  async work(signal: AbortSignal): Promise<void> {
    const { rollout, store, onChange } = this.#options;
    while (!signal.aborted) {
      await delay(TICK_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      await this.#keepLock();
      const wish = await store.wish();
      if (wish !== undefined && rollout.state.st === "running") {
        if (wish === "pause") rollout.pause("by the operator");
        else rollout.cancel("by the operator");
      } else if (wish === "cancel" && rollout.state.st !== "cancelled") rollout.cancel("by the operator");
      if (this.#isListening()) {
        const isOver = await this.#step();
        if (isOver) {
          await this.save();
          await store.dropWish();
          onChange();
          return;
        }
      }
      if (rollout.isChanged && performance.now() - this.#savedMs > SAVE_EVERY_MS) {
        await this.save();
        onChange();
      }
    }
  }

  async save(): Promise<void> {
    const { rollout, store } = this.#options;
    this.#savedMs = performance.now();
    if (!rollout.isChanged || !this.#isOurs) return;
    rollout.isChanged = false;
    await store.save(rollout.state);
  }

  /** Known: what the broker keeps for the gateways, and who is there. */
  #isListening(): boolean {
    if (this.#connection === undefined) return false;
    if (this.#listeningMs === undefined && performance.now() - this.#heardMs > QUIET_MS) this.#listeningMs = Date.now();
    return this.#listeningMs !== undefined;
  }

  /** True: it is over, and nothing is left to take back. */
  async #step(): Promise<boolean> {
    const { rollout } = this.#options;
    const { send, clear } = rollout.step(Date.now(), this.#listeningMs!);
    if (send.length + clear.length > 0) {
      await this.save(); // first: whoever goes on after a crash knows what may have been sent
      try {
        await this.#publishAll(send, rollout.state.job);
        await this.#publishAll(clear, undefined);
      } catch (error) {
        if (!this.#isOurs) throw error;
        this.#options.onTrouble(errorText(error)); // done once more when the broker is there
        return false;
      }
      this.#options.onChange();
    }
    return rollout.state.st !== "running";
  }

  async #publishAll(gateways: readonly string[], job: string | undefined): Promise<void> {
    for (let at = 0; at < gateways.length; at += AT_ONCE) {
      await this.#keepLock();
      await Promise.all(gateways.slice(at, at + AT_ONCE).map((gateway) => this.#publish(gateway, job)));
    }
  }

  async #publish(gatewayId: string, job: string | undefined): Promise<void> {
    const { rollout, signer } = this.#options;
    const { tenant } = rollout.state;
    const identity = { tenant, gatewayId };
    const payload = job === undefined ? "" : jobPayload(this.#requestFor(gatewayId), identity, signer);
    const message = { topic: new Topics(identity).down("job"), payload, qos: 1, retain: true, contentType: "application/json" } as const;
    if (this.#connection === undefined) throw new Error("the broker is away");
    await this.#connection.publish(message);
    rollout.takeSlot(gatewayId, job);
  }

  #requestFor(gatewayId: string): Readonly<Record<string, unknown>> {
    const { rollout, uploadKey } = this.#options;
    const { request, receive, deadlineMs, graceMs } = rollout.state;
    if (receive === undefined || uploadKey === undefined) return request;
    const name = fileNameOf(receive.name, gatewayId);
    const dest = uploadGrant(uploadKey, { url: receive.url, name, untilMs: deadlineMs + graceMs, partMb: USUAL_PART_MB });
    return { ...request, args: { ...(request["args"] as object), dest } };
  }

  #take(message: IncomingMessage): void {
    const [, gateway, direction, kind] = TOPIC.exec(message.topic) ?? [];
    if (gateway === undefined || kind === undefined) return;
    if (message.isRetained) this.#heardMs = performance.now();
    const { rollout } = this.#options;
    if (direction === "dn") rollout.takeSlot(gateway, jobInSlot(message.payload));
    else if (kind === "state") this.#takeState(gateway, message);
    else for (const news of jobNewsOf(kind, message.payload)) rollout.takeNews(gateway, news);
  }

  #takeState(gateway: string, message: IncomingMessage): void {
    const { rollout } = this.#options;
    this.#view.take(message, performance.now());
    const site = this.#view.sites.get(`${rollout.state.tenant}/${gateway}`);
    rollout.takePresence(gateway, site?.online === true, Date.now());
  }

  async #keepLock(): Promise<void> {
    if (performance.now() - this.#lockedMs < LOCK_EVERY_MS) return;
    this.#lockedMs = performance.now();
    this.#isOurs = false;
    await this.#options.store.keepLock(Date.now());
    this.#isOurs = true;
  }
}
