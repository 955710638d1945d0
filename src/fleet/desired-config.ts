// The desired config: fetched, checked, tried on probation, kept or undone. A config that cuts the gateway off is undone by the gateway itself.
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { canonicalJson, type DesiredDocument, hashOf, openSecrets, parseDesired } from "./desired-document.ts";
import { type DesiredState, type DesiredStore, type DesiredVersion, NO_DESIRED, withoutCandidate } from "./desired-state.ts";
import { parseStrictJson } from "./strict-json.ts";

/** What a change can break, and what so has to be seen to work before it is kept. */
export interface ProbationNeeds {
  /** The way to the NOC. */
  readonly connectivity: boolean;
  /** Cameras and recordings. */
  readonly media: boolean;
}

export interface ConfigPort {
  /** What is wrong with a document as a whole, as the config says it; undefined: nothing. `doc` undefined: without a desired config. */
  check(doc: Readonly<Record<string, unknown>> | undefined): Promise<string | undefined>;
  /** Takes it from now on. Rejects where it cannot be had, and then the one of before runs. */
  apply(doc: Readonly<Record<string, unknown>> | undefined): Promise<void>;
  needsOf(doc: Readonly<Record<string, unknown>> | undefined, before: Readonly<Record<string, unknown>> | undefined): ProbationNeeds;
}

export interface ProbationChecks {
  /** Resolves when the broker has taken a message that was sent after the call. */
  confirmBroker(): Promise<void>;
  /** Whether the way out works at all, though the broker is not reached. */
  isElsewhereReachable(): Promise<boolean>;
  /** Whether the cameras that were live before the change are live, and are recorded. Called first just before the change, which it remembers. */
  noteMedia(): void;
  mediaHolds(): boolean;
}

export type DesiredStatus = "none" | "fetching" | "probation" | "applied" | "rejected" | "rolled_back";

export interface DesiredReport {
  /** Of the version that runs; 0: none. */
  readonly ver: number;
  readonly hash: string | null;
  readonly st: DesiredStatus;
  /** The version that `st` is about, where it is another one. */
  readonly about: number;
  readonly prev: number | null;
  readonly err: string | null;
  readonly bad: readonly number[];
  /** The highest version that ever held: the next one has to be above it. */
  readonly top: number;
}

export interface DesiredConfigOptions {
  readonly store: DesiredStore;
  readonly config: ConfigPort;
  readonly checks: ProbationChecks;
  /** The bytes at an https:// URL. */
  fetch(url: string, signal: AbortSignal): Promise<Buffer>;
  openSecret(sealed: string, field: string): string | undefined;
  /** Monotonic. */
  nowMs(): number;
  /** Rejects when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  report(report: DesiredReport): void;
  readonly log: Log;
}

const CONFIRM_PAUSE_MS = 30_000;
const RETRY_MS = 5000;
const MEDIA_MS = 60_000;
/** A broker that is down for everybody is no fault of the config: so long it is waited for. */
const MAX_EXTENSION_MS = 30 * 60_000;

export class DesiredConfig {
  readonly #options: DesiredConfigOptions;
  readonly #closing = new AbortController();
  #state: DesiredState = NO_DESIRED;
  #prev: number | null = null;
  #turn: Promise<void> = Promise.resolve();
  /** Of the version that is being tried. */
  #trial: AbortController | undefined;

  constructor(options: DesiredConfigOptions) {
    this.#options = options;
  }

  /** What was kept, applied: a version on probation is given up, since the gateway was stopped, or stopped itself, while it was tried. Never rejects. */
  async open(): Promise<void> {
    const { store, config, log } = this.#options;
    const kept = await store.load();
    this.#state = withoutCandidate(kept);
    if (kept.candidate !== null) {
      log.warn(`desired config ${kept.candidate.ver} was on probation when the gateway stopped: it is given up`);
      await this.#save(this.#state).catch((error: unknown) => log.error(errorText(error)));
    }
    const { committed } = this.#state;
    const doc = this.#openedCommitted();
    const failure =
      committed === null
        ? undefined
        : doc === undefined
          ? "its secrets cannot be opened"
          : await config.apply(doc).then(() => undefined, errorText);
    if (failure !== undefined) {
      log.error(`desired config ${committed?.ver} cannot be applied: ${failure}`);
      this.#report("rejected", committed?.ver ?? 0, failure);
    } else if (kept.candidate !== null) this.#report("rolled_back", kept.candidate.ver, "the gateway stopped during probation");
    else this.#report(this.#state.committed === null ? "none" : "applied", this.#state.committed?.ver ?? 0);
  }

