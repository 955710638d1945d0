// A rollout as an operator writes it down: which job, for whom, in which rings, and how much may go wrong.
import { parse } from "yaml";
import { CallerFault, errorText } from "#base/errors.ts";
import { jobOperations, operationByName } from "#fleet/contract/operations.table.ts";
import { parseJob, spreadPart } from "#fleet/job-request.ts";
import { gatewayIdFault } from "#fleet/topics.ts";
import { parseCommandArguments } from "./command-arguments.ts";
import { checkGrant } from "./upload-grant.ts";

/** So many per cent of the fleet by the end of the ring, or these. */
export type Ring = { readonly percent: number } | { readonly gateways: readonly string[] };

export type FailureLimit = { readonly percent: number } | { readonly count: number };

export interface ReceiverWish {
  readonly url: string;
  readonly name: string;
}

export interface RolloutPlan {
  readonly job: string;
  /** What every gateway is sent, but for `aud`. */
  readonly request: Readonly<Record<string, unknown>>;
  /** UTC, ms: nothing is waited for much longer. */
  readonly deadlineMs: number;
  readonly stepSeconds: number;
  readonly tries: number;
  /** Undefined: all that the broker knows. */
  readonly gateways: readonly string[] | undefined;
  readonly rings: readonly Ring[];
  /** More than that stop it. */
  readonly maxFailed: FailureLimit;
  /** Each gateway is given leave to send a file there, as `dest` of the arguments; `name` has its name in place of `{gateway}`. */
  readonly receive: ReceiverWish | undefined;
  /** A gateway that is there and says nothing for so long has failed. */
  readonly silentSeconds: number;
  /** Between a ring and the next one. */
  readonly soakSeconds: number;
}

type Fields = Readonly<Record<string, unknown>>;

const FIELDS = [
  ...["job", "op", "args", "gateways", "rings", "window", "spread_s", "step_s", "tries", "not_before", "deadline"],
  ...["max_failed", "silent_s", "soak_s", "receive"],
];
const USUAL_RINGS = ["1%", "10%", "50%", "100%"];
const USUAL_DAYS = 7;
const DAY_MS = 86_400_000;
const MAX_RINGS = 100;
const GATEWAY = "{gateway}";

/** YAML or JSON; `nowMs`: UTC. Throws a CallerFault that names the field. */
export function parseRolloutPlan(text: string, name: string, nowMs: number): RolloutPlan {
  const fields = fieldsOf(text, name);
  const unknown = Object.keys(fields).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) throw wrong(unknown, `is no field of a rollout: ${FIELDS.join(", ")}`);
  const { op, args = {}, rings = USUAL_RINGS, gateways, max_failed: maxFailed = "5%", silent_s: silent = 300, soak_s: soak = 0 } = fields;
  const notBeforeMs = timeOf("not_before", fields["not_before"]);
  const deadlineMs = timeOf("deadline", fields["deadline"]) ?? nowMs + USUAL_DAYS * DAY_MS;
  if (deadlineMs <= nowMs) throw wrong("deadline", "has passed");
  const optional = (["window", "spread_s", "step_s", "tries"] as const).filter((field) => fields[field] !== undefined);
  const request = {
    ...{ v: 1, job: fields["job"], op, args, deadline: deadlineMs },
    ...(notBeforeMs !== undefined && { nb: notBeforeMs }),
    ...Object.fromEntries(optional.map((field) => [field, fields[field]])),
  };
  const parsed = parseJob(request);
  if ("fault" in parsed) throw new CallerFault("invalid", parsed.fault.replace(/^nb:/, "not_before:"));
  if (!jobOperations.includes(parsed.op)) throw wrong("op", `'${parsed.op}' cannot be a job: ${jobOperations.join(", ")}`);
  const receive = receiveOf(fields["receive"]);
  const given = { ...parsed.args, ...(receive !== undefined && { dest: {} }) };
  if (operationByName.has(parsed.op)) parseCommandArguments(parsed.op, [JSON.stringify(given)]);
  return {
    job: parsed.job,
    request,
    deadlineMs,
    stepSeconds: parsed.stepSeconds,
    tries: parsed.tries,
    gateways: gateways === undefined || gateways === "all" ? undefined : namesOf("gateways", gateways),
    rings: ringsOf(rings),
    maxFailed: limitOf(maxFailed),
    receive,
    silentSeconds: secondsOf("silent_s", silent, 1),
    soakSeconds: secondsOf("soak_s", soak, 0),
  };
}

