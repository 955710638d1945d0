// Commands of the NOC: who may sign, what there is to ask for, and the journal without which nothing is done.
import { join } from "node:path";
import type { UtcTime } from "#base/clock.ts";
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { afterDelay } from "#base/schedule.ts";
import type { Config } from "#config/config.ts";
import { CommandTable } from "#control/command.ts";
import type { GatewayClock } from "#device/gateway-clock.ts";
import { CommandIntake, type CommandMessage } from "#fleet/command-intake.ts";
import { CommandJournal } from "#fleet/command-journal.ts";
import type { CommandKeys } from "#fleet/command-keys.ts";
import type { TimeMessage } from "#fleet/downlink.ts";
import { LINK_COMMAND_LIMITS, type LinkCommandsOptions, linkCommands } from "#fleet/link-commands.ts";
import { LogTail, logTailCommands } from "#fleet/log-tail.ts";
import { type RenewalCommandsOptions, renewalCommands } from "#fleet/renewal-commands.ts";
import { openTimeHint } from "#fleet/time-hint.ts";
import type { Uplink } from "#fleet/uplink.ts";
import { commandAudit } from "./audit-key.ts";
import type { GatewayContext } from "./context.ts";
import { GATEWAY_COMMAND_LIMITS, gatewayCommandsOf } from "./fleet-commands.ts";
import { powerProof } from "./power.ts";
import { secretHider } from "./secrets.ts";

export interface FleetIntakeOptions
  extends Pick<LinkCommandsOptions, "rebirth" | "setWindow">,
    Pick<RenewalCommandsOptions, "certificates" | "gatewayId" | "reconnect"> {
  readonly config: Config;
  readonly uplink: Uplink;
  readonly directory: string;
  /** `tenant/gateway`. */
  readonly audience: string;
  readonly keys: CommandKeys;
  readonly clock: GatewayClock;
  /** A hint was taken. */
  onTime(): void;
  readonly log: Log;
}

export class FleetIntake {
  readonly table: CommandTable;
  /** Since the start. */
  readonly timeHints = { taken: 0, refused: 0 };
  readonly #context: GatewayContext;
  readonly #options: FleetIntakeOptions;
  readonly #logTail: LogTail;
  #open: { readonly intake: CommandIntake; readonly journal: CommandJournal } | undefined;
  #opening: Promise<void> | undefined;

