// The link to the NOC, as a part of the gateway: what it tells of the others, and what they do when it is told something.
import { join, resolve } from "node:path";
import { isAtLeast } from "#base/clock.ts";
import { errorText } from "#base/errors.ts";
import { afterDelay } from "#base/schedule.ts";
import type { Config } from "#config/config.ts";
import type { CommandTable } from "#control/command.ts";
import { CommandKeys } from "#fleet/command-keys.ts";
import { DayBytes } from "#fleet/day-bytes.ts";
import { type DeviceKeys, openDeviceKeys } from "#fleet/device-keys.ts";
import { Downlink } from "#fleet/downlink.ts";
import type { Happened } from "#fleet/envelope.ts";
import { type DeathReason, FleetLink } from "#fleet/fleet-link.ts";
import { derivedGatewayId } from "#fleet/gateway-id.ts";
import { LinkCertificates } from "#fleet/link-certificates.ts";
import { readLinkFiles } from "#fleet/link-files.ts";
import { type LinkHealth, LinkMeter } from "#fleet/link-meter.ts";
import { connectMqtt } from "#fleet/mqtt-connection.ts";
import { type OpenedDocument, openNocDocument } from "#fleet/noc-document.ts";
import { Outbox } from "#fleet/outbox.ts";
import { ReconnectPolicy } from "#fleet/reconnect-policy.ts";
import { RetainedFeed } from "#fleet/retained-feed.ts";
import { SessionCounter } from "#fleet/session-counter.ts";
import { SlotWatch } from "#fleet/slot-watch.ts";
import { TelemetryFeed } from "#fleet/telemetry-feed.ts";
import { type GatewayIdentity, Topics } from "#fleet/topics.ts";
import { Uplink } from "#fleet/uplink.ts";
import { openTcpInfo } from "#native/tcp-info.ts";
import type { GatewayContext } from "./context.ts";
import { birthOf, infoReader, telemetryOf } from "./fleet-documents.ts";
import { openFleetEvents } from "./fleet-events.ts";
import { FleetHome } from "./fleet-home.ts";
import { FleetIntake } from "./fleet-intake.ts";
import type { RunningPart } from "./part.ts";
import { telemetryIntervalMs } from "./telemetry-interval.ts";

/** What other parts have of the link. */
export interface GatewayFleet {
  readonly identity: GatewayIdentity;
  readonly keys: DeviceKeys;
  /** Time hints of the NOC, since the start. */
  readonly timeHints: { readonly taken: number; readonly refused: number };
  /** The certificate that it shows, and that other servers are shown. */
  readonly certificates: Pick<LinkCertificates, "shown" | "settled">;
  /** Where the link keeps what it has to remember. */
  readonly directory: string;
  readonly uplink: Uplink;
  readonly outbox: Outbox;
  readonly link: FleetLink;
  readonly sessions: SessionCounter;
  /** All that the NOC can ask for. */
  readonly commands: CommandTable;
  /** The inventory is another one now. */
  tellInfo(): void;
  /** Why the gateway goes, when it goes: what the NOC is told last. */
  farewell: Farewell;
  /** How the way to the NOC is. */
  health(): LinkHealth;
  /** Something was sent to the NOC past the link. */
  countSent(bytes: number): void;
  /** Telemetry is to be sent at another pace from now on. */
  telemetryIntervalChanged(): void;
  /** It says good-bye: what is said over it now says nothing of the config that runs. */
  readonly isClosing: boolean;
  /** Resolves when nothing of it is left. */
  close(): Promise<void>;
}

/** `restart`: the process alone begins anew, which is a shutdown to the NOC. */
export type Farewell = DeathReason | "restart";

/** A gateway without a link is a gateway still: it is tried again. */
const RETRY_MS = 60_000;

/** Never rejects: what is in the way of a link is in the way of nothing else. */
export async function start(context: GatewayContext, config: Config): Promise<RunningPart> {
  // One that runs under another config is closed first: two of them would share a name and files.
  await context.fleet?.close();
  let running: RunningPart | undefined;
  let timer: NodeJS.Timeout | undefined;
  let attempt: Promise<void> = Promise.resolve();
  const open = async (): Promise<void> => {
    try {
      running = await openFleet(context, config);
    } catch (error) {
      context.log.child("MQTT").error(`there is no link: ${errorText(error)}`);
      timer = setTimeout(() => {
        attempt = open();
      }, RETRY_MS);
    }
  };
  await open();
  return {
    update: (next) => running?.update?.(next),
    async close() {
      clearTimeout(timer);
      await attempt;
      clearTimeout(timer);
      await running?.close();
    },
  };
}

