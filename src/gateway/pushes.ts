// Pushes of streams that the NOC asked for, as a part of the gateway. It outlives the link, which another config may lead elsewhere: leases end by themselves.
import { destinationFault } from "#base/destination.ts";
import { CallerFault, errorText, PeerFault } from "#base/errors.ts";
import { afterDelay } from "#base/schedule.ts";
import type { TranscodeTarget } from "#capture/transcode-command.ts";
import { hideSecrets, secretForms } from "#config/secret-values.ts";
import { CommandFault } from "#fleet/command-fault.ts";
import { readLinkFiles } from "#fleet/link-files.ts";
import { type LeaseFault, type LeaseReport, type LeaseWish, StreamLeases } from "#fleet/stream-leases.ts";
import { ulid } from "#fleet/ulid.ts";
import type { OpenRead } from "#relay/push.ts";
import { PushRunner } from "#relay/push-runner.ts";
import type { GatewayContext } from "./context.ts";
import type { RunningPart } from "./part.ts";
import { PUSH_PROTOCOLS, type PushTarget } from "./push-protocols.ts";

export interface PushWish extends Omit<PushTarget, "authorities"> {
  readonly cam: string;
  /** Of the table. */
  readonly proto: string;
  readonly ttlMs: number;
  /** Undefined: the stream goes as it comes. */
  readonly transcode: TranscodeTarget | undefined;
  /** Who asks. */
  readonly by: string;
}

export interface GatewayPushes {
  readonly leases: StreamLeases;
  /** Begins a lease; resolves once its first attempt has come to something. Rejects where that will never be, and when `signal` aborts: then there is no lease. */
  push(wish: PushWish, signal: AbortSignal): Promise<LeaseReport>;
}

export async function start(context: GatewayContext): Promise<RunningPart> {
  const { clock, events } = context;
  const log = context.log.child("push");
  const utcMs = (atMs: number): number => Math.round(clock.utcOf(atMs * 1000).utcUs / 1000);
  const nowMs = (): number => clock.nowUs() / 1000;
  const leases = new StreamLeases({
    nowMs,
    utcMs,
    schedule: afterDelay,
    newId: () => ulid(utcMs(nowMs())),
    tell: (event) => events.bus.emit({ type: "stream.push", ...event, atUs: clock.nowUs() }),
    log,
  });
  context.pushes = {
    leases,
    push: async (wish, signal) => {
      const make = await pushMakerOf(context, wish);
      signal.throwIfAborted();
      const { lid, firstAttempt } = leases.grant({ ...wish, host: make.host, open: make.open });
      const abort = (): void => void leases.end(lid, "stopped");
      signal.addEventListener("abort", abort, { once: true });
      const fault = await firstAttempt.finally(() => signal.removeEventListener("abort", abort));
      if (fault !== undefined) throw faultOf(fault);
      return leases.report(lid);
    },
  };
  return {
    update: ({ global }) => leases.recheck((host) => destinationFault(host, global.destinationHosts) === undefined),
    async close() {
      context.pushes = undefined;
      await leases.close();
    },
  };
}

/** Checks where it leads. Rejects with a CommandFault. */
async function pushMakerOf(context: GatewayContext, wish: PushWish) {
  const { registry, clock, log } = context;
  const protocol = PUSH_PROTOCOLS.get(wish.proto)!;
  const parsed = protocol.parse(wish.url);
  if (parsed === undefined)
    throw new CommandFault("E_SCHEMA", `url: has to be one such as ${protocol.example}: streams leave over TLS alone`);
  const { host } = parsed;
  const secrets = secretForms([...parsed.secrets, wish.token]);
  const denied = destinationFault(host, context.config.global.destinationHosts);
  if (denied !== undefined) throw new CommandFault("E_DENIED", `url: ${denied}`);
  if (registry.confOf(wish.cam) === undefined) throw new CommandFault("E_NOTFOUND", `cam: there is no camera '${wish.cam}'`);
  const site = {
    get config() {
      return context.config;
    },
    clock,
    log: log.child(`push of ${wish.cam}`),
  };
  const transcode = wish.transcode && (await context.capture.transcode(wish.cam, wish.transcode));
  if (transcode !== undefined && "refusal" in transcode)
    throw new CommandFault("E_UNSUPPORTED", `the stream would have to be encoded anew, and cannot be here: ${transcode.refusal}`);
  const push = await protocol.make({ ...wish, authorities: await authoritiesOf(context) }, site);
  const open: LeaseWish["open"] = (lid, onState) => {
    const read: OpenRead = (reader) => registry.openForOwn(wish.cam, reader, { type: "push", id: lid });
    return new PushRunner({
      push,
      open: transcode === undefined ? read : transcode(read),
      ...{ clock, schedule: afterDelay, random: Math.random },
      onState: (state, fault) => {
        if (state !== "off") onState(state, fault && told(fault, secrets));
      },
    });
  };
  return { host, open };
}

/** Whoever vouches for the broker may vouch for other servers of the NOC. */
async function authoritiesOf({ fs, config }: GatewayContext): Promise<readonly string[]> {
  try {
    const { tls } = await readLinkFiles(fs, { ca: config.global.mqtt.ca, cert: "", key: "", username: "", passwordFile: "" });
    return tls.ca === undefined ? [] : [tls.ca.toString()];
  } catch (error) {
    throw new CommandFault("E_IO", errorText(error));
  }
}

/** A receiver may say anything, also what it was told. */
function told(fault: LeaseFault, secrets: readonly string[]): LeaseFault {
  const text = hideSecrets(fault.message, secrets);
  return fault instanceof PeerFault ? new PeerFault(fault.code, text) : new CallerFault(fault.code, text);
}

/** In the contract's words: what cannot be sent at all is no fault of the network. */
function faultOf(fault: LeaseFault): Error {
  if (fault.code === "unsupported") return new CommandFault("E_UNSUPPORTED", fault.message);
  if (fault.code === "config" || fault.code === "auth") return new CommandFault("E_DENIED", fault.message);
  if (fault.code === "not-found") return new CommandFault("E_NOTFOUND", fault.message);
  return fault;
}
