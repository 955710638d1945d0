// The link to the NOC, as a part of the gateway: what it tells of the others, and what they do when it is told something.
import type { KeyObject } from "node:crypto";
import { join, resolve } from "node:path";
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { afterDelay } from "#base/schedule.ts";
import type { Config } from "#config/config.ts";
import { CommandTable } from "#control/command.ts";
import { CommandIntake } from "#fleet/command-intake.ts";
import { CommandJournal } from "#fleet/command-journal.ts";
import { type DeviceKeys, openDeviceKeys } from "#fleet/device-keys.ts";
import { Downlink } from "#fleet/downlink.ts";
import type { Happened } from "#fleet/envelope.ts";
import { type DeathReason, FleetLink } from "#fleet/fleet-link.ts";
import { derivedGatewayId } from "#fleet/gateway-id.ts";
import { InfoFeed } from "#fleet/info-feed.ts";
import type { SigningKeys } from "#fleet/jws.ts";
import { parseKeyFile } from "#fleet/key-file.ts";
import { LINK_COMMAND_LIMITS, linkCommands } from "#fleet/link-commands.ts";
import { readLinkFiles } from "#fleet/link-files.ts";
import { connectMqtt } from "#fleet/mqtt-connection.ts";
import { type OpenedDocument, openNocDocument } from "#fleet/noc-document.ts";
import { Outbox } from "#fleet/outbox.ts";
import { ReconnectPolicy } from "#fleet/reconnect-policy.ts";
import { SessionCounter } from "#fleet/session-counter.ts";
import { TelemetryFeed } from "#fleet/telemetry-feed.ts";
import { type GatewayIdentity, Topics } from "#fleet/topics.ts";
import { Uplink } from "#fleet/uplink.ts";
import type { GatewayContext } from "./gateway-context.ts";
import { GATEWAY_COMMAND_LIMITS, gatewayCommandsOf } from "./gateway-fleet-commands.ts";
import { birthOf, infoReader, telemetryOf } from "./gateway-fleet-documents.ts";
import { openFleetEvents } from "./gateway-fleet-events.ts";
import type { RunningPart } from "./gateway-part.ts";

/** What other parts have of the link. */
export interface GatewayFleet {
  readonly identity: GatewayIdentity;
  readonly keys: DeviceKeys;
  /** Where the link keeps what it has to remember. */
  readonly directory: string;
  readonly uplink: Uplink;
  readonly outbox: Outbox;
  readonly link: FleetLink;
  readonly sessions: SessionCounter;
  /** Why the gateway goes, when it goes: what the NOC is told last. */
  farewell: DeathReason;
  /** Resolves when nothing of it is left. */
  close(): Promise<void>;
}

const MAX_KEY_FILE_BYTES = 64 * 1024;

/**
 * Rejects where the gateway's keys cannot be had: it would be another one to the NOC. A link that runs under another config is closed first: two of them would
 * share a name and files.
 */