/** Who is in which ring: nobody in two. Within per cents the order is the job's own, another one for each. Throws a CallerFault where a ring has nobody to be. */
export function ringMembers(
  { job, rings }: Pick<RolloutPlan, "job" | "rings">,
  gateways: readonly string[],
): readonly (readonly string[])[] {
  const all = new Set(gateways);
  const taken = new Set<string>();
  const inOrder = [...all].sort((a, b) => spreadPart(a, job) - spreadPart(b, job));
  return rings.map((ring, i) => {
    const wanted = "gateways" in ring ? ring.gateways : inOrder.slice(0, Math.ceil((all.size * ring.percent) / 100));
    const stranger = wanted.find((gateway) => !all.has(gateway));
    if (stranger !== undefined) throw wrong(`rings[${i}]`, `${stranger} is not among the gateways of the rollout`);
    const members = wanted.filter((gateway) => !taken.has(gateway));
    for (const gateway of members) taken.add(gateway);
    return members;
  });
}

function receiveOf(value: unknown): ReceiverWish | undefined {
  if (value === undefined) return undefined;
  const { url, name, ...more } = (typeof value === "object" && value !== null ? value : {}) as Fields;
  if (typeof url !== "string" || typeof name !== "string" || Object.keys(more).length > 0)
    throw wrong("receive", "has to be url and name of a camgate noc receive");
  if (!name.includes(GATEWAY)) throw wrong("receive.name", `has to have ${GATEWAY} in it, or all gateways write one file`);
  checkGrant({ url, name: fileNameOf(name, "gw-0001") }, { url: "receive.url", name: "receive.name" });
  return { url, name };
}

/** Of what one gateway sends. */
export function fileNameOf(name: string, gatewayId: string): string {
  return name.replaceAll(GATEWAY, gatewayId);
}

function fieldsOf(text: string, name: string): Fields {
  let fields: unknown;
  try {
    fields = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new CallerFault("invalid", `${name}: ${errorText(error)}`);
  }
  if (typeof fields === "object" && fields !== null && !Array.isArray(fields)) return fields as Fields;
  throw new CallerFault("invalid", `${name}: has to hold job, op, args, …`);
}

function ringsOf(value: unknown): readonly Ring[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_RINGS)
    throw wrong("rings", "has to be a list such as [1%, 10%, 100%], of up to 100");
  let before = 0;
  return value.map((one: unknown, i): Ring => {
    if (Array.isArray(one)) return { gateways: namesOf(`rings[${i}]`, one) };
    const percent = percentOf(one);
    if (percent === undefined) throw wrong(`rings[${i}]`, "has to be per cents of the fleet, such as 10%, or a list of gateways");
    if (percent <= before) throw wrong(`rings[${i}]`, "per cents count from the beginning, and so rise");
    before = percent;
    return { percent };
  });
}

function namesOf(field: string, value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) throw wrong(field, "has to be a list of gateways");
  const names = value.map((name: unknown) => String(name));
  for (const name of names) {
    const fault = gatewayIdFault(name);
    if (fault !== undefined) throw wrong(field, `'${name}' ${fault}`);
  }
  if (new Set(names).size < names.length) throw wrong(field, "names a gateway twice");
  return names;
}

function limitOf(value: unknown): FailureLimit {
  const percent = value === "0%" ? 0 : percentOf(value);
  if (percent !== undefined) return { percent };
  if (Number.isInteger(value) && (value as number) >= 0) return { count: value as number };
  throw wrong("max_failed", "has to be a number of gateways, or per cents of those that were sent the job, such as 5%");
}

/** Above 0, up to 100. */
function percentOf(value: unknown): number | undefined {
  const [, digits] = /^(\d{1,3}(?:\.\d+)?) ?%$/.exec(typeof value === "string" ? value : "") ?? [];
  const percent = Number(digits);
  return digits !== undefined && percent > 0 && percent <= 100 ? percent : undefined;
}

function secondsOf(field: string, value: unknown, min: number): number {
  if (typeof value === "number" && value >= min && value <= 31 * 86_400) return value;
  throw wrong(field, `has to be a number of seconds, from ${min} on`);
}

function timeOf(field: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const ms = typeof value === "number" ? value : Date.parse(typeof value === "string" ? value : "");
  const isZoned = typeof value === "number" || /(?:Z|[+-]\d{2}:?\d{2})$/.test(String(value));
  if (ms > 0 && ms < 8.64e15 && isZoned) return ms;
  throw wrong(field, "has to be a time with its zone, such as 2026-03-01T00:00:00Z");
}

function wrong(field: string, text: string): CallerFault {
  return new CallerFault("invalid", `${field}: ${text}`, field);
}