/** Rejects where the gateway's keys cannot be had: it would be another one to the NOC. */
async function openFleet(context: GatewayContext, config: Config): Promise<RunningPart> {
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
  const utcMs = (): number => clock.utcOf(clock.nowUs()).utcUs / 1000;
  const sentToday = await DayBytes.open({ fs, path: join(directory, "sent-today"), utcMs, nowMs });
  const tcpInfo = (await openTcpInfo()) ?? (() => undefined);
  const happenedAt = (ms: number): Happened => ({ bootCounter: clock.bootCounter, monoUs: ms * 1000 });
  const uplink = new Uplink({ topics, outbox, log, happened: () => happenedAt(nowMs()), random: Math.random, schedule: afterDelay });
  const events = await openFleetEvents(context, { uplink, directory, sessions, clock, log });
  const policy = new ReconnectPolicy({ capMs: mqtt.reconnectCap, random: Math.random });
  const commandKeys = await CommandKeys.open({
    fs,
    files: mqtt.commandKeys,
    rootFile: mqtt.rootKey,
    path: join(directory, "command-keys.json"),
    onRotated: () => info.changed(),
    log,
  });
  const certificates = await LinkCertificates.open({ fs, path: join(directory, "certificate.json"), log });
  const audience = `${identity.tenant}/${identity.gatewayId}`;
  const intake = new FleetIntake(context, {
    config,
    uplink,
    directory,
    audience,
    keys: commandKeys,
    clock,
    log,
    rebirth: () => link.rebirth(),
    setWindow: (window) => {
      policy.window = window;
    },
    certificates,
    gatewayId: identity.gatewayId,
    reconnect: () => link.renew(),
    onTime: () => checkDates(),
  });
  const openDocument = (payload: Buffer): OpenedDocument =>
    openNocDocument(payload, { trust: mqtt.commands, keys: commandKeys.signing, audience });
  // A job that waits, and was taken back while the gateway was away.
  const slot = new SlotWatch({ schedule: afterDelay, isOpen: () => uplink.isOpen, onEmpty: () => context.noc?.job("") });
  const downlink = new Downlink(topics, {
    command: (message) => intake.receive(message),
    config: async ({ payload }) => {
      const document = openDocument(payload);
      if ("fault" in document) context.noc?.refuse(document.fault, document.claim);
      else if (document.text !== "") context.noc?.desire(document.text);
    },
    job: async ({ payload }) => {
      slot.seen();
      const document = openDocument(payload);
      if ("fault" in document) log.warn(`a job is refused: ${document.fault}`);
      else context.noc?.job(document.text);
    },
    time: (message) => intake.receiveTime(message),
    nocState: (isOnline) => {
      if (uplink.isPaused === isOnline) log.info(isOnline ? "the NOC takes in again" : "the NOC takes nothing in: what happens is kept");
      uplink.isPaused = !isOnline;
    },
  });
  const telemetry = new TelemetryFeed({
    uplink,
    intervalMs: () => telemetryIntervalMs(context),
    read: () => telemetryOf(context),
    happenedAt,
    nowMs,
    schedule: afterDelay,
    log,
  });
  const readInfo = infoReader(context, { keys, commandKeys, certificates, operations: intake.table.list.map(({ name }) => name) });
  const info = new RetainedFeed({
    name: "the inventory",
    uplink,
    publish: (body) => uplink.say({ topic: "info", body: { ...body }, retain: true }),
    read: readInfo,
    schedule: afterDelay,
    log,
  });
  const home = new FleetHome(context, { identity, topics, uplink, telemetry: () => telemetryOf(context), info: readInfo, log });
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
    credentials: async () => certificates.credentials(await readLinkFiles(fs, mqtt)),
    time: () => {
      const { utcUs, quality } = clock.utcOf(clock.nowUs());
      if (clock.state !== "NONE") return undefined;
      return { nowMs: isAtLeast(quality, "hint") ? utcUs / 1000 : undefined, leastMs: clock.leastUtcUs / 1000 };
    },
    hasOtherCredentials: (loss) => certificates.onRefused(loss),
    birth: () => birthOf(context),
    onMessage: (message) => downlink.receive(message),
    onBorn: (why) => {
      if (why !== "rebirth") slot.begin();
      certificates.onTaken();
      info.tell();
      home.tell();
      telemetry.sendNow();
      context.noc?.tell();
    },
  });
  const meter = new LinkMeter({ status: () => link.status, tcpInfo, bytes: sentToday, nowMs });
  const checkDates = (): void => {
    const { utcUs, quality } = clock.utcOf(clock.nowUs());
    if (isAtLeast(quality, "hint") || clock.state !== "NONE") link.checkDates(utcUs / 1000);
  };
  const closing = new AbortController();
  clock.onEvent(checkDates, closing.signal);
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    closing.abort();
    telemetry.close();
    slot.close();
    info.close();
    home.close();
    await events.close();
    await intake.close();
    await link.close(fleet.farewell === "restart" ? "shutdown" : fleet.farewell);
    await certificates.saved();
    await sessions.end((clock.nowUs() - context.startedUs) / 1e6, fleet.farewell);
    await outbox.close();
    meter.read();
    await sentToday.close();
    if (context.fleet === fleet) context.fleet = undefined;
  };
  const fleet: GatewayFleet = {
    identity,
    keys,
    certificates,
    timeHints: intake.timeHints,
    directory,
    uplink,
    outbox,
    link,
    sessions,
    commands: intake.table,
    tellInfo: () => info.tell(),
    farewell: "shutdown",
    health: () => meter.read(),
    countSent: (bytes) => sentToday.add(bytes),
    telemetryIntervalChanged: () => telemetry.intervalChanged(),
    get isClosing() {
      return closed !== undefined;
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
  context.fleet = fleet;
  log.info(`this gateway is ${topics.root}`);
  await intake.open();
  link.start();
  telemetry.sendNow();
  return {
    update({ global }) {
      policy.capMs = global.mqtt.reconnectCap;
      home.update();
      telemetry.intervalChanged();
    },
    close: () => fleet.close(),
  };
}