export async function start(context: GatewayContext, config: Config): Promise<RunningPart> {
  await context.fleet?.close();
  const { fs } = context;
  const { mqtt, dataDirectory } = config.global;
  const log = context.log.child("MQTT");
  const clock = await context.clock.keep(config);
  const directory = join(resolve(dataDirectory), "fleet");
  const keys = await openDeviceKeys(fs, directory);
  const identity = { tenant: mqtt.tenant, gatewayId: mqtt.gatewayId || derivedGatewayId(keys.identity) };
  const topics = new Topics(identity);
  const outbox = await Outbox.open({ fs, directory: join(directory, "outbox"), log });
  const sessions = await SessionCounter.open({ fs, path: join(directory, "session"), bootCounter: clock.bootCounter, log });
  const nowMs = (): number => clock.nowUs() / 1000;
  const happenedAt = (ms: number): Happened => ({ bootCounter: clock.bootCounter, monoUs: ms * 1000 });
  const uplink = new Uplink({ topics, outbox, log, happened: () => happenedAt(nowMs()), random: Math.random, schedule: afterDelay });
  const events = await openFleetEvents(context, { uplink, directory, sessions, clock, log });
  const policy = new ReconnectPolicy({ capMs: mqtt.reconnectCap, random: Math.random });
  const journal = await CommandJournal.open(fs, join(directory, "cmd.log"));
  const signingKeys = await readSigningKeys(context, config, log);
  const audience = `${identity.tenant}/${identity.gatewayId}`;
  const commands = new CommandTable([
    ...gatewayCommandsOf(context, (id, bytes) => uplink.sendBlob(id, bytes)),
    ...linkCommands({
      nowMs,
      utcMs: () => Math.round(clock.utcOf(clock.nowUs()).utcUs / 1000),
      rebirth: () => link.rebirth(),
      cancel: (id) => intake.cancel(id),
      setWindow: (window) => {
        policy.window = window;
      },
    }),
  ]);
  const intake: CommandIntake = new CommandIntake({
    commands,
    journal,
    trust: mqtt.commands,
    keys: () => signingKeys,
    audience,
    bootId: clock.bootId,
    nowMs,
    utcNow: () => clock.utcOf(clock.nowUs()),
    limits: new Map([...LINK_COMMAND_LIMITS, ...GATEWAY_COMMAND_LIMITS]),
    log,
    random: Math.random,
    answer: (topic, answer, isTerminal) => {
      const upload = { topic: "res", to: topic, body: { ...answer }, ...(answer.id !== null && { correlation: answer.id }) } as const;
      const sent = isTerminal ? uplink.add(0, { ...upload, happened: happenedAt(nowMs()) }) : uplink.say(upload);
      sent.catch((error: unknown) => log.debug(`an answer was not sent: ${errorText(error)}`));
    },
    denied: (code, op) => {
      log.warn(`a command was refused: ${code}${op === undefined ? "" : ` ${op}`}`);
      const data = { code, op: op ?? null };
      context.events.bus.emit({ type: "cmd.denied", severity: "warn", phase: "new", data, atUs: clock.nowUs() });
    },
  });
  const openDocument = (payload: Buffer): OpenedDocument => openNocDocument(payload, { trust: mqtt.commands, keys: signingKeys, audience });
  const downlink = new Downlink(topics, {
    command: (message) => intake.receive(message),
    config: async ({ payload }) => {
      const document = openDocument(payload);
      if ("fault" in document) context.noc?.refuse(document.fault);
      else if (document.text !== "") context.noc?.desire(document.text);
    },
    job: async ({ payload }) => {
      const document = openDocument(payload);
      if ("fault" in document) log.warn(`a job is refused: ${document.fault}`);
      else context.noc?.job(document.text);
    },
    nocState: (isOnline) => {
      if (uplink.isPaused === isOnline) log.info(isOnline ? "the NOC takes in again" : "the NOC takes nothing in: what happens is kept");
      uplink.isPaused = !isOnline;
    },
  });
  const telemetry = new TelemetryFeed({
    uplink,
    intervalMs: () => context.config.global.mqtt.telemetryInterval,
    read: () => telemetryOf(context),
    happenedAt,
    nowMs,
    schedule: afterDelay,
    log,
  });
  const info = new InfoFeed({
    uplink,
    read: infoReader(context, { keys, operations: commands.list.map(({ name }) => name) }),
    schedule: afterDelay,
    log,
  });
  const link: FleetLink = new FleetLink({
    urls: mqtt.urls,
    protocol: mqtt.protocol === "auto" ? "auto" : mqtt.protocol === "5" ? 5 : 4,
    clientId: identity.gatewayId,
    topics,
    connect: connectMqtt,
    uplink,
    sessions,
    policy,
    clock,
    schedule: afterDelay,
    log,
    credentials: () => readLinkFiles(fs, mqtt),
    birth: () => birthOf(context),
    onMessage: (message) => downlink.receive(message),
    onBorn: () => {
      info.tell();
      telemetry.sendNow();
      context.noc?.tell();
    },
  });
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    telemetry.close();
    info.close();
    await events.close();
    intake.close();
    await link.close(fleet.farewell);
    await sessions.end((clock.nowUs() - context.startedUs) / 1e6, fleet.farewell);
    await outbox.close();
    await journal.close();
    if (context.fleet === fleet) context.fleet = undefined;
  };
  const fleet: GatewayFleet = {
    identity,
    keys,
    directory,
    uplink,
    outbox,
    link,
    sessions,
    farewell: "shutdown",
    close() {
      closed ??= close();
      return closed;
    },
  };
  context.fleet = fleet;
  log.info(`this gateway is ${topics.root}`);
  await intake.settle(() => undefined);
  link.start();
  telemetry.sendNow();
  return {
    update({ global }) {
      policy.capMs = global.mqtt.reconnectCap;
    },
    close: () => fleet.close(),
  };
}

/** Of files that are JWK sets. One that cannot be read lets nobody sign. */
async function readSigningKeys({ fs }: GatewayContext, { global }: Config, log: Log): Promise<SigningKeys> {
  const keys = new Map<string, KeyObject>();
  for (const path of global.mqtt.commandKeys) {
    try {
      const bytes = await readSmallFile(fs, path, MAX_KEY_FILE_BYTES);
      const file = bytes === undefined ? { fault: "is not there" } : parseKeyFile(bytes.toString("utf8"));
      if ("fault" in file) throw new Error(`the key file ${file.fault}`);
      for (const [kid, key] of file.keys) keys.set(kid, key);
    } catch (error) {
      log.error(`mqtt.commandKeys: ${path}: ${errorText(error)}`);
    }
  }
  return keys;
}
