// What the NOC wants of the gateway, as a part of it: the desired config and the next job. It outlives the link, which a desired config may lead elsewhere.
import { request } from "node:https";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deferred } from "#base/deferred.ts";
import { CallerFault, errorText } from "#base/errors.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";
import type { Config } from "#config/config.ts";
import { desiredLayer } from "#config/desired-layer.ts";
import { DesiredConfig, type DesiredReport } from "#fleet/desired-config.ts";
import { DesiredStore } from "#fleet/desired-state.ts";
import { type DeviceKeys, openDeviceKeys } from "#fleet/device-keys.ts";
import { derivedGatewayId } from "#fleet/gateway-id.ts";
import { JobRunner, type KeptJob, type KnownJob } from "#fleet/job-runner.ts";
import { CONFIG_SEAL_INFO, openSecret } from "#fleet/sealed-secret.ts";
import type { GatewayContext } from "./context.ts";
import { jobOperationsOf } from "./jobs.ts";
import { MediaWatch } from "./media-watch.ts";
import type { RunningPart } from "./part.ts";

/** What the link hands over: texts whose signatures were checked. */
export interface GatewayNoc {
  /** What was kept is applied, the first time; called once the gateway runs. Never rejects. */
  begin(): Promise<void>;
  /** Never rejects. */
  desire(text: string): void;
  /** Why a document is refused before it is looked at, and what it would say. */
  refuse(reason: string, claim: string | undefined): void;
  job(text: string): void;
  /** The job that must not be cut off now; undefined: there is none. */
  readonly jobAtWork: string | undefined;
  /** The one at hand, then the last ones. */
  readonly jobs: readonly KnownJob[];
  /** For a birth: what is reported of the config, again. */
  readonly report: DesiredReport | undefined;
  /** Which desired config runs, or ran before the start; version 0: none. */
  readonly config: { readonly ver: number; readonly hash: string | null };
  tell(): void;
}

const MAX_DOCUMENT_BYTES = 1 << 20;
const MAX_JOB_BYTES = 256 * 1024;
const FETCH_MS = 30_000;
/** Settings that no camera and no recording depends on. */
const HARMLESS = /^(?:log|sysLog|api|metrics|pprof|mqtt$)/;

type Doc = Readonly<Record<string, unknown>>;