  constructor(context: GatewayContext, options: FleetIntakeOptions) {
    const { uplink, rebirth, setWindow, keys, certificates, gatewayId, reconnect } = options;
    this.#context = context;
    this.#options = options;
    this.#logTail = new LogTail({
      tap: context.logTap,
      tell: (body) => uplink.tell({ topic: "log", body }),
      hide: secretHider(context),
      utcMs: () => Math.round(this.#utcNow().utcUs / 1000),
      schedule: afterDelay,
    });
    const commands = [
      ...gatewayCommandsOf(context, (id, bytes) => uplink.sendBlob(id, bytes)),
      ...linkCommands({
        nowMs: () => this.#nowMs(),
        utcMs: () => Math.round(this.#utcNow().utcUs / 1000),
        rebirth,
        cancel: (id) => this.#open?.intake.cancel(id) ?? false,
        setWindow,
      }),
      ...logTailCommands(this.#logTail),
      ...renewalCommands({ keys, certificates, gatewayId, reconnect, utcMs: () => knownUtcMs(this.#utcNow()) }),
    ];
    this.table = new CommandTable(commands, commandAudit(context));
  }

  /** Opens the journal, and tells what became of commands that a crash cut off. Never rejects: it is tried again with the next command. */
  open(): Promise<void> {
    if (this.#open !== undefined) return Promise.resolve();
    this.#opening ??= this.#openJournal().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Never rejects. */
  async receive(message: CommandMessage): Promise<void> {
    await this.open();
    if (this.#open !== undefined) await this.#open.intake.receive(message);
    else {
      const e = { c: "E_IO", m: "the gateway's journal of commands cannot be written", retry_s: 60 };
      this.#answer(message.responseTopic, { id: null, st: "rej", n: 1, e }, true);
    }
  }

  /** What the NOC says of the time. Never rejects. */
  async receiveTime({ payload, isRetained }: TimeMessage): Promise<void> {
    const fault = isRetained ? "it is retained: it is of another time" : await this.#timeFault(payload);
    if (fault === undefined) return;
    this.timeHints.refused++;
    this.#options.log.debug(`a time hint is refused: ${fault}`);
  }

  async #timeFault(payload: Buffer): Promise<string | undefined> {
    const { config, keys, audience, clock, onTime } = this.#options;
    if (config.global.mqtt.commands === "off") return "mqtt.commands is off";
    const hint = openTimeHint(payload, keys.signing, audience);
    if ("fault" in hint) return hint.fault;
    await this.open();
    const journal = this.#open?.journal;
    if (journal === undefined) return "the gateway's journal of commands cannot be written";
    const window = journal.windowOf(hint.kid);
    // One that was overtaken is of another time.
    if (!window.isAhead(hint.ctr)) return `ctr: ${hint.ctr} was used, or is older than the last one`;
    const outcome = clock.takeHint(hint.utcMs * 1000);
    if (outcome === "needless") return undefined; // so its number is not written down
    if (outcome !== "taken") return outcome.fault;
    this.timeHints.taken++;
    window.accept(hint.ctr);
    await journal.noteWindow(hint.kid).catch((error: unknown) => this.#options.log.warn(`a counter cannot be kept: ${errorText(error)}`));
    onTime();
    return undefined;
  }

  async close(): Promise<void> {
    this.#logTail.close();
    await this.#opening;
    this.#open?.intake.close();
    await this.#open?.journal.close();
  }

  async #openJournal(): Promise<void> {
    const { config, directory, audience, keys, clock, log } = this.#options;
    const { events, power } = this.#context;
    const { bus } = events;
    const { runId } = power;
    try {
      const journal = await CommandJournal.open(this.#context.fs, join(directory, "cmd.log"));
      const intake = new CommandIntake({
        commands: this.table,
        journal,
        trust: config.global.mqtt.commands,
        keys: () => keys.all,
        maySign: (kid, op) => keys.maySign(kid, op),
        audience,
        bootId: clock.bootId,
        runId,
        nowMs: () => this.#nowMs(),
        utcNow: () => this.#utcNow(),
        limits: new Map([...LINK_COMMAND_LIMITS, ...GATEWAY_COMMAND_LIMITS]),
        log,
        random: Math.random,
        answer: (topic, answer, isTerminal) => this.#answer(topic, answer, isTerminal),
        denied: (code, op) => {
          log.warn(`a command was refused: ${code}${op === undefined ? "" : ` ${op}`}`);
          bus.emit({ type: "cmd.denied", severity: "warn", phase: "new", data: { code, op: op ?? null }, atUs: clock.nowUs() });
        },
      });
      await intake.settle((entry) => powerProof(entry, { bootId: clock.bootId, runId }));
      this.#open = { intake, journal };
    } catch (error) {
      log.error(`commands cannot be taken: ${errorText(error)}`);
    }
  }

  readonly #answer: ConstructorParameters<typeof CommandIntake>[0]["answer"] = (topic, answer, isTerminal) => {
    const { uplink, clock, log } = this.#options;
    const upload = { topic: "res", to: topic, body: { ...answer }, ...(answer.id !== null && { correlation: answer.id }) } as const;
    const happened = { bootCounter: clock.bootCounter, monoUs: clock.nowUs() };
    const sent = isTerminal ? uplink.add(0, { ...upload, happened }) : uplink.say(upload);
    sent.catch((error: unknown) => log.debug(`an answer was not sent: ${errorText(error)}`));
  };

  #nowMs(): number {
    return this.#options.clock.nowUs() / 1000;
  }

  #utcNow(): ReturnType<GatewayClock["utcOf"]> {
    const { clock } = this.#options;
    return clock.utcOf(clock.nowUs());
  }
}

/** Undefined: it may be anything. */
function knownUtcMs({ utcUs, quality }: UtcTime): number | undefined {
  return quality === "none" ? undefined : utcUs / 1000;
}