  /** A document that the NOC holds ready. Resolves when it is dealt with; never rejects. */
  receive(text: string): Promise<void> {
    this.#turn = this.#turn.then(() => this.#receive(text)).catch((error: unknown) => this.#options.log.error(errorText(error)));
    return this.#turn;
  }

  /**
   * A document that is not to be looked at, e.g. because nobody signed it. `claim`: what it would say. The broker keeps what runs here also when the key that
   * signed it was replaced since: that is no other one.
   */
  refuse(fault: string, claim?: string): void {
    const parsed = claim === undefined ? { fault } : parseStrictJson(claim);
    const document = "fault" in parsed ? parsed : parseDesired(parsed.value);
    const { committed } = this.#state;
    const isKnown = !("fault" in document) && document.ver === committed?.ver && document.hash === committed.hash;
    if (isKnown) this.#report("applied", document.ver);
    else this.#reject(0, fault);
  }

  /** The version that is tried is left as it is on disk: the next start gives it up. */
  close(): void {
    this.#closing.abort();
    this.#trial?.abort();
  }

  async #receive(text: string): Promise<void> {
    const parsed = parseStrictJson(text);
    const document = "fault" in parsed ? parsed : parseDesired(parsed.value);
    if ("fault" in document) return this.#reject(0, document.fault);
    const { ver, hash, isForced, madeMs } = document;
    const { committed, bad, top = committed?.ver ?? 0, madeMs: newestMs = 0 } = this.#state;
    if (committed !== null && ver === committed.ver && hash === committed.hash) return this.#report("applied", ver);
    if (!isForced && ver <= top)
      return this.#reject(ver, `ver: ${ver} is not above ${top}, which ${top === committed?.ver ? "runs" : "ran"}`);
    // What was forced once would otherwise be good for ever, in the hands of whoever keeps it.
    if (isForced && madeMs === undefined) return this.#reject(ver, "ts: a version that is forced has to say when it was made");
    if (isForced && madeMs! <= newestMs) return this.#reject(ver, "ts: it was made before one that has held since");
    if (bad.some((one) => one.ver === ver && one.hash === hash)) return this.#reject(ver, "it failed before: send another version");
    const version = await this.#contentOf(document);
    if ("fault" in version) return this.#reject(ver, version.fault);
    await this.#try(version, document.probationSeconds, { top: Math.max(top, ver), madeMs: Math.max(newestMs, madeMs ?? 0) });
  }

