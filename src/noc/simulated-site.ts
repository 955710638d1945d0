// A gateway without cameras: its link is the real one, with births, telemetry, commands, desired config, jobs and reconnects; what it tells of itself is made up.
import { setTimeout as delay } from "node:timers/promises";
import type { BootClock, UtcTime } from "#base/clock.ts";
import { monotonicUs } from "#base/clock.ts";
import { silentLog } from "#base/log.ts";
import { afterDelay } from "#base/schedule.ts";
import { supportUntil, version } from "#base/version.ts";
import { CommandTable } from "#control/command.ts";
import { CommandIntake } from "#fleet/command-intake.ts";
import { CommandJournal } from "#fleet/command-journal.ts";
import { DesiredConfig } from "#fleet/desired-config.ts";
import { DesiredStore } from "#fleet/desired-state.ts";
import { Downlink } from "#fleet/downlink.ts";
import { FleetLink, type LinkCredentials } from "#fleet/fleet-link.ts";
import { type SigningKeys, verifyJws } from "#fleet/jws.ts";
import { LINK_COMMAND_LIMITS, linkCommands } from "#fleet/link-commands.ts";
import { connectMqtt } from "#fleet/mqtt-connection.ts";
import { Outbox } from "#fleet/outbox.ts";
import { ReconnectPolicy } from "#fleet/reconnect-policy.ts";
import { SessionCounter } from "#fleet/session-counter.ts";
import { TelemetryFeed } from "#fleet/telemetry-feed.ts";
import { type GatewayIdentity, Topics } from "#fleet/topics.ts";
import { Uplink } from "#fleet/uplink.ts";
import { MemoryFs } from "./memory-fs.ts";
import { SimulatedHealth } from "./simulated-health.ts";
import { simulatedJobs } from "./simulated-jobs.ts";

export interface SimulatedSiteOptions {
  readonly identity: GatewayIdentity;
  readonly url: string;
  readonly cameras: number;
  readonly intervalMs: number;
  readonly reconnectCapMs: number;
  /** Whose commands and configs it takes; none: it trusts the broker. */
  readonly keys: SigningKeys | undefined;
  credentials(): Promise<LinkCredentials>;
  readonly random: () => number;
  /** After each birth. Must not throw. */
  onBorn(): void;
  /** It has no connection, or lost it: why. Must not throw. */
  onTrouble(text: string): void;
}

const BOOT_ID = "00000000-0000-4000-8000-000000000000";

/** Times as this machine has them, which is believed to be right. */
function simulatedClock(bootCounter: number) {
  const utcOf = (stampUs: number): UtcTime => ({ utcUs: Date.now() * 1000 - (monotonicUs() - stampUs), quality: "ntp", errorMs: 1 });
  const clock: Pick<BootClock, "nowUs" | "utcOf" | "utcOfStamp" | "bootCounter"> = {
    bootCounter,
    nowUs: monotonicUs,
    utcOf,
    utcOfStamp: ({ monoUs }) => utcOf(monoUs),
  };
  return clock;
}

export class SimulatedSite {
  readonly #link: FleetLink;
  readonly #end: () => Promise<void>;

  private constructor(link: FleetLink, end: () => Promise<void>) {
    this.#link = link;
    this.#end = end;
  }