export async function start(context: GatewayContext, { global }: Config): Promise<RunningPart> {
  const { fs, clock, live } = context;
  const log = context.log.child("NOC");
  const directory = join(resolve(global.dataDirectory), "fleet");
  // Without them there is no link either, which tries to have them, and a gateway is a gateway still.
  const found = await openDeviceKeys(fs, directory).catch(
    (error: unknown) => void log.warn(`no secret can be opened: ${errorText(error)}`),
  );
  const keysNow = (): DeviceKeys | undefined => found ?? context.fleet?.keys;
  const media = new MediaWatch(context);
  let report: DesiredReport | undefined;
  const tell = (): Promise<void> => {
    const { fleet } = context;
    if (fleet === undefined || fleet.isClosing || report === undefined) return Promise.reject(new Error("there is no link"));
    return fleet.uplink.say({ topic: "cfg", body: { ...report }, retain: true });
  };
  const store = new DesiredStore(fs, join(directory, "desired.json"));
  const { committed } = await store.load();
  const desired = new DesiredConfig({
    store,
    config: {
      check: async (doc) => {
        const layer = layerOf(doc);
        return "fault" in layer ? layer.fault : live.desiredFault(layer.layer);
      },
      apply: (doc) => {
        const layer = layerOf(doc);
        return "fault" in layer ? Promise.reject(new CallerFault("invalid", layer.fault)) : live.takeDesired(layer.layer);
      },
      needsOf: (doc, before) => ({ connectivity: differs(doc, before, /^mqtt$/), media: differs(doc, before, undefined, HARMLESS) }),
    },
    checks: {
      confirmBroker: tell,
      // Nothing in a config leads the link elsewhere but the brokers themselves: one that is not reached is the config's fault.
      isElsewhereReachable: async () => false,
      noteMedia: () => media.note(),
      mediaHolds: () => media.holds(),
    },
    fetch: fetchDocument,
    openSecret: (sealed, field) => {
      const keys = keysNow();
      return keys && openSecret(sealed, keys.sealing, { info: CONFIG_SEAL_INFO, aad: field });
    },
    nowMs: () => clock.nowUs() / 1000,
    sleep: (ms, signal) => sleep(ms, undefined, { signal, ref: false }),
    report: (next) => {
      noteReport(context, report, next);
      report = next;
      tell().catch(() => {}); // without a link the birth tells it
    },
    log,
  });
  const jobs = new JobRunner({
    get gatewayId() {
      const keys = keysNow();
      return global.mqtt.gatewayId || (keys === undefined ? "" : derivedGatewayId(keys.identity));
    },
    zoneMinutes: (utcMs) => -new Date(utcMs).getTimezoneOffset(),
    operations: jobOperationsOf(context),
    store: {
      load: async () => {
        const bytes = await readSmallFile(fs, join(directory, "job.json"), MAX_JOB_BYTES).catch(() => undefined);
        return bytes === undefined ? undefined : parseKept(bytes);
      },
      save: (job) => replaceFile(fs, join(directory, "job.json"), Buffer.from(JSON.stringify(job))),
    },
    utcMs: () => clock.utcOf(clock.nowUs()).utcUs / 1000,
    isTimeSet: () => clock.utcOf(clock.nowUs()).quality !== "none",
    isTimeTrusted: () => clock.keeper?.isTrusted === true,
    sleep: (ms, signal) => sleep(ms, undefined, { signal, ref: false }),
    update: (update) => {
      const { fleet, audit } = context;
      if (update.e !== null || update.st === "ok") audit?.note({ who: "the NOC", op: "job", data: { job: update.job, st: update.st } });
      const happened = { bootCounter: clock.keeper?.bootCounter ?? 0, monoUs: clock.nowUs() };
      fleet?.uplink.add(1, { topic: "job", happened, body: { ...update } }).catch((error: unknown) => log.warn(errorText(error)));
    },
    ended: () => context.fleet?.tellInfo(),
    log,
  });
  // What the broker hands over before is dealt with behind what was kept: it may be the same.
  const begun = deferred<void>();
  let beginning: Promise<void> | undefined;
  const begin = async (): Promise<void> => {
    await desired.open();
    await jobs.open();
    if (jobs.known.length > 0) context.fleet?.tellInfo(); // which may have been told without them
    begun.resolve();
  };
  context.noc = {
    begin() {
      beginning ??= begin();
      return beginning;
    },
    desire: (text) => void begun.promise.then(() => desired.receive(text)),
    refuse: (reason, claim) => void begun.promise.then(() => desired.refuse(reason, claim)),
    job: (text) => void begun.promise.then(() => jobs.receive(text)),
    get jobs() {
      return jobs.known;
    },
    get jobAtWork() {
      return jobs.atWork;
    },
    get report() {
      return report;
    },
    get config() {
      return { ver: report?.ver ?? committed?.ver ?? 0, hash: report === undefined ? (committed?.hash ?? null) : report.hash };
    },
    tell: () => void tell().catch(() => {}),
  };
  return {
    async close() {
      context.noc = undefined;
      desired.close();
      jobs.close();
      await jobs.idle();
    },
  };
}

/** Of what became of a desired config; that one runs since before the start is no news. */
function noteReport({ audit }: GatewayContext, before: DesiredReport | undefined, { st, about }: DesiredReport): void {
  if (before === undefined && st === "applied") return;
  if (["applied", "rejected", "rolled_back"].includes(st) && (before?.st !== st || before.about !== about))
    audit?.note({ who: "the NOC", op: "config.desired", data: { st, ver: about } });
}

function layerOf(doc: Doc | undefined): ReturnType<typeof desiredLayer> | { readonly layer: undefined } {
  return doc === undefined ? { layer: undefined } : desiredLayer(doc);
}

/** Whether two documents differ in keys that match, and are none of `except`. */
function differs(doc: Doc = {}, before: Doc = {}, match = /^/, except?: RegExp): boolean {
  const keys = new Set([...Object.keys(doc), ...Object.keys(before)]);
  return [...keys].some((key) => match.test(key) && except?.test(key) !== true && JSON.stringify(doc[key]) !== JSON.stringify(before[key]));
}

function parseKept(bytes: Buffer): KeptJob | undefined {
  try {
    const kept = JSON.parse(bytes.toString("utf8")) as KeptJob;
    const isKept = typeof kept.text === "string" && typeof kept.step === "number" && (kept.done === undefined || Array.isArray(kept.done));
    return isKept ? kept : undefined;
  } catch {
    return undefined;
  }
}

function fetchDocument(url: string, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { signal, timeout: FETCH_MS }, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        reject(new Error(`the server answered ${response.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      response.on("data", (chunk: Buffer) => {
        sizeBytes += chunk.length;
        chunks.push(chunk);
        if (sizeBytes > MAX_DOCUMENT_BYTES) asked.destroy(new Error(`the document is larger than ${MAX_DOCUMENT_BYTES} bytes`));
      });
      response.on("end", () => resolve(Buffer.concat(chunks)));
      response.on("error", reject);
    });
    asked.on("timeout", () => asked.destroy(new Error("the server does not answer")));
    asked.on("error", reject);
    asked.end();
  });
}