  async #contentOf({ ver, hash, content }: DesiredDocument): Promise<DesiredVersion | { readonly fault: string }> {
    if ("doc" in content) return { ver, hash, doc: content.doc };
    this.#report("fetching", ver);
    const bytes = await this.#options.fetch(content.url, this.#closing.signal).catch((error: unknown) => errorText(error));
    if (typeof bytes === "string") return { fault: `url: ${bytes}` };
    if (hashOf(bytes) !== hash) return { fault: "sha256: what lies at the url has another hash" };
    const parsed = parseStrictJson(bytes.toString("utf8"));
    if ("fault" in parsed) return { fault: `url: ${parsed.fault}` };
    const doc = parsed.value;
    const isObject = typeof doc === "object" && doc !== null && !Array.isArray(doc);
    return isObject ? { ver, hash, doc: doc as DesiredVersion["doc"] } : { fault: "url: what lies there is no object with settings" };
  }

  /** `newest`: what holds of versions and their times once it is kept. */
  async #try(version: DesiredVersion, probationSeconds: number, newest: Pick<DesiredState, "top" | "madeMs">): Promise<void> {
    const { config, checks, log } = this.#options;
    const opened = openSecrets(version.doc, this.#options.openSecret);
    if ("fault" in opened) return this.#reject(version.ver, opened.fault);
    const fault = await config.check(opened.doc);
    if (fault !== undefined) return this.#reject(version.ver, fault);
    const before = this.#openedCommitted();
    const needs = config.needsOf(opened.doc, before);
    const isRisky = needs.connectivity || needs.media;
    if (needs.media) checks.noteMedia();
    // On disk first: if this config takes the gateway down, the next start does without it.
    await this.#save({ ...this.#state, candidate: version });
    try {
      await config.apply(opened.doc);
    } catch (error) {
      await this.#giveUp(version, `it cannot be applied: ${errorText(error)}`);
      return;
    }
    if (isRisky) {
      this.#report("probation", version.ver);
      this.#trial = new AbortController();
      const signal = AbortSignal.any([this.#closing.signal, this.#trial.signal]);
      const failure = await this.#watch(needs, probationSeconds * 1000, signal).catch(errorText);
      if (signal.aborted) return;
      if (failure !== undefined) {
        await this.#giveUp(version, failure);
        return;
      }
    }
    this.#prev = this.#state.committed?.ver ?? null;
    await this.#save({ ...this.#state, ...newest, committed: version, candidate: null });
    log.info(`desired config ${version.ver} is kept`);
    this.#report("applied", version.ver);
  }

  /** Why the version cannot stay; undefined: everything held. */
  async #watch(needs: ProbationNeeds, probationMs: number, signal: AbortSignal): Promise<string | undefined> {
    const startMs = this.#options.nowMs();
    const failures = await Promise.all([
      needs.connectivity ? this.#watchBroker(startMs, probationMs, signal) : undefined,
      needs.media ? this.#watchMedia(startMs, probationMs, signal) : undefined,
    ]);
    return failures.find((failure) => failure !== undefined);
  }

  async #watchBroker(startMs: number, probationMs: number, signal: AbortSignal): Promise<string | undefined> {
    const { checks, nowMs, sleep } = this.#options;
    let [confirmed, limitMs] = [0, probationMs];
    while (confirmed < 2 || nowMs() - startMs < probationMs) {
      // The last try does not outlast the probation by much: whoever waits for the gateway counts on that.
      const leftMs = startMs + limitMs - nowMs();
      const isTaken = await this.#isTaken(Math.min(Math.max(leftMs, RETRY_MS), CONFIRM_PAUSE_MS), signal);
      confirmed = isTaken ? confirmed + 1 : 0;
      if (!isTaken && nowMs() - startMs >= limitMs) {
        const mayWait = limitMs < MAX_EXTENSION_MS && (await checks.isElsewhereReachable());
        if (!mayWait) return "the broker is not reached with it";
        limitMs = Math.min(limitMs + CONFIRM_PAUSE_MS, MAX_EXTENSION_MS);
      }
      await sleep(isTaken ? CONFIRM_PAUSE_MS : RETRY_MS, signal);
    }
    return undefined;
  }

  /** Whether the broker takes a message, within the time of one try. */
  async #isTaken(withinMs: number, signal: AbortSignal): Promise<boolean> {
    const over = new AbortController();
    const late = this.#options.sleep(withinMs, AbortSignal.any([signal, over.signal])).then(
      () => false,
      () => false,
    );
    const taken = this.#options.checks.confirmBroker().then(
      () => true,
      () => false,
    );
    try {
      return await Promise.race([taken, late]);
    } finally {
      over.abort();
    }
  }

  async #watchMedia(startMs: number, probationMs: number, signal: AbortSignal): Promise<string | undefined> {
    const { checks, nowMs, sleep } = this.#options;
    while (!checks.mediaHolds()) {
      if (nowMs() - startMs >= MEDIA_MS) return "cameras that were live are not live with it, or are not recorded";
      await sleep(RETRY_MS, signal);
    }
    const leftMs = probationMs - (nowMs() - startMs);
    if (leftMs > 0) await sleep(leftMs, signal);
    return checks.mediaHolds() ? undefined : "cameras that were live stopped being live with it, or being recorded";
  }

  /** Back to the version of before. */
  async #giveUp(version: DesiredVersion, reason: string): Promise<void> {
    const { config, log } = this.#options;
    log.warn(`desired config ${version.ver} is given up: ${reason}`);
    await config
      .apply(this.#openedCommitted())
      .catch((error: unknown) => log.error(`the config of before cannot be applied: ${errorText(error)}`));
    await this.#save(withoutCandidate({ ...this.#state, candidate: version }));
    this.#report("rolled_back", version.ver, reason);
  }

  #openedCommitted(): Readonly<Record<string, unknown>> | undefined {
    const { committed } = this.#state;
    const opened = committed === null ? undefined : openSecrets(committed.doc, this.#options.openSecret);
    return opened === undefined || "fault" in opened ? undefined : opened.doc;
  }

  #reject(ver: number, fault: string): void {
    this.#options.log.warn(`a desired config is refused: ${fault}`);
    this.#report("rejected", ver, fault);
  }

  #report(st: DesiredStatus, about: number, err: string | null = null): void {
    const { committed, bad, top } = this.#state;
    const ver = committed?.ver ?? 0;
    const hash = committed?.hash ?? null;
    this.#options.report({ ver, hash, st, about, prev: this.#prev, err, bad: bad.map((one) => one.ver), top: top ?? ver });
  }

  async #save(state: DesiredState): Promise<void> {
    await this.#options.store.save(state);
    this.#state = state;
  }
}

/** For whoever makes documents. */
export function desiredHash(doc: unknown): string {
  return hashOf(canonicalJson(doc));
}