  /** It connects, and connects again, until it is closed. */
  static async start(options: SimulatedSiteOptions): Promise<SimulatedSite> {
    const { identity, intervalMs, random, keys } = options;
    const [fs, log, topics] = [new MemoryFs(), silentLog, new Topics(identity)];
    // A simulation that is started again is a later boot of the same gateways.
    const bootCounter = Math.floor(Date.now() / 1000) % 0xffffffff;
    const clock = simulatedClock(bootCounter);
    const nowMs = (): number => clock.nowUs() / 1000;
    const happenedAt = (ms: number) => ({ bootCounter, monoUs: ms * 1000 });
    const outbox = await Outbox.open({ fs, directory: "/outbox", log });
    const sessions = await SessionCounter.open({ fs, path: "/session", bootCounter, log });
    const journal = await CommandJournal.open(fs, "/cmd.log");
    const uplink = new Uplink({ topics, outbox, log, happened: () => happenedAt(nowMs()), random, schedule: afterDelay });
    const policy = new ReconnectPolicy({ capMs: options.reconnectCapMs, random });
    const commands = linkCommands({
      nowMs,
      utcMs: Date.now,
      rebirth: () => link.rebirth(),
      cancel: (id) => intake.cancel(id),
      setWindow: (window) => {
        policy.window = window;
      },
    });
    const intake: CommandIntake = new CommandIntake({
      commands: new CommandTable([...commands]),
      journal,
      trust: keys === undefined ? "broker" : "signed",
      keys: () => keys ?? new Map(),
      audience: `${identity.tenant}/${identity.gatewayId}`,
      bootId: BOOT_ID,
      runId: BOOT_ID,
      nowMs,
      utcNow: () => clock.utcOf(clock.nowUs()),
      limits: LINK_COMMAND_LIMITS,
      log,
      random,
      answer: (topic, answer, isTerminal) => {
        const upload = { topic: "res", to: topic, body: { ...answer }, ...(answer.id !== null && { correlation: answer.id }) } as const;
        const sent = isTerminal ? uplink.add(0, { ...upload, happened: happenedAt(nowMs()) }) : uplink.say(upload);
        sent.catch(() => {}); // the connection went: who asked, asks again
      },
      denied: () => {},
    });
    const desired = new DesiredConfig({
      store: new DesiredStore(fs, "/desired.json"),
      // There are no settings here, so any are good; `simulatedFault` stands for those that are not.
      config: {
        check: async (doc) => (typeof doc?.["simulatedFault"] === "string" ? doc["simulatedFault"] : undefined),
        apply: async () => {},
        needsOf: () => ({ connectivity: false, media: false }),
      },
      checks: { confirmBroker: async () => {}, isElsewhereReachable: async () => true, noteMedia: () => {}, mediaHolds: () => true },
      fetch: () => Promise.reject(new Error("a simulated gateway fetches nothing")),
      openSecret: () => "",
      nowMs,
      sleep: (ms, signal) => delay(ms, undefined, { signal }),
      report: (report) => void uplink.say({ topic: "cfg", body: { ...report }, retain: true }).catch(() => {}), // told again after the next birth
      log,
    });
    const open = (payload: Buffer): string | undefined => {
      const text = payload.toString("utf8");
      const verdict = keys === undefined || text === "" ? { payload: unsignedPayload(text) } : verifyJws(text, keys);
      return "payload" in verdict ? verdict.payload : undefined;
    };
    const jobs = simulatedJobs({
      gatewayId: identity.gatewayId,
      random,
      update: (update) => void uplink.add(1, { topic: "job", happened: happenedAt(nowMs()), body: { ...update } }).catch(() => {}),
      ended: () => tellInfo(),
    });
    const tellInfo = (): void => {
      const body = {
        sw: `${version}+simulated`,
        support_until: supportUntil,
        ops: commands.map(({ name }) => name),
        cams: {},
        jobs: jobs.known,
      };
      uplink.say({ topic: "info", body, retain: true }).catch(() => {}); // told again after the next birth
    };
    const downlink = new Downlink(topics, {
      command: (message) => intake.receive(message),
      config: async ({ payload }) => {
        const text = open(payload);
        if (text !== undefined && text !== "") await desired.receive(text);
      },
      job: async ({ payload }) => {
        const text = open(payload);
        if (text !== undefined) jobs.receive(text);
      },
      nocState: (isOnline) => {
        uplink.isPaused = !isOnline;
      },
    });
    const health = new SimulatedHealth(options.cameras, random, nowMs());
    const read = async () => health.read(nowMs(), Date.now());
    const telemetry = new TelemetryFeed({ uplink, intervalMs: () => intervalMs, read, happenedAt, nowMs, schedule: afterDelay, log });
    const link: FleetLink = new FleetLink({
      urls: [options.url],
      protocol: "auto",
      clientId: identity.gatewayId,
      topics,
      connect: connectMqtt,
      uplink,
      sessions,
      policy,
      clock,
      schedule: afterDelay,
      log: { ...log, warn: options.onTrouble },
      credentials: options.credentials,
      birth: async () => ({ boot_id: BOOT_ID, sw: `${version}+simulated`, dirty: false }),
      onMessage: (message) => downlink.receive(message),
      onBorn: () => {
        options.onBorn();
        tellInfo();
        telemetry.sendNow();
        void desired.open();
      },
    });
    link.start();
    return new SimulatedSite(link, async () => {
      telemetry.close();
      intake.close();
      desired.close();
      jobs.close();
      await jobs.idle();
      await link.close("shutdown");
      await outbox.close();
      await journal.close();
    });
  }

  get isConnected(): boolean {
    return this.#link.status.url !== undefined;
  }

  /** Resolves when it has said good-bye. */
  close(): Promise<void> {
    return this.#end();
  }
}

/** Of a JWS whose signature nobody here can check, or the text itself. */
function unsignedPayload(text: string): string {
  const parts = text.split(".");
  return /^[\w.-]+$/.test(text) && parts.length === 3 ? Buffer.from(parts[1]!, "base64url").toString("utf8") : text;
}
