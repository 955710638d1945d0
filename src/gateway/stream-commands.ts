// Commands about streams that are pushed to a server of the NOC for a time: stream.push, stream.renew, stream.stop, stream.list.
import type { TranscodeTarget } from "#capture/transcode-command.ts";
import { cameraField, fault, optionalCount, readFields, textField } from "#commands/command-input.ts";
import type { Command } from "#control/command.ts";
import { CommandFault } from "#fleet/command-fault.ts";
import type { LeaseReport } from "#fleet/stream-leases.ts";
import type { GatewayContext } from "./context.ts";
import { PUSH_PROTOCOLS, UNBUILT_PUSH_PROTOCOLS } from "./push-protocols.ts";
import type { PushWish } from "./pushes.ts";

const DEFAULT_TTL_S = 300;
const MIN_TTL_S = 10;
const MAX_TTL_S = 3600;
const MAX_URL_LENGTH = 2048;
const MAX_TOKEN_LENGTH = 4096;
const MAX_LID_LENGTH = 64;
const MIN_KBPS = 50;
const MAX_KBPS = 50_000;
/** Of a picture that is to be seen through a poor connection. */
const LOW: TranscodeTarget = { maxKbps: 400, maxWidth: 640, maxFps: 10 };

type Lease = Pick<LeaseReport, "lid" | "exp" | "st" | "err">;

export function streamCommands(context: GatewayContext): readonly Command[] {
  const leases = () => context.pushes!.leases;
  const push: Command<Omit<PushWish, "by">, Lease> = {
    name: "stream.push",
    scope: "operate",
    summary: "Sends a camera live to a server, for a time.",
    parse: parsePush,
    pathOf: ({ cam }) => cam,
    run: async (wish, { signal, caller, progress }) => {
      progress(0, "connecting");
      return answerOf(await context.pushes!.push({ ...wish, by: caller.name }, signal));
    },
  };
  const renew: Command<string, Lease> = {
    name: "stream.renew",
    scope: "operate",
    summary: "Makes a lease last longer: from now on for as long as it was asked for.",
    parse: parseLeaseId,
    run: async (lid) => answerOf(leases().renew(lid)),
  };
  const stop: Command<string, object> = {
    name: "stream.stop",
    scope: "operate",
    summary: "Ends a lease.",
    parse: parseLeaseId,
    run: async (lid) => {
      const { bytes } = leases().report(lid);
      await leases().end(lid, "stopped");
      return { bytes };
    },
  };
  const list: Command<undefined, { readonly leases: readonly LeaseReport[] }> = {
    name: "stream.list",
    scope: "read",
    summary: "The leases there are, and how each is.",
    parse: (input) => void readFields(input, []),
    run: async () => ({ leases: leases().list() }),
  };
  return [push, renew, stop, list] as readonly Command[];
}

function answerOf({ lid, exp, st, err }: LeaseReport): Lease {
  return { lid, exp, st, err };
}

function parsePush(input: unknown): Omit<PushWish, "by"> {
  const fields = readFields(input, ["cam", "proto", "url", "token", "fingerprint", "ttl_s", "max_kbps", "profile"]);
  const { proto, url, token, fingerprint, ttl_s: ttl, max_kbps: maxKbps, profile } = fields;
  const protocol = typeof proto === "string" ? PUSH_PROTOCOLS.get(proto) : undefined;
  const there = [...PUSH_PROTOCOLS.keys()].join(" or ");
  if (UNBUILT_PUSH_PROTOCOLS.includes(String(proto)))
    throw new CommandFault("E_UNSUPPORTED", `proto: this version cannot push over ${String(proto)}: use ${there}`);
  if (protocol === undefined) throw fault("proto", `has to be ${there}`);
  const ttlS = optionalCount("ttl_s", ttl, MAX_TTL_S) ?? DEFAULT_TTL_S;
  if (ttlS < MIN_TTL_S) throw fault("ttl_s", `has to be a number from ${MIN_TTL_S} to ${MAX_TTL_S}`);
  if (token !== undefined && !protocol.takesToken) throw fault("token", "is for whip: over rtsp user and password stand in the URL");
  return {
    cam: cameraField(fields.cam),
    proto: proto as string,
    url: textField("url", url, MAX_URL_LENGTH),
    token: token === undefined ? "" : tokenField(token),
    fingerprint: fingerprint === undefined ? "" : fingerprintField(fingerprint),
    ttlMs: ttlS * 1000,
    transcode: transcodeField(profile, maxKbps),
  };
}

/** A stream goes as it comes from the camera, unless something else is asked for. */
function transcodeField(profile: unknown, maxKbps: unknown): TranscodeTarget | undefined {
  if (profile !== undefined && profile !== "low") throw fault("profile", "has to be low: there is no other");
  const kbps = optionalCount("max_kbps", maxKbps, MAX_KBPS);
  if (kbps !== undefined && kbps < MIN_KBPS) throw fault("max_kbps", `has to be a number from ${MIN_KBPS} to ${MAX_KBPS}`);
  if (profile === "low") return { ...LOW, maxKbps: kbps ?? LOW.maxKbps };
  return kbps === undefined ? undefined : { maxKbps: kbps, maxWidth: undefined, maxFps: undefined };
}

/** More than RFC 6750 §2.1 allows: some servers take `user:password`. */
function tokenField(value: unknown): string {
  const token = textField("token", value, MAX_TOKEN_LENGTH);
  if (!/^[\x21-\x7e]+$/.test(token)) throw fault("token", "has to be a bearer token: ASCII without spaces");
  return token;
}

function fingerprintField(value: unknown): string {
  const hex = textField("fingerprint", value, 128).replaceAll(":", "").toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(hex)) throw fault("fingerprint", "has to be the SHA-256 of the receiver's certificate, 64 hexadecimal digits");
  return hex;
}

function parseLeaseId(input: unknown): string {
  const lid = textField("lid", readFields(input, ["lid"]).lid, MAX_LID_LENGTH);
  if (lid === "") throw fault("lid", "has to be that of a lease");
  return lid;
}
